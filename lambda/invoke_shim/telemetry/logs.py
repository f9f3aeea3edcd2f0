"""Structured logs: one line of JSON a record, on standard output, which Lambda sends to CloudWatch Logs.

Prompts, answers and error messages (which may quote a request) are private: they are written only where the
environment opted in with LOG_PROMPTS.
"""

import json
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from invoke_shim.contract import LOG_LEVELS

LEVELS: Mapping[str, int] = {name: rank for rank, name in enumerate(LOG_LEVELS)}
"""The rank of each level of Lambda's JSON format; `logging` costs more than the one line that a request leaves."""

MAX_PRIVATE_CHARACTERS = 6_000
"""Characters of a private text that are logged. Three texts, with up to 12 bytes of JSON for a character, fit into the
256 KB that the embedded metric format's specification allows a log event."""


class _Config:
    """The configuration of the log, for the whole process."""

    level = LEVELS["INFO"]
    prompts = False


_config = _Config()


def configure(level: str, *, prompts: bool = False) -> None:
    """Configure the log, for the whole process.

    Args:
        level: The lowest level that is logged, a name in LEVELS.
        prompts: Whether private texts are logged too.
    """
    _config.level = LEVELS[level]
    _config.prompts = prompts


def write(level: str, message: str, fields: Mapping[str, Any], private: Mapping[str, Any] | None = None) -> None:
    """Write a record.

    Args:
        level: Its level, a name in LEVELS.
        message: The event, in words that hold nothing of the request.
        fields: Facts about it; None and "" are left out.
        private: Facts that may hold a prompt or an answer.
    """
    if LEVELS[level] >= _config.level:
        _print(_record(level, message, fields, private or {}))


def request(*, level: str, metrics: Mapping[str, Any], fields: Mapping[str, Any], private: Mapping[str, Any]) -> None:
    """Write a request's line: its record and its metrics, or below the level that is logged its metrics alone."""
    record = _record(level, "request", fields, private) if LEVELS[level] >= _config.level else {}
    _print({**record, **metrics})


def frames_of(trace: TracebackType | None) -> list[str]:
    """Return a traceback as "file:line function" entries, without the error's message, which may quote a prompt."""
    import traceback  # noqa: PLC0415 - only ever needed when something has gone wrong

    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


def _record(level: str, message: str, fields: Mapping[str, Any], private: Mapping[str, Any]) -> dict[str, Any]:
    now = time.time()
    timestamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    record = {"timestamp": f"{timestamp}.{int(now % 1 * 1000):03d}Z", "level": level, "message": message}
    record.update((name, value) for name, value in fields.items() if value is not None and value != "")
    if _config.prompts:
        record.update((name, _short(value)) for name, value in private.items() if value is not None)
    return record


def _short(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to log)"
    if len(text) <= MAX_PRIVATE_CHARACTERS:
        return text
    return f"{text[:MAX_PRIVATE_CHARACTERS]}... ({len(text)} characters)"


def _print(record: Mapping[str, Any]) -> None:
    # One write a line, so that lines of two threads do not mix.
    sys.stdout.write(f"{json.dumps(record)}\n")
    sys.stdout.flush()
