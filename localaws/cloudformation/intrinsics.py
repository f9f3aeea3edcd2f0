"""Evaluates the intrinsic functions, pseudo parameters and dynamic references of a template."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.template import Node, Template

NO_VALUE: Final = object()
"""Value of `AWS::NoValue`: the list item or mapping entry that holds it disappears."""

UNKNOWN: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""CloudFormation's own mark, in a change set, for a value that only the deployment will bring."""

_VARIABLE: Final = re.compile(r"\$\{([^}]+)\}")
_DYNAMIC_REFERENCE: Final = re.compile(r"\{\{resolve:([^:}]+):([^}]+)\}\}")


class Surroundings(Protocol):
    """Values of an evaluation beyond the template and its parameters."""

    def reference(self, logical_id: str) -> Any:
        """Return what `Ref` gives for a deployed resource; KeyError where there is none."""

    def attribute(self, logical_id: str, name: str) -> Any:
        """Return what `Fn::GetAtt` gives for a deployed resource; KeyError where there is none."""

    def imported(self, export_name: str) -> str:
        """Return the value that another stack exports; TemplateError where none does."""

    def ssm_parameter(self, name: str) -> str:
        """Return the value of a Systems Manager parameter; TemplateError where there is none."""


class Evaluator:
    """Evaluates pieces of one template in one set of surroundings."""

    def __init__(
        self,
        *,
        template: Template,
        pseudo_parameters: Mapping[str, Any],
        parameters: Mapping[str, Any],
        surroundings: Surroundings,
    ) -> None:
        self._template = template
        self._constants = {**pseudo_parameters, **parameters}
        self._surroundings = surroundings
        self._conditions: dict[str, bool] = {}
        self._functions: dict[str, Callable[[Node], Any]] = {
            "Ref": self._ref,
            "Fn::Base64": self._base64,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::ImportValue": self._import_value,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }

        self._condition_functions: dict[str, Callable[[Node], bool]] = {
            "Condition": self.condition,
            "Fn::And": lambda items: all(map(self.holds, items)),
            "Fn::Contains": lambda items: self.evaluate(items[1]) in self.evaluate(items[0]),
            "Fn::Equals": lambda items: _text(self.evaluate(items[0])) == _text(self.evaluate(items[1])),
            "Fn::Not": lambda items: not self.holds(items[0]),
            "Fn::Or": lambda items: any(map(self.holds, items)),
        }

    def evaluate(self, node: Node) -> Any:
        """Return the value of a piece of the template.

        Raises:
            TemplateError: If it names something that does not exist, or uses an unsupported function.
        """
        if isinstance(node, dict):
            return self._evaluate_mapping(node)
        if isinstance(node, list):
            return [value for value in map(self.evaluate, node) if value is not NO_VALUE]
        if isinstance(node, str):
            return _DYNAMIC_REFERENCE.sub(self._dynamic_reference, node)
        return node

    def condition(self, name: str) -> bool:
        """Return whether the named condition holds."""
        if name not in self._template.conditions:
            raise TemplateError(f"Template validation error: unresolved condition dependency {name}")
        if name not in self._conditions:
            self._conditions[name] = self.holds(self._template.conditions[name])
        return self._conditions[name]

    def holds(self, node: Node) -> bool:
        """Return whether a condition expression holds."""
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict) or len(node) != 1:
            raise TemplateError(f"Template error: {node!r} is not a condition")
        [(function, argument)] = node.items()
        if function not in self._condition_functions:
            raise TemplateError(f"Template error: unsupported condition function {function}")
        return self._condition_functions[function](argument)

    def _evaluate_mapping(self, node: dict[str, Node]) -> Any:
        if len(node) == 1:
            [(key, argument)] = node.items()
            if key in self._functions:
                return self._functions[key](argument)
            if key.startswith("Fn::"):
                allowed = ", ".join(sorted(self._functions))
                raise TemplateError(f"Template error: unsupported intrinsic function {key}; supported are {allowed}")
        values = {key: self.evaluate(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._constants:
            return self._constants[name]
        try:
            return self._surroundings.reference(name)
        except KeyError:
            raise _unresolved(name) from None

    def _get_att(self, argument: str | Sequence[Node]) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        logical_id, attribute = parts[0], self.evaluate(parts[1])
        try:
            return self._surroundings.attribute(logical_id, attribute)
        except KeyError:
            raise _unresolved(logical_id) from None

    def _if(self, argument: Sequence[Node]) -> Any:
        name, if_true, if_false = argument
        return self.evaluate(if_true if self.condition(name) else if_false)

    def _join(self, argument: Sequence[Node]) -> str:
        delimiter, items = argument
        values = self.evaluate(items)
        if not isinstance(values, list):
            raise TemplateError(f"Template error: Fn::Join needs a list, not {values!r}")
        return str(delimiter).join(_text(value) for value in values)

    def _split(self, argument: Sequence[Node]) -> list[str]:
        delimiter, source = argument
        text = _text(self.evaluate(source))
        # The mark may hold the delimiter; split, it would not be found again.
        return [UNKNOWN] if UNKNOWN in text else text.split(delimiter)

    def _select(self, argument: Sequence[Node]) -> Any:
        index, values = int(self.evaluate(argument[0])), self.evaluate(argument[1])
        if any(UNKNOWN in str(value) for value in values):
            return UNKNOWN
        if not 0 <= index < len(values):
            raise TemplateError(f"Template error: Fn::Select cannot select {index} of {len(values)} values")
        return values[index]

    def _sub(self, argument: str | Sequence[Node]) -> str:
        text, variables = _sub_parts(argument)
        values = {name: self.evaluate(value) for name, value in variables.items()}

        def replacement(match: re.Match[str]) -> str:
            name = match.group(1).strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in values:
                return _text(values[name])
            return _text(self._get_att(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(replacement, text)

    def _base64(self, argument: Node) -> str:
        return base64.b64encode(_text(self.evaluate(argument)).encode()).decode()

    def _find_in_map(self, argument: Sequence[Node]) -> Any:
        keys = [_text(self.evaluate(key)) for key in argument]
        value: Any = self._template.mappings
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                raise TemplateError(f"Template error: unable to get mapping for {'::'.join(keys)}")
            value = value[key]
        return value

    def _import_value(self, argument: Node) -> str:
        return self._surroundings.imported(_text(self.evaluate(argument)))

    def _dynamic_reference(self, match: re.Match[str]) -> str:
        service, name = match.groups()
        if service != "ssm":
            raise TemplateError(f"Template error: unsupported dynamic reference to {service}; supported is ssm")
        return self._surroundings.ssm_parameter(name)


def _text(value: Any) -> str:
    """Return a scalar the way CloudFormation writes it into text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        raise TemplateError(f"Template error: {value!r} is not text")
    return str(value)


def _unresolved(name: str) -> TemplateError:
    return TemplateError(f"Template format error: Unresolved resource dependencies [{name}] in the template")


def references(node: Node) -> set[str]:
    """Return every name that a piece of a template refers to: resources, parameters and pseudo parameters."""
    if isinstance(node, list):
        return set().union(*map(references, node))
    if not isinstance(node, dict):
        return set()
    names: set[str] = set()
    for key, value in node.items():
        if key == "Ref" and isinstance(value, str):
            names.add(value)
        elif key == "Fn::GetAtt":
            names.add(value.split(".", 1)[0] if isinstance(value, str) else value[0])
        elif key == "Fn::Sub":
            names |= _sub_references(value)
        else:
            names |= references(value)
    return names


def attributes_used(node: Node) -> set[tuple[str, str]]:
    """Return each (logical id, attribute) that `Fn::GetAtt` or `Fn::Sub` asks for by a literal name."""
    if isinstance(node, list):
        return set().union(*map(attributes_used, node))
    if not isinstance(node, dict):
        return set()
    used: set[tuple[str, str]] = set()
    for key, value in node.items():
        if key == "Fn::GetAtt":
            logical_id, attribute = value.split(".", 1) if isinstance(value, str) else value
            if isinstance(attribute, str):
                used.add((logical_id, attribute))
        elif key == "Fn::Sub":
            text, variables = _sub_parts(value)
            names = [name.strip() for name in _VARIABLE.findall(text)]
            pairs = [name.split(".", 1) for name in names if "." in name and name not in variables and name[0] != "!"]
            used |= {(logical_id, attribute) for logical_id, attribute in pairs}
            used |= attributes_used(variables)
        else:
            used |= attributes_used(value)
    return used


def _sub_parts(argument: Node) -> tuple[str, Mapping[str, Node]]:
    """Return the text and the variables of `Fn::Sub`, which may be written without variables."""
    if isinstance(argument, str):
        return argument, {}
    text: str = argument[0]
    variables: Mapping[str, Node] = argument[1]
    return text, variables


def _sub_references(argument: str | Sequence[Node]) -> set[str]:
    text, variables = _sub_parts(argument)
    names = {name.strip() for name in _VARIABLE.findall(text)}
    live = {name.split(".", 1)[0] for name in names if not name.startswith("!") and name not in variables}
    return live | references(variables)
