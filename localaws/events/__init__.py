"""EventBridge: moto's buses and rules, with what happens when a rule matches.

moto keeps buses, rules and targets and matches patterns. What is put in its place is the delivery: it starts
executions and publishes to topics with the permissions that AWS asks for, and leaves disabled rules alone. Deliveries
are made at once and once; there are no retries and no dead-letter queues.

A schedule is kept but never fires by itself. A path of the local AWS's own, which is no part of AWS, fires it:

* `POST /_localaws/events/schedules/{rule}`, with `?region=` where several regions have a rule of that name.
* `GET /_localaws/events/deliveries` returns what was delivered, and why not: AWS shows a metric only.

* `delivery`: one target of one event; `inputs`: what it is sent.
"""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.events.models import Rule, events_backends
from werkzeug.wrappers import Request

from localaws import settings, steering
from localaws.events import delivery, topics
from localaws.moto_patches import replace

__all__ = ["ROUTES", "install"]

_MOTO: Final[dict[str, Callable[..., Any]]] = {}


def install() -> None:
    """Replace moto's delivery by this module's."""
    _MOTO.setdefault("send_to_targets", Rule.send_to_targets)
    replace(Rule, "send_to_targets", _send_to_targets)
    topics.install()


def _fire(request: Request, name: str) -> dict[str, Any]:
    asked = request.args.get("region")
    rules = [
        rule
        for region, backend in events_backends[settings.ACCOUNT].items()
        for bus in backend.event_buses.values()
        for rule in bus.rules.values()
        if rule.name == name and rule.scheduled_expression and asked in (None, region)
    ]
    if len(rules) != 1:
        places = ", ".join(rule.region_name for rule in rules) or "none"
        status = 400 if rules else 404
        raise steering.SteeringError(status, f"one schedule {name!r} is needed, there are: {places}")
    rule = rules[0]
    if rule.state != "ENABLED":
        raise steering.SteeringError(400, f"the schedule {name!r} is {rule.state}")
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": settings.ACCOUNT,
        "time": _iso(time.time()),
        "region": rule.region_name,
        "resources": [rule.arn],
        "detail": {},
    }
    for target in rule.targets:
        delivery.deliver(rule, target, event)
    return {"fired": rule.arn, "targets": len(rule.targets)}


ROUTES: Final = (
    steering.Route("/_localaws/events/schedules/(?P<name>[^/]+)", {"POST": _fire}),
    steering.Route("/_localaws/events/deliveries", {"GET": lambda _request: {"deliveries": list(delivery.LOG)}}),
)


def _send_to_targets(rule: Any, original_event: Mapping[str, Any], transform_input: bool = True) -> None:
    """Stand in for moto's delivery to the targets of `rule`."""
    if rule.state != "ENABLED" or rule.event_pattern.get_pattern() in (None, {}):
        return
    if not rule.event_pattern.matches_event(original_event):
        return
    event = {key: value for key, value in original_event.items() if key != "ingestion-time"}
    event["id"] = event.get("id") or str(uuid.uuid4())
    event["time"] = _iso(event["time"])
    others = []
    for target in rule.targets:
        if delivery.is_known(target):
            delivery.deliver(rule, target, event)
        else:
            others.append(target)
    if others:
        rest = copy.copy(rule)
        rest.targets = others
        _MOTO["send_to_targets"](rest, copy.deepcopy(original_event), transform_input)


def _iso(moment: Any) -> str:
    if isinstance(moment, int | float):
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return str(moment)
