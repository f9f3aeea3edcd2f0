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


def problems(service: str, operation: str, parameters: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the parameters of a call, in the words of AWS's own validation.

    Args:
        service: boto3's name of the service, e.g. ``sagemaker``.
        operation: the operation's name, e.g. ``CreateEndpointConfig``.
        parameters: its parameters, as the API names them.
    """
    shape = _service_model(service).operation_model(operation).input_shape
    return list(_problems_of(shape, parameters, path=""))


@cache
def _service_model(service: str) -> ServiceModel:
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
