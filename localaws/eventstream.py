"""Amazon's event stream encoding (`application/vnd.amazon.eventstream`), as services write it.

A message is a prelude (total length, headers' length, CRC32 of the two), headers, a payload and a CRC32 of all
before it; numbers are big-endian (Smithy specification, "Amazon Event Stream"). Here every header's value is a
string, which is all that the services imitated here use.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"

_STRING: Final = 7
"""The type number of a header with a string of at most 65,535 bytes."""


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message with `headers` and `payload`."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    # 4 bytes each: total length, headers' length, the prelude's checksum, and the message's at the end
    prelude = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack("!I", zlib.crc32(message))


def event(event_type: str, payload: bytes, *, content_type: str) -> bytes:
    """Return an event: a member of the stream that carries data.

    Args:
        event_type: The member's name in the API's model, e.g. `PayloadPart`.
        payload: The member, encoded.
        content_type: Its encoding: `application/json`, or `application/octet-stream` for a member
            whose payload is a blob.
    """
    headers = {":event-type": event_type, ":content-type": content_type, ":message-type": "event"}
    return encode(headers, payload)


def json_event(event_type: str, document: Any) -> bytes:
    """Return an event whose payload is `document` as JSON."""
    return event(event_type, json.dumps(document).encode(), content_type="application/json")


def exception(exception_type: str, document: Mapping[str, Any]) -> bytes:
    """Return an exception that the API's model knows; it ends the stream.

    Args:
        exception_type: The member's name in the API's model, e.g. `ModelStreamError`.
        document: Its members.
    """
    headers = {":exception-type": exception_type, ":content-type": "application/json", ":message-type": "exception"}
    return encode(headers, json.dumps(document).encode())


def error(code: str, message: str) -> bytes:
    """Return an error that the API's model does not know; it ends the stream."""
    return encode({":error-code": code, ":error-message": message, ":message-type": "error"}, b"")


def resplit(messages: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Cut a stream into pieces of `size` bytes, without regard to the messages in it."""
    held = b""
    for message in messages:
        held += message
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if held:
        yield held


def _header(name: str, value: str) -> bytes:
    name_bytes, value_bytes = name.encode(), value.encode()
    return struct.pack("!B", len(name_bytes)) + name_bytes + struct.pack("!BH", _STRING, len(value_bytes)) + value_bytes
