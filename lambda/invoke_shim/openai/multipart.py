"""Read a body of `multipart/form-data` (RFC 7578), as clients upload files.

Standard library's parsers of it are gone (`cgi`) or take as long to load as all else here (`email`).
"""

import re
from typing import NamedTuple

from invoke_shim.errors import ApiError, show

MOST_PARTS = 32
"""Parts of a body: OpenAI's routes have less than ten fields."""

LONGEST_HEAD = 4096
"""Bytes of one part's headers."""

_LONGEST_BOUNDARY = 70
"""Characters of a boundary (RFC 2046, section 5.1.1)."""

_PARAMETER = r';\s*([a-z0-9_*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))'


class Part(NamedTuple):
    """A part of a body.

    Attributes:
        name: The field's name.
        content: The field's bytes.
        filename: The file's name; None for a field that is no file.
    """

    name: str
    content: bytes
    filename: str | None = None


def read_parts(body: bytes, content_type: str) -> list[Part]:
    """Read the parts of a body.

    Args:
        body: The request's body.
        content_type: The request's `Content-Type`.

    Raises:
        ApiError: 400, it is no `multipart/form-data`, or one that is not complete or has too many parts.
    """
    kind, _, rest = content_type.partition(";")
    boundary = _parameters(f";{rest}").get("boundary", "")
    if kind.strip().lower() != "multipart/form-data" or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise _bad(f"the content type is {show(content_type)}, expected multipart/form-data with a boundary")
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    # The first delimiter has no line before it; what stands before it is of no meaning.
    pieces = (b"\r\n" + body).split(delimiter, MOST_PARTS + 1)
    if len(pieces) < 2:
        raise _bad("the request body does not hold the boundary that its content type names")
    parts: list[Part] = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return parts
        if len(parts) == MOST_PARTS:
            raise _bad(f"the request body has more than {MOST_PARTS} parts")
        parts.append(_read_part(piece))
    raise _bad("the request body ends without its last boundary: it is not complete")


def _read_part(piece: bytes) -> Part:
    # White space may follow a delimiter on its line.
    line, found, rest = piece.partition(b"\r\n")
    head, blank, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if not found or line.strip(b" \t") or not blank or len(head) > LONGEST_HEAD:
        raise _bad("a part of the request body has no headers with an empty line after them")
    for header in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = header.partition(":")
        if name.strip().lower() == "content-disposition":
            parameters = _parameters(value)
            if "name" not in parameters:
                break
            filename = parameters.get("filename", parameters.get("filename*"))
            return Part(parameters["name"], content, filename)
    raise _bad("a part of the request body has no name: expected Content-Disposition: form-data; name=...")


def _parameters(text: str) -> dict[str, str]:
    found = re.findall(_PARAMETER, text, re.IGNORECASE)
    return {name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else plain for name, quoted, plain in found}


def _bad(message: str) -> ApiError:
    return ApiError(message, status=400, type="invalid_request_error")
