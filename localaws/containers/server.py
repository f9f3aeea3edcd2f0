"""The HTTP server of a stand-in container, on the loopback interface, in threads of this process."""

from __future__ import annotations

import hmac
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from localaws.containers import lmi, tgi, vllm
from localaws.containers.engine import Engine, current
from localaws.containers.faults import Faults
from localaws.containers.messages import BrokenStreamError, ContainerResponse
from localaws.containers.serving import Serving
from localaws.containers.settings import ContainerSettings
from localaws.containers.tasks import scripts

_CREDENTIAL: Final = "X-Localaws-Credential"

_RESPOND: Final = {
    "tgi": tgi.respond,
    "lmi": lmi.respond,
    "vllm": vllm.respond,
    **dict.fromkeys(("other", "stability", "tei"), scripts.respond),
}

# Pieces that are there at once are sent together: one system call for some 30 tokens.
_BUFFER_BYTES: Final = 4096


class ModelContainer:
    """One running container.

    Attributes:
        settings: Its settings.
        pace: Pace and length of its answers; may be changed while it runs.
    """

    def __init__(self, settings: ContainerSettings, engine: Engine | None = None) -> None:
        """Start to listen on a free port of the loopback interface; `start` starts to answer.

        Args:
            settings: Its settings.
            engine: What answers; None: the one of this process.
        """
        self.settings = settings
        self._engine = current() if engine is None else engine
        self.pace = settings.pace
        self._token = secrets.token_urlsafe(32)
        self._slots = threading.BoundedSemaphore(settings.max_concurrent_requests)
        self._stopped = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name=f"model-container-{self.port}",
            daemon=True,
        )

    @classmethod
    def start(cls, settings: ContainerSettings, engine: Engine | None = None) -> ModelContainer:
        """Return a container that answers."""
        container = cls(settings, engine)
        container._thread.start()
        return container

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def credential(self) -> Mapping[str, str]:
        """The header without which it answers nothing; SageMaker alone reaches the containers of an endpoint."""
        return {_CREDENTIAL: self._token}

    def takes(self, headers: Message) -> bool:
        """Return whether a request's headers have the credential."""
        return hmac.compare_digest((headers.get(_CREDENTIAL) or "").encode(), self._token.encode())

    def stop(self) -> None:
        """Stop to answer and close the port; requests under way are dropped with their connections."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, body: bytes, connection: _Handler) -> None:
        """Answer one request to `/invocations`, with the payload `body`, on its connection."""
        has_slot = self._slots.acquire(blocking=False)
        try:
            response = self._respond(body, connection.headers, is_overloaded=not has_slot)
            connection.send(response, at_once=self.pace.is_immediate)
        finally:
            if has_slot:
                self._slots.release()

    def _respond(self, body: bytes, headers: Message, *, is_overloaded: bool) -> ContainerResponse:
        faults = Faults.of(body)
        if not is_overloaded:
            time.sleep(faults.delay)
            if faults.status is not None:
                document = {"error": "Request failed during generation: as asked for", "error_type": "generation"}
                return ContainerResponse.of_json(faults.status, document)
        serving = Serving(
            settings=self.settings,
            engine=self._engine,
            pace=self.pace,
            faults=faults,
            is_overloaded=is_overloaded,
            stopped=self._stopped,
            content_type=headers.get("Content-Type") or "application/json",
            accept=headers.get("Accept") or "application/json",
        )
        return _RESPOND[self.settings.family](body, serving)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # Load tests open hundreds of connections at once; the default of 5 would refuse them.
    request_queue_size = 1024

    def __init__(self, container: ModelContainer) -> None:
        self.container = container
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, unless it is that the caller has gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A token has to leave when it is there, not when the next one fills the packet.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answer `/ping`: 200 as long as the container runs (SageMaker documentation, "Container health")."""
        self.send(ContainerResponse(status=self._status(is_found=self.path == "/ping"), body=""))

    def do_POST(self) -> None:
        """Answer `/invocations`."""
        status = self._status(is_found=self.path == "/invocations")
        if status == HTTPStatus.OK:
            self.server.container.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))), self)
        else:
            # What there is of a body is not read.
            self.close_connection = True
            self.send(ContainerResponse(status=status, body=""))

    def _status(self, *, is_found: bool) -> HTTPStatus:
        """Return OK for a request that is answered, else why it is not."""
        if not self.server.container.takes(self.headers):
            return HTTPStatus.FORBIDDEN
        return HTTPStatus.OK if is_found else HTTPStatus.NOT_FOUND

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Stay silent: the local AWS has its own log."""

    def send(self, response: ContainerResponse, *, at_once: bool = True) -> None:
        """Send a response; `at_once`: the pieces of a streamed one need not be sent one by one."""
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        if isinstance(response.body, str):
            body = response.body.encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in _buffered(response.body) if at_once else response.body:
                if piece:
                    data = piece.encode()
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.write(b"0\r\n\r\n")
        except BrokenStreamError:
            self.close_connection = True


def _buffered(pieces: Iterator[str]) -> Iterator[str]:
    """Join pieces up to the size of the buffer; an empty one, and an error, send what is in it."""
    buffer: list[str] = []
    size = 0
    try:
        for piece in pieces:
            buffer.append(piece)
            size += len(piece)
            if not piece or size >= _BUFFER_BYTES:
                yield "".join(buffer)
                buffer.clear()
                size = 0
    except BrokenStreamError:
        yield "".join(buffer)
        raise
    yield "".join(buffer)
