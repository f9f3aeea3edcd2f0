"""Blue/green updates of endpoints: the time that traffic is watched, and the alarms that end an update.

Source: SageMaker Developer Guide, "Blue/Green Deployments" and "Auto-Rollback Configuration and Monitoring". The new
fleet gets its traffic at once in canary and linear deployments too: of two fleets only one answers here. An update
is rolled back when an alarm is, or turns, ALARM before the old fleet is ended; the endpoint then is InService with
its old configuration. The execution role of every model of the new fleet must be allowed to read the alarms.

Tests and demos change the scale, by which the seconds of a deployment configuration are multiplied, on
`/_localaws/sagemaker/deployments`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from localaws import clients, iam, settings, steering

_STEERED: Final = steering.Steered(lambda: steering.WaitScale(wait_scale=0.001))
_POLL_SECONDS: Final = 0.05


ROUTE: Final = _STEERED.route("/_localaws/sagemaker/deployments")


def problem(config: Mapping[str, Any] | None, *, roles: Iterable[str], region: str) -> str | None:
    """Return why a deployment configuration is refused beyond its constraints, or None.

    Args:
        config: `DeploymentConfig` of CreateEndpoint or UpdateEndpoint.
        roles: ARNs of the execution roles of the models that are deployed.
        region: The endpoint's region.
    """
    if not config:
        return None
    if ("BlueGreenUpdatePolicy" in config) == ("RollingUpdatePolicy" in config):
        return "DeploymentConfig must have exactly one of BlueGreenUpdatePolicy and RollingUpdatePolicy"
    routing = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    needed = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(routing.get("Type"))
    if needed is not None and needed not in routing:
        return f"{needed} must be given with the Type {routing['Type']}"
    return _alarm_problem(alarm_names(config), roles=roles, region=region)


def _alarm_problem(names: Sequence[str], *, roles: Iterable[str], region: str) -> str | None:
    """Return which execution role may not read the alarms, or None; AWS documents the rule, the words are a guess."""
    for name, role in itertools.product(names, sorted(set(roles))):
        alarm = f"arn:aws:cloudwatch:{region}:{settings.ACCOUNT}:alarm:{name}"
        if not iam.role_may(role, "cloudwatch:DescribeAlarms", alarm):
            return f"The execution role {role} is not authorized to perform: cloudwatch:DescribeAlarms on {alarm}."
    return None


def alarm_names(config: Mapping[str, Any] | None) -> list[str]:
    """Return the alarms that roll an update back."""
    alarms = ((config or {}).get("AutoRollbackConfiguration") or {}).get("Alarms") or []
    return [alarm["AlarmName"] for alarm in alarms]


def watch(config: Mapping[str, Any] | None, region: str) -> str | None:
    """Watch a new fleet for as long as its deployment configuration says.

    Returns:
        Why it is rolled back, or None.
    """
    names = alarm_names(config)
    deadline = time.monotonic() + _seconds(config) * _STEERED.of().wait_scale
    while True:
        ringing = _in_alarm(names, region)
        if ringing:
            return f"The following alarms are in ALARM state during the deployment: {', '.join(ringing)}."
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_SECONDS)


def _seconds(config: Mapping[str, Any] | None) -> float:
    """Return how long the old fleet lives on beside the new one: baking, and what is waited before its end."""
    policy = (config or {}).get("BlueGreenUpdatePolicy") or {}
    routing = policy.get("TrafficRoutingConfiguration") or {}
    rolling = (config or {}).get("RollingUpdatePolicy") or {}
    # A canary bakes before and after the rest of the traffic moves.
    bakes = 2 if routing.get("Type") == "CANARY" else 1
    wait = routing.get("WaitIntervalInSeconds", 0) * bakes + policy.get("TerminationWaitInSeconds", 0)
    return float(wait + rolling.get("WaitIntervalInSeconds", 0))


def _in_alarm(names: list[str], region: str) -> list[str]:
    if not names:
        return []
    alarms = clients.client("cloudwatch", region).describe_alarms(AlarmNames=names)
    found = (*alarms["MetricAlarms"], *alarms.get("CompositeAlarms", []))
    return [alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"]
