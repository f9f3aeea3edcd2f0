"""Properties and attributes of resource types, from the resource schemas that cfn-lint ships.

They are CloudFormation's own registry schemas (`aws cloudformation describe-type`). Checked are names, required
properties, types, enumerations, patterns, lengths and ranges; combinations (`anyOf`, `oneOf`) are not, since
those of the published schemas are not reliable.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

Schema = Mapping[str, Any]

# The schemas hardly differ between regions, and this one has every type.
_REGION: Final = "us-east-1"

# cfn-lint's manager fills its caches without a lock.
_LOADING: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type, by its schema.

    Attributes:
        name: E.g. `AWS::S3::Bucket`.
        schema: The JSON schema of the properties.
        attributes: Names that `Fn::GetAtt` may ask for.
        create_only: Paths (tuples of keys) whose change replaces the resource.
        identifier: The properties that together name the resource; empty where the service chooses the name.
    """

    name: str
    schema: Schema
    attributes: frozenset[str]
    create_only: tuple[tuple[str, ...], ...]
    identifier: tuple[str, ...]

    def problems(self, properties: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with evaluated properties, in CloudFormation's words."""
        return list(_problems(self.schema, properties, root=self.schema, path="#"))

    def replacing(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        """Return the properties (top level) whose change from `old` to `new` takes a new resource."""
        return sorted({path[0] for path in self.create_only if _at(old, path) != _at(new, path)})


def resource_type(name: str) -> ResourceType:
    """Return what is known of a resource type.

    Raises:
        KeyError: If CloudFormation has no such type.
    """
    with _LOADING:
        return _resource_type(name)


@cache
def _resource_type(name: str) -> ResourceType:
    # Imported late: it takes half a second or more, and only a deployment needs it.
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError  # noqa: PLC0415 - see above

    try:
        provider = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, name)
    except ResourceNotFoundError as error:
        raise KeyError(name) from error
    schema = provider.schema
    read_only = set(schema.get("readOnlyProperties", ()))
    identifier = schema.get("primaryIdentifier", ())
    chosen_by_service = any(path in read_only for path in identifier)
    return ResourceType(
        name=name,
        schema=schema,
        attributes=frozenset(provider.get_atts),
        create_only=tuple(tuple(path.split("/")[2:]) for path in schema.get("createOnlyProperties", ())),
        identifier=() if chosen_by_service else tuple(path.split("/")[2] for path in identifier),
    )


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(value, Mapping):
            return value
        value = value.get(key)
    return value


def _problems(schema: Schema, value: Any, *, root: Schema, path: str) -> Iterator[str]:
    schema = _resolved(schema, root)
    types = schema.get("type", [])
    if types and not _is_of_type(value, [types] if isinstance(types, str) else types):
        yield f"[{path}: expected type: {types}, found: {type(value).__name__} {value!r}]"
        return
    if isinstance(value, Mapping):
        yield from _mapping_problems(schema, value, root=root, path=path)
    elif isinstance(value, list):
        yield from _list_problems(schema, value, root=root, path=path)
    else:
        yield from _scalar_problems(schema, value, path=path)


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        target: Any = root
        for key in schema["$ref"].split("/")[1:]:
            target = target[key]
        schema = target
    return schema


def _is_of_type(value: Any, types: list[str]) -> bool:
    """Return whether CloudFormation takes `value` for one of `types`: it turns text into numbers and back."""
    return any(_is_of_one_type(value, name) for name in types)


def _is_of_one_type(value: Any, name: str) -> bool:
    match name:
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "integer":
            return not isinstance(value, bool) and re.fullmatch(r"-?\d+(\.0)?", str(value)) is not None
        case "number":
            return not isinstance(value, bool) and re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", str(value)) is not None
    return isinstance(value, str | int | float)


def _mapping_problems(schema: Schema, value: Mapping[str, Any], *, root: Schema, path: str) -> Iterator[str]:
    declared = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    read_only = {entry.split("/")[2] for entry in root.get("readOnlyProperties", ()) if entry.count("/") == 2}
    for name in schema.get("required", ()):
        if name not in value:
            yield f"[{path}: required key [{name}] not found]"
    for name, item in value.items():
        matching = [sub for pattern, sub in patterns.items() if _matches(pattern, name)]
        if name in declared:
            matching.append(declared[name])
        if path == "#" and name in read_only:
            yield f"[{path}: [{name}] is read-only]"
        elif not matching and schema.get("additionalProperties", True) is False:
            yield f"[{path}: extraneous key [{name}] is not permitted]"
        for sub in matching:
            yield from _problems(sub, item, root=root, path=f"{path}/{name}")


def _list_problems(schema: Schema, value: list[Any], *, root: Schema, path: str) -> Iterator[str]:
    yield from _limit_problems(schema, len(value), least="minItems", most="maxItems", what="items", path=path)
    if isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _problems(schema["items"], item, root=root, path=f"{path}/{index}")


def _scalar_problems(schema: Schema, value: Any, *, path: str) -> Iterator[str]:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    allowed = [str(item).lower() if isinstance(item, bool) else str(item) for item in schema.get("enum", ())]
    if allowed and text not in allowed:
        yield f"[{path}: {text} is not a valid enum value; allowed are {', '.join(allowed)}]"
    if "pattern" in schema and not _matches(schema["pattern"], text):
        yield f"[{path}: failed validation constraint for keyword [pattern]: {text!r} !~ {schema['pattern']}]"
    yield from _limit_problems(schema, len(text), least="minLength", most="maxLength", what="characters", path=path)
    if "minimum" in schema or "maximum" in schema:
        yield from _limit_problems(schema, float(text), least="minimum", most="maximum", what="", path=path)


def _limit_problems(schema: Schema, size: float, *, least: str, most: str, what: str, path: str) -> Iterator[str]:
    if size < schema.get(least, size):
        yield f"[{path}: {size:g} {what} is less than the {least} of {schema[least]}]".replace("  ", " ")
    if size > schema.get(most, size):
        yield f"[{path}: {size:g} {what} is more than the {most} of {schema[most]}]".replace("  ", " ")


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        # Some patterns use classes of other dialects (\p{L}); the service's own check has to do there.
        return True
