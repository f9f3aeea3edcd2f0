"""AWS Step Functions: state machines."""

from __future__ import annotations

import json
import re
import time
from typing import Any, Final

from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    lower_camel,
)
from localaws.resources.tags import Tagging

_POLL_SECONDS: Final = 0.1

# CloudFormation gives up on a resource after this long; an execution that goes on keeps its state machine.
_LONGEST_DELETION_SECONDS: Final = 120
_LONGEST_NAME: Final = 80
_TAGGING: Final = Tagging(service="stepfunctions", resource="resourceArn", members=("key", "value"))


def _definition(properties: Properties) -> str:
    """Return the definition with its substitutions made (`${Name}`)."""
    text = properties.get("DefinitionString")
    if text is None:
        text = json.dumps(properties["Definition"])
    substitutions = properties.get("DefinitionSubstitutions", {})
    return re.sub(r"\$\{([A-Za-z0-9_]+)\}", lambda match: _substitute(match, substitutions), text)


def _substitute(match: re.Match[str], substitutions: Properties) -> str:
    if match.group(1) not in substitutions:
        raise ResourceError(f"DefinitionSubstitutions: no value for {match.group()}")
    return str(substitutions[match.group(1)])


class StateMachine(Handler):
    """`AWS::StepFunctions::StateMachine`."""

    type_name = "AWS::StepFunctions::StateMachine"
    applied = frozenset(
        {
            *("Definition", "DefinitionString", "DefinitionSubstitutions", "EncryptionConfiguration"),
            *("LoggingConfiguration", "RoleArn", "StateMachineName", "StateMachineType", "Tags"),
            "TracingConfiguration",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the state machine; its ARN is its physical id."""
        states = context.client("stepfunctions")
        name = properties.get("StateMachineName") or context.generated_name(_LONGEST_NAME)
        made = call(
            states,
            "create_state_machine",
            name=name,
            type=properties.get("StateMachineType"),
            tags=_TAGGING.given(properties),
            **self._settings(properties),
        )
        context.physical_id = made["stateMachineArn"]
        return self._attributes(context)

    def _settings(self, properties: Properties) -> dict[str, Any]:
        parts = ("LoggingConfiguration", "TracingConfiguration", "EncryptionConfiguration")
        return {
            "definition": _definition(properties),
            "roleArn": properties["RoleArn"],
            **{part[0].lower() + part[1:]: lower_camel(properties[part]) for part in parts if part in properties},
        }

    def _attributes(self, context: Context) -> Attributes:
        described = context.client("stepfunctions").describe_state_machine(stateMachineArn=context.physical_id)
        return {
            "Arn": context.physical_id,
            "Name": described["name"],
            "StateMachineRevisionId": described["revisionId"],
        }

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set definition, role, settings and tags; executions that run keep what they were started with."""
        states = context.client("stepfunctions")
        call(states, "update_state_machine", stateMachineArn=context.physical_id, **self._settings(new))
        _TAGGING.change(context, context.physical_id, old, new)
        return self._attributes(context)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the state machine and wait until it is gone, with its last execution."""
        states = context.client("stepfunctions")
        states.delete_state_machine(stateMachineArn=context.physical_id)
        deadline = time.monotonic() + _LONGEST_DELETION_SECONDS
        while time.monotonic() < deadline:
            try:
                states.describe_state_machine(stateMachineArn=context.physical_id)
            except states.exceptions.StateMachineDoesNotExist:
                return
            time.sleep(_POLL_SECONDS)
        raise ResourceError(f"Exceeded attempts to wait: an execution of {context.physical_id} runs (NotStabilized)")


HANDLERS = (StateMachine(),)
