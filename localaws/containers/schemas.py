"""An answer that keeps to a JSON schema, for requests that prescribe one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for

_BY_TYPE: Final[Mapping[str, Any]] = {
    "string": "stand-in",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}


def schema_problem(schema: Any) -> str | None:
    """Return where and why a document is no JSON schema of the draft that it names (2020-12 where none), or None."""
    if isinstance(schema, bool):
        return None
    if not isinstance(schema, dict):
        return f"{schema!r} is not a JSON schema"
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        return f"{error.json_path}: {error.message}"
    return None


def example_of(schema: Any) -> Any:
    """Return a small document of a valid JSON schema: all declared properties, the least of everything else.

    Knows `type`, `properties`, `items` with `minItems`, `enum`, `const`, `minimum`, `anyOf` and
    `oneOf`; all else of the schema is not looked at.
    """
    if not isinstance(schema, dict):
        return _BY_TYPE["string"]
    for choices in ("enum", "anyOf", "oneOf"):
        if schema.get(choices):
            return schema[choices][0] if choices == "enum" else example_of(schema[choices][0])
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return {name: example_of(of) for name, of in schema.get("properties", {}).items()}
    if kind == "array":
        return [example_of(schema.get("items"))] * max(1, int(schema.get("minItems", 1)))
    example = _BY_TYPE[kind if isinstance(kind, str) and kind in _BY_TYPE else "string"]
    return max(example, schema["minimum"]) if kind in ("integer", "number") and "minimum" in schema else example
