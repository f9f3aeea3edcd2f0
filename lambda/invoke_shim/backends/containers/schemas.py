"""Write tools and forms of an answer as TGI's grammars take them."""

from collections.abc import Mapping
from json import dumps
from typing import Any

from invoke_shim.generation.messages import Function

MAX_WRITTEN = 32 * 1024
"""Characters of definitions that are written into a tool's schema; what is beyond stays a reference. 128 tools with as
much stay below the 6 MB that SageMaker takes."""

MAX_DEPTH = 64
"""Lists and objects in each other within which references are written out."""

_STRING = r'"([^"\\\x00-\x1F\x7F-\x9F]|\\["\\/bfnrt])*"'
_NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_DEPTH = 3
"""Lists and objects in each other, such as an object with a list of objects.

TGI's engine (interegular, measured) takes 0.4 s for two levels and 4 s for three, once for a container's life; the size
grows four times with each, and digits that are counted make it four times as much again.
"""


def tgi_grammar(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the grammar of OpenAI's `response_format`, which is `json_object` or `json_schema`.

    A schema needs properties (`validation.rs`), which "any object" has none of: that is a regular expression.
    """
    if form["type"] == "json_object":
        return {"type": "regex", "value": json_object_regex()}
    return {"type": "json", "value": form["json_schema"]["schema"]}


def json_object_regex() -> str:
    """Return the regular expression of an object of JSON, with as little white space as TGI's own grammars allow."""
    value = f"({_STRING}|{_NUMBER}|true|false|null)"
    found = _object(value)
    for _ in range(_DEPTH - 1):
        value = f"({_STRING}|{_NUMBER}|true|false|null|{_list(value)}|{found})"
        found = _object(value)
    return found


def _list(value: str) -> str:
    return rf"\[[ ]?({value}([ ]?,[ ]?{value})*)?[ ]?\]"


def _object(value: str) -> str:
    member = f"{_STRING}[ ]?:[ ]?{value}"
    return rf"\{{[ ]?({member}([ ]?,[ ]?{member})*)?[ ]?\}}"


def tgi_function(function: Function) -> dict[str, Any]:
    """Return a tool; TGI needs parameters, and reads nothing of their schema but properties and required names.

    So references within the schema are written out, as their targets would be missing.
    """
    schema = dict(function.parameters or {"type": "object", "properties": {}})
    definitions = {
        f"#/{where}/{name}": target
        for where in ("$defs", "definitions")
        if isinstance(schema.get(where), dict)
        for name, target in schema[where].items()
    }
    if definitions:
        schema = _Inliner(definitions).inlined(schema, ())
    values: dict[str, Any] = {"name": function.name, "parameters": schema}
    if function.description is not None:
        values["description"] = function.description
    return {"type": "function", "function": values}


class _Inliner:
    """Writes references out, but not those of a schema to itself, and only so many."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._left = MAX_WRITTEN

    def inlined(self, node: Any, around: tuple[str, ...], depth: int = 0) -> Any:
        if isinstance(node, list):
            return [self.inlined(member, around, depth + 1) for member in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str) and self._writes(reference, around, depth):
            beside = {name: value for name, value in node.items() if name != "$ref"}
            target = self._definitions[reference]
            node = {**target, **beside} if isinstance(target, dict) else beside
            around = (*around, reference)
        return {name: self.inlined(value, around, depth + 1) for name, value in node.items()}

    def _writes(self, reference: str, around: tuple[str, ...], depth: int) -> bool:
        """Decide whether a reference is written out, and count its target's characters."""
        if reference not in self._definitions or reference in around or depth >= MAX_DEPTH or self._left <= 0:
            return False
        self._left -= len(dumps(self._definitions[reference]))
        return self._left > 0
