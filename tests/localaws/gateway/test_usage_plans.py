"""Usage plans: throttles and quotas of keys, against a clock of the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.gateway.errors import GatewayError
from localaws.gateway.usage_plans import Meter, period_begin
from tests.localaws.gateway.clock import Clock

DAY = 86_400.0


@dataclass
class Plan:
    """A usage plan as moto keeps it."""

    id: str = "plan"
    throttle: dict[str, Any] = field(default_factory=dict)
    quota: dict[str, Any] = field(default_factory=dict)


def outcome(meter: Meter, plan: Plan, key: str = "key") -> str:
    try:
        meter.take(plan, key)
    except GatewayError as error:
        return str(error.response_type)
    return "in"


class TestThrottle:
    def test_lets_a_burst_in_and_then_what_the_rate_fills_up(self) -> None:
        clock, plan = Clock(), Plan(throttle={"rateLimit": 2.0, "burstLimit": 3})
        meter = Meter(now=clock)

        assert [outcome(meter, plan) for _ in range(5)] == ["in"] * 3 + ["THROTTLED"] * 2
        clock.seconds += 0.5
        assert [outcome(meter, plan) for _ in range(2)] == ["in", "THROTTLED"]

    def test_saves_no_more_than_the_burst(self) -> None:
        clock, plan = Clock(), Plan(throttle={"rateLimit": 100, "burstLimit": 2})
        meter = Meter(now=clock)
        outcome(meter, plan)
        clock.seconds += 3600

        assert [outcome(meter, plan) for _ in range(3)] == ["in", "in", "THROTTLED"]

    def test_is_each_keys_own(self) -> None:
        meter, plan = Meter(now=Clock()), Plan(throttle={"rateLimit": 1, "burstLimit": 1})

        assert [outcome(meter, plan, key) for key in ("a", "a", "b")] == ["in", "THROTTLED", "in"]

    @given(
        st.lists(st.floats(min_value=0, max_value=5), min_size=1, max_size=60), st.integers(1, 10), st.integers(1, 9)
    )
    def test_never_lets_in_more_than_burst_and_rate(self, pauses: list[float], rate: int, burst: int) -> None:
        clock = Clock()
        meter, plan = Meter(now=clock), Plan(throttle={"rateLimit": rate, "burstLimit": burst})
        began, entered = clock.seconds, 0
        for pause in pauses:
            clock.seconds += pause
            entered += outcome(meter, plan) == "in"
            assert entered <= burst + (clock.seconds - began) * rate + 1e-6


class TestQuota:
    @pytest.mark.parametrize("period", ["DAY", "WEEK", "MONTH"])
    def test_is_used_up_and_comes_back_with_the_next_period(self, period: str) -> None:
        clock, plan = Clock(), Plan(quota={"limit": 2, "period": period})
        meter = Meter(now=clock)

        assert [outcome(meter, plan) for _ in range(3)] == ["in", "in", "QUOTA_EXCEEDED"]
        clock.seconds += {"DAY": 1, "WEEK": 7, "MONTH": 31}[period] * DAY
        assert outcome(meter, plan) == "in"

    def test_does_not_count_what_is_throttled(self) -> None:
        clock = Clock()
        plan = Plan(throttle={"rateLimit": 1, "burstLimit": 1}, quota={"limit": 2, "period": "DAY"})
        meter = Meter(now=clock)

        assert [outcome(meter, plan) for _ in range(3)] == ["in", "THROTTLED", "THROTTLED"]
        clock.seconds += 1
        assert outcome(meter, plan) == "in"
        clock.seconds += 1
        assert outcome(meter, plan) == "QUOTA_EXCEEDED"

    def test_tells_what_was_used_each_day_and_what_remained(self) -> None:
        clock, plan = Clock(), Plan(quota={"limit": 5, "period": "MONTH"})
        meter = Meter(now=clock)
        for calls in (2, 0, 1):
            for _ in range(calls):
                outcome(meter, plan)
            clock.seconds += DAY

        assert meter.usage(plan, "key", date(2026, 3, 9), date(2026, 3, 12)) == [[0, 5], [2, 3], [0, 3], [1, 2]]
        assert meter.usage(plan, "other", date(2026, 3, 10), date(2026, 3, 10)) == [[0, 5]]

    @pytest.mark.parametrize(
        ("period", "offset", "day", "begins"),
        [
            ("DAY", 0, date(2026, 3, 10), date(2026, 3, 10)),
            ("WEEK", 0, date(2026, 3, 10), date(2026, 3, 8)),
            ("WEEK", 0, date(2026, 3, 8), date(2026, 3, 8)),
            ("WEEK", 1, date(2026, 3, 8), date(2026, 3, 2)),
            ("MONTH", 0, date(2026, 3, 31), date(2026, 3, 1)),
            ("MONTH", 14, date(2026, 3, 14), date(2026, 2, 15)),
            ("MONTH", 14, date(2026, 1, 3), date(2025, 12, 15)),
        ],
    )
    def test_begins_a_week_on_sunday_and_a_month_on_its_first_but_for_the_offset(
        self, period: str, offset: int, day: date, begins: date
    ) -> None:
        assert period_begin(period, offset, day) == begins

    @given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from([("WEEK", 7), ("MONTH", 31)]), st.data())
    def test_every_day_is_in_the_period_that_began_last(self, day: date, kind: tuple[str, int], data: Any) -> None:
        period, longest = kind
        offset = data.draw(st.integers(0, 6 if period == "WEEK" else 27))
        begins = period_begin(period, offset, day)

        assert begins <= day < begins + timedelta(days=longest)
        assert period_begin(period, offset, begins) == begins
