"""Structured logs: one line of JSON a record.

Prompts, answers and error messages (which may quote a request) are never among the fields.
"""

import json
import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any

logger = logging.getLogger("invoke_shim")


class JsonFormatter(logging.Formatter):
    """Renders a record and its `fields` as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; times are UTC."""
        timestamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, Any] = getattr(record, "fields", {})
        line = {
            "timestamp": f"{timestamp}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            **{name: value for name, value in fields.items() if value is not None},
        }
        return json.dumps(line)


def configure(level: int) -> None:
    """Send this package's records to standard output, which Lambda sends to CloudWatch Logs.

    Lambda's own handler on the root logger is bypassed: it would write each record a second time.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


def where(trace: TracebackType | None) -> list[str]:
    """A traceback as "file:line function" entries, without the error's message, which may quote a prompt."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
