"""`./jumpstack keys` against the local AWS: keys are made, shown and revoked, and open what they should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.keyed_api import keyed_api, send
from tests.support.local_aws import StackDriver, running
from tools import keys
from tools.cli.main import run as run_command

STACK = "dev/mistral-7b-instruct"
NAME = "dev-mistral-7b-instruct"
REGION = "us-west-2"

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def credentials(local_aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # It holds the first credentials that it found.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in running(local_aws).environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def driver(aws: Callable[..., Any]) -> StackDriver:
    return StackDriver(aws("cloudformation", region=REGION))


@pytest.fixture(scope="module")
def host(driver: StackDriver) -> Iterator[str]:
    """The host of a deployed API that has the stack's name and output, and one key of 5 requests a day."""
    plan = {"Quota": {"Limit": 5, "Period": "DAY"}}
    driver.deploy(NAME, keyed_api(plan=plan), Outputs={"UsagePlanId": {"Value": {"Ref": "Plan"}}})
    yield f"{driver.physical_ids(NAME)['Api']}.execute-api.{REGION}.amazonaws.com"
    driver.delete(NAME)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], local_aws: str) -> Iterator[Command]:
    """Run the command; keys that are left are revoked in the end."""

    def command(*arguments: str) -> tuple[int, str, str]:
        status = run_command(["keys", *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err.removeprefix(f"addresses the local AWS at {local_aws}\n")

    yield command
    command("revoke", STACK, "--all")


def _status(local_aws: str, host: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return send(running(local_aws).apis_url, "/prod/v1/models", host=host, headers=headers).status


def _names(gateway: Any) -> list[str]:
    """Return the names of all keys of the account: other tests' are among them."""
    return sorted(key["name"] for key in gateway.get_api_keys()["items"])


def test_prints_a_new_key_alone_and_that_key_opens_the_api(run: Command, host: str, local_aws: str) -> None:
    status, printed, told = run("create", STACK, "--name", "ada")
    key = printed.removesuffix("\n")

    assert status == 0
    assert key.isalnum()
    assert key not in told
    assert "'ada' of dev/mistral-7b-instruct" in told
    assert _status(local_aws, host, key) == 200


def test_lists_names_dates_and_usage_without_the_keys(run: Command, host: str, local_aws: str) -> None:
    assert run("list", STACK) == (0, f"{STACK} has no keys\n", "")
    made = [run("create", STACK, "--name", name)[1].strip() for name in ("bob", "ada")]
    _status(local_aws, host, made[1])

    _, printed, _ = run("list", STACK)
    header, *rows = [line.split() for line in printed.splitlines()]
    assert header == ["name", "id", "made", "today", "left", "state"]
    assert [(row[0], row[3], row[4], row[5]) for row in rows] == [("ada", "1", "4", "on"), ("bob", "0", "5", "on")]
    assert not any(key in printed for key in made)


def test_shows_usage_that_is_told_by_ids(
    run: Command, host: str, local_aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("create", STACK, "--name", "ada")
    by_id = {run("list", STACK)[1].splitlines()[1].split()[1]: (3, 2)}
    monkeypatch.setattr(keys, "_usage", lambda *_: by_id)
    assert run("list", STACK)[1].splitlines()[1].split()[3:5] == ["3", "2"]


def test_a_revoked_key_opens_nothing_and_leaves_the_others(run: Command, host: str, local_aws: str) -> None:
    ada, bob = (run("create", STACK, "--name", name)[1].strip() for name in ("ada", "bob"))

    assert run("revoke", STACK, "--name", "ada") == (0, "revoked: ada\n", "")
    assert (_status(local_aws, host, ada), _status(local_aws, host, bob)) == (403, 200)


def test_refuses_a_name_that_is_taken_or_wrong(run: Command, host: str) -> None:
    run("create", STACK, "--name", "ada")

    status, printed, told = run("create", STACK, "--name", "ada")
    assert (status, printed) == (1, "")
    assert "name is 'ada': dev/mistral-7b-instruct has a key of that name" in told
    status, printed, told = run("create", STACK, "--name", "a b")
    assert (status, printed) == (1, "")
    assert "name is 'a b': allowed are 1 to 64 letters" in told


def test_revokes_nothing_when_one_of_the_names_is_unknown(run: Command, host: str) -> None:
    run("create", STACK, "--name", "ada")

    status, _, told = run("revoke", STACK, "--name", "ada", "--name", "eve")
    assert (status, told) == (1, "error: name is 'eve': the keys of dev/mistral-7b-instruct are ada\n")
    assert "ada" in run("list", STACK)[1]


def test_finds_and_revokes_the_keys_that_a_destroyed_stack_left(
    run: Command, driver: StackDriver, aws: Callable[..., Any]
) -> None:
    stack, name = "dev/falcon-7b-instruct", "dev-falcon-7b-instruct"
    driver.deploy(name, keyed_api(), Outputs={"UsagePlanId": {"Value": {"Ref": "Plan"}}})
    run("create", stack, "--name", "ada")
    driver.delete(name)

    assert "opens nothing" in run("list", stack)[1]
    assert run("revoke", stack, "--all")[1] == "revoked: ada\n"
    assert [key for key in _names(aws("apigateway", region=REGION)) if key.startswith(name)] == []


@pytest.mark.parametrize(
    ("stack", "code", "words"),
    [
        (
            "prod/mistral-7b-instruct",
            1,
            "takes IAM credentials, no keys: its environment's front_door",
        ),
        ("dev/falcon-7b", 1, "dev/falcon-7b is not deployed in us-west-2: ./jumpstack deploy dev falcon-7b"),
        ("dev/gpt", 2, "ENV/MODEL is 'dev/gpt': declared are"),
    ],
)
def test_says_why_a_stack_gets_no_key(run: Command, stack: str, code: int, words: str) -> None:
    status, printed, told = run("create", stack, "--name", "ada")

    assert (status, printed) == (code, "")
    assert words in told


def test_says_so_when_what_is_deployed_takes_no_keys_yet(run: Command, driver: StackDriver) -> None:
    driver.deploy("dev-falcon-7b", {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "old"}}})

    assert "what is deployed does not yet: deploy it again" in run("create", "dev/falcon-7b", "--name", "ada")[2]
    driver.delete("dev-falcon-7b")


def test_a_stack_whose_name_begins_anothers_has_none_of_its_keys(
    run: Command, host: str, aws: Callable[..., Any]
) -> None:
    # CloudFormation's names are dev-mistral-7b and dev-mistral-7b-instruct.
    run("create", STACK, "--name", "ada")

    assert run("list", "dev/mistral-7b") == (0, "dev/mistral-7b has no keys\n", "")
    assert run("revoke", "dev/mistral-7b", "--all") == (0, "dev/mistral-7b has no keys\n", "")
    assert "ada" in run("list", STACK)[1]


def test_removes_a_key_that_the_usage_plan_does_not_take(
    run: Command, host: str, aws: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = aws("apigateway", region=REGION)
    refusal = ClientError({"Error": {"Code": "LimitExceededException", "Message": "full"}}, "CreateUsagePlanKey")
    monkeypatch.setattr(gateway, "create_usage_plan_key", Mock(side_effect=refusal))
    monkeypatch.setattr(keys, "_gateway", lambda stack: gateway)

    before = _names(gateway)

    status, printed, told = run("create", STACK, "--name", "ada")

    assert (status, printed) == (1, "")
    assert "answers CreateUsagePlanKey with LimitExceededException: full" in told
    assert _names(gateway) == before
