"""The constraints of an API that botocore states but does not check: maxima, enumerations and patterns.

botocore refuses a missing parameter, a wrong type and a value below a minimum before it sends a call; all else it
leaves to the service. moto checks little of it, and that against lists that are years old.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, ServiceModel, Shape, StringShape, StructureShape


def refusal(service: str, operation: str, parameters: Mapping[str, Any]) -> str | None:
    """Return why a call is refused for its parameters, in the words of AWS's own validation, or None.

    Args:
        service: Name of the service in boto3, e.g. `sagemaker`.
        operation: The operation's name, e.g. `CreateEndpointConfig`.
        parameters: Its parameters, as the API names them.
    """
    shape = service_model(service).operation_model(operation).input_shape
    problems = list(_problems_of(shape, parameters, path=""))
    return detected(*problems) if problems else None


def detected(*problems: str) -> str:
    """Return the sentence with which AWS refuses parameters that break constraints."""
    errors = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {errors} detected: {'; '.join(problems)}"


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of a service."""
    loader = botocore.session.get_session().get_component("data_loader")
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def _problems_of(shape: Shape | None, value: Any, *, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                place = name[0].lower() + name[1:]
                yield from _problems_of(member, value[name], path=f"{path}.{place}" if path else place)
    elif isinstance(shape, ListShape):
        if len(value) > shape.metadata.get("max", len(value)):
            most = f"Member must have length less than or equal to {shape.metadata['max']}"
            yield f"Value at '{path}' failed to satisfy constraint: {most}"
        for position, item in enumerate(value, start=1):
            yield from _problems_of(shape.member, item, path=f"{path}.{position}.member")
    elif isinstance(shape, Shape):
        constraint = _violated(shape, value)
        if constraint is not None:
            yield f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _violated(shape: Shape, value: Any) -> str | None:
    metadata = shape.metadata
    if isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        if "max" in metadata and len(value) > metadata["max"]:
            return f"Member must have length less than or equal to {metadata['max']}"
        if "pattern" in metadata and not _fully_matches(metadata["pattern"], value):
            return f"Member must satisfy regular expression pattern: {metadata['pattern']}"
    elif shape.type_name in ("integer", "long", "float"):
        if "min" in metadata and value < metadata["min"]:
            return f"Member must have value greater than or equal to {metadata['min']}"
        if "max" in metadata and value > metadata["max"]:
            return f"Member must have value less than or equal to {metadata['max']}"
    return None


def _fully_matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        # Some patterns use Java's character classes (\p{L}), which Python does not know.
        return True
