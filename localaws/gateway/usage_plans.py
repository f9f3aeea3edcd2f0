"""Usage plans: whose key a call brings, how fast and how much it may, and how much it has.

moto keeps keys and plans and meters nothing. Sources: API Gateway documentation, "Usage plans and API keys for REST
APIs" and "Throttle requests to your REST APIs" (the token bucket); CloudFormation's QuotaSettings for where a period
begins. API Gateway applies both limits on a best-effort basis; here they are exact.

Not documented, and so a guess: that what is throttled is not counted, and that a plan without a quota reports 0 as what
remains of it.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from moto.apigateway.models import apigateway_backends
from werkzeug.wrappers import Response

from localaws import settings
from localaws.gateway.errors import GatewayError
from localaws.gateway.throttling import Buckets

_USAGE_PATH: Final = re.compile(r"/usageplans/(?P<plan>[^/]+)/usage/?")
_REGION: Final = re.compile(r"Credential=[^/,\s]+/\d+/([^/]+)/apigateway/aws4_request")
# "View the usage data": what API Gateway keeps of the past.
_MOST_DAYS: Final = 90


@dataclass(slots=True)
class Meter:
    """Counts what each key does under each plan.

    Attributes:
        now: The time in seconds since 1970.
    """

    now: Callable[[], float] = time.time
    _buckets: Buckets = field(init=False)
    _days: dict[tuple[str, str], Counter[date]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._buckets = Buckets(now=self.now)

    def take(self, plan: Any, key_id: str) -> None:
        """Count one call of a key under moto's usage plan `plan`.

        Raises:
            GatewayError: If it comes too fast, or is one too many.
        """
        with self._lock:
            if not self._has_token(plan, key_id):
                raise GatewayError("THROTTLED", "Too Many Requests")
            today = self._today()
            if plan.quota and self._used_in_period(plan, key_id, today) >= int(plan.quota["limit"]):
                raise GatewayError("QUOTA_EXCEEDED", "Limit Exceeded")
            self._days.setdefault((plan.id, key_id), Counter())[today] += 1

    def usage(self, plan: Any, key_id: str, first: date, last: date) -> list[list[int]]:
        """Return the calls of each day, and what remained of the quota at its end."""
        with self._lock:
            days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
            used = self._days.get((plan.id, key_id), Counter())
            return [[used[day], self._remaining(plan, key_id, day)] for day in days]

    def _has_token(self, plan: Any, key_id: str) -> bool:
        if "rateLimit" not in plan.throttle:
            return True
        rate, burst = float(plan.throttle["rateLimit"]), int(plan.throttle.get("burstLimit") or 0)
        return self._buckets.take((plan.id, key_id), rate=rate, burst=burst)

    def _remaining(self, plan: Any, key_id: str, day: date) -> int:
        return max(int(plan.quota["limit"]) - self._used_in_period(plan, key_id, day), 0) if plan.quota else 0

    def _used_in_period(self, plan: Any, key_id: str, day: date) -> int:
        begins = period_begin(plan.quota["period"], int(plan.quota.get("offset") or 0), day)
        counted = self._days.get((plan.id, key_id), Counter())
        return sum(count for one, count in counted.items() if begins <= one <= day)

    def _today(self) -> date:
        return datetime.fromtimestamp(self.now(), UTC).date()


METER: Final = Meter()
"""The counts of this process."""


def period_begin(period: str, offset: int, day: date) -> date:
    """Return the first day of the period that `day` is in.

    Args:
        period: `DAY`, `WEEK` or `MONTH`.
        offset: The day on which a period begins: of the week, 0 for Sunday; of the month, 0 for the first.
        day: Any day, in UTC.
    """
    if period == "WEEK":
        since_sunday = (day.weekday() + 1) % 7
        return day - timedelta(days=(since_sunday - offset) % 7)
    if period == "MONTH":
        this = day.replace(day=1) + timedelta(days=offset)
        return this if this <= day else (day.replace(day=1) - timedelta(days=1)).replace(day=1) + timedelta(days=offset)
    return day


def admit(value: str | None, *, region: str, api_id: str, stage_name: str, meter: Meter = METER) -> str:
    """Meter one call of a stage by the caller's key.

    Args:
        value: The key; None: the caller has none.
        region: The API's region.
        api_id: The API.
        stage_name: The stage.
        meter: Counts the requests.

    Returns:
        The key's id.

    Raises:
        GatewayError: If the key is none of the stage's usage plans, is switched off, or has no more calls.
    """
    backend = apigateway_backends[settings.ACCOUNT][region]
    keys: list[Any] = [one for one in list(backend.keys.values()) if value and one.value == value and one.enabled]
    for key in keys:
        for plan in list(backend.usage_plans.values()):
            stages = {(stage["apiId"], stage["stage"]) for stage in plan.api_stages}
            if (api_id, stage_name) in stages and key.id in backend.usage_plan_keys.get(plan.id, {}):
                meter.take(plan, key.id)
                return str(key.id)
    raise GatewayError("INVALID_API_KEY", "Forbidden")


def usage_response(path: str, query: str, authorization: str | None, *, meter: Meter = METER) -> Response | None:
    """Answer API Gateway's GetUsage, which moto lacks; None if the request is another."""
    match = _USAGE_PATH.fullmatch(path)
    signed = _REGION.search(authorization or "")
    if match is None or signed is None:
        return None
    backend = apigateway_backends[settings.ACCOUNT][signed.group(1)]
    plan: Any = backend.usage_plans.get(match["plan"])
    if plan is None:
        return _error(404, "NotFoundException", "Invalid Usage Plan ID specified")
    wanted = {name: values[-1] for name, values in parse_qs(query).items()}
    try:
        first, last = date.fromisoformat(wanted["startDate"]), date.fromisoformat(wanted["endDate"])
    except (KeyError, ValueError):
        return _error(400, "BadRequestException", "Invalid usage date format")
    if not timedelta(0) <= last - first < timedelta(days=_MOST_DAYS):
        return _error(400, "BadRequestException", "Invalid date range specified")
    ids = [wanted["keyId"]] if "keyId" in wanted else list(backend.usage_plan_keys.get(plan.id, {}))
    there: list[Any] = [backend.keys[key_id] for key_id in ids if key_id in backend.keys]
    usage = {
        "usagePlanId": plan.id,
        "startDate": wanted["startDate"],
        "endDate": wanted["endDate"],
        # By the keys' values, as botocore's model of Usage says of its member `items`.
        "values": {key.value: meter.usage(plan, key.id, first, last) for key in there},
    }
    return Response(json.dumps(usage), 200, content_type="application/json")


def _error(status: int, code: str, message: str) -> Response:
    response = Response(json.dumps({"message": message}), status, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = code
    return response
