"""Read the calls of a template's state machines, and the rights of their roles, from the template alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.loaders
import botocore.model
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

# Step Functions' names of services where they are not botocore's (developer guide, "Supported services").
_BOTOCORE_NAMES = {"eventbridge": "events", "sfn": "stepfunctions"}

# Actions of an import's caller on the imported model's key (Bedrock user guide, "Encryption of custom model
# import").
_MODEL_KEY = {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One task state.

    Attributes:
        place: Stack and state.
        service: Name of the service in botocore.
        operation: The API's operation.
        pattern: `sync` and the like, empty without.
        parameters: The state's `Parameters`, references resolved to `<LogicalId>` or `<LogicalId.Attribute>`.
    """

    place: str
    service: str
    operation: str
    pattern: str
    parameters: Mapping[str, Any]

    @property
    def model(self) -> botocore.model.OperationModel:
        """The operation's model in botocore."""
        return _service(self.service).operation_model(self.operation)


@cache
def _service(name: str) -> botocore.model.ServiceModel:
    document = botocore.loaders.Loader().load_service_model(name, "service-2")
    return botocore.model.ServiceModel(document, name)


def text(value: Any) -> str:
    """Return a template's text with references as `<LogicalId.Attribute>`."""
    match value:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(text(part) for part in parts)
        case _:
            return str(value)


def machines(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Iterate over the state machines of a template: logical ids and properties."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            yield name, resource["Properties"]


def is_framework(properties: Mapping[str, Any]) -> bool:
    """Return whether a state machine is the waiter of CDK's framework for custom resources, which alone has no name."""
    return "StateMachineName" not in properties


def role_of(properties: Mapping[str, Any]) -> str:
    """Return the logical id of a state machine's role."""
    return text(properties["RoleArn"]).strip("<>").removesuffix(".Arn")


def definition(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state machine's definition."""
    parsed: dict[str, Any] = json.loads(text(properties["DefinitionString"]))
    return parsed


def _states(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all states, those within Map and Parallel states too."""
    if isinstance(node, dict):
        yield from node.get("States", {}).items()
        for value in node.values():
            yield from _states(value)
    elif isinstance(node, list):
        for value in node:
            yield from _states(value)


def calls(properties: Mapping[str, Any], *, place: str) -> list[Call]:
    """Yield every call that a state machine makes."""
    found = []
    for name, state in _states(definition(properties)):
        if state["Type"] != "Task":
            continue
        _, is_integration, integration = state["Resource"].partition(":::")
        if not is_integration:
            # A function's own ARN.
            function = {"FunctionName": state["Resource"]}
            found.append(
                Call(place=f"{place}: {name}", service="lambda", operation="Invoke", pattern="", parameters=function)
            )
            continue
        parts = integration.removeprefix("aws-sdk:").split(":", 1)
        action, _, pattern = parts[1].partition(".")
        found.append(
            Call(
                place=f"{place}: {name}",
                service=_BOTOCORE_NAMES.get(parts[0], parts[0]),
                operation=action[:1].upper() + action[1:],
                pattern=pattern,
                parameters=state.get("Parameters", {}),
            )
        )
    return found


def parameter_problems(call: Call) -> list[str]:
    """Yield the problems of a call's parameters by the API's model; a path counts as the value it should lead to."""
    return list(_problems(call.model.input_shape, call.parameters, call.place, payload=call.service == "lambda"))


def _problems(shape: Shape | None, value: Any, place: str, *, payload: bool) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            yield f"{place} is {value!r}: allowed is an object"
            return
        # State machines write every name with a capital letter.
        members = {name[:1].upper() + name[1:]: member for name, member in shape.members.items()}
        given = {name.removesuffix(".$") for name in value}
        yield from (f"{place}.{name} is unknown to {shape.name}" for name in sorted(given - set(members)))
        required = {name[:1].upper() + name[1:] for name in shape.required_members}
        yield from (f"{place}.{name} is missing" for name in sorted(required - given))
        for name, item in value.items():
            if name.endswith(".$"):
                if not (isinstance(item, str) and item.startswith(("$", "States."))):
                    yield f"{place}.{name} is {item!r}: allowed is a path or an intrinsic function"
            elif name in members and not (payload and name == "Payload"):
                yield from _problems(members[name], item, f"{place}.{name}", payload=payload)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{place} is {value!r}: allowed is a list"
            return
        for number, item in enumerate(value):
            yield from _problems(shape.member, item, f"{place}[{number}]", payload=payload)
        yield from _range(shape, len(value), place)
    elif isinstance(shape, MapShape):
        for name, item in value.items():
            yield from _problems(shape.value, item, f"{place}.{name}", payload=payload)
    elif shape is not None:
        yield from _scalar(shape, value, place)


def _scalar(shape: Shape, value: Any, place: str) -> Iterator[str]:
    types: Mapping[str, tuple[type, ...]] = {
        "string": (str,),
        "boolean": (bool,),
        "integer": (int,),
        "long": (int,),
        "float": (int, float),
        "double": (int, float),
    }
    allowed = types.get(shape.type_name)
    if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)):
        yield f"{place} is {value!r}: allowed is {shape.type_name}"
        return
    if isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            yield f"{place} is {value!r}: allowed are {', '.join(shape.enum)}"
        # A value that is known only at deployment has no known length.
        if "<" not in value:
            yield from _range(shape, len(value), place)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range(shape, value, place)


def _range(shape: Shape, size: float, place: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        yield f"{place} is or has {size}: allowed are {least} to {most}"


def allowed(template: Mapping[str, Any], role: str) -> set[tuple[str, str]]:
    """Return the pairs of action and resource that a role's policies allow."""
    found = set()
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        documents = []
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in properties["Roles"]:
            documents.append(properties["PolicyDocument"])
        for document in documents:
            for statement in document["Statement"]:
                assert statement["Effect"] == "Allow"
                for action in _listed(statement["Action"]):
                    for arn in _listed(statement["Resource"]):
                        found.add((action, text(arn)))
    return found


def conditions(template: Mapping[str, Any], role: str, action: str) -> list[Any]:
    """Return the conditions of all of a role's statements with an action; None for a statement without."""
    return [
        statement.get("Condition")
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in resource["Properties"]["Roles"]
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if action in _listed(statement["Action"])
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def needed_actions(call: Call) -> set[str]:
    """Return the IAM actions that a call needs."""
    prefix = call.model.service_model.signing_name
    action = {"Invoke": "InvokeFunction"}.get(call.operation, call.operation)
    needed = {f"{prefix}:{action}"}
    names = {name.removesuffix(".$") for name in call.parameters}
    if call.service == "sagemaker" and "Tags" in names:
        needed.add("sagemaker:AddTags")
    if names & {"RoleArn", "ExecutionRoleArn"}:
        needed.add("iam:PassRole")
    if "AutoRollbackConfiguration" in call.parameters.get("DeploymentConfig", {}):
        needed.add("cloudwatch:DescribeAlarms")
    if names & {"JobTags", "ImportedModelTags"}:
        needed.add("bedrock:TagResource")
    if "ImportedModelKmsKeyId" in names:
        needed |= _MODEL_KEY
    assert not call.pattern, "tell what a job that is waited for takes beside the call"
    return needed
