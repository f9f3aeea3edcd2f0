"""Write a template as a text that a reviewer can read, with nothing left out of its hashes."""

import difflib
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 160

_ASSET = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")

_POLICIES = {
    "AWS::S3::BucketPolicy": ("Bucket", "PolicyDocument"),
    "AWS::SNS::TopicPolicy": ("Topics", "PolicyDocument"),
    "AWS::KMS::Key": (None, "KeyPolicy"),
    "AWS::ApiGateway::RestApi": (None, "Policy"),
}


def masked(text: str, assets: Mapping[str, str]) -> str:
    """Write the name of each known asset for its hash."""
    return _ASSET.sub(lambda found: f"<{assets[found[0]]}>" if found[0] in assets else found[0], text)


def digest(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """Write the digest of a template whose assets are masked, by section.

    A line of each resource has its logical id, its type, what becomes of it where that is not CloudFormation's default,
    and 12 hexadecimal digits of the SHA-256 of all of it. What matters most stands in full: statements by role, state
    machines and alarms. What the template has beside resources is
    hashed by section, outputs with their descriptions too.
    """
    resources: Mapping[str, Any] = template["Resources"]
    sections = {
        "Resources": [_resource_line(name, resource) for name, resource in sorted(resources.items())],
        "Outputs": [
            f"{name} = {text(output['Value'])}" for name, output in sorted(template.get("Outputs", {}).items())
        ],
        "Rest": [f"{name} {_hash(template[name])}" for name in sorted(set(template) - {"Resources"})],
    }
    for name, lines in sorted(_statements(resources).items()):
        sections[f"Statements: {name}"] = lines
    for name, properties in _of_type(resources, "AWS::StepFunctions::StateMachine"):
        sections[f"State machine: {name}"] = _state_machine(properties)
    for name, properties in _of_type(resources, "AWS::CloudWatch::Alarm"):
        sections[f"Alarm: {name}"] = [line for part in plain(properties).items() for line in _entry(*part)]
    return sections


def written(sections: Mapping[str, list[str]]) -> str:
    """Write sections as one text."""
    return "\n".join(
        f"{heading}\n" + "".join(f"  {line}\n" for line in lines) for heading, lines in sections.items() if lines
    )


def differences(base: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Write what another digest has not (`-`) and has (`+`), by section."""
    found: dict[str, list[str]] = {}
    for heading in {**base, **other}:
        lines = difflib.unified_diff(base.get(heading, []), other.get(heading, []), n=0, lineterm="")
        found[heading] = [f"{line[0]} {line[1:]}" for line in lines if not line.startswith(("---", "+++", "@@"))]
    return found


def text(value: Any) -> str:
    """Write a value of a template in one line, references as `${LogicalId.Attribute}`."""
    value = plain(value)
    return value if isinstance(value, str) else json.dumps(value)


def plain(value: Any) -> Any:
    """Replace the intrinsic functions that make one text by that text, with references as `${LogicalId.Attribute}`."""
    match value:
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(pattern)}:
            return pattern
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(text(part) for part in parts)
        case dict():
            return {name: plain(part) for name, part in value.items()}
        case list():
            return [plain(part) for part in value]
        case _:
            return value


def pretty(value: Any, indent: int = 0) -> str:
    """Write JSON with what fits into a line in one line."""
    line = json.dumps(value)
    if indent + len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        entries = [f"{inner}{json.dumps(name)}: {pretty(part, indent + 2)}" for name, part in value.items()]
        return "{\n" + ",\n".join(entries) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(f"{inner}{pretty(part, indent + 2)}" for part in value) + "\n" + " " * indent + "]"


def definition(properties: Mapping[str, Any]) -> Any:
    """Return the definition of a state machine, references as `${LogicalId.Attribute}`."""
    return json.loads(text(properties["DefinitionString"]))


def _resource_line(name: str, resource: Mapping[str, Any]) -> str:
    policies = [
        f"{policy}={resource[policy]}"
        for policy in ("DeletionPolicy", "UpdateReplacePolicy", "Condition")
        if policy in resource
    ]
    return " ".join([name, resource["Type"], *policies, _hash(resource)])


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _of_type(resources: Mapping[str, Any], resource_type: str) -> list[tuple[str, Any]]:
    return [(name, found["Properties"]) for name, found in sorted(resources.items()) if found["Type"] == resource_type]


def _statements(resources: Mapping[str, Any]) -> dict[str, list[str]]:
    """Write the statements of each role, and of each resource that has a policy of its own."""
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for name, properties in _of_type(resources, "AWS::IAM::Role"):
        holders[name] += _lines(properties["AssumeRolePolicyDocument"])
        holders[name] += [f"managed {text(arn)}" for arn in properties.get("ManagedPolicyArns", [])]
        for policy in properties.get("Policies", []):
            holders[name] += _lines(policy["PolicyDocument"])
    for _, properties in _of_type(resources, "AWS::IAM::Policy"):
        for role in properties["Roles"]:
            holders[text(role).strip("${}")] += _lines(properties["PolicyDocument"])
    for resource_type, (owner, document) in _POLICIES.items():
        for name, properties in _of_type(resources, resource_type):
            if document in properties:
                holder = text(properties[owner]).strip('${}[]"') if owner else name
                holders[holder] += _lines(properties[document])
    return dict(holders)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Write each statement: its effect and actions, and below it whom it is for, on what and when."""
    for statement in document["Statement"]:
        rest = dict(plain(statement))
        actions = rest.pop("Action", [])
        yield f"{rest.pop('Effect')} {' '.join([actions] if isinstance(actions, str) else actions)}"
        for name, value in rest.items():
            for part in value if isinstance(value, list) else [value]:
                yield f"  {name} {part if isinstance(part, str) else json.dumps(part)}"


def _state_machine(properties: Mapping[str, Any]) -> list[str]:
    machine = definition(properties)
    states = machine.pop("States")
    lines = [line for entry in sorted(machine.items()) for line in _entry(*entry)]
    for name, value in sorted(properties.items()):
        if name not in {"DefinitionString", "Tags"}:
            lines += _entry(name, plain(value))
    for name, state in states.items():
        lines.append(f"{name}: {state.pop('Type')}")
        lines += [f"  {line}" for entry in sorted(state.items()) for line in _entry(*entry)]
    return lines


def _entry(name: str, value: Any) -> list[str]:
    """Write an entry of a state or an alarm: each alternative, retry and catch in a line of its own."""
    match name, value:
        case "Retry", list():
            policies = [{key: part for key, part in policy.items() if key != "ErrorEquals"} for policy in value]
            return [
                line
                for policy, rest in zip(value, policies, strict=True)
                for line in (f"Retry {' '.join(policy['ErrorEquals'])}", f"  {json.dumps(rest)}")
            ]
        case "Catch" | "Choices", list():
            return [line for part in value for line in f"{name} {pretty(part)}".splitlines()]
        case _, str():
            return [f"{name} {value}"]
        case _:
            return f"{name} {pretty(value)}".splitlines()
