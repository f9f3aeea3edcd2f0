"""One HTTP exchange with a container: a request to `/invocations` and its answer, within a time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.client import HTTPConnection, IncompleteRead

from localaws import settings


class Exchange:
    """A request that was sent, and its answer.

    Attributes:
        status: The answer's HTTP status.
        content_type: The answer's media type.
    """

    def __init__(self, port: int, body: bytes, headers: Mapping[str, str], *, deadline: float) -> None:
        """Send `body` to the container on `port` and wait until it begins to answer.

        Args:
            port: The container's TCP port.
            body: The payload.
            headers: Its headers.
            deadline: Until when to wait, on the monotonic clock.

        Raises:
            TimeoutError: If it does not begin to answer in time.
            ConnectionError: If it is not there, or closes the connection.
            http.client.HTTPException: If what it answers is not HTTP.
        """
        self._connection = HTTPConnection(settings.HOST, port, timeout=_remaining(deadline))
        try:
            self._connection.request("POST", "/invocations", body=body, headers=headers)
            self._socket = self._connection.sock
            self._answer = self._connection.getresponse()
        except BaseException:
            self._connection.close()
            raise
        self.status = self._answer.status
        self.content_type = self._answer.headers.get("Content-Type", "application/json")

    def read(self, size: int, *, deadline: float) -> bytes:
        """Return what there is of the body, at most `size` bytes of it, once there is any; at its end nothing.

        Raises:
            TimeoutError: If there is nothing until `deadline`.
            ConnectionError: If the connection breaks.
            http.client.HTTPException: If the body ends before its end.
        """
        self._socket.settimeout(_remaining(deadline))
        data = self._answer.read1(size)
        # http.client reports a chunked body that breaks off, but not one with a length.
        if not data and self._answer.length:
            raise IncompleteRead(data, self._answer.length)
        return data

    def read_all(self, *, deadline: float) -> bytes:
        """Return the whole body; raises what `read` raises."""
        parts = []
        while data := self.read(1 << 20, deadline=deadline):
            parts.append(data)
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection; a container that still answers is interrupted."""
        self._connection.close()


def _remaining(deadline: float) -> float:
    """Return the seconds that are left, for a socket's timeout.

    Raises:
        TimeoutError: If none are.
    """
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the time is over")
    return remaining
