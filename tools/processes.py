"""Processes that must not outlive the command that started them."""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Linux, prctl(2): the signal that a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1


@contextmanager
def interruptible(say: Callable[[], str]) -> Iterator[None]:
    """Put words into an interrupt of the block, which end the command after `interrupted:`.

    Args:
        say: Returns what goes on all the same, and how to look at it and to stop it.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        # An inner block knew better.
        raise interrupt if str(interrupt) else KeyboardInterrupt(say()) from None


def dies_with_its_parent() -> None:
    """Ask the kernel to end this process with its parent; for `preexec_fn`. Elsewhere than on Linux, do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_with_parent(*, poll_seconds: float = 0.5) -> None:
    """Interrupt this process when the one that started it is gone, so that killing `make` ends what make started."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(poll_seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
