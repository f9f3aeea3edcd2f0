"""Requests from API Gateway's REST API proxy events (payload format 1.0), and responses."""

import base64
import binascii
import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any, NamedTuple

from invoke_shim.errors import (
    JSON_DECODER,
    MAX_PARAM,
    ApiError,
    NoNumberError,
    TwiceError,
    first_twice,
    is_unicode,
    path_of,
)

MAX_BODY_BYTES = 6 * 1024 * 1024
"""Lambda's limit of a synchronous invocation's payload, which the event with the body in it must not exceed."""

MAX_DEPTH = 100
"""Lists and objects in each other. Far more than any request or schema has, and far less than what Python can take: the
AWS SDK walks through a request's parameters by recursion."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class BrokenStreamError(Exception):
    """A streamed body ended too early; its last chunk was the error.

    The runtime reports it to the Lambda service in the Runtime API's error trailers.

    Args:
        error_type: The name of the error.
        message: The error, without anything of a prompt or an answer.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message


class Request(NamedTuple):
    """A client's request.

    Attributes:
        method: The HTTP method in capitals.
        path: The path below the stage, starting with "/".
        body: The body as it came in the event.
        is_base64: Whether API Gateway encoded the body.
        request_id: API Gateway's id of the request; callers can choose it, by the header `x-amzn-RequestId`.
        headers: The request's headers, their names in lower case.
        extended_request_id: API Gateway's other id of it, which callers cannot choose; "" without API Gateway.
    """

    method: str
    path: str
    body: str
    is_base64: bool
    request_id: str
    headers: Mapping[str, str] = _NO_HEADERS
    extended_request_id: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any], *, fallback_id: str) -> "Request":
        """Read a proxy event.

        Args:
            event: The event that Lambda got.
            fallback_id: The id to use when the event has none (a direct invocation of the function).
        """
        context = event.get("requestContext")
        headers = event.get("headers")
        ids = context if isinstance(context, dict) else {}
        request_id = str(ids.get("requestId") or fallback_id)
        return cls(
            method=str(event.get("httpMethod") or "").upper(),
            path=str(event.get("path") or "/"),
            body=str(event.get("body") or ""),
            is_base64=bool(event.get("isBase64Encoded")),
            # It goes into a header: of a direct invocation's event it can be anything.
            request_id=request_id if request_id.isascii() and request_id.isprintable() else fallback_id,
            headers={name.lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {},
            extended_request_id=str(ids.get("extendedRequestId") or "")[:MAX_PARAM],
        )

    def raw_body(self) -> bytes:
        """Return the body's bytes, unpacked where they came compressed.

        Raises:
            ApiError: 400, the body is not the base64 that the event says it is, or not compressed as its headers say;
                413, it is too large; 415, its encoding is not taken.
        """
        if self.is_base64:
            try:
                body = base64.b64decode(self.body, validate=True)
            except (binascii.Error, ValueError):
                raise _bad_body("the request body is not valid base64") from None
        else:
            # A lone surrogate cannot come from an HTTP client; it must not become a crash.
            body = self.body.encode("utf-8", errors="replace")
        if encodings := self.headers.get("content-encoding"):
            # Hardly a client compresses its requests.
            from invoke_shim.http.encodings import unpacked  # noqa: PLC0415 - see above

            body = unpacked(body, encodings, most=MAX_BODY_BYTES)
        if len(body) > MAX_BODY_BYTES:
            raise ApiError(
                f"the request body has {len(body)} bytes, at most {MAX_BODY_BYTES} are allowed",
                status=413,
                type="invalid_request_error",
                code="request_too_large",
            )
        return body


class Response(NamedTuple):
    """The response to the client.

    Attributes:
        status: The HTTP status.
        body: Bytes are sent as they are, anything else as JSON.
        chunks: A streamed body in place of `body`, with a `close` for when nobody reads on. An error after the
            first chunk becomes a last chunk of its own, after which `BrokenStreamError` is raised.
        headers: Headers beside the content type; `handler.handle` adds the request's id.
        content_type: The body's type.
    """

    status: int = 200
    body: Any = None
    chunks: Iterator[bytes] | None = None
    headers: Mapping[str, str] = _NO_HEADERS
    content_type: str = "application/json"

    @classmethod
    def from_error(cls, error: ApiError) -> "Response":
        """Return the response of an error."""
        return cls(status=error.status, body=error.body(), headers=error.headers)

    def all_headers(self) -> dict[str, str]:
        """Return the headers, with the content type; names are in lower case."""
        return {"content-type": self.content_type, **self.headers}

    def encoded_body(self) -> bytes:
        """Encode a body that is not streamed."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode("ascii")


def without_bom(raw: bytes) -> bytes:
    """Return a body without the byte order mark that some editors and shells write before text."""
    return raw.removeprefix(BOM_UTF8)


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a body that must be a JSON object; a byte order mark before it does not matter.

    Raises:
        ApiError: 400, the body is empty, not UTF-8, not JSON (NaN, Infinity and halves of characters are not), has
            a number that no float holds, is nested too deeply, or not an object.
    """
    if not raw:
        raise _bad_body("the request body is empty, expected a JSON object")
    try:
        value = JSON_DECODER.decode(without_bom(raw).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _bad_body(f"the request body is not UTF-8 (at byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise _bad_body(
            f"the request body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except NoNumberError as error:
        where = _place_of_number(raw)
        raise _bad_body(f"{where} is {error}, which is not a JSON number or overflows to infinity", where) from None
    except TwiceError as error:
        where = _place_of_twice(raw) or error.name
        raise _bad_body(f"{where} is there twice in one object: send it once", where) from None
    except ValueError as error:
        # A number of thousands of digits.
        raise _bad_body(f"the request body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise _bad_body("the request body is not a JSON object")
    # Most bodies have not as many brackets as that, and counting them takes next to no time.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _too_deep()
    # Half of a character can only come from an escape, as the body is UTF-8.
    if (b"\\ud" in raw or b"\\uD" in raw) and (where := _find(value, _is_broken_text)):
        raise _bad_body(f"{where} holds a lone surrogate, which is not Unicode text", where)
    return value


def _place_of_number(raw: bytes) -> str:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        # The rest of the body is wrong, too.
        body = None
    return _find(body, lambda item: isinstance(item, float) and not isfinite(item)) or "the request body"


def _place_of_twice(raw: bytes) -> str:
    mark = object()

    def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        return members if len(members) == len(pairs) else {**members, first_twice(pairs): mark}

    try:
        body = json.loads(raw, object_pairs_hook=read_object)
    except (ValueError, RecursionError):
        # The rest of the body is wrong, too.
        body = None
    return _find(body, lambda item: item is mark)


def _is_broken_text(value: Any) -> bool:
    return isinstance(value, str) and not is_unicode(value)


def _find(body: Any, is_wrong: Callable[[Any], bool]) -> str:
    """Find a value, or a key, that is wrong; return the JSON path of the first one, or "". Without recursion.

    Lists and objects are looked at level by level, so the first one is one of the outermost.
    """
    level: list[tuple[str, Any]] = [("", body)] if isinstance(body, dict | list) else []
    while level:
        inner: list[tuple[str, Any]] = []
        for where, holder in level:
            is_object = isinstance(holder, dict)
            for key, item in holder.items() if is_object else enumerate(holder):
                if is_wrong(item) or is_wrong(key):
                    return path_of(where, key)
                if isinstance(item, dict | list):
                    inner.append((path_of(where, key), item))
        level = inner
    return ""


def _depth(value: Any) -> int:
    """Measure the nesting of lists and objects, without recursion and not beyond MAX_DEPTH + 1."""
    depth = 0
    level = [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        inner: list[Any] = []
        for item in level:
            inner += item.values() if isinstance(item, dict) else item
        level = [item for item in inner if isinstance(item, dict | list)]
    return depth


def _too_deep() -> ApiError:
    return _bad_body(f"the request body is nested too deeply, at most {MAX_DEPTH} lists and objects in each other")


def _bad_body(message: str, where: str | None = None) -> ApiError:
    param = where and where[:MAX_PARAM]
    return ApiError(message, status=400, type="invalid_request_error", param=param)
