"""A streamed answer whose reader does not read."""

import socket
from collections.abc import Iterator

import pytest

from invoke_shim.runtime import runtime_api
from invoke_shim.runtime.runtime_api import ResponseStream, StreamClosedError


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that takes connections and never reads from them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_reader_that_takes_nothing_ends_the_stream(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_api, "_LONGEST_SEND_SECONDS", 0.2)
    stream = ResponseStream(f"127.0.0.1:{listener.getsockname()[1]}", "/response", "text/plain")
    # More than the buffers of both sides hold.
    with pytest.raises(StreamClosedError, match="the stream was closed: TimeoutError"):
        stream.write(b"x" * 64_000_000)
