"""Limits of endpoints, on both sides of each."""

from collections.abc import Iterator
from typing import Any

import pytest

from catalog.instances import InstanceHardware
from catalog.limits import endpoint as limits
from catalog.limits import model_import, training
from catalog.limits.endpoint import Breach

TEMPLATE = '{"prompt": "{a}", "completion": "{b}"}'
VARIABLES = {f"V{number}": "" for number in range(100)}


def _subnets(count: int) -> list[str]:
    return ["subnet"] * count


@pytest.mark.parametrize(
    "breaches",
    [
        limits.endpoint_name("a"),
        limits.endpoint_name("a--B-0"),
        limits.endpoint_name("a" * limits.LONGEST_ENDPOINT_NAME),
        limits.instance_count(1),
        limits.instance_count(100),
        limits.environment({"A_1": "x" * 1024, "a" * 1024: ""}),
        limits.environment(VARIABLES),
        limits.token_limits(1, 2),
        limits.token_limits(None, 2),
        limits.token_limits(2, None),
        limits.timeout("t", 60),
        limits.timeout("t", 3600),
        limits.network([], []),
        limits.network(_subnets(1), ["group"]),
        limits.network(_subnets(16), ["group"] * 5),
        limits.invoke_timeout(limits.SHORTEST_INVOKE_TIMEOUT_SECONDS),
        limits.invoke_timeout(limits.LONGEST_INVOKE_TIMEOUT_SECONDS),
        limits.prompt_template(TEMPLATE),
        limits.prompt_template(TEMPLATE.ljust(limits.LONGEST_TEMPLATE)),
        limits.reserved_concurrency(None),
        limits.reserved_concurrency(1),
    ],
)
def test_takes_values_up_to_a_limit(breaches: Iterator[Breach]) -> None:
    assert list(breaches) == []


@pytest.mark.parametrize(
    ("breaches", "subjects"),
    [
        (limits.endpoint_name(""), ["endpoint_name"]),
        (limits.endpoint_name("-a"), ["endpoint_name"]),
        (limits.endpoint_name("a_b"), ["endpoint_name"]),
        (limits.endpoint_name("a" * (limits.LONGEST_ENDPOINT_NAME + 1)), ["endpoint_name"]),
        (limits.instance_count(0), ["instance_count"]),
        (limits.instance_count(True), ["instance_count"]),
        (limits.environment({"1A": ""}), ["environment"]),
        (limits.environment({"a" * 1025: ""}), ["environment"]),
        (limits.environment({"A": "x" * 1025}), ["environment['A']"]),
        (limits.environment({"A": 1}), ["environment['A']"]),  # type: ignore[dict-item] # declarations may be wrong
        (limits.environment(VARIABLES | {"W": ""}), ["environment"]),
        (limits.token_limits(2, 2), ["environment['MAX_INPUT_LENGTH']"]),
        (limits.timeout("t", 59), ["t"]),
        (limits.timeout("t", 3601), ["t"]),
        (limits.network(_subnets(1), []), ["security_group_ids"]),
        (limits.network([], ["group"]), ["subnet_ids"]),
        (limits.network(_subnets(17), ["group"] * 6), ["subnet_ids", "security_group_ids"]),
        (limits.invoke_timeout(limits.SHORTEST_INVOKE_TIMEOUT_SECONDS - 0.1), ["invoke_timeout"]),
        (limits.invoke_timeout(limits.LONGEST_INVOKE_TIMEOUT_SECONDS + 0.1), ["invoke_timeout"]),
        (limits.prompt_template("{"), ["prompt_template"]),
        (limits.prompt_template("[]"), ["prompt_template"]),
        (limits.prompt_template('{"prompt": "{a}"}'), ["prompt_template"]),
        (limits.prompt_template('{"prompt": 1, "completion": "{x}"}'), ["prompt_template"]),
        (limits.prompt_template('{"prompt": "{", "completion": "y"}'), ["prompt_template"] * 2),
        (limits.prompt_template(TEMPLATE.ljust(limits.LONGEST_TEMPLATE + 1)), ["prompt_template"]),
        (limits.reserved_concurrency(0), ["reserved_concurrency"]),
    ],
)
def test_refuses_values_beyond_a_limit(breaches: Iterator[Breach], subjects: list[str]) -> None:
    found = list(breaches)
    assert [breach.subject for breach in found] == subjects
    assert all("allowed" in str(breach) for breach in found)


def test_a_fraction_of_an_instance_is_refused_as_no_whole_number() -> None:
    [breach] = limits.instance_count(1.5)  # type: ignore[arg-type] # declarations may be wrong
    assert str(breach) == "instance_count is 1.5: allowed is a whole number, 1 or more"


@pytest.mark.parametrize(
    ("artifact_bytes", "compressed", "gpus", "seconds"),
    [
        (94_000_000 * 600, False, 1, 600),
        (94_000_000 * 600 + 1, False, 1, 601),
        (94_000_000 * 600, True, 1, 1200),
        (1, False, 1, 600),
        (94_000_000 * 3601, False, 1, 3600),
        (None, False, 8, 3600),
        (None, False, 4, 1828),
        (None, False, 0, 3600),
        (None, False, None, 3600),
    ],
)
def test_works_a_timeout_out_from_the_weights_or_from_the_gpus(
    artifact_bytes: int | None, compressed: bool, gpus: int | None, seconds: int
) -> None:
    instance = (
        None
        if gpus is None
        else InstanceHardware(instance_type="ml.x", gpus=gpus, gpu_memory_mib=40_960, local_nvme_gb=0)
    )
    assert (
        limits.default_timeout_seconds(artifact_bytes=artifact_bytes, compressed=compressed, instance=instance)
        == seconds
    )


@pytest.mark.parametrize("count", [True, 0, -1, 1.0, 1.5, float("inf"), float("nan")])
def test_refuses_every_count_that_is_no_whole_number_of_1_or_more(count: Any) -> None:
    checks = [
        limits.instance_count(count),
        limits.reserved_concurrency(count),
        training.job(instance_type="ml.g5.2xlarge", instance_count=count, max_runtime=60),
        model_import.keep_versions(count),
    ]

    assert [len(list(check)) for check in checks] == [1, 1, 1, 1]
