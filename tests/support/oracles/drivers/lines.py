"""Common parts of the drivers: a question a line, an answer a line, and no network.

A driver is run by the Python of a library's venv, so that it imports nothing of the app or of its tests.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

_MOST_MEMORY = 12 * 2**30
"""Bytes of address space: torch maps some 4 GB, and a folder that claims huge tensors must not take the machine's."""


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise for every connection, as a hook of `sys.addaudithook`."""
    if event in {"socket.connect", "socket.getaddrinfo"}:
        raise PermissionError(f"a loader asked for the network: {event} {arguments[1:]}")


def serve(version: str, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer questions until there are none, each with a line of JSON; a fault of the driver is an answer too.

    Args:
        version: The library's version, which is sent first.
        answer: Returns the answer to a question.
    """
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    sys.addaudithook(refuse_network)
    print(json.dumps({"version": version}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answered = answer(json.loads(line))
        except Exception as error:  # sent to the test, which fails with it
            answered = {"fault": described(error)}
        print(json.dumps(answered), file=answers, flush=True)


def described(error: BaseException) -> str:
    """Return an error's type and the start of its message, on one line."""
    return " ".join(f"{type(error).__name__}: {error}"[:400].split())
