"""Functions as Lambda runs them, for `bench.shim`: a process that takes its events from a Runtime API.

The peers run under `awslambdaric`, which is AWS's own and what its managed runtime for Python is made of; ours under
its own loop. The Runtime API here says what AWS documents of version 2018-06-01 and checks nothing.
"""

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

_SECONDS = 90.0
_DELIMITER = bytes(8)


@dataclass(slots=True)
class Reply:
    """The answer of a function.

    Attributes:
        status: The HTTP status that API Gateway would pass on; 502 where the function failed.
        headers: Its headers, in lower case.
        body: Its body.
        error: The error that Lambda was told, if any.
        first_byte: Seconds from the event to the body's first byte.
    """

    status: int = 502
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str | None = None
    first_byte: float = 0.0


class Function:
    """A running function; a context manager that ends it.

    Args:
        command: How the process is started.
        folder: Its working directory, the function's code.
        environment: Its environment variables.
    """

    def __init__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> None:
        self._server = _RuntimeApi(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        # A file, because nobody reads a pipe while the function runs.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the function
        self._command = command
        self._folder = folder
        self._environment = {
            **environment,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "LAMBDA_TASK_ROOT": str(folder),
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        }

    def __enter__(self) -> Self:
        """Start the function and wait until it asks for its first event.

        Raises:
            RuntimeError: It does not.
        """
        self._thread.start()
        self._process = subprocess.Popen(  # noqa: S603 - the bench's own commands
            list(self._command),
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )
        if not self._server.ready.wait(_SECONDS):
            raise RuntimeError(f"{self._command} does not start: {self._end()}")
        return self

    def __exit__(self, *_exception: object) -> None:
        """End the function."""
        self._end()
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: Mapping[str, Any]) -> Reply:
        """Let the function answer an event.

        Raises:
            queue.Empty: It does not answer.
        """
        self._server.offers.put(json.dumps(event).encode())
        return self._server.replies.get(timeout=_SECONDS)

    def cpu_seconds(self) -> float:
        """CPU time that the process took so far, all of its threads'."""
        # Linux's clock of another process's CPU time: clock_getcpuclockid(3).
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def resident_bytes(self) -> int:
        """Memory that the process has resident."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _end(self) -> str:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        errors = self._errors.read().decode(errors="replace")[-2000:]
        self._errors.close()
        return errors


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.ready = threading.Event()
        self.offers: queue.Queue[bytes] = queue.Queue()
        self.replies: queue.Queue[Reply] = queue.Queue()
        self.offered = 0.0

    def handle_error(self, *_arguments: Any) -> None:
        """Ignore a function that was ended."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _RuntimeApi

    def do_GET(self) -> None:
        """Hand out the next event."""
        self.server.ready.set()
        event = self.server.offers.get()
        self.server.offered = time.perf_counter()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
        }
        self._send(200, event, headers)

    def do_POST(self) -> None:
        """Take an answer, complete or in chunks, or an error."""
        reply = Reply()
        if self.path.endswith("/response"):
            body = self._streamed(reply) if "transfer-encoding" in self.headers else self._buffered(reply)
            reply.body = body
        else:
            document = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply.error = f"{document.get('errorType')}: {document.get('errorMessage')}"
            reply.body = reply.error.encode()
        self._send(202, b'{"status":"OK"}', {})
        self.server.replies.put(reply)

    def _buffered(self, reply: Reply) -> bytes:
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        reply.first_byte = time.perf_counter() - self.server.offered
        reply.status, reply.headers = document["statusCode"], _lower(document.get("headers") or {})
        return str(document["body"]).encode()

    def _streamed(self, reply: Reply) -> bytes:
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
            head, delimiter, body = data.partition(_DELIMITER)
            if delimiter and body and not reply.first_byte:
                reply.first_byte = time.perf_counter() - self.server.offered
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        prelude = json.loads(head)
        reply.status, reply.headers = prelude["statusCode"], _lower(prelude["headers"])
        return body

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body)), "content-type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
