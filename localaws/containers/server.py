"""The HTTP server of a stand-in container, on the loopback interface, in threads of this process.

Faults are asked for in the prompt, so that they can be tried through every layer above: a prompt that
contains ``[[stand-in status=503]]`` is answered with that status, one with ``[[stand-in delay=2.5]]`` after
that many seconds.
"""

from __future__ import annotations

import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from localaws.containers import lmi, tgi
from localaws.containers.messages import ContainerResponse
from localaws.containers.settings import ContainerSettings

_FAULT: Final = re.compile(rb"\[\[stand-in (status|delay)=([0-9.]+)\]\]")


class ModelContainer:
    """One running container.

    Attributes:
        settings: how it behaves.
    """

    def __init__(self, settings: ContainerSettings) -> None:
        """Start to listen on a free port of the loopback interface; `serve` starts to answer."""
        self.settings = settings
        self._slots = threading.BoundedSemaphore(settings.max_concurrent_requests)
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name=f"model-container-{self.port}",
            daemon=True,
        )

    @classmethod
    def start(cls, settings: ContainerSettings) -> ModelContainer:
        """Return a container that answers."""
        container = cls(settings)
        container._thread.start()
        return container

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Stop to answer and close the port; requests under way are dropped with their connections."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, body: bytes) -> ContainerResponse:
        """Answer one request to `/invocations`, with the payload `body`."""
        is_tgi = self.settings.family == "tgi"
        if not self._slots.acquire(blocking=False):
            return tgi.OVERLOADED if is_tgi else lmi.OVERLOADED
        try:
            respond = tgi.respond if is_tgi else lmi.respond
            return _injected_fault(body) or respond(body, self.settings)
        finally:
            self._slots.release()


def _injected_fault(body: bytes) -> ContainerResponse | None:
    """Do what the prompt asks for; return the answer if it asks for a status."""
    faults = {kind.decode(): float(value) for kind, value in _FAULT.findall(body)}
    time.sleep(faults.get("delay", 0))
    if "status" not in faults:
        return None
    document = {"error": "Request failed during generation: as asked for", "error_type": "generation"}
    return ContainerResponse.of_json(int(faults["status"]), document)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, container: ModelContainer) -> None:
        self.container = container
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer `/ping`: 200 as long as the container runs (SageMaker documentation, "Container health")."""
        if self.path == "/ping":
            self._send(ContainerResponse(status=200, body=""))
        else:
            self._send(ContainerResponse(status=404, body=""))

    def do_POST(self) -> None:
        """Answer `/invocations`."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/invocations":
            self._send(self.server.container.respond(body))
        else:
            self._send(ContainerResponse(status=404, body=""))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Stay silent: the local AWS has its own log."""

    def _send(self, response: ContainerResponse) -> None:
        body = response.body.encode()
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
