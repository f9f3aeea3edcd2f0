"""What the formats of the two containers share: a response, and reading a request's body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerResponse:
    """What a container answers.

    Attributes:
        status: the HTTP status.
        body: the body's text.
        content_type: the body's media type.
    """

    status: int
    body: str
    content_type: str = "application/json"

    @classmethod
    def of_json(cls, status: int, document: Any) -> ContainerResponse:
        """Return a response whose body is `document` as JSON."""
        return cls(status=status, body=json.dumps(document, ensure_ascii=False))


def as_json(body: bytes) -> Any:
    """Return the document of a request's body.

    Raises:
        ValueError: if the body is not UTF-8 or not JSON; the text names the place.
    """
    return json.loads(body.decode())


def is_integer(value: object) -> bool:
    """Return whether `value` is a JSON integer (Python counts ``true`` among its integers)."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return whether `value` is a JSON number."""
    return is_integer(value) or isinstance(value, float)
