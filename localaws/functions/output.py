"""The output of a process, line by line, split between its invocations."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from typing import IO, Final

_GRACE_SECONDS: Final = 1


class Output:
    """The standard output and error of a process: a pipe whose writing end this side holds too.

    What the process has written when it says that an invocation is over is in the pipe already, so a mark that is
    written now comes after it.

    Attributes:
        descriptor: The end that the process writes to.
    """

    def __init__(self, name: str) -> None:
        read, self.descriptor = os.pipe()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._marks = 0
        threading.Thread(target=self._read, args=(os.fdopen(read, "rb"),), name=f"output-{name}", daemon=True).start()

    def lines(self) -> tuple[str, ...]:
        """Return the lines since the last call."""
        self._marks += 1
        mark = f"\0{self._marks}"
        with contextlib.suppress(OSError):
            os.write(self.descriptor, f"{mark}\n".encode())
        found: list[str] = []
        deadline = time.monotonic() + _GRACE_SECONDS
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=remaining)
            except queue.Empty:
                break
            # A line that the process has not ended stands before the mark.
            text, is_marked, _ = (line or "").partition(mark)
            if text or (line is not None and not is_marked):
                found.append(text)
            if line is None or is_marked:
                break
        return tuple(found)

    def close(self) -> None:
        """Close this side's writing end."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                # Lambda's Python runtime joins the lines of one event with carriage returns.
                self._lines.put(line.decode(errors="replace").rstrip("\n").replace("\r", "\n"))
        self._lines.put(None)
