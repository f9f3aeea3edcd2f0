"""vLLM's structured output: what a payload prescribes of its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from localaws.containers.engine import Grammar
from localaws.containers.patterns import pattern_problem
from localaws.containers.schemas import example_problem, schema_problem
from localaws.containers.settings import Version
from localaws.containers.vllm.errors import RequestError

# Any object will do for JSON mode; the stand-in writes one with an answer.
_ANY_OBJECT: Final = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


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
    # `guided_json` and the like became `structured_outputs` in 0.11 and were removed in 0.12.
    named = document.get("structured_outputs") if version >= (0, 11, 0) else None
    guided = {kind: document.get(f"guided_{kind}") for kind in ("json", "regex", "choice")}
    for place in (named if isinstance(named, dict) else {}, guided if version < (0, 12, 0) else {}):
        found += [(kind, place[kind]) for kind in ("json", "regex", "choice") if place.get(kind) is not None]
    return found
