"""A function that fails with the fault in its event, and the task that invokes it."""

from __future__ import annotations

from typing import Any

FAULTY = """
class DataError(Exception):
    pass

def handler(event, context):
    if event.get("fault"):
        raise DataError(event["fault"])
    return {"doubled": event["number"] * 2}
"""


def invoke(function: str, **state: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        **state,
    }
