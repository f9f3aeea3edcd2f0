"""The values of a template's parameters and the checks that the template makes of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.intrinsics import Evaluator
from localaws.cloudformation.template import Template

_SSM_VALUE: Final = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
_LISTS: Final = ("CommaDelimitedList", "List<String>", "List<Number>")
_SUPPORTED: Final = ("String", "Number", *_LISTS)


def resolve(
    *, template: Template, given: Mapping[str, str], ssm_parameter: Callable[[str], str]
) -> dict[str, str | list[str]]:
    """Return the value of each parameter, as `Ref` gives it.

    Args:
        template: The template that declares the parameters.
        given: The values of the request, by parameter name.
        ssm_parameter: Reads a Systems Manager parameter by name.

    Raises:
        TemplateError: With every value that is missing, unknown or not allowed.
    """
    unknown = sorted(set(given) - set(template.parameters))
    problems = [f"Parameters: [{', '.join(unknown)}] do not exist in the template"] if unknown else []
    missing = sorted(
        name for name, entry in template.parameters.items() if name not in given and "Default" not in entry
    )
    if missing:
        problems.append(f"Parameters: [{', '.join(missing)}] must have values")
    values: dict[str, str | list[str]] = {}
    for name, entry in template.parameters.items():
        if name in missing:
            continue
        text = str(given.get(name, entry.get("Default")))
        kind = str(entry.get("Type", "String"))
        if ssm := _SSM_VALUE.fullmatch(kind):
            kind, text = ssm.group(1), ssm_parameter(text)
        problems += _problems(name=name, kind=kind, text=text, entry=entry)
        values[name] = [item.strip() for item in text.split(",")] if kind in _LISTS else text
    if problems:
        raise TemplateError("; ".join(problems))
    return values


def _problems(*, name: str, kind: str, text: str, entry: Mapping[str, Any]) -> list[str]:
    if kind not in _SUPPORTED:
        return [f"Template format error: unsupported type {kind} of parameter {name}; supported are {_SUPPORTED}"]
    problems = []
    allowed = [str(value) for value in entry.get("AllowedValues", [])]
    if allowed and text not in allowed:
        problems.append(f"Parameter {name} must be one of {', '.join(allowed)}, not {text!r}")
    pattern = entry.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, text):
        hint = entry.get("ConstraintDescription", f"must match pattern {pattern}")
        problems.append(f"Parameter {name} failed to satisfy constraint: {hint}")
    if not entry.get("MinLength", 0) <= len(text) <= entry.get("MaxLength", len(text)):
        problems.append(f"Parameter {name} has {len(text)} characters, which its length limits do not allow")
    if kind == "Number":
        try:
            number = float(text)
        except ValueError:
            return [*problems, f"Parameter {name} must be a number, not {text!r}"]
        if not entry.get("MinValue", number) <= number <= entry.get("MaxValue", number):
            problems.append(f"Parameter {name} is {text}, which its value limits do not allow")
    return problems


def check_rules(*, template: Template, evaluator: Evaluator) -> None:
    """Evaluate the Rules section (the CDK's check of the bootstrap version is one).

    Raises:
        TemplateError: With the description of every assertion that does not hold.
    """
    failed = []
    for name, rule in template.rules.items():
        if "RuleCondition" in rule and not evaluator.holds(rule["RuleCondition"]):
            continue
        failed += [
            str(assertion.get("AssertDescription", name))
            for assertion in rule["Assertions"]
            if not evaluator.holds(assertion["Assert"])
        ]
    if failed:
        raise TemplateError("Template rule assertion failed: " + "; ".join(failed))
