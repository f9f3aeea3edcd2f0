"""The live preflight's question about executions of Lambda, to an account that is a stand-in."""

from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from stacks.environments import DEV, Environment
from stacks.models import FALCON_7B, MISTRAL_7B
from stacks.placement import placements
from stacks.preflight import Deployments
from tools.account.concurrency import concurrency
from tools.account.questions import Asked

KEYS = DEV
# Two models with 16 and 4 executions each.
OTHER = replace(DEV, name="qa", reserved_concurrency=100)


@dataclass(frozen=True)
class Lambda:
    """An account's Lambda in any region."""

    executions: int
    reserved: int = 0

    def get_account_settings(self) -> dict[str, Any]:
        unreserved = self.executions - self.reserved
        return {"AccountLimit": {"ConcurrentExecutions": self.executions, "UnreservedConcurrentExecutions": unreserved}}


class Silent:
    """An account whose credentials may not ask."""

    def get_account_settings(self) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetAccountSettings")


def _found(account: Lambda | Silent, *environments: Environment) -> list[str]:
    deployments: Deployments = [(one, (FALCON_7B, MISTRAL_7B)) for one in environments]
    asked = [Asked(place=one) for one in placements(deployments) if one.environment == environments[0]]
    found = concurrency(asked, deployments, lambda service, *, region: {"lambda": account}[service])
    return [f"{one.level}: {one}" for one in found]


def test_finds_nothing_where_all_fit() -> None:
    assert _found(Lambda(1000), KEYS, OTHER) == []
    # They are deployed already.
    assert _found(Lambda(1000, reserved=248), KEYS, OTHER) == []


def test_says_of_a_new_account_what_to_change() -> None:
    assert _found(Lambda(10), KEYS) == [
        "error: dev.reserved_concurrency: the 2 models of dev in us-west-2 reserve 40 executions, 8 of them for key "
        "authorizers: Lambda gives the account 10 executions at a time in us-west-2, of which all over 100 may be "
        "reserved, and the deployment fails; try reserved_concurrency=None and authorizer_concurrency=None, which "
        "protect nobody, or a raised quota 'Concurrent executions' (L-B99A9384)",
        "warning: dev.lambda_concurrency is 1000: Lambda gives the account 10 executions at a time in us-west-2; try "
        "10",
    ]


def test_finds_nothing_to_refuse_where_nothing_is_reserved() -> None:
    unprotected = replace(DEV, reserved_concurrency=None, front_door=replace(DEV.front_door, api_keys=None))

    assert _found(Lambda(10), replace(unprotected, lambda_concurrency=10)) == []


def test_warns_where_an_environment_fits_and_all_that_share_the_account_do_not() -> None:
    [found] = _found(Lambda(340), replace(KEYS, lambda_concurrency=340), OTHER)

    assert found.startswith("warning: dev.reserved_concurrency: the 4 models of dev and qa in us-west-2 reserve 248 ")
    assert "so that not all of them fit; try reserved_concurrency=56" in found


def test_hints_at_reservations_that_may_be_others() -> None:
    [found] = _found(Lambda(1000, reserved=20), replace(KEYS, reserved_concurrency=440))

    assert found.startswith("hint: dev.reserved_concurrency: ")
    assert "20 are reserved already, by these models or by others" in found


def test_says_which_right_is_missing() -> None:
    assert _found(Silent(), KEYS) == [
        "not checked: dev/falcon-7b, dev/mistral-7b: executions of Lambda in us-west-2: missing permission "
        "lambda:GetAccountSettings (AccessDeniedException)"
    ]
