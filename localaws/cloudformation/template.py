"""Templates as they are written, before anything is evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from localaws.cloudformation.errors import TemplateError

Node = Any
"""A piece of a template: text, number, boolean, list or mapping, with intrinsic functions still in it."""

_SECTIONS: Final = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
    }
)
_RESOURCE_KEYS: Final = frozenset(
    {
        "Condition",
        "DeletionPolicy",
        "DependsOn",
        "Metadata",
        "Properties",
        "Type",
        "UpdateReplacePolicy",
    }
)
_DELETION_POLICIES: Final = ("Delete", "Retain", "RetainExceptOnCreate")
_REPLACE_POLICIES: Final = ("Delete", "Retain")
_LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDeclaration:
    """One entry of the Resources section.

    Attributes:
        logical_id: Its name within the template.
        type: E.g. `AWS::S3::Bucket`.
        properties: As written, intrinsic functions included.
        depends_on: The logical ids named by DependsOn.
        condition: The condition's name, or None: always there.
        deletion_policy: Delete, Retain or RetainExceptOnCreate.
        update_replace_policy: Delete or Retain: what becomes of the old one when it is replaced.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Node]
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed template whose sections have the right shape."""

    resources: Mapping[str, ResourceDeclaration]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    conditions: Mapping[str, Node] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, Node]] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Node]] = field(default_factory=dict)
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of the intrinsic functions (`!Ref`, `!Sub`, …)."""


def _short_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Node:
    value: Node
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TemplateError(f"Template format error: cannot read the value of !{name}")
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


def _as_written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    """Keep a date such as a policy's `Version: 2012-10-17` as text."""
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _short_form)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


def parse(body: str) -> Template:
    """Read a template in JSON or YAML.

    Raises:
        TemplateError: Naming every section, resource or attribute that is not understood.
    """
    document = _document(body)
    problems = [f"unsupported section {name}" for name in document if name not in _SECTIONS]
    declared = document.get("Resources")
    if not isinstance(declared, dict) or not declared:
        problems.append("at least one Resources member must be defined")
        declared = {}
    resources = {}
    for logical_id, entry in declared.items():
        found = _resource_problems(logical_id, entry, declared)
        problems += found
        if not found:
            resources[logical_id] = _declaration(logical_id, entry)
    problems += [
        f"output {name} has no Value" for name, output in document.get("Outputs", {}).items() if "Value" not in output
    ]
    if problems:
        raise TemplateError("Template format error: " + "; ".join(problems))
    return Template(
        resources=resources,
        parameters=document.get("Parameters", {}),
        mappings=document.get("Mappings", {}),
        conditions=document.get("Conditions", {}),
        rules=document.get("Rules", {}),
        outputs=document.get("Outputs", {}),
        description=document.get("Description"),
        metadata=document.get("Metadata", {}),
    )


def _document(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        try:
            document = yaml.load(body, _Loader)
        except yaml.YAMLError as error:
            raise TemplateError(f"Template format error: neither JSON nor YAML: {error}") from error
    if not isinstance(document, dict):
        raise TemplateError("Template format error: the template is not a mapping")
    return {name: section for name, section in document.items() if section is not None}


def _names(value: str | Iterable[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _resource_problems(logical_id: str, entry: Any, declared: Mapping[str, Any]) -> list[str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("Type"), str):
        return [f"resource {logical_id} has no Type"]
    problems = [
        f"resource {logical_id} has an unsupported attribute {key}" for key in entry if key not in _RESOURCE_KEYS
    ]
    if not _LOGICAL_ID.fullmatch(logical_id):
        problems.append(f"resource name {logical_id} is non alphanumeric")
    if not isinstance(entry.get("Properties", {}), dict):
        problems.append(f"the Properties of {logical_id} are not a mapping")
    problems += [
        f"unresolved resource dependencies [{name}] in the DependsOn of {logical_id}"
        for name in _names(entry.get("DependsOn"))
        if name not in declared
    ]
    for key, allowed in (("DeletionPolicy", _DELETION_POLICIES), ("UpdateReplacePolicy", _REPLACE_POLICIES)):
        if entry.get(key, "Delete") not in allowed:
            problems.append(f"{key} {entry[key]} of {logical_id} is not one of {', '.join(allowed)}")
    return problems


def _declaration(logical_id: str, entry: Mapping[str, Any]) -> ResourceDeclaration:
    return ResourceDeclaration(
        logical_id=logical_id,
        type=entry["Type"],
        properties=entry.get("Properties", {}),
        depends_on=_names(entry.get("DependsOn")),
        condition=entry.get("Condition"),
        deletion_policy=entry.get("DeletionPolicy", "Delete"),
        update_replace_policy=entry.get("UpdateReplacePolicy", "Delete"),
    )
