"""The operations of Step Functions: what each takes, refuses and answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from localaws.service import Call, ServiceError, check
from localaws.stepfunctions import executions, machines
from localaws.stepfunctions.store import LOCK

_OPERATIONS: Final = {**machines.OPERATIONS, **executions.OPERATIONS}


def answer(operation: str, call: Call) -> dict[str, Any]:
    """Carry out an operation.

    Raises:
        ServiceError: If it is refused.
    """
    handler = _OPERATIONS.get(operation)
    if handler is None:
        raise ServiceError("UnknownOperationException", f"the local AWS does not support the operation {operation}")
    check("stepfunctions", operation, call.parameters)
    with LOCK:
        return handler(call)


def as_json(document: Any) -> str:
    """Return an answer as JSON text; times are seconds since 1970."""

    def number(value: Any) -> float:
        if isinstance(value, datetime):
            return value.astimezone(UTC).timestamp()
        raise TypeError(f"{value!r} is no JSON")

    return json.dumps(document, default=number)
