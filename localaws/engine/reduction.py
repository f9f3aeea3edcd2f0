"""The part of a JSON schema that the small model's grammar keeps it to.

node-llama-cpp writes grammars for a part of JSON Schema, and leaves out silently what it does not know. A schema that
it would keep in part only has no reduction. Texts and lists without a bound get one: a small model seldom finds an end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_MOST_CHARACTERS: Final = 60
_MOST_ITEMS: Final = 3
_DEPTH: Final = 8
_ANY: Final[Mapping[str, Any]] = {"type": "string", "maxLength": _MOST_CHARACTERS}
# Members that say nothing about documents.
_ANNOTATIONS: Final = frozenset(
    {"$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated", "description", "examples"}
    | {"strict", "title"}
)
_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"type", "properties", "required", "additionalProperties"}),
    "array": frozenset({"type", "items", "minItems", "maxItems"}),
    "string": frozenset({"type", "minLength", "maxLength"}),
    "integer": frozenset({"type"}),
    "number": frozenset({"type"}),
    "boolean": frozenset({"type"}),
    "null": frozenset({"type"}),
}


# Members beside which the type says nothing more, in the order in which they are looked for.
_CHOICES: Final = ("$ref", "const", "enum", "anyOf", "oneOf")


class _UnknownError(Exception):
    """A part of a schema that no grammar would keep."""


def reduced(schema: Any) -> Mapping[str, Any] | None:
    """Return the schema that node-llama-cpp keeps all of, of a valid one; None where there is none."""
    try:
        return _of(schema, schema, 0)
    except _UnknownError:
        return None


def _of(schema: Any, root: Any, depth: int) -> Mapping[str, Any]:
    if depth > _DEPTH or schema is False:
        raise _UnknownError
    known = {name: value for name, value in ({} if schema is True else schema).items() if name not in _ANNOTATIONS}
    choices = next((name for name in _CHOICES if name in known), None)
    if choices is not None:
        return _chosen(choices, known, root, depth)
    kind = known.get("type", "object" if "properties" in known else None)
    if isinstance(kind, list):
        return _one_of([{**known, "type": one} for one in kind], root, depth)
    return _typed(kind, known, root, depth) if known else _ANY


def _chosen(name: str, known: Mapping[str, Any], root: Any, depth: int) -> Mapping[str, Any]:
    """Reduce a schema by the member that says all of it."""
    value = known[name]
    if name == "const":
        return {"const": _scalar(value)}
    if name == "enum":
        return {"enum": [_scalar(one) for one in value]}
    if len(known) > 1:
        raise _UnknownError
    return _of(_target(value, root), root, depth + 1) if name == "$ref" else _one_of(value, root, depth)


def _typed(kind: Any, known: Mapping[str, Any], root: Any, depth: int) -> Mapping[str, Any]:
    if not isinstance(kind, str) or set(known) - _MEMBERS[kind]:
        raise _UnknownError
    if kind == "object":
        return _object(known, root, depth)
    if kind == "array":
        least = known.get("minItems", 0)
        items = _of(known.get("items", True), root, depth + 1)
        return {"type": kind, "items": items, "minItems": least, "maxItems": known.get("maxItems", least + _MOST_ITEMS)}
    if kind == "string":
        least = known.get("minLength", 0)
        return {"type": kind, "minLength": least, "maxLength": known.get("maxLength", least + _MOST_CHARACTERS)}
    return {"type": kind}


def _object(known: Mapping[str, Any], root: Any, depth: int) -> Mapping[str, Any]:
    declared = known.get("properties", {})
    if set(known.get("required", ())) - set(declared):
        raise _UnknownError
    properties = {name: _of(part, root, depth + 1) for name, part in declared.items()}
    if not properties and known.get("additionalProperties", True) is not False:
        return {"type": "object", "additionalProperties": _of(known.get("additionalProperties", True), root, depth + 1)}
    return {"type": "object", "properties": properties}


def _one_of(options: Sequence[Any], root: Any, depth: int) -> Mapping[str, Any]:
    return {"oneOf": [_of(_narrowed(option), root, depth + 1) for option in options]}


def _narrowed(option: Any) -> Any:
    """Return an option without the members that are other types' (of `type` as a list)."""
    kind = option.get("type") if isinstance(option, dict) else None
    if not isinstance(kind, str):
        return option
    others = frozenset[str]().union(*_MEMBERS.values()) - _MEMBERS[kind]
    return {name: value for name, value in option.items() if name not in others}


def _target(reference: Any, root: Any) -> Any:
    found = root
    for part in str(reference).removeprefix("#").strip("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not name:
            continue
        if not isinstance(found, dict) or name not in found:
            raise _UnknownError
        found = found[name]
    return found


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise _UnknownError
    return value
