"""The input of a target: the whole event, a part of it, a constant, or a template filled from it.

Source: EventBridge User Guide, "Input transformation".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from localaws.stepfunctions import paths

_PLACEHOLDER: Final = re.compile(r"<([A-Za-z0-9_.-]+)>")


class InputError(Exception):
    """The input of a target cannot be made."""


def text_for(target: Mapping[str, Any], event: Mapping[str, Any], *, rule_arn: str) -> str:
    """Return the input of a target as text.

    Args:
        target: The target as PutTargets gave it.
        event: The event.
        rule_arn: The rule's ARN.

    Raises:
        InputError: If a path is malformed or a placeholder has no value.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], event, rule_arn=rule_arn)
    try:
        return json.dumps(paths.select(target.get("InputPath") or "$", event))
    except paths.PathError as error:
        raise InputError(str(error)) from error


def _transformed(transformer: Mapping[str, Any], event: Mapping[str, Any], *, rule_arn: str) -> str:
    values: dict[str, Any] = {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event["time"],
    }
    for name, path in (transformer.get("InputPathsMap") or {}).items():
        try:
            values[name] = paths.select(path, event)
        except paths.PathError:
            values[name] = None
    template = transformer["InputTemplate"]

    def fill(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            raise InputError(f"the placeholder {match.group()} has no value in InputPathsMap")
        value = values[match.group(1)]
        if not _within_string(template, match.start()):
            return json.dumps(value)
        # Within quotes the value's text stands as it is, escaped for JSON.
        return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]

    return _PLACEHOLDER.sub(fill, template)


def _within_string(template: str, position: int) -> bool:
    unescaped = re.sub(r"\\.", "", template[:position])
    return unescaped.count('"') % 2 == 1
