"""TGI's guidance: an answer that a grammar prescribes (TGI documentation, "Guidance").

From 3.0 on the router itself makes a regular expression of a schema, by `outlines-core` 0.1: it knows only the
keywords of `_STRUCTURES`, and follows references from the root of the schema. A tool's own schema is not the root
of the schema of tools, so that references in it lead nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from localaws.containers.engine import Grammar
from localaws.containers.patterns import pattern_problem
from localaws.containers.schemas import example_problem, schema_problem
from localaws.containers.settings import Version

# What `outlines-core` 0.1 makes a regular expression of; any other subschema that is not empty is refused.
_STRUCTURES: Final = ("properties", "allOf", "anyOf", "oneOf", "prefixItems", "enum", "const", "$ref", "type")


def is_grammar(value: object, version: Version) -> bool:
    """Return whether `value` has the form of the parameter `grammar`, or of `response_format`, in a version of TGI.

    It is TGI's own form, not OpenAI's: `{"type": ..., "value": ...}`. `json_schema` is known from 3.3.0 on.
    """
    if not isinstance(value, dict) or "value" not in value:
        return False
    if value.get("type") == "regex":
        return isinstance(value["value"], str)
    if value.get("type") == "json_schema":
        config = value["value"]
        is_config = isinstance(config, dict) and "schema" in config and isinstance(config.get("name") or "", str)
        return version >= (3, 3, 0) and is_config
    return value.get("type") in ("json", "json_object")


def grammar_problem(grammar: Mapping[str, Any], version: Version) -> str | None:
    """Return why a grammar is refused, or None."""
    try:
        schema = None if grammar["type"] == "regex" else _schema(grammar)
    except ValueError as error:
        return f"grammar is not valid: {error}"
    if grammar["type"] == "regex":
        problem = pattern_problem(grammar["value"])
    elif not isinstance(schema, dict):
        return "grammar is not supported"
    else:
        problem = schema_problem(schema)
        if problem is None and "properties" not in schema:
            problem = "Grammar must have a 'properties' field"
        structure = _structure_problem(schema) if problem is None else None
        if structure is not None and version >= (3, 0, 0):
            # Before 3.0 the model's server finds it, in Python.
            return f"cannot compile regex from schema: {structure}"
        problem = problem or structure or example_problem(schema)
    return None if problem is None else f"grammar is not valid: {problem}"


def grammar_of(grammar: Mapping[str, Any] | None) -> Grammar | None:
    """Return what a valid grammar asks of the engine, or None without one."""
    if grammar is None:
        return None
    if grammar["type"] == "regex":
        return Grammar(pattern=grammar["value"])
    return Grammar(schema=_schema(grammar))


def _schema(grammar: Mapping[str, Any]) -> Any:
    value = grammar["value"]
    if grammar["type"] == "json_schema":
        return value["schema"]
    return json.loads(value) if isinstance(value, str) else value


def _structure_problem(schema: Mapping[str, Any]) -> str | None:
    for part in _subschemas(schema):
        if part and not any(name in part for name in _STRUCTURES):
            return f"Unsupported JSON Schema structure {json.dumps(part)} \nMake sure it is valid to the JSON Schema"
        reference = part.get("$ref")
        if isinstance(reference, str) and not _leads(reference, schema):
            return f"Failed to resolve reference {reference}"
    return None


def _subschemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, dict):
        return
    yield schema
    for name in ("properties", "$defs", "definitions", "$functions"):
        for part in (schema.get(name) or {}).values() if isinstance(schema.get(name), dict) else ():
            yield from _subschemas(part)
    for name in ("allOf", "anyOf", "oneOf", "prefixItems"):
        for part in schema.get(name) or ():
            yield from _subschemas(part)
    yield from _subschemas(schema.get("items"))


def _leads(reference: str, root: Mapping[str, Any]) -> bool:
    found: Any = root
    for part in filter(None, reference.removeprefix("#").split("/")):
        found = found.get(part) if isinstance(found, dict) else None
    return reference.startswith("#") and found is not None
