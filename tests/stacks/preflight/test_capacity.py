"""Reservations of all environments that share an account, against the executions that Lambda gives it."""

from dataclasses import replace

import pytest

from catalog import Lock
from stacks.declarations import JumpStartModel
from stacks.environments import DEV, PROD, Environment
from stacks.models import DEPLOYMENTS, FALCON_7B, MISTRAL_7B
from stacks.preflight import preflight
from stacks.preflight.capacity import reservations
from stacks.preflight.findings import Finding

RULE = "reserved-concurrency-total"
MODELS = (FALCON_7B, MISTRAL_7B)
# Two models of 225 are half of what may be reserved.
HALF = replace(PROD, name="a", reserved_concurrency=225)
MORE = replace(HALF, name="b", reserved_concurrency=226)


def _found(lock: Lock, *deployments: tuple[Environment, tuple[JumpStartModel, ...]]) -> list[Finding]:
    return [finding for finding in preflight(deployments, lock=lock).findings if finding.rule == RULE]


def _in(account: str | None, environment: Environment) -> Environment:
    return replace(environment, account=account)


def test_what_is_shipped_fits_into_one_account_with_room_for_more_models() -> None:
    totals = {place: sum(one.total for one in group) for place, group in reservations(DEPLOYMENTS).items()}

    assert totals == {("that of the credentials", "us-west-2"): 644, ("that of the credentials", "us-east-2"): 32}


def test_refuses_environments_of_one_account_that_reserve_too_much_together(lock: Lock) -> None:
    account = "111122223333"
    [finding] = _found(lock, (_in(account, HALF), MODELS), (_in(account, MORE), MODELS))

    assert str(finding) == (
        "a.lambda_concurrency is 1000: the 4 models of a and b in us-west-2 reserve 902 executions, and Lambda keeps "
        "100 free; allowed: 1002 or more, with a raised quota 'Concurrent executions' (L-B99A9384); try "
        "reserved_concurrency=225"
    )
    assert finding.level == "error"
    assert finding.is_about("b")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_in("111122223333", HALF), _in("111122223333", replace(HALF, name="b"))),
        (_in("111122223333", HALF), _in("444455556666", MORE)),
        (_in("111122223333", HALF), _in("111122223333", replace(MORE, region="us-east-1"))),
        (_in("111122223333", HALF), _in("111122223333", replace(MORE, reserved_concurrency=None))),
    ],
    ids=["all that may be", "another account", "another region", "no reservation"],
)
def test_finds_nothing_where_they_fit(lock: Lock, first: Environment, second: Environment) -> None:
    assert _found(lock, (first, MODELS), (second, MODELS)) == []


def test_counts_environments_without_an_account_in_one_and_only_warns_of_it(lock: Lock) -> None:
    [finding] = _found(lock, (HALF, MODELS), (MORE, MODELS))

    assert finding.level == "warning"
    assert "a and b name no account, and count as one" in str(finding)


def test_refuses_one_environment_that_is_too_much_alone_wherever_the_others_are(lock: Lock) -> None:
    [finding] = _found(lock, (HALF, MODELS), (replace(HALF, name="b", lambda_concurrency=300), MODELS))

    assert (finding.level, finding.place) == ("error", "b.lambda_concurrency")


def test_suggests_none_where_not_even_one_for_each_model_fits(lock: Lock) -> None:
    [finding] = _found(lock, (replace(DEV, lambda_concurrency=100), MODELS))

    assert finding.suggestion == "reserved_concurrency=None and authorizer_concurrency=None, which protect nobody"
