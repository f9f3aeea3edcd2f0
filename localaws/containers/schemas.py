"""An answer that keeps to a JSON schema, for requests that prescribe one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for

from localaws.containers.patterns import text_of

_BY_TYPE: Final[Mapping[str, Any]] = {
    "string": "stand-in",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}
# One text of each format that JSON Schema names and that models are asked for.
_BY_FORMAT: Final[Mapping[str, str]] = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "PT1H",
    "email": "stand-in@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/stand-in",
    "uuid": "00000000-0000-4000-8000-000000000001",
}
# A schema that refers to itself ends where it may be left out, or here.
_DEPTH: Final = 12


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


def example_problem(schema: Any) -> str | None:
    """Return why the stand-in has no document of a valid schema, or None; a real one would write what it can."""
    validator = validator_for(schema, default=Draft202012Validator)(schema) if isinstance(schema, dict) else None
    if validator is None:
        return None
    try:
        problem = next(validator.iter_errors(example_of(schema)), None)
    except (RecursionError, ValueError) as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None if problem is None else f"{problem.json_path}: {problem.message}"


def example_of(schema: Any) -> Any:
    """Return a small document of a valid JSON schema: all declared properties, the least of everything else.

    Knows `type`, `properties`, `required`, `additionalProperties`, `items` and `prefixItems` with their bounds,
    `enum`, `const`, the bounds of numbers and of texts, `pattern`, `format`, `allOf`, `anyOf`, `oneOf` and references
    within the document; all else of the schema is not looked at.
    """
    return _Examples(schema).of(schema, 0)


class _Examples:
    """Writes examples of the parts of one schema."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def of(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > _DEPTH:
            return None if isinstance(schema, dict) else _BY_TYPE["string"]
        if "const" in schema or schema.get("enum"):
            return schema["const"] if "const" in schema else schema["enum"][0]
        if "$ref" in schema:
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            return self.of({**self._target(schema["$ref"]), **rest}, depth + 1)
        if schema.get("allOf"):
            return self.of(self._joined(schema), depth + 1)
        choices = next((choices for choices in ("anyOf", "oneOf") if schema.get(choices)), None)
        return self._typed(schema, depth) if choices is None else self._first(schema, choices, depth)

    def _target(self, reference: Any) -> dict[str, Any]:
        """Return the part of the document that a reference names; empty where it leads nowhere."""
        found: Any = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            return {}
        for part in filter(None, reference.removeprefix("#").split("/")):
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def _joined(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        joined: dict[str, Any] = {name: value for name, value in schema.items() if name != "allOf"}
        for part in schema["allOf"]:
            known = {**self._target(part["$ref"]), **part} if isinstance(part, dict) and "$ref" in part else part
            for name, value in known.items() if isinstance(known, dict) else ():
                if name == "properties" and isinstance(joined.get(name), dict):
                    joined[name] = {**value, **joined[name]}
                elif name == "required" and isinstance(joined.get(name), list):
                    joined[name] = [*value, *joined[name]]
                elif name != "$ref":
                    joined.setdefault(name, value)
        return joined

    def _first(self, schema: Mapping[str, Any], choices: str, depth: int) -> Any:
        """Return an example of the first choice that is more than null, with what stands beside the choices."""
        rest = {name: value for name, value in schema.items() if name != choices}
        options = schema[choices]
        option = next((option for option in options if option != {"type": "null"}), options[0])
        if not isinstance(option, dict) or not {"type", "properties", "required"} & set(rest):
            return self.of(option, depth + 1)
        return self.of(self._joined({"allOf": [option, rest]}), depth + 1)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((name for name in kind if name != "null"), "null")
        if kind == "object" or (kind is None and ("properties" in schema or "required" in schema)):
            return self._object(schema, depth)
        if kind == "array" or (kind is None and ("items" in schema or "prefixItems" in schema)):
            return self._array(schema, depth)
        write: Callable[[Mapping[str, Any]], Any] | None = _WRITERS.get(kind) if isinstance(kind, str) else _string
        return _BY_TYPE.get(str(kind), _BY_TYPE["string"]) if write is None else write(schema)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        declared = schema.get("properties") or {}
        required = [name for name in schema.get("required") or () if name not in declared]
        other = schema.get("additionalProperties", True)
        names = [name for name in declared if depth < _DEPTH / 2 or name in (schema.get("required") or ())]
        example = {name: self.of(declared[name], depth + 1) for name in names}
        example |= {name: self.of(other, depth + 1) for name in required}
        for number in range(_whole(schema.get("minProperties")) - len(example)):
            example[f"key{number + 1}"] = self.of(other, depth + 1)
        return example

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        first = schema.get("prefixItems") or []
        items = schema.get("items", True)
        is_list = isinstance(items, list)
        first, items = (items, schema.get("additionalItems", True)) if is_list else (first, items)
        least = max(len(first), _whole(schema.get("minItems")) if "minItems" in schema else 0 if first else 1)
        length = min(least, _whole(schema["maxItems"])) if "maxItems" in schema else least
        if items is False:
            length = min(length, len(first))
        example = [self.of(first[place] if place < len(first) else items, depth + 1) for place in range(length)]
        return list(_distinct(example, items)) if schema.get("uniqueItems") else example


def _distinct(items: list[Any], schema: Any) -> Iterator[Any]:
    """Yield items that differ: the values of an enumeration one after the other, others with their number."""
    values = schema.get("enum") if isinstance(schema, dict) else None
    for place, item in enumerate(items):
        if values and place < len(values):
            yield values[place]
        elif place and isinstance(item, str):
            yield f"{item}{place + 1}"
        elif place and isinstance(item, int | float) and not isinstance(item, bool):
            yield item + place
        else:
            yield item


def _string(schema: Mapping[str, Any]) -> str:
    least = _whole(schema.get("minLength"))
    if isinstance(schema.get("pattern"), str):
        try:
            return text_of(schema["pattern"], at_least=least)
        except ValueError:
            return str(_BY_TYPE["string"])
    text = _BY_FORMAT.get(str(schema.get("format")), _BY_TYPE["string"])
    text += "." * (least - len(text))
    return str(text[: _whole(schema["maxLength"])] if "maxLength" in schema else text)


def _integer(schema: Mapping[str, Any]) -> int:
    return math.floor(_bounded(1, schema, step=1))


def _number(schema: Mapping[str, Any]) -> float:
    return _bounded(_BY_TYPE["number"], schema, step=0.5)


def _bounded(number: float, schema: Mapping[str, Any], *, step: float) -> float:
    """Return `number`, or the number next to it that keeps the schema's bounds and multiples."""
    lowest, highest = (
        _limit(schema, "minimum", "exclusiveMinimum", 1),
        _limit(schema, "maximum", "exclusiveMaximum", -1),
    )
    multiple = schema.get("multipleOf")
    if lowest is not None:
        bound, excluded = lowest
        number = max(number, bound + (step if excluded else 0))
    if highest is not None:
        bound, excluded = highest
        number = min(number, bound - (step if excluded else 0))
        if lowest is not None and number <= lowest[0] and lowest[1]:
            number = (lowest[0] + bound) / 2
    if isinstance(multiple, int | float) and multiple > 0:
        number = multiple * math.ceil(number / multiple)
        if highest is not None and number > highest[0]:
            number -= multiple
    if step == 1 and number != math.floor(number):
        number = math.ceil(number)
    return number


def _limit(schema: Mapping[str, Any], inclusive: str, exclusive: str, sign: int) -> tuple[float, bool] | None:
    """Return the tighter of two bounds, and whether it is excluded itself (a boolean in draft 4)."""
    found = []
    if _is_number(schema.get(inclusive)):
        found.append((schema[inclusive], schema.get(exclusive) is True))
    if _is_number(schema.get(exclusive)):
        found.append((schema[exclusive], True))
    return max(found, key=lambda bound: (sign * bound[0], bound[1])) if found else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> int:
    return min(int(value), 1000) if _is_number(value) else 0


_WRITERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
}
