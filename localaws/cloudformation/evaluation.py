"""Puts a revision of a stack together with what it can refer to: other stacks, parameters, deployed resources."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from botocore.exceptions import ClientError

from localaws import clients
from localaws.cloudformation import parameters
from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.intrinsics import UNKNOWN, Evaluator, attributes_used, references
from localaws.cloudformation.stack import Revision, Stack, Tag
from localaws.cloudformation.store import Store
from localaws.cloudformation.template import ResourceDeclaration, Template
from localaws.resources import handler_for, is_supported, supported_types


class StackSurroundings:
    """Answers references from the stack's deployed resources, the region's exports and its SSM parameters."""

    def __init__(self, *, stack: Stack, store: Store) -> None:
        self.imports: set[str] = set()
        self._stack = stack
        self._store = store

    def reference(self, logical_id: str) -> Any:
        """Return the physical id of a deployed resource."""
        return self._stack.resources[logical_id].physical_id

    def attribute(self, logical_id: str, name: str) -> Any:
        """Return an attribute of a deployed resource."""
        resource = self._stack.resources[logical_id]
        if name not in resource.attributes:
            raise TemplateError(
                f"Requested attribute {name} does not exist in schema for {resource.type} ({logical_id})"
            )
        return resource.attributes[name]

    def imported(self, export_name: str) -> str:
        """Return the value of an export and remember that this stack uses it."""
        value = self._store.imported(self._stack.region, export_name)
        self.imports.add(export_name)
        return value

    def ssm_parameter(self, name: str) -> str:
        """Return the value of a parameter in the stack's region."""
        try:
            answer = clients.client("ssm", self._stack.region).get_parameter(Name=name)
        except ClientError as error:
            raise TemplateError(f"Unable to fetch parameters [{name}] from parameter store for this account") from error
        return str(answer["Parameter"]["Value"])


class PlannedSurroundings(StackSurroundings):
    """Answers references before a deployment: what it would create or replace is not known yet."""

    def __init__(self, *, stack: Stack, store: Store, template: Template) -> None:
        super().__init__(stack=stack, store=store)
        self._template = template
        self.unknown: set[str] = set()

    def reference(self, logical_id: str) -> Any:
        """Return the physical id, or the mark for one that is not known yet."""
        return UNKNOWN if self._is_unknown(logical_id) else super().reference(logical_id)

    def attribute(self, logical_id: str, name: str) -> Any:
        """Return the attribute, or the mark for one that is not known yet."""
        return UNKNOWN if self._is_unknown(logical_id) else super().attribute(logical_id, name)

    def _is_unknown(self, logical_id: str) -> bool:
        if logical_id not in self._template.resources:
            raise KeyError(logical_id)
        return logical_id in self.unknown or logical_id not in self._stack.resources


def evaluator(*, stack: Stack, revision: Revision, surroundings: StackSurroundings) -> Evaluator:
    """Return the evaluator of a revision, its parameters resolved and its rules checked.

    Raises:
        TemplateError: If a parameter's value is refused or a rule does not hold.
    """
    values = parameters.resolve(
        template=revision.template, given=revision.parameters, ssm_parameter=surroundings.ssm_parameter
    )
    made = Evaluator(
        template=revision.template,
        pseudo_parameters=stack.pseudo_parameters(),
        parameters=values,
        surroundings=surroundings,
    )
    parameters.check_rules(template=revision.template, evaluator=made)
    return made


def active_resources(template: Template, conditions: Evaluator) -> list[str]:
    """Return the logical ids of the resources whose condition holds, in the template's order."""
    return [
        logical_id
        for logical_id, declaration in template.resources.items()
        if declaration.condition is None or conditions.condition(declaration.condition)
    ]


def tagged(declaration: ResourceDeclaration, properties: dict[str, Any], tags: tuple[Tag, ...]) -> dict[str, Any]:
    """Return the properties with the stack's tags, where the type takes tags: in a list, or as SSM in a map."""
    own = properties.get("Tags", {} if declaration.type.startswith("AWS::SSM::") else [])
    if not tags or "Tags" not in handler_for(declaration.type).applied:
        return properties
    if isinstance(own, dict):
        return {**properties, "Tags": {**{tag["Key"]: tag["Value"] for tag in tags}, **own}}
    keys = {tag["Key"] for tag in own}
    return {**properties, "Tags": [*own, *(dict(tag) for tag in tags if tag["Key"] not in keys)]}


def check_template(template: Template) -> None:
    """Refuse what no deployment of the template could bring about.

    Raises:
        TemplateError: With every unknown resource type, unresolved name and unknown attribute.
    """
    types = {declaration.type for declaration in template.resources.values()}
    unknown = sorted(name for name in types if not is_supported(name))
    problems = []
    if unknown:
        problems.append(
            f"Unrecognized resource types: [{', '.join(unknown)}]; the local AWS has {', '.join(supported_types())} "
            "and custom resources"
        )
    names = {*template.resources, *template.parameters}
    blocks = {f"resource {name}": entry.properties for name, entry in template.resources.items()}
    blocks |= {f"output {name}": entry for name, entry in template.outputs.items()}
    for where, node in blocks.items():
        missing = sorted(name for name in references(node) - names if not name.startswith("AWS::"))
        if missing:
            problems.append(f"Unresolved resource dependencies [{', '.join(missing)}] in {where}")
        problems += _attribute_problems(template, attributes_used(node), where)
    if problems:
        raise TemplateError("Template format error: " + "; ".join(problems))


def _attribute_problems(template: Template, used: Collection[tuple[str, str]], where: str) -> list[str]:
    problems = []
    for logical_id, attribute in sorted(used):
        declaration = template.resources.get(logical_id)
        # Unknown names and types are reported elsewhere, once.
        if declaration is None or not is_supported(declaration.type):
            continue
        names = handler_for(declaration.type).attribute_names()
        if names is None or attribute in names:
            continue
        problems.append(
            f"resource {logical_id} ({declaration.type}) does not support attribute type {attribute} "
            f"in Fn::GetAtt, used in {where}"
        )
    return problems
