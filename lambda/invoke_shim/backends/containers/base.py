"""The interface of a container, and the functions that all of them share."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, Protocol

from invoke_shim.backends.containers.lengths import is_too_long
from invoke_shim.backends.retry import NotReadyError
from invoke_shim.backends.streams import not_understood
from invoke_shim.errors import TOO_LONG, ApiError, retry_after
from invoke_shim.generation.types import LOWEST_LOGPROB, Answer, FinishReason, GenerationRequest, Piece

BUSY_SECONDS = 2
"""`retry-after` while a container's queue is full: about the time of a short answer."""

NOT_READY_SECONDS = 10
"""`retry-after` while a model is not ready: loading takes minutes, OpenAI's clients wait for some seconds."""

MAX_MESSAGE = 1000
"""Characters of a container's message that are passed on."""


class Container(Protocol):
    """One kind of container."""

    @property
    def name(self) -> str:
        """Its name in CONTAINER."""

    @property
    def takes_messages(self) -> bool:
        """True if it writes a chat's prompt by itself; prompts are taken in any case."""

    @property
    def refuses_with_424(self) -> bool:
        """True if the status 424 is a refused payload (LMI), False if it is a failed generation (TGI)."""

    def payload(self, request: GenerationRequest, *, stream: bool) -> bytes:
        """Encode the request body."""

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer, split anywhere. All text, tokens and counts come once and in order.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """

    def streams(self, request: GenerationRequest) -> bool:
        """Check whether a streamed answer to this request loses nothing; otherwise it is only asked for whole ones."""


def encode(payload: Mapping[str, Any]) -> bytes:
    """Encode a request body in ASCII, so that no encoding can be guessed wrong.

    Raises:
        ValueError: A number is NaN or infinite, which is not JSON; `http.proxy.parse_object` refuses requests with one.
    """
    return json.dumps(payload, allow_nan=False).encode("ascii")


def decode(body: bytes) -> Any:
    """Decode the JSON of an answer.

    Raises:
        ApiError: 502, it is not JSON.
    """
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise not_understood() from None


def count(value: Any) -> int | None:
    """Return a count of tokens; None where a container's value cannot be one."""
    return value if type(value) is int and value >= 0 else None


def logprob(value: Any) -> float:
    """Return a log probability; containers write null, and some NaN or an infinity, for a token without one."""
    if type(value) not in (int, float) or not isfinite(value):
        return LOWEST_LOGPROB
    return float(value)


def finish_reason(reason: Any) -> FinishReason:
    """Translate a container's finish reason into OpenAI's."""
    return reason if reason in ("length", "content_filter") else "stop"


def container_error(status: int, message: str, *, refuses_with_424: bool, upstream: str) -> ApiError:
    """Translate an error of a container's into the client's.

    Args:
        status: The status of its response, or in its answer; 0 where none is known.
        message: The container's message.
        refuses_with_424: See `Container`.
        upstream: For the log.
    """
    if status == 429:
        return ApiError(
            f"the model's queue is full; try again in {BUSY_SECONDS} s",
            status=429,
            type="rate_limit_error",
            code="rate_limit_exceeded",
            headers=retry_after(BUSY_SECONDS),
            upstream=upstream,
        )
    if status == 503:
        return NotReadyError("the model's container is not ready", seconds=NOT_READY_SECONDS, upstream=upstream)
    if status == 424:
        status = 400 if refuses_with_424 else 500
    if status == 500 and refuses_with_424:
        message, status = _engine_error(message)
    if (400 <= status < 500 or refuses_with_424) and is_too_long(message):
        return ApiError(
            message[:MAX_MESSAGE], status=400, type="invalid_request_error", code=TOO_LONG, upstream=upstream
        )
    if 400 <= status < 500:
        return ApiError(
            message[:MAX_MESSAGE] or "the model's container refused the request",
            status=status,
            type="invalid_request_error",
            upstream=upstream,
        )
    return failed(upstream)


_ENGINE_ERROR = re.compile(r"error=ErrorInfo\(message=(['\"])(.*)\1, type=.*\bcode=([45]\d\d)\)", re.DOTALL)
"""The text under which LMI from 17 on hides a refusal of vLLM's, with the status 500: the representation of an object
with the error that has message and status (`vllm_non_stream_output_formatter` in djl-serving's
`lmi_vllm/request_response_utils.py`, `ErrorResponse` of vLLM from 0.10 on)."""


def _engine_error(message: str) -> tuple[str, int]:
    """Return the message and the status of vLLM's own error in an LMI's; the message and 500 where there is none."""
    found = _ENGINE_ERROR.search(message)
    if found is None:
        return message, 500
    text = re.sub(r"\\(['\"\\])", r"\1", found[2].replace("\\n", "\n"))
    return text, int(found[3])


def failed(upstream: str) -> ApiError:
    """Return the 502 of a failed generation, without the container's message, which is about its internals."""
    return ApiError(
        "the model's container failed to generate an answer; a prompt longer than the model takes can be the cause",
        status=502,
        type="server_error",
        upstream=upstream,
    )


def error_message(body: str) -> str:
    """Return the message of an error body: `error` (TGI, LMI), `error.message` (vLLM), `message`, or the body."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body.strip()
    message, _ = message_and_status(value) if isinstance(value, dict) else (None, 0)
    return body.strip() if message is None else message


_STATUSES = {
    "incomplete_generation": 500,
    "generation": 500,
    "overloaded": 429,
    "template_error": 422,
    "tool_error": 422,
    "tool error": 422,
    "validation": 422,
}
"""Statuses by TGI's kinds of error (`router/src/server.rs`): its streams carry the kind alone."""


def message_and_status(document: Mapping[str, Any]) -> tuple[str | None, int]:
    """Return the message and the status in an error document; None and 0 where they are missing.

    TGI: `{"error": str, "error_type": str}`. LMI: `{"error": str, "code": int}`. vLLM: `{"error": {"message": str,
    "code": int}}`, before 0.10 `{"object": "error", "message": str, "code": int}`.
    """
    source = document["error"] if isinstance(document.get("error"), dict) else document
    texts = [source.get("message"), document.get("error"), document.get("message")]
    message = next((text for text in texts if isinstance(text, str)), None)
    code = source.get("code")
    if type(code) is int and 400 <= code < 600:
        return message, code
    kind = document.get("error_type")
    return message, _STATUSES.get(kind, 0) if isinstance(kind, str) else 0


def raise_error(document: Mapping[str, Any], *, refuses_with_424: bool) -> None:
    """Raise the error that a document under status 200 holds, if there is one.

    Raises:
        ApiError: The error.
    """
    if document.get("error") is None and document.get("object") != "error":
        return
    message, status = message_and_status(document)
    upstream = f"container error {status or document.get('error_type') or ''} under status 200".replace("  ", " ")
    raise container_error(status, message or "", refuses_with_424=refuses_with_424, upstream=upstream)
