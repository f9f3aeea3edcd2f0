"""The stand-in SageMaker runtime of `bench.shim`: a fake with documented answers, in a process of its own.

The endpoint's name says what it does:

| endpoint | answer |
|---|---|
| `plain` | TGI's, at once; as a stream after `FIRST_TOKEN_SECONDS` an event for each token |
| `split` | the same stream, its bytes cut anywhere and joined: within characters, over events |
| `cold-*` | ModelNotReadyException for `COLD_SECONDS` from the first request on, then as `plain` |
| `throttle` | ThrottlingException, HTTP 400, with no message |
| `refuse` | ModelError 424 for the container's 422 |

Run by the bench as `python -m bench.shim_backend`; prints its port.
"""

import itertools
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from localaws.eventstream import CONTENT_TYPE, event

FIRST_TOKEN_SECONDS: Final = 0.05
"""The time of a small model for a short prompt."""

NEXT_TOKEN_SECONDS: Final = 0.005
COLD_SECONDS: Final = 5.0
"""Longer than any peer's patience that was seen, and far less than any real start."""

TOKENS: Final = (
    *("Größe", " 🤖", " 漢字", " é́", " \u200bx", ' "quoted"', " back\\slash", " tab\tbed"),
    *[" word"] * 24,
)
TEXT: Final = "".join(TOKENS)
REFUSAL: Final = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048"
_SIZES: Final = (1, 2, 3, 1, 5, 400, 7, 1, 1, 11, 90)


def main() -> None:
    """Serve until the process is ended."""
    server = _Server(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def _whole() -> bytes:
    tokens = [{"id": number, "text": text, "logprob": -0.5, "special": False} for number, text in enumerate(TOKENS)]
    details = {"finish_reason": "eos_token", "generated_tokens": len(TOKENS), "seed": None, "prefill": []}
    return json.dumps([{"generated_text": TEXT, "details": {**details, "tokens": tokens}}]).encode()


def _events() -> Iterator[bytes]:
    """TGI's server-sent events."""
    for number, text in enumerate(TOKENS):
        document: dict[str, Any] = {
            "token": {"id": number, "text": text, "logprob": -0.5, "special": False},
            "generated_text": None,
            "details": None,
        }
        if number == len(TOKENS) - 1:
            details = {"finish_reason": "eos_token", "generated_tokens": len(TOKENS), "input_length": 9, "seed": None}
            document |= {"generated_text": TEXT, "details": details}
        yield b"data:" + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def _cut() -> Iterator[bytes]:
    data = b"".join(_events())
    start = 0
    for size in itertools.cycle(_SIZES):
        if start >= len(data):
            return
        yield data[start : start + size]
        start += size


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: Any) -> None:
        """Ignore a client that is gone."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    cold_since: dict[str, float] = {}  # noqa: RUF012 - of all connections

    def do_POST(self) -> None:
        """InvokeEndpoint and InvokeEndpointWithResponseStream."""
        self.rfile.read(int(self.headers["content-length"]))
        _, _, endpoint, operation = self.path.split("/", 3)
        if endpoint.startswith("cold-") and time.monotonic() < COLD_SECONDS + self.cold_since.setdefault(
            endpoint, time.monotonic()
        ):
            self._error("ModelNotReadyException", 429, {"Message": "The model is not ready, try again"})
        elif endpoint == "throttle":
            self._error("ThrottlingException", 400, {"message": None})
        elif endpoint == "refuse":
            members = {
                "Message": f'Received client error (422) from primary with message "{REFUSAL}"',
                "OriginalStatusCode": 422,
                "OriginalMessage": json.dumps({"error": REFUSAL, "error_type": "validation"}),
                "LogStreamArn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/refuse",
            }
            self._error("ModelError", 424, members)
        elif operation == "invocations-response-stream":
            self._stream(_cut() if endpoint == "split" else _events())
        else:
            self._answer(200, _whole(), {"content-type": "application/json"})

    def _error(self, code: str, status: int, members: dict[str, Any]) -> None:
        self._answer(
            status, json.dumps(members).encode(), {"content-type": "application/json", "x-amzn-errortype": code}
        )

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _stream(self, parts: Iterator[bytes]) -> None:
        self.send_response(200)
        for name, value in (
            ("content-type", CONTENT_TYPE),
            ("x-amzn-sagemaker-content-type", "text/event-stream"),
            ("transfer-encoding", "chunked"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        seconds = FIRST_TOKEN_SECONDS
        for part in parts:
            time.sleep(seconds)
            seconds = NEXT_TOKEN_SECONDS
            message = event("PayloadPart", part, content_type="application/octet-stream")
            self.wfile.write(b"%x\r\n%b\r\n" % (len(message), message))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    main()
