"""The event stream encoding, read back by botocore's own decoder."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from localaws import eventstream


def decode(data: bytes, *, size: int | None = None) -> list[tuple[Any, bytes]]:
    """Read messages with botocore, fed `size` bytes at a time."""
    buffer = EventStreamBuffer()
    messages = []
    for start in range(0, len(data), size or len(data) or 1):
        buffer.add_data(data[start : start + (size or len(data))])
        messages += [(message.headers, message.payload) for message in buffer]
    return messages


@given(payload=st.binary(max_size=300), name=st.text(min_size=1, max_size=20), size=st.integers(1, 64))
def test_is_read_back_by_botocore_whatever_the_split(payload: bytes, name: str, size: int) -> None:
    headers = {":event-type": name, ":content-type": "application/octet-stream", ":message-type": "event"}
    data = eventstream.event(name, payload, content_type="application/octet-stream")
    assert decode(data * 2, size=size) == [(headers, payload)] * 2


def test_a_changed_byte_is_noticed() -> None:
    data = bytearray(eventstream.json_event("chunk", {"text": "Hi"}))
    data[-6] ^= 1
    with pytest.raises(ChecksumMismatch):
        decode(bytes(data))


def test_an_exception_names_itself_in_the_headers_and_holds_its_members_as_json() -> None:
    [(headers, payload)] = decode(eventstream.exception("throttlingException", {"message": "slow down"}))
    assert headers[":message-type"] == "exception"
    assert headers[":exception-type"] == "throttlingException"
    assert json.loads(payload) == {"message": "slow down"}


def test_an_error_names_itself_in_the_headers() -> None:
    [(headers, payload)] = decode(eventstream.error("InternalFailure", "broken"))
    assert headers == {":error-code": "InternalFailure", ":error-message": "broken", ":message-type": "error"}
    assert payload == b""


@given(messages=st.lists(st.binary(max_size=40), max_size=6), size=st.integers(1, 50))
def test_resplitting_loses_nothing(messages: list[bytes], size: int) -> None:
    pieces = list(eventstream.resplit(messages, size))
    assert b"".join(pieces) == b"".join(messages)
    assert all(len(piece) == size for piece in pieces[:-1])
