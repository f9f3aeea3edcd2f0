"""The reason of a run that failed, in words: without JSON and stack trace, and never cut here.

Pipelines of today fail with words. Those of earlier versions, and functions that Lambda itself ends, leave JSON.
"""

import json
import re
from typing import Any

# Errors that Step Functions names itself, without a cause (developer guide, "Handling errors in Step Functions
# workflows").
_UNTOLD = {
    "States.Timeout": "a step took longer than it may",
    "States.HeartbeatTimeout": "a step gave no sign of life for longer than it may",
    "States.TaskFailed": "a step failed without a word of the reason",
    "States.DataLimitExceeded": "a step's result is larger than Step Functions takes, 256 KiB",
    "States.Permissions": "the state machine's role may not do what a step needs",
    "States.Runtime": "a step could not be run, without a word of the reason",
}
# A function's error that Step Functions has cut is no JSON any more.
_CUT_MESSAGE = re.compile(r'\s*\{.*?"errorMessage"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
_CUT_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}$")


def failure(status: str, *, error: str, cause: str) -> str:
    """Return why a run ended as it did.

    Args:
        status: Step Functions' status: `FAILED`, `ABORTED` or `TIMED_OUT`.
        error: The error's name, empty where there is none.
        cause: The error's cause, as Step Functions has it.
    """
    said = reason(cause)
    if status == "ABORTED":
        return f"it was stopped: {said or error}" if said or error else "it was stopped by hand"
    if status == "TIMED_OUT":
        return f"it took longer than a run may{f': {said}' if said else ''}"
    return said or _UNTOLD.get(error) or (f"{error}, without a word of the reason" if error else "no reason was given")


def reason(cause: str) -> str:
    """Return what a cause of Step Functions says to people.

    The cause of a function's error is JSON with its message and a stack trace, that of a training or import job its
    description, that of another state machine its own error; any other cause is the reason itself.
    """
    try:
        document = json.loads(cause)
    except ValueError:
        return _cut_message(cause) or cause.strip()
    return (_said(document) or _without_trace(document)) if isinstance(document, dict) else cause.strip()


def _said(document: dict[str, Any]) -> str | None:
    for member in ("errorMessage", "FailureReason", "FailureMessage", "failureMessage"):
        if (found := document.get(member)) and isinstance(found, str):
            return found.strip()
    if isinstance(kind := document.get("errorType"), str):
        return f"{kind}, without a message"
    if isinstance(cause := document.get("Cause") or document.get("cause"), str):
        return reason(cause)
    if isinstance(name := document.get("TrainingJobName"), str):
        words = [document.get("TrainingJobStatus"), document.get("SecondaryStatus")]
        return f"the training job {name} is {': '.join(str(word) for word in words if word) or 'not completed'}"
    return None


def _without_trace(document: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in document.items() if name.lower() not in ("stacktrace", "trace")})


def _cut_message(cause: str) -> str | None:
    found = _CUT_MESSAGE.match(cause)
    if found is None:
        return None
    try:
        message = str(json.loads(f'"{_CUT_ESCAPE.sub("", found[1])}"', strict=False))
    except ValueError:
        return None
    whole = cause[found.end() : found.end() + 1] == '"'
    return message if whole else f"{message}… (Step Functions keeps no more of it)"
