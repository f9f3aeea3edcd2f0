"""The Lambda function's entry point."""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from invoke_shim.backends.base import Backend
from invoke_shim.deadline import Deadline, seconds_to_wait
from invoke_shim.errors import ApiError, unexpected
from invoke_shim.http import sse
from invoke_shim.http.cors import cors_headers
from invoke_shim.http.proxy import BrokenStreamError, Request, Response
from invoke_shim.http.router import Router
from invoke_shim.settings import Settings
from invoke_shim.telemetry import logs
from invoke_shim.telemetry.request_log import RequestLog


class Context(Protocol):
    """The context of an invocation (`runtime.loop.Context`)."""

    @property
    def aws_request_id(self) -> str:
        """Lambda's id of the invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the function."""


@cache
def api() -> Router:
    """Create the API that this function's environment describes, once.

    Raises:
        SettingsError: The environment is not usable.
    """
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level, prompts=settings.log_prompts)
    backend = _backend(settings)
    # Only the routes of the model's task are loaded, for the same reason.
    module = "routes" if settings.task == "text" else "task_routes"
    create = import_module(f"invoke_shim.http.{module}").Api
    return cast("Router", create(settings=settings, backend=backend))


def _backend(settings: Settings) -> Backend:
    """Create the backend. Only its own module is imported, since imports take most of a cold start."""
    module = {"sagemaker": "sagemaker.endpoint", "bedrock": "bedrock.model"}[settings.backend]
    if settings.task != "text":
        module = "sagemaker.task_endpoint"
    create = import_module(f"invoke_shim.backends.{module}").create
    return cast("Backend", create(settings))


def handle(event: Mapping[str, Any], context: Context) -> Response:
    """Answer an API Gateway REST API proxy event.

    Every request gets an answer with its id in the header `x-request-id`, and leaves one line in the log when the
    answer has ended: a streamed one when its chunks are read to the end, or closed.

    Args:
        event: A Lambda proxy event, format 1.0.
        context: The invocation's context.

    Returns:
        The response. The first part of a streamed answer is there already, so the status is true.
    """
    shim = api()
    request = Request.from_event(event, fallback_id=context.aws_request_id)
    deadline = Deadline.after(
        seconds_to_wait(
            request.headers,
            timeout_seconds=shim.settings.invoke_timeout_seconds,
            remaining_seconds=context.get_remaining_time_in_millis() / 1000,
        )
    )
    log = RequestLog(
        model=shim.settings.model_name,
        stack=shim.settings.stack_name,
        request_id=request.request_id,
        extended_request_id=request.extended_request_id,
        method=request.method,
        trace_id=getattr(context, "trace_id", None),
        cold_wait=deadline.cold_wait,
        log_prompts=shim.settings.log_prompts,
    )
    try:
        response = shim.respond(request, deadline, log)
    # No exception is kept beyond its clause: with its traceback it would keep this frame, and so itself, alive.
    except ApiError as error:
        log.record_error(error)
        response = Response.from_error(error)
    except Exception as crash:
        # A bug: the client learns nothing of the inside, the log where it happened.
        log.record_crash(crash)
        response = Response.from_error(unexpected(request.request_id))
    log.status = response.status
    if request.method == "HEAD":
        # Like GET, and without the body; only routes that answer whole take it.
        response = response._replace(body=b"")
    shared = cors_headers(shim.settings.cors_origins, request.headers)
    response = response._replace(headers={**response.headers, **shared, "x-request-id": request.request_id})
    if response.chunks is None:
        log.finish()
        return response
    return response._replace(chunks=_LoggedStream(response.chunks, log))


class _LoggedStream:
    """A streamed body whose end, of whatever kind, is logged once."""

    def __init__(self, chunks: Iterator[bytes], log: RequestLog) -> None:
        self._chunks = chunks
        self._log = log

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except (StopIteration, BrokenStreamError):
            self._log.finish()
            raise

    def close(self) -> None:
        """Stop the model's answer where it is, as when the client is gone."""
        try:
            sse.close(self._chunks)
        finally:
            self._log.finish(whole=False)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # In Lambda's init phase: a bad environment fails the deployment's first call with its reason in the log,
    # and no request pays for the client.
    api()
