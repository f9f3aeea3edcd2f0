"""How the stand-in Bedrock behaves, and the path on which tests and demos change that while it runs.

``/_localaws/bedrock/{region}`` takes GET, PUT (a JSON object with the attributes of `Behaviour` to change) and
DELETE (back to the defaults). It is no part of AWS.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from localaws.bedrock.errors import STATUS

PATH: Final = re.compile(r"/_localaws/bedrock/([a-z0-9-]+)")


@dataclass(kw_only=True)
class Behaviour:
    """How Bedrock behaves in one region.

    Attributes:
        import_seconds: how long an import takes, also one that runs; in AWS 5 to 20 minutes for 8 billion parameters.
        import_faults: what the next imports fail with, one each: their ``failureMessage``.
        role_propagation_seconds: how long a new role is unknown to Bedrock; in AWS seconds to minutes.
        max_imported_models: the quota "Imported models per account" (L-45B04988).
        max_concurrent_imports: the quota "Concurrent model import jobs" (L-5F098EFA).
        cold_requests: how many requests a model that is not loaded refuses at least.
        warm_up_seconds: how long it takes from the first of them until the model is loaded.
        idle_seconds: after how long without a request it is unloaded; in AWS 5 minutes.
        max_concurrent_requests: how many requests a model serves at a time before one is throttled: in AWS 16 a
            copy, and up to 3 copies.
        throttle_requests: how many of the next requests are throttled.
        faults: errors that the next requests get, one each: objects with `code` and optionally `message`,
            `after_events` (the error ends a stream after so many events) and the error's other members.
        tokens_per_event: how many tokens one event of a stream carries.
        write_bytes: how many bytes of a stream are written at a time, without regard to the events in it; 0
            writes event by event.
    """

    import_seconds: float = 0.5
    import_faults: list[str] = field(default_factory=list)
    role_propagation_seconds: float = 0.0
    max_imported_models: int = 3
    max_concurrent_imports: int = 1
    cold_requests: int = 1
    warm_up_seconds: float = 0.5
    idle_seconds: float = 300.0
    max_concurrent_requests: int = 48
    throttle_requests: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)
    tokens_per_event: int = 1
    write_bytes: int = 0

    def take_throttle(self) -> bool:
        """Return whether this request is one of those to throttle."""
        with _LOCK:
            taken = self.throttle_requests > 0
            self.throttle_requests -= taken
        return taken

    def take_import_fault(self) -> str | None:
        """Return what this import fails with, or None."""
        with _LOCK:
            return self.import_faults.pop(0) if self.import_faults else None

    def take_fault(self) -> dict[str, Any] | None:
        """Return the error that this request gets, or None."""
        with _LOCK:
            return self.faults.pop(0) if self.faults else None


_LOCK: Final = threading.Lock()
_REGIONS: Final[dict[str, Behaviour]] = {}


def of(region: str) -> Behaviour:
    """Return how Bedrock behaves in `region`."""
    with _LOCK:
        return _REGIONS.setdefault(region, Behaviour())


def respond(request: Request, region: str) -> Response:
    """Answer a request to the control path."""
    if request.method == "DELETE":
        with _LOCK:
            _REGIONS.pop(region, None)
    elif request.method == "PUT":
        try:
            changes = json.loads(request.get_data())
        except ValueError:
            changes = None
        found = problems(changes)
        if found:
            return Response("\n".join(found), 400, content_type="text/plain")
        behaviour = of(region)
        with _LOCK:
            for name, value in changes.items():
                setattr(behaviour, name, value)
    elif request.method != "GET":
        return Response("GET, PUT and DELETE are allowed", 405, content_type="text/plain")
    return Response(json.dumps(asdict(of(region))), content_type="application/json")


def problems(changes: Any) -> list[str]:
    """Return what is wrong with the body of a PUT."""
    if not isinstance(changes, dict):
        return ["the body is not a JSON object"]
    defaults = {item.name: getattr(Behaviour(), item.name) for item in fields(Behaviour)}
    found = []
    for name, value in changes.items():
        if name not in defaults:
            found.append(f"unknown attribute {name!r}, allowed: {', '.join(defaults)}")
        elif name == "faults":
            found += _fault_problems(value)
        elif name == "import_faults":
            if not isinstance(value, list) or not all(isinstance(message, str) for message in value):
                found.append(f"import_faults is {value!r}, must be a list of texts")
        elif isinstance(value, bool) or not isinstance(value, int | type(defaults[name])) or value < 0:
            kind = "an integer" if isinstance(defaults[name], int) else "a number"
            found.append(f"{name} is {value!r}, must be {kind} of at least 0")
    return found


def _fault_problems(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(fault, dict) for fault in value):
        return [f"faults is {value!r}, must be a list of objects"]
    return [
        f"faults[{position}].code is {fault.get('code')!r}, must be one of {', '.join(STATUS)}"
        for position, fault in enumerate(value)
        if fault.get("code") not in STATUS
    ]
