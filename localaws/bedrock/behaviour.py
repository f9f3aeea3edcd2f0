"""The behaviour of the stand-in Bedrock, which tests and demos change on `/_localaws/bedrock/{region}`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Final

from localaws import steering
from localaws.bedrock.errors import STATUS


def _read_fault(fault: Any) -> Any:
    if not isinstance(fault, dict):
        raise ValueError("an object with code")
    if fault.get("code") not in STATUS:
        raise steering.ProblemsError([f".code is {fault.get('code')!r}: one of {', '.join(STATUS)}"])
    return fault


_TEXTS: Final = steering.read_by(steering.list_of(steering.text))


@dataclass(kw_only=True)
class Behaviour:
    """The behaviour of Bedrock in one region.

    Attributes:
        import_seconds: The time that an import takes, also one that runs; in AWS 5 to 20 minutes for 8 billion
            parameters.
        import_faults: The `failureMessage` of each of the next imports.
        role_propagation_seconds: The time that Bedrock does not know a new role; in AWS seconds to minutes.
        without_converse: Classes in `config.json` with which Converse does not work, beside those that AWS documents.
        with_tools: Classes in `config.json` that call tools, beside those that AWS documents.
        with_images: Classes that see images in Converse, and in chats beside those that AWS documents.
        with_schemas: Classes that keep to Converse's `outputConfig`; AWS documents none of imported models.
        with_reasoning: Classes that reason before their answer, beside GPT-OSS.
        max_imported_models: The quota "Imported models per account" (L-45B04988).
        max_concurrent_imports: The quota "Concurrent model import jobs" (L-5F098EFA).
        cold_requests: The least number of requests that a model refuses while it is not loaded.
        warm_up_seconds: The time from the first of them until the model is loaded.
        idle_seconds: The time without a request after which a model is unloaded; in AWS 5 minutes.
        max_concurrent_requests: The number of requests that a model serves at a time before one is throttled: in AWS
            16 a copy, and up to 3 copies.
        throttle_requests: The number of the next requests that are throttled.
        faults: Errors of the next requests, one each: objects with `code` and optionally `message`, `after_events`
            (the error ends a stream after so many events) and the error's other members.
        tokens_per_event: The tokens of one event of a stream.
        write_bytes: The bytes of a stream that are written at a time, without regard to the events in it; 0 writes
            event by event.
    """

    import_seconds: float = 0.5
    import_faults: list[str] = field(default_factory=list, metadata=_TEXTS)
    role_propagation_seconds: float = 0.0
    without_converse: list[str] = field(default_factory=list, metadata=_TEXTS)
    with_tools: list[str] = field(default_factory=list, metadata=_TEXTS)
    with_images: list[str] = field(default_factory=list, metadata=_TEXTS)
    with_schemas: list[str] = field(default_factory=list, metadata=_TEXTS)
    with_reasoning: list[str] = field(default_factory=list, metadata=_TEXTS)
    max_imported_models: int = 3
    max_concurrent_imports: int = 1
    cold_requests: int = 1
    warm_up_seconds: float = 0.5
    idle_seconds: float = 300.0
    max_concurrent_requests: int = 48
    throttle_requests: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list, metadata=steering.read_by(steering.list_of(_read_fault)))
    tokens_per_event: int = 1
    write_bytes: int = 0

    def take_throttle(self) -> bool:
        """Return whether this request is one of those to throttle."""
        with _LOCK:
            taken = self.throttle_requests > 0
            self.throttle_requests -= taken
        return taken

    def take_import_fault(self) -> str | None:
        """Return the failure message of this import, or None."""
        with _LOCK:
            return self.import_faults.pop(0) if self.import_faults else None

    def take_fault(self) -> dict[str, Any] | None:
        """Return the error of this request, or None."""
        with _LOCK:
            return self.faults.pop(0) if self.faults else None


_LOCK: Final = threading.Lock()
_STEERED: Final = steering.Steered(Behaviour)

ROUTE: Final = _STEERED.route("/_localaws/bedrock/(?P<region>[a-z0-9-]+)")

of: Final = _STEERED.of
"""Returns the behaviour of Bedrock in a region."""
