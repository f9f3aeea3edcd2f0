"""Read an image out of a data URI, and its size in pixels out of the image.

A small file can hold an enormous image, which the model's side would unpack on the processor that all callers share.
The formats: RFC 2083 (PNG), the GIF89a specification, ITU T.81 annex B (JPEG), Google's "WebP Container Specification".
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.errors import show
from invoke_shim.generation.messages import Image

MAX_IMAGE_BYTES = 3_932_160
"""Bytes of an image, 3.75 MiB: Converse's limit (API reference, `Message`)."""

MAX_PIXELS = 8000
"""Pixels of an image's width and of its height: likewise."""

_EXAMPLE = "data:image/png;base64,..."


class ImageError(ValueError):
    """An image that is not taken; the message says what it is and what is taken."""


def read_image(url: Any) -> Image:
    """Read an image's data URI.

    Its type is that of the file: clients often name another one.

    Raises:
        ImageError: It is a link, not base64, too large, or no image of a kind that is taken.
    """
    if not isinstance(url, str):
        raise ImageError(f"is {show(url)}, expected the image as a data URI: {_EXAMPLE}")
    if url[:5].lower() != "data:":
        raise ImageError(f"is a link, which is never fetched here: send the image itself as a data URI, {_EXAMPLE}")
    head, _, data = url.partition(",")
    if not head.lower().endswith(";base64"):
        raise ImageError(f"is a data URI without base64, expected {_EXAMPLE}")
    # A base64 text without its padding is common.
    data += "=" * (-len(data) % 4)
    if len(data) > -(-MAX_IMAGE_BYTES // 3) * 4:
        raise ImageError(f"is an image of more than {MAX_IMAGE_BYTES} bytes")
    try:
        file = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ImageError("is a data URI whose base64 is not valid") from None
    for media_type, (marks, size) in _KINDS.items():
        if any(file.startswith(mark) for mark in marks):
            width, height = _size(file, size)
            if max(width, height) > MAX_PIXELS or not min(width, height):
                raise ImageError(f"is an image of {width} x {height} pixels, expected 1 to {MAX_PIXELS} each")
            return Image(media_type, data)
    raise ImageError("is no PNG, JPEG, GIF or WebP image")


def _size(file: bytes, read: Callable[[bytes], tuple[int, int]]) -> tuple[int, int]:
    try:
        return read(file)
    except IndexError:
        raise ImageError("is an image that is cut off or damaged") from None


def _number(file: bytes, start: int, length: int, *, little: bool = False) -> int:
    if len(file) < start + length:
        raise IndexError
    return int.from_bytes(file[start : start + length], "little" if little else "big")


def _png(file: bytes) -> tuple[int, int]:
    return _number(file, 16, 4), _number(file, 20, 4)


def _gif(file: bytes) -> tuple[int, int]:
    return _number(file, 6, 2, little=True), _number(file, 8, 2, little=True)


def _jpeg(file: bytes) -> tuple[int, int]:
    """Find the frame header among the segments, which all tell their lengths."""
    position = 2
    while True:
        while file[position] == 0xFF and file[position + 1] == 0xFF:
            position += 1
        marker = file[position + 1]
        if file[position] != 0xFF or marker in (0xD9, 0xDA):
            raise IndexError
        # 0xC4, 0xC8 and 0xCC are tables and an extension.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _number(file, position + 7, 2), _number(file, position + 5, 2)
        position += 2 + (0 if 0xD0 <= marker <= 0xD8 or marker == 0x01 else max(2, _number(file, position + 2, 2)))


def _webp(file: bytes) -> tuple[int, int]:
    if file[8:12] != b"WEBP":
        raise IndexError
    kind = file[12:16]
    if kind == b"VP8X":
        return _number(file, 24, 3, little=True) + 1, _number(file, 27, 3, little=True) + 1
    if kind == b"VP8L":
        bits = _number(file, 21, 4, little=True)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _number(file, 26, 2, little=True) & 0x3FFF, _number(file, 28, 2, little=True) & 0x3FFF


_KINDS: Mapping[str, tuple[tuple[bytes, ...], Callable[[bytes], tuple[int, int]]]] = MappingProxyType(
    {
        "image/png": ((b"\x89PNG\r\n\x1a\n",), _png),
        "image/jpeg": ((b"\xff\xd8\xff",), _jpeg),
        "image/gif": ((b"GIF87a", b"GIF89a"), _gif),
        "image/webp": ((b"RIFF",), _webp),
    }
)
"""The first bytes of the kinds of files that are taken, and the function that reads their size."""
