"""TGI's guidance: an answer that a grammar prescribes (TGI documentation, "Guidance")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localaws.containers.schemas import example_of, schema_problem


def is_grammar(value: object) -> bool:
    """Return whether `value` has the form of the parameter `grammar`."""
    if not isinstance(value, dict) or "value" not in value:
        return False
    if value.get("type") == "regex":
        return isinstance(value["value"], str)
    return value.get("type") in ("json", "json_object", "json_schema")


def grammar_problem(grammar: Mapping[str, Any]) -> str | None:
    """Return why a grammar is refused, or None."""
    if grammar["type"] == "regex":
        # The answer that a container with --disable-grammar-support gives: the stand-in cannot write to a pattern.
        return "grammar is not supported"
    try:
        schema = _schema(grammar)
    except ValueError as error:
        return f"grammar is not valid: {error}"
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return "grammar is not valid: Grammar must have a 'properties' field"
    problem = schema_problem(schema)
    return None if problem is None else f"grammar is not valid: {problem}"


def prescribed_text(grammar: Mapping[str, Any] | None) -> str | None:
    """Return what a valid grammar has the model say, or None without one."""
    return None if grammar is None else json.dumps(example_of(_schema(grammar)), ensure_ascii=False)


def _schema(grammar: Mapping[str, Any]) -> Any:
    value = grammar["value"]
    schema = json.loads(value) if isinstance(value, str) else value
    if grammar["type"] == "json_schema" and isinstance(schema, dict):
        return schema.get("schema", schema)
    return schema
