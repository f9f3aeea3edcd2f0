"""Images in requests: how many are taken, and which formats."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

MAX_CHAT_IMAGES: Final = 3
"""Bedrock User Guide, "Advanced API features for imported models", vision support."""

_SIGNATURES: Final = {
    "png": rb"\x89PNG\r\n\x1a\n",
    "jpeg": rb"\xff\xd8\xff",
    "gif": rb"GIF8[79]a",
    "webp": rb"RIFF....WEBP",
}
_DATA_URI: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]+=*)")


def format_of(data: bytes) -> str | None:
    """Return the format of an image by its first bytes, or None."""
    return next((name for name, mark in _SIGNATURES.items() if re.match(mark, data, re.DOTALL)), None)


def decode(text: str) -> bytes | None:
    """Return the bytes of a base64 text, or None if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def of_uri(uri: object) -> bytes | None:
    """Return the image of a data URI; None if it is none, or not of the type that it names."""
    match = _DATA_URI.fullmatch(uri) if isinstance(uri, str) else None
    data = decode(match[2]) if match is not None else None
    return data if match is not None and data is not None and format_of(data) == match[1] else None
