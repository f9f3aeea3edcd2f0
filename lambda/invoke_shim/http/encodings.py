"""Bodies of requests that are compressed (`content-encoding`)."""

from invoke_shim.errors import ApiError

TAKEN = ("gzip", "deflate", "identity")

MOST_ENCODINGS = 2
"""Encodings one over the other: a client has one, a proxy before it perhaps another."""

MOST_MEMBERS = 256
"""Members of a gzip body: writers in parallel make one of each 64 KB or more, and the rest is copied at each."""

_GZIP = b"\x1f\x8b"
# The first two bytes after they were taken for UTF-8 text, as API Gateway passes a body on that is no declared binary.
_BROKEN_GZIP = b"\x1f\xef\xbf\xbd"
# zlib's numbers of formats: gzip or zlib by the header, and neither header nor end.
_BY_HEADER = 47
_RAW = -15


def unpacked(body: bytes, encodings: str, *, most: int) -> bytes:
    """Return a body without its encodings; one that is not compressed any more stays as it is.

    API Gateway unpacks bodies by itself, and may leave the header as it was (API Gateway documentation, "Payload
    compression for REST APIs in API Gateway").

    Args:
        body: The body as it came.
        encodings: The header's value; empty for none.
        most: The most bytes of the result, which is unpacked no further.

    Raises:
        ApiError: 400, the body is broken; 413, it is too large; 415, the encoding is not taken.
    """
    names = [name.strip().lower() for name in encodings.split(",") if name.strip()]
    if len(names) > MOST_ENCODINGS:
        raise ApiError(
            f"content-encoding names {len(names)} encodings, at most {MOST_ENCODINGS} are taken",
            status=415,
            type="invalid_request_error",
            headers={"accept-encoding": ", ".join(TAKEN)},
        )
    for encoding in reversed(names):
        kind = encoding.removeprefix("x-")
        if kind not in TAKEN:
            taken = ", ".join(TAKEN)
            raise ApiError(
                f"content-encoding {encoding[:40]!r} is not taken: allowed are {taken}",
                status=415,
                type="invalid_request_error",
                headers={"accept-encoding": taken},
            )
        if kind == "gzip" and body.startswith(_BROKEN_GZIP):
            raise ApiError(
                "the request body was compressed, and has been taken for text on its way: send it without "
                "content-encoding",
                status=415,
                type="invalid_request_error",
                headers={"accept-encoding": "identity"},
            )
        if kind == "gzip" and body.startswith(_GZIP):
            body = _inflate(body, _BY_HEADER, most)
        elif kind == "deflate" and body and body.lstrip()[:1] not in (b"{", b"["):
            # HTTP's deflate is zlib's format, and some clients send it without zlib's header.
            with_header = body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
            body = _inflate(body, _BY_HEADER if with_header else _RAW, most)
    return body


def _inflate(body: bytes, form: int, most: int) -> bytes:
    import zlib  # noqa: PLC0415 - hardly a client compresses its requests

    parts: list[bytes] = []
    size = 0
    # A gzip body may have several members, one after the other.
    while body:
        if len(parts) == MOST_MEMBERS:
            raise _broken()
        reader = zlib.decompressobj(form)
        try:
            part = reader.decompress(body, most + 1 - size)
        except zlib.error:
            raise _broken() from None
        size += len(part)
        if size > most:
            raise ApiError(
                f"the request body has more than {most} bytes when it is unpacked, at most {most} are allowed",
                status=413,
                type="invalid_request_error",
                code="request_too_large",
            )
        if not reader.eof:
            raise _broken()
        parts.append(part)
        body = reader.unused_data
    return b"".join(parts)


def _broken() -> ApiError:
    return ApiError(
        "the request body is not what its content-encoding says, or ends too early",
        status=400,
        type="invalid_request_error",
    )
