"""Pictures in requests: data URIs, read as far as their format."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_DATA: Final = re.compile(r"data:(?P<type>[\w.+/-]*)(?P<parameters>(?:;[^;,]*)*),(?P<data>.*)", re.DOTALL)

# The first bytes of the formats that all three stacks read.
_SIGNATURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")


class ImageError(ValueError):
    """A picture that cannot be read; the text says why."""


def data_of(url: str) -> bytes:
    """Return the data of a picture's data URI.

    Raises:
        ImageError: If it is none, or no picture.
    """
    match = _DATA.fullmatch(url)
    if match is None:
        raise ImageError("it is no data URI")
    if not match["parameters"].endswith(";base64"):
        raise ImageError("its data is not base64")
    try:
        data = base64.b64decode(match["data"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError(f"its data is not base64: {error}") from error
    if not data.startswith(_SIGNATURES):
        raise ImageError("it is in no known format")
    return data
