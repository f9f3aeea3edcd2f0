"""How the stand-in for training behaves, and the path on which tests and demos change that while it runs.

``/_localaws/sagemaker/training`` takes GET, PUT (a JSON object with the attributes of `Behaviour` to change) and
DELETE (back to the defaults). It is no part of AWS::

    {
      "seconds": 0.2,
      "faults": [{"stage": "Training", "reason": "AlgorithmError: ...", "times": 1, "job_name_contains": "mistral"}]
    }
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from werkzeug.wrappers import Request, Response

PATH: Final = "/_localaws/sagemaker/training"
STAGES: Final = ("Starting", "Downloading", "Training", "Uploading")
"""The secondary statuses that a job goes through, in their order."""

_FAULT_KEYS: Final = {"stage", "reason", "times", "job_name_contains"}
_LOCK: Final = threading.Lock()


@dataclass(kw_only=True)
class Behaviour:
    """How training jobs behave.

    Attributes:
        seconds: how long a job takes, in equal parts for its stages; in AWS some 10 minutes before training starts.
        faults: what goes wrong: objects with `stage`, one of `STAGES` (default: Training), `reason`, the job's
            ``FailureReason``, `times`, for how many jobs (default: all), and `job_name_contains`.
    """

    seconds: float = 0.4
    faults: list[dict[str, Any]] = field(default_factory=list)


class _Current:
    behaviour = Behaviour()


def seconds() -> float:
    """Return how long a job takes."""
    return _Current.behaviour.seconds


def take_fault(job_name: str) -> Mapping[str, Any] | None:
    """Return what goes wrong in a job that starts now, or None."""
    with _LOCK:
        for fault in _Current.behaviour.faults:
            if fault.get("job_name_contains", "") not in job_name or fault.get("times", 1) < 1:
                continue
            if "times" in fault:
                fault["times"] -= 1
            return {"stage": "Training", **fault}
    return None


def respond(request: Request) -> Response:
    """Answer a request on `PATH`."""
    match request.method:
        case "GET":
            pass
        case "DELETE":
            _Current.behaviour = Behaviour()
        case "PUT":
            problems = _change(request.get_data())
            if problems:
                return _json({"error": "\n".join(problems)}, 400)
        case _:
            return _json({"error": f"{request.method} is not allowed: GET, PUT, DELETE"}, 405)
    return _json(asdict(_Current.behaviour), 200)


def _change(body: bytes) -> list[str]:
    """Set what `body` says, or nothing; return everything that is wrong with it."""
    try:
        document = json.loads(body)
    except ValueError as error:
        return [f"the body is not JSON: {error}"]
    if not isinstance(document, dict):
        return ["the body is not an object with seconds or faults"]
    problems = [f"{name} is not allowed: seconds, faults" for name in document if name not in ("seconds", "faults")]
    wanted = document.get("seconds", 0)
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or wanted < 0:
        problems.append(f"seconds must be a number of 0 or more, not {wanted!r}")
    problems += _fault_problems(document.get("faults", []))
    if not problems:
        with _LOCK:
            for name, value in document.items():
                setattr(_Current.behaviour, name, value)
    return problems


def _fault_problems(faults: Any) -> list[str]:
    if not isinstance(faults, list) or not all(isinstance(fault, dict) for fault in faults):
        return [f"faults must be a list of objects, not {faults!r}"]
    problems = []
    for index, fault in enumerate(faults):
        unknown = ", ".join(sorted(set(fault) - _FAULT_KEYS))
        if unknown:
            problems.append(f"faults[{index}]: {unknown} is not allowed: {', '.join(sorted(_FAULT_KEYS))}")
        if not isinstance(fault.get("reason"), str):
            problems.append(f"faults[{index}]: reason must be a text, not {fault.get('reason')!r}")
        if fault.get("stage", "Training") not in STAGES:
            problems.append(f"faults[{index}]: stage must be one of {', '.join(STAGES)}, not {fault['stage']!r}")
        if not isinstance(fault.get("times", 1), int):
            problems.append(f"faults[{index}]: times must be a whole number, not {fault['times']!r}")
    return problems


def _json(document: Any, status: int) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")
