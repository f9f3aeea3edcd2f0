"""The base of resource handlers: create, update and delete one resource type through boto3."""

from __future__ import annotations

import json
import secrets
import string
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol

from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from localaws import clients
from localaws.cloudformation.errors import ResourceError
from localaws.cloudformation.schemas import resource_type

Properties = Mapping[str, Any]
"""Evaluated properties of a resource."""

Attributes = dict[str, Any]
"""Values of `Fn::GetAtt` for a resource, by attribute name."""

# CloudFormation appends twelve of these to a stack's and a resource's name.
_SUFFIX_ALPHABET: Final = string.ascii_uppercase + string.digits
_SUFFIX_LENGTH: Final = 12

# The error codes with which the services used here say that something does not exist.
_MISSING_CODES: Final = frozenset(
    {
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchHostedZone",
        "NotFound",
        "NotFoundException",
        "ParameterNotFound",
        "RepositoryNotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "WAFNonexistentItemException",
    }
)


class StackIdentity(Protocol):
    """The part of a stack that handlers see."""

    @property
    def name(self) -> str:
        """The stack's name."""

    @property
    def id(self) -> str:
        """The stack's ARN."""

    @property
    def region(self) -> str:
        """The stack's region."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One operation on one resource.

    Attributes:
        stack: The stack that the resource belongs to.
        logical_id: Its name in the template.
        resource_type: E.g. `AWS::S3::Bucket`.
        physical_id: The value of `Ref`; set by `Handler.create` as soon as there is something to delete, so that a
            resource that was created but could not be configured is not left behind.
        attributes: The values of `Fn::GetAtt` when it was last created or updated.
    """

    stack: StackIdentity
    logical_id: str
    resource_type: str
    physical_id: str | None = None
    attributes: Attributes = field(default_factory=dict)

    @property
    def region(self) -> str:
        """The region of the resource."""
        return self.stack.region

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service in the stack's region."""
        return clients.client(service, self.region)

    def generated_name(self, longest: int = 64) -> str:
        """Return a name like those that CloudFormation gives: stack, logical id, twelve random characters."""
        suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(_SUFFIX_LENGTH))
        room = longest - _SUFFIX_LENGTH - 1
        logical_id = self.logical_id[: max(room - len(self.stack.name) - 1, room // 2)]
        stack_name = self.stack.name[: room - len(logical_id) - 1]
        return f"{stack_name}-{logical_id}-{suffix}"


class Handler(ABC):
    """Creates, updates and deletes the resources of one type.

    Every property of the template must be named in `applied` or `without_effect`; any other one fails the
    deployment rather than being dropped in silence.
    """

    type_name: ClassVar[str]
    """The resource type, e.g. `AWS::S3::Bucket`."""

    applied: ClassVar[frozenset[str]]
    """The properties that the handler passes on to the service."""

    without_effect: ClassVar[Mapping[str, str]] = {}
    """The properties that change nothing here, each with the reason."""

    @abstractmethod
    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the resource, set `context.physical_id` and return its attributes."""

    @abstractmethod
    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Change the resource `context.physical_id` in place and return its attributes.

        Only called when no property changed that takes a new resource.
        """

    @abstractmethod
    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the resource `context.physical_id`."""

    def problems(self, properties: Properties) -> list[str]:
        """Return what is wrong with evaluated properties: against the type's schema, and what is not done here."""
        problems = resource_type(self.type_name).problems(properties)
        known = self.applied | set(self.without_effect)
        schema_names = resource_type(self.type_name).schema["properties"]
        return problems + [
            f"[#: the local AWS does not support the property [{name}] of {self.type_name}]"
            for name in properties
            if name in schema_names and name not in known
        ]

    def replacing(self, old: Properties, new: Properties) -> list[str]:
        """Return the properties whose change from `old` to `new` takes a new resource."""
        return resource_type(self.type_name).replacing(old, new)

    def identifier(self) -> tuple[str, ...]:
        """Return the properties that together name the resource; none where the service chooses the name."""
        return resource_type(self.type_name).identifier

    def attribute_names(self) -> frozenset[str] | None:
        """Return what `Fn::GetAtt` may ask for; None: anything."""
        return resource_type(self.type_name).attributes


def is_missing(error: Exception) -> bool:
    """Return whether a service says that what should be deleted does not exist."""
    if not isinstance(error, ClientError):
        return False
    details = error.response.get("Error", {})
    if details.get("Code") in _MISSING_CODES:
        return True
    # SageMaker has no code of its own for it (ValidationException in its API reference).
    return details.get("Code") == "ValidationException" and "Could not find" in details.get("Message", "")


def call(client: Any, operation: str, /, **parameters: Any) -> dict[str, Any]:
    """Call an operation with CloudFormation's values, converted to the types that the service's model asks for.

    Names that the operation does not know are left to botocore, which refuses them.
    """
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    converted = {
        name: converted_to(model.input_shape.members.get(name), value)
        for name, value in parameters.items()
        if value is not None
    }
    answer: dict[str, Any] = getattr(client, operation)(**converted)
    return answer


def converted_to(shape: Shape | None, value: Any) -> Any:
    """Return `value` with text where the shape wants text and numbers where it wants numbers.

    CloudFormation takes `"30"` for 30 and `"true"` for true; botocore does not.
    """
    if isinstance(value, Mapping) and isinstance(shape, StructureShape):
        return {key: converted_to(shape.members.get(key), item) for key, item in value.items()}
    if isinstance(value, Mapping) and isinstance(shape, MapShape):
        return {key: converted_to(shape.value, item) for key, item in value.items()}
    if isinstance(value, list) and isinstance(shape, ListShape):
        return [converted_to(shape.member, item) for item in value]
    return value if shape is None else _scalar(shape.type_name, value)


def _scalar(type_name: str, value: Any) -> Any:
    if type_name in ("integer", "long") and isinstance(value, str | float):
        return int(value)
    if type_name in ("float", "double") and isinstance(value, str | int) and not isinstance(value, bool):
        return float(value)
    if type_name == "boolean" and isinstance(value, str):
        return value == "true"
    if type_name == "string" and isinstance(value, bool):
        return str(value).lower()
    if type_name == "string" and isinstance(value, int | float):
        return str(value)
    return value


def is_true(value: Any) -> bool:
    """Return a boolean property, which templates may give as text."""
    return value is True or value == "true"


def without(properties: Properties, *names: str) -> dict[str, Any]:
    """Return the properties but for those named."""
    return {name: value for name, value in properties.items() if name not in names}


def renamed(structure: Properties, names: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """Return a structure with the service's names in place of CloudFormation's.

    Args:
        structure: By CloudFormation's names.
        names: The service's name of each of CloudFormation's.
        where: The property's path, for the error.

    Raises:
        ResourceError: If the structure has a name that is not in `names`.
    """
    unsupported = sorted(set(structure) - set(names))
    if unsupported:
        raise ResourceError(f"{where}: {', '.join(unsupported)} not supported here; supported: {', '.join(names)}")
    return {names[name]: value for name, value in structure.items()}


def lower_camel(value: Any) -> Any:
    """Return a structure with its keys' first letters in lower case, as API Gateway and ECR write them."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: lower_camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [lower_camel(item) for item in value]
    return value


def policy_text(document: Mapping[str, Any] | str | Sequence[Any]) -> str:
    """Return a policy document as the JSON text that the APIs take."""
    return document if isinstance(document, str) else json.dumps(document)
