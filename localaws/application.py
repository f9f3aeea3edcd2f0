"""WSGI application of the server: own handlers in order, then moto's applications.

Importing this module imports moto, which reads its settings from the environment; `localaws.server` sets them first.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import werkzeug.serving
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)

from localaws import (
    bedrock,
    events,
    functions,
    gateway,
    iam,
    jumpstart,
    logs,
    sagemaker,
    settings,
    steering,
    stepfunctions,
)
from localaws.cloudformation import api, trail
from localaws.containers.engine import current
from localaws.gate import Gate
from localaws.resources import custom, patches

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Handler = Callable[["WSGIEnvironment", "StartResponse"], "Iterable[bytes] | None"]
"""A part that answers some of the requests itself; None says "not mine"."""

# The commands that start and stop a local AWS ask for the id, so that nobody takes another process for this one. The
# demo says which engine answered.
_IDENTITY: Final = steering.Route(
    "/_localaws", {"GET": lambda _request: {"pid": os.getpid(), "engine": current().name}}
)


_STEERING: Final = (
    *bedrock.ROUTES,
    *events.ROUTES,
    *functions.ROUTES,
    *sagemaker.ROUTES,
    *stepfunctions.ROUTES,
    _IDENTITY,
)


class Application:
    """Offers each request to the handlers in order, then to moto."""

    def __init__(self, *, handlers: Iterable[Handler], fallback: WSGIApplication) -> None:
        self._handlers = tuple(handlers)
        self._fallback = fallback

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (the WSGI protocol)."""
        for handle in self._handlers:
            answer = handle(environ, start_response)
            if answer is not None:
                return answer
        return self._fallback(environ, start_response)


def build() -> WSGIApplication:
    """Patch moto where it is wrong for this project and return the application that serves AWS's services."""
    for part in (iam, functions, sagemaker, bedrock, gateway, events, logs, patches):
        part.install()
    services = Application(
        handlers=(
            custom.handle,
            api.handle,
            trail.handle,
            gateway.handle,
            sagemaker.handle,
            bedrock.handle,
            stepfunctions.handle,
            steering.handler(_STEERING),
            jumpstart.handle,
            functions.handle,
        ),
        fallback=DomainDispatcherApplication(create_backend_app),
    )
    return Gate(services)


def make_server(
    application: WSGIApplication, *, listener: socket.socket, verbose: bool
) -> werkzeug.serving.BaseWSGIServer:
    """Return a threaded HTTP server on a socket that listens already.

    Args:
        application: The application that it serves.
        listener: The socket.
        verbose: Whether every request is logged to standard error; otherwise only answers of 500 and above are.
    """

    class RequestHandler(MotoRequestHandler):
        # werkzeug writes a chunk of a stream in four parts; none of them may wait for the other side's receipt.
        disable_nagle_algorithm = True

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if verbose or str(code).startswith("5"):
                super().log_request(code, size)

    return werkzeug.serving.make_server(
        settings.HOST,
        listener.getsockname()[1],
        application,
        threaded=True,
        request_handler=RequestHandler,
        fd=listener.fileno(),
    )
