"""Small pictures of one grey, as PNG (RFC 2083) and baseline JPEG (ITU-T T.81), written without a library."""

from __future__ import annotations

import struct
import zlib
from typing import Final

# A table of one code a category of difference, all four bits long, and one of a single code: the end of a block.
_DC_TABLE: Final = bytes([0x00, *(0, 0, 0, 12), *([0] * 12), *range(12)])
_AC_TABLE: Final = bytes([0x10, 1, *([0] * 15), 0x00])


def png(width: int, height: int, grey: int) -> bytes:
    """Return a PNG of one grey, 0 to 255."""
    row = b"\0" + bytes([grey]) * width
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * height)), (b"IEND", b""))
    written = (struct.pack(">I", len(data)) + kind + data + _crc(kind + data) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def jpeg(width: int, height: int, grey: int) -> bytes:
    """Return a JPEG of one grey, 0 to 255."""
    blocks = -(-width // 8) * -(-height // 8)
    # The first block has its difference to the middle grey, of 8 units a step; the others have none.
    difference = (grey - 128) * 8
    size = abs(difference).bit_length()
    offset = difference if difference >= 0 else difference + (1 << size) - 1
    bits = f"{size:04b}" + (f"{offset:0{size}b}" if size else "") + "0" + "00000" * (blocks - 1)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            _segment(0xDB, b"\0" + b"\x01" * 64),
            _segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
            _segment(0xC4, _DC_TABLE + _AC_TABLE),
            _segment(0xDA, b"\x01\x01\x00\0\x3f\0"),
            data,
            b"\xff\xd9",
        )
    )


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _crc(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))
