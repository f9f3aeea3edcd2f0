"""The operations of Step Functions: what each takes, refuses and answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from localaws import constraints
from localaws.stepfunctions import executions, machines
from localaws.stepfunctions.calls import ApiError, Call
from localaws.stepfunctions.store import LOCK

__all__ = ["ApiError", "Call", "answer", "as_json"]

_OPERATIONS: Final = {**machines.OPERATIONS, **executions.OPERATIONS}


def answer(operation: str, call: Call) -> dict[str, Any]:
    """Carry out an operation.

    Raises:
        ApiError: if it is refused.
    """
    handler = _OPERATIONS.get(operation)
    if handler is None:
        raise ApiError("UnknownOperationException", f"the local AWS does not support the operation {operation}")
    problems = constraints.problems("stepfunctions", operation, call.parameters)
    if problems:
        raise ApiError("ValidationException", f"{len(problems)} validation error detected: {'; '.join(problems)}")
    with LOCK:
        return handler(call)


def as_json(document: Any) -> str:
    """Return an answer as JSON text; times are seconds since 1970."""

    def number(value: Any) -> float:
        if isinstance(value, datetime):
            return value.astimezone(UTC).timestamp()
        raise TypeError(f"{value!r} is no JSON")

    return json.dumps(document, default=number)
