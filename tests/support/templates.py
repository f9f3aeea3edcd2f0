"""Short ways to read templates of stacks and of single constructs."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions

from tests.app.state_machine_calls import definition, machines, text


def template_of(stack: cdk.Stack) -> dict[str, Any]:
    """Return a stack's template."""
    return dict(assertions.Template.from_stack(stack).to_json())


def resources(stack: cdk.Stack, resource_type: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type, by logical id."""
    found = assertions.Template.from_stack(stack).find_resources(resource_type)
    return {name: dict(resource.get("Properties", {})) for name, resource in found.items()}


def only(stack: cdk.Stack, resource_type: str) -> dict[str, Any]:
    """Return the properties of the one resource of a type."""
    [properties] = resources(stack, resource_type).values()
    return properties


def listed(value: Any) -> list[Any]:
    """Return a value that a template may hold as a list or alone, as a list."""
    return value if isinstance(value, list) else [value]


def statements(template: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """Return the statements of the policies of a role, by the beginning of its logical id."""
    return [
        statement
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::Policy"
        if any(text(one).strip("<>").startswith(role) for one in resource["Properties"]["Roles"])
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]


def rights(template: Mapping[str, Any], role: str) -> dict[str, list[str]]:
    """Return the resources of each action that a role's policies allow, by the beginning of its logical id."""
    found: dict[str, list[str]] = {}
    for statement in statements(template, role):
        for action in listed(statement["Action"]):
            found.setdefault(action, []).extend(text(arn) for arn in listed(statement["Resource"]))
    return found


def states(template: Mapping[str, Any], machine: str) -> dict[str, Any]:
    """Return the states of a state machine by name."""
    [properties] = [one for _, one in machines(template) if one.get("StateMachineName") == machine]
    found: dict[str, Any] = definition(properties)["States"]
    return found
