"""What is asked of a container, and what all of them share."""

import json
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, Protocol

from invoke_shim.backends.retry import NotReadyError
from invoke_shim.backends.streams import not_understood
from invoke_shim.errors import ApiError, retry_after
from invoke_shim.generation.types import LOWEST_LOGPROB, Answer, FinishReason, GenerationRequest, Piece

BUSY_SECONDS = 2
"""When to try again while a container's queue is full: about the time of a short answer."""

NOT_READY_SECONDS = 10
"""When to try again while a model is not ready: loading takes minutes, OpenAI's clients wait for some seconds."""

MAX_MESSAGE = 1000
"""Characters of a container's message that are passed on."""


class Container(Protocol):
    """One kind of container."""

    @property
    def name(self) -> str:
        """Its name in CONTAINER."""

    @property
    def takes_messages(self) -> bool:
        """Whether it writes a chat's prompt by itself."""

    @property
    def refuses_with_424(self) -> bool:
        """Whether the status 424 means a refused payload (LMI) or a failed generation (TGI)."""

    def payload(self, request: GenerationRequest, *, stream: bool) -> bytes:
        """The request body."""

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: it is an error, or not understood.
        """

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer, split anywhere. Text, tokens and counts are all there, once, and in order.

        Raises:
            ApiError: an error came in the stream, it broke off, or it is not understood.
        """


def encode(payload: Mapping[str, Any]) -> bytes:
    """A request body; ASCII, so that no encoding can be guessed wrong."""
    return json.dumps(payload).encode("ascii")


def decode(body: bytes) -> Any:
    """An answer's JSON.

    Raises:
        ApiError: 502, it is none.
    """
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise not_understood() from None


def count(value: Any) -> int | None:
    """A number of tokens; None where a container tells nothing that could be one."""
    return value if type(value) is int and value >= 0 else None


def logprob(value: Any) -> float:
    """A log probability; containers tell null, and some NaN or an infinity, of a token that has none."""
    if type(value) not in (int, float) or not isfinite(value):
        return LOWEST_LOGPROB
    return float(value)


def finish_reason(reason: Any) -> FinishReason:
    """OpenAI's word for why a text ended, of a container that told one."""
    return reason if reason in ("length", "content_filter") else "stop"


def container_error(status: int, message: str, *, refuses_with_424: bool, upstream: str) -> ApiError:
    """The client's error for a container's.

    Args:
        status: the status that it answered with, or tells in its answer; 0 where none is known.
        message: what it says.
        refuses_with_424: see `Container`.
        upstream: for the log.
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
    if 400 <= status < 500:
        return ApiError(
            message[:MAX_MESSAGE] or "the model's container refused the request",
            status=status,
            type="invalid_request_error",
            upstream=upstream,
        )
    return failed(upstream)


def failed(upstream: str) -> ApiError:
    """502: the container failed to generate. Its own words are left out: they are of its inside."""
    return ApiError(
        "the model's container failed to generate an answer; a prompt longer than the model takes can be the cause",
        status=502,
        type="server_error",
        upstream=upstream,
    )


def error_message(body: str) -> str:
    """The message in a container's error body: `error` (TGI, LMI), `error.message` (vLLM), `message`, or the body."""
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
"""The statuses of TGI's kinds of error (`router/src/server.rs`), which its streams tell without them."""


def message_and_status(document: Mapping[str, Any]) -> tuple[str | None, int]:
    """The message and the status that an error document tells; None and 0 where it does not.

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
    """Raise what a document under status 200 tells of, if it tells of an error.

    Raises:
        ApiError: the error.
    """
    if document.get("error") is None and document.get("object") != "error":
        return
    message, status = message_and_status(document)
    upstream = f"container error {status or document.get('error_type') or ''} under status 200".replace("  ", " ")
    raise container_error(status, message or "", refuses_with_424=refuses_with_424, upstream=upstream)
