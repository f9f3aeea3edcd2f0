"""API Gateway's REST API proxy events (payload format 1.0) as requests, and responses back."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from invoke_shim.errors import ApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked for.

    Attributes:
        method: the HTTP method in capitals.
        path: the path below the stage, starting with "/".
        body: the body as it came in the event.
        is_base64: whether API Gateway encoded the body.
        request_id: API Gateway's id of the request.
    """

    method: str
    path: str
    body: str
    is_base64: bool
    request_id: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any], *, fallback_id: str) -> "Request":
        """Read a proxy event.

        Args:
            event: the event that Lambda got.
            fallback_id: the id to use when the event has none (a direct invocation of the function).
        """
        context = event.get("requestContext") or {}
        return cls(
            method=str(event.get("httpMethod") or "").upper(),
            path=str(event.get("path") or "/"),
            body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
            request_id=str(context.get("requestId") or fallback_id),
        )

    def raw_body(self) -> bytes:
        """The body's bytes.

        Raises:
            ApiError: 400, the body is not the base64 that the event says it is.
        """
        if not self.is_base64:
            # A lone surrogate cannot come from an HTTP client; it is kept from becoming a crash.
            return self.body.encode("utf-8", errors="replace")
        try:
            return base64.b64decode(self.body, validate=True)
        except (binascii.Error, ValueError):
            raise _bad_body("the request body is not valid base64") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the client gets.

    Attributes:
        status: the HTTP status.
        body: bytes are sent as they are, anything else as JSON.
        chunks: a streamed body in place of `body`. A generator that is closed when the client is gone, and that
            turns what goes wrong after its first chunk into a last chunk of its own.
        headers: headers beside the content type and the request's id.
        content_type: the body's type.
    """

    status: int = 200
    body: Any = None
    chunks: Iterator[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @classmethod
    def from_error(cls, error: ApiError) -> "Response":
        """The response that tells the client of an error."""
        return cls(status=error.status, body=error.body(), headers=error.headers)

    def to_proxy(self, *, request_id: str) -> dict[str, Any]:
        """The object that API Gateway expects from a Lambda proxy integration."""
        text, is_base64 = self._encoded()
        return {
            "statusCode": self.status,
            "headers": {"content-type": self.content_type, "x-request-id": request_id, **self.headers},
            "body": text,
            "isBase64Encoded": is_base64,
        }

    def _encoded(self) -> tuple[str, bool]:
        if not isinstance(self.body, bytes):
            return json.dumps(self.body), False
        try:
            return self.body.decode("utf-8"), False
        except UnicodeDecodeError:
            return base64.b64encode(self.body).decode("ascii"), True


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a body that must be a JSON object.

    Raises:
        ApiError: 400, the body is empty, not UTF-8, not JSON (NaN and Infinity are not JSON), nested too
            deeply, or not an object.
    """
    if not raw:
        raise _bad_body("the request body is empty, expected a JSON object")
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise _bad_body(f"the request body is not UTF-8 (at byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise _bad_body(
            f"the request body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise _bad_body("the request body is nested too deeply") from None
    except ValueError as error:
        # NaN, Infinity, or a number of thousands of digits
        raise _bad_body(f"the request body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise _bad_body("the request body is not a JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _bad_body(message: str) -> ApiError:
    return ApiError(message, status=400, type="invalid_request_error")
