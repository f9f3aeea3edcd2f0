"""Limits of training jobs and their triggers, on both sides of each."""

from collections.abc import Iterator
from typing import Any

import pytest

from catalog.limits import training as limits
from catalog.limits.endpoint import Breach

LONGEST = limits.LONGEST_RUNTIME_SECONDS


def _job(**changes: Any) -> Iterator[Breach]:
    return limits.job(**{"instance_type": "ml.g5.12xlarge", "instance_count": 1, "max_runtime": 1, **changes})


def _values(count: int) -> dict[str, str]:
    return {f"h{number}": "" for number in range(count)}


@pytest.mark.parametrize(
    "breaches",
    [
        limits.method("instruction", "template"),
        limits.method("domain", "none"),
        limits.method("chat", "llama-3"),
        _job(),
        _job(max_runtime=LONGEST),
        limits.wait(None, spot=False, max_runtime=10),
        limits.wait(10, spot=True, max_runtime=10),
        limits.wait(LONGEST, spot=True, max_runtime=10),
        limits.hyperparameters({"a" * 256: "x" * 2500}),
        limits.hyperparameters(_values(100)),
        limits.prefix("data_prefix", None),
        limits.prefix("data_prefix", "s3://bucket/prefix/"),
        limits.validation(None, None),
        limits.validation(0.001, None),
        limits.validation(0.999, None),
        limits.validation(None, "s3://bucket/prefix/"),
        limits.start(("deploy", "marker", "schedule:rate(7 days)"), own_bucket=True),
        limits.start(("schedule:cron(0 3 ? * SUN *)",), own_bucket=False),
        limits.start((), own_bucket=False),
    ],
)
def test_takes_values_up_to_a_limit(breaches: Iterator[Breach]) -> None:
    assert list(breaches) == []


@pytest.mark.parametrize(
    ("breaches", "subjects"),
    [
        (limits.method("rlhf", "template"), ["method"]),
        (limits.method("instruction", "none"), ["prompt_format"]),
        (limits.method("domain", "template"), ["prompt_format"]),
        (limits.method("chat", "none"), ["prompt_format"]),
        (limits.method("chat", "template"), ["prompt_format"]),
        (_job(instance_type="g5.12xlarge"), ["training_instance_type"]),
        (_job(instance_count=0), ["training_instance_count"]),
        (_job(instance_count=True), ["training_instance_count"]),
        (_job(instance_count=1.5), ["training_instance_count"]),
        (_job(max_runtime=0), ["max_runtime_seconds"]),
        (_job(max_runtime=LONGEST + 1), ["max_runtime_seconds"]),
        (limits.wait(10, spot=False, max_runtime=10), ["max_wait_seconds"]),
        (limits.wait(9, spot=True, max_runtime=10), ["max_wait_seconds"]),
        (limits.wait(LONGEST + 1, spot=True, max_runtime=10), ["max_wait_seconds"]),
        (limits.hyperparameters({"a": 1}), ["hyperparameters['a']"]),  # type: ignore[dict-item] # may be wrong
        (limits.hyperparameters({"a": "x" * 2501}), ["hyperparameters['a']"]),
        (limits.hyperparameters({"": "x"}), ["hyperparameters"]),
        (limits.hyperparameters({"a" * 257: "x"}), ["hyperparameters"]),
        (limits.hyperparameters(_values(101)), ["hyperparameters"]),
        (limits.prefix("data_prefix", "s3://bucket/prefix"), ["data_prefix"]),
        (limits.prefix("data_prefix", ""), ["data_prefix"]),
        (limits.validation(0, None), ["validation_split"]),
        (limits.validation(1, None), ["validation_split"]),
        (limits.validation(0.5, "s3://bucket/prefix/"), ["validation_split"]),
        (limits.start("deploy", own_bucket=True), ["start"]),
        (limits.start(("marker",), own_bucket=False), ["start"]),
        (limits.start(("deploy", "deploy"), own_bucket=True), ["start"]),
        (limits.start(("schedule:weekly",), own_bucket=True), ["start"]),
        (limits.start(("now",), own_bucket=True), ["start"]),
    ],
)
def test_refuses_values_beyond_a_limit(breaches: Iterator[Breach], subjects: list[str]) -> None:
    assert [breach.subject for breach in breaches] == subjects


def test_has_the_figures_of_awss_documentation() -> None:
    runtimes = [limits.QUOTA_RUNTIME_SECONDS, limits.LONGEST_RUNTIME_SECONDS]

    assert [seconds / 86_400 for seconds in runtimes] == [5, 28]
