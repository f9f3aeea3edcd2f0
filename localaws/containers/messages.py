"""Parts that all containers share: responses, whole and streamed, and reading a request's body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

_dumps: Final = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerResponse:
    """A container's answer.

    Attributes:
        status: The HTTP status.
        body: The body's text, or its pieces as they are produced. An empty piece says that nothing follows for a
            while.
        content_type: The body's media type.
    """

    status: int
    body: str | Iterator[str]
    content_type: str = "application/json"

    @classmethod
    def of_json(cls, status: int, document: Any) -> ContainerResponse:
        """Return a response whose body is `document` as JSON."""
        return cls(status=status, body=json.dumps(document, ensure_ascii=False))

    @classmethod
    def of_events(cls, events: Iterable[str]) -> ContainerResponse:
        """Return a response that streams server-sent events."""
        return cls(status=200, body=iter(events), content_type="text/event-stream")


class BrokenStreamError(Exception):
    """Breaks the connection of a streamed response, as a container does that is killed."""


def compact_json(document: Any) -> str:
    """Return `document` as JSON without spaces between tokens, as Rust's serde and pydantic write it."""
    return _dumps(document)


def spaced_json(document: Any) -> str:
    """Return `document` as JSON as Python writes it by default, but for characters outside of ASCII."""
    return json.dumps(document, ensure_ascii=False)


def as_json(body: bytes) -> Any:
    """Return the document of a request's body.

    Raises:
        ValueError: If the body is not UTF-8 or not JSON; the text names the place.
    """
    try:
        return json.loads(body.decode())
    except RecursionError as error:
        raise ValueError("recursion limit exceeded") from error


def is_integer(value: object) -> bool:
    """Return whether `value` is a JSON integer (Python counts `true` among its integers)."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return whether `value` is a JSON number."""
    return is_integer(value) or isinstance(value, float)
