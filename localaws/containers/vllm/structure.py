"""vLLM's structured output: what a payload prescribes of its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from localaws.containers.engine import Grammar
from localaws.containers.patterns import pattern_problem
from localaws.containers.schemas import example_problem, schema_problem
from localaws.containers.settings import Version
from localaws.containers.vllm.errors import RequestError
from localaws.containers.vllm.sampling import is_strings

# Any object will do for JSON mode; the stand-in writes one with an answer.
_ANY_OBJECT: Final = {"type": "object", "properties": {"answer": {"type": "string"}}}


def is_format(value: object) -> bool:
    """Return whether `value` has the form of `response_format`: a schema needs a name (`JsonSchemaResponseFormat`)."""
    if value is None:
        return True
    if not isinstance(value, dict) or value.get("type") not in ("text", "json_object", "json_schema"):
        return False
    if value["type"] != "json_schema":
        return True
    prescribed = value.get("json_schema")
    return (
        isinstance(prescribed, dict)
        and isinstance(prescribed.get("name"), str)
        and isinstance(prescribed.get("schema"), dict | None)
    )


def is_prescribed_right(document: Mapping[str, Any], version: Version) -> bool:
    """Return whether what a payload prescribes beside `response_format` has the right types."""
    named = document.get("structured_outputs")
    if version >= (0, 11, 0) and not isinstance(named, dict | None):
        return False
    return all(
        place.get(kind) is None or holds(place[kind])
        for place in _places(document, version)
        for kind, holds in _CHECKS.items()
    )


def structure_of(document: Mapping[str, Any], version: Version) -> Grammar | None:
    """Return what the answer has to keep to, or None.

    Raises:
        RequestError: If that is nothing that the engine can keep to.
    """
    found = list(_prescribed(document, version))
    if not found:
        return None
    kind, value = found[0]
    if kind == "choice":
        return Grammar(pattern="|".join(map(re.escape, value)))
    if kind == "json" and isinstance(value, str):
        value = json.loads(value)
    problem = pattern_problem(value) if kind == "regex" else schema_problem(value) or example_problem(value)
    if problem is not None:
        raise RequestError(f"The grammar is not valid: {problem}")
    return Grammar(pattern=value) if kind == "regex" else Grammar(schema=value)


def _prescribed(document: Mapping[str, Any], version: Version) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    match document.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            found.append(("json", schema))
        case {"type": "json_object"} | {"type": "json_schema"}:
            found.append(("json", _ANY_OBJECT))
    for place in _places(document, version):
        found += [(kind, place[kind]) for kind in ("json", "regex", "choice") if place.get(kind) is not None]
    return found


def _places(document: Mapping[str, Any], version: Version) -> list[Mapping[str, Any]]:
    """Return where a version looks: `guided_json` and the like became `structured_outputs` in 0.11, gone in 0.12."""
    named = document.get("structured_outputs") if version >= (0, 11, 0) else None
    guided = {kind: document.get(f"guided_{kind}") for kind in ("json", "regex", "choice")}
    return [named if isinstance(named, dict) else {}, guided if version < (0, 12, 0) else {}]


def _is_json(value: Any) -> bool:
    """Return whether `value` is a schema, or the text of one."""
    if not isinstance(value, str):
        return isinstance(value, dict)
    try:
        return isinstance(json.loads(value), dict)
    except ValueError:
        return False


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "json": _is_json,
    "regex": lambda value: isinstance(value, str),
    "choice": is_strings,
}
