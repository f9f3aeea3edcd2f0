"""The removal: nothing is left behind, by an interrupted run either, and no run removes another's resources."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.conftest import only_run
from tests.conformance.ledger import RunningError, held, remove_leftovers
from tests.conformance.made import Made
from tests.conformance.target import Target, error_of
from tools import conformance
from tools.conformance import REGION, ConformanceError

_ACCOUNT = "444455556666"


class Account:
    """An account that knows roles by their names only, instead of boto3's clients."""

    def __init__(self, *, broken: bool = False) -> None:
        self.calls: list[str] = []
        self.broken = broken
        self.throttled = 0
        self.stages = [{"apiId": "api", "stage": "live"}]
        self.statuses: list[str] = []

    def client(self, service: str) -> Any:
        """Return a client, which is the account itself."""
        return self

    def delete_role(self, RoleName: str) -> None:  # noqa: N803 - AWS's name
        """Delete a role, which is gone already where its name says so."""
        self.calls.append(RoleName)
        if RoleName == "gone" or self.broken:
            code = "NoSuchEntity" if RoleName == "gone" else "Throttling"
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DeleteRole")

    def delete_rest_api(self, restApiId: str) -> None:  # noqa: N803 - AWS's name
        """Delete an API, where it is not too early."""
        self.calls.append(restApiId)
        if self.throttled:
            self.throttled -= 1
            raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "no"}}, "DeleteRestApi")

    def get_paginator(self, operation: str) -> Any:
        """Return what lists two APIs on two pages."""
        assert operation == "get_rest_apis"
        pages = [{"items": [{"id": "1", "name": "other"}]}, {"items": [{"id": "2", "name": "own"}]}]
        return SimpleNamespace(paginate=lambda: pages)

    def schedule_key_deletion(self, KeyId: str) -> None:  # noqa: N803 - AWS's name
        """Refuse, as for a key that is disabled or scheduled already."""
        message = f"{KeyId} is pending deletion."
        raise ClientError({"Error": {"Code": "KMSInvalidStateException", "Message": message}}, "ScheduleKeyDeletion")

    def get_usage_plan(self, usagePlanId: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Return a plan with its stages."""
        return {"id": usagePlanId, "apiStages": self.stages}

    def update_usage_plan(self, usagePlanId: str, patchOperations: list[dict[str, str]]) -> None:  # noqa: N803
        """Detach a stage."""
        self.calls.append(f"{usagePlanId} without {patchOperations[0]['value']}")
        self.stages = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Return a stack with its next status; without one there is no stack."""
        self.calls.append(f"look at {StackName}")
        if not self.statuses:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        reason = {"StackStatusReason": "a bucket is not empty"}
        return {"Stacks": [{"StackId": "id-of-it", "StackStatus": self.statuses.pop(0), **reason}]}

    def delete_stack(self, StackName: str) -> None:  # noqa: N803 - AWS's name
        """Begin to delete a stack."""
        self.calls.append(f"delete {StackName}")

    def delete_usage_plan(self, usagePlanId: str) -> None:  # noqa: N803 - AWS's name
        """Delete a plan."""
        self.calls.append(usagePlanId)

    def target(self, run: str = "run") -> Target:
        """Return the account as a target."""
        return Target(account=_ACCOUNT, region="eu-west-1", client=self.client, url=None, run=run)


def test_removes_the_newest_first_and_takes_what_is_gone_for_removed(tmp_path: Path) -> None:
    account = Account()
    made = Made(account.target(), folder=tmp_path)
    for name in ("first", "gone", "last"):
        made.undo("iam", "delete_role", RoleName=name)
    assert made.remove() == []
    assert account.calls == ["last", "gone", "first"]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_removed_is_said_and_stays_in_the_ledger(tmp_path: Path) -> None:
    account = Account(broken=True)
    made = Made(account.target(), folder=tmp_path)
    made.undo("iam", "delete_role", RoleName="role")
    assert made.remove() == ["iam delete_role {'RoleName': 'role'}: Throttling: no"]
    account.broken = False
    assert remove_leftovers(account.target("next"), folder=tmp_path) == []
    assert account.calls == ["role", "role"]
    assert list(tmp_path.iterdir()) == []


def test_the_next_run_removes_what_a_killed_one_left_in_this_account_only(tmp_path: Path) -> None:
    account = Account()
    Made(account.target(), folder=tmp_path).undo("iam", "delete_role", RoleName="left")
    other = tmp_path / "conformance-111122223333-eu-west-1-run.json"
    other.write_text(json.dumps([["iam", "delete_role", {"RoleName": "another's"}]]), encoding="utf-8")
    assert remove_leftovers(account.target("next"), folder=tmp_path) == []
    assert account.calls == ["left"]
    assert list(tmp_path.iterdir()) == [other]


def test_a_refusal_is_its_code_and_message() -> None:
    assert error_of(Account().delete_role, RoleName="gone") == ("NoSuchEntity", "no")
    assert error_of(Account().delete_role, RoleName="there") == ("", "")


def test_an_api_whose_deletion_comes_too_early_is_deleted_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    account = Account()
    made = Made(account.target(), folder=tmp_path)
    made.undo("apigateway", "delete_rest_api", restApiId="api")
    account.throttled = 18
    assert made.remove() == []
    assert sum(waits) == 180
    made.undo("apigateway", "delete_rest_api", restApiId="api")
    account.throttled = 19
    [problem] = made.remove()
    assert problem.endswith("TooManyRequestsException: no")


def test_each_removal_is_noted_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account()
    Made(account.target(), folder=tmp_path).undo("iam", "delete_role", RoleName="first")
    [ledger] = tmp_path.iterdir()
    for remove in (lambda made: made.remove(), lambda made: remove_leftovers(made.target, folder=tmp_path)):
        ledger.unlink(missing_ok=True)
        made = Made(account.target(), folder=tmp_path)
        for name in ("first", "killed", "last"):
            made.undo("iam", "delete_role", RoleName=name)

        def kill(RoleName: str) -> None:  # noqa: N803 - AWS's name
            if RoleName == "killed":
                raise KeyboardInterrupt

        monkeypatch.setattr(account, "delete_role", kill)
        with pytest.raises(KeyboardInterrupt):
            remove(made)
        assert [entry[2]["RoleName"] for entry in json.loads(ledger.read_text(encoding="utf-8"))] == ["first", "killed"]
        assert list(tmp_path.iterdir()) == [ledger]


def test_a_key_whose_deletion_is_scheduled_is_gone(tmp_path: Path) -> None:
    made = Made(Account().target(), folder=tmp_path)
    made.undo("kms", "schedule_key_deletion", KeyId="key")
    assert made.remove() == []


def test_the_removal_of_a_plan_can_be_repeated(tmp_path: Path) -> None:
    account = Account()
    made = Made(account.target(), folder=tmp_path)
    for _ in range(2):
        made.undo("apigateway", "delete_usage_plan", usagePlanId="plan")
    assert made.remove() == []
    assert account.calls == ["plan without api:live", "plan", "plan"]


@pytest.mark.parametrize(
    ("statuses", "problem"),
    [
        ([], ""),
        (["CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"], ""),
        (["CREATE_COMPLETE", "DELETE_FAILED"], "DELETE_FAILED: a bucket is not empty"),
        (["CREATE_COMPLETE", *["DELETE_IN_PROGRESS"] * 1800], "DELETE_IN_PROGRESS: a bucket is not empty"),
    ],
)
def test_a_stack_is_removed_when_its_deletion_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statuses: list[str], problem: str
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    account = Account()
    account.statuses = statuses.copy()
    made = Made(account.target(), folder=tmp_path)
    made.undo("cloudformation", "delete_stack", StackName="stack")
    assert made.remove() == ([f"cloudformation delete_stack {{'StackName': 'stack'}}: {problem}"] if problem else [])
    assert account.statuses == []
    assert account.calls.count("delete id-of-it") == bool(statuses)
    assert len(list(tmp_path.iterdir())) == bool(problem)


def test_what_was_made_before_its_id_was_known_is_found_by_its_name(tmp_path: Path) -> None:
    account = Account()
    Made(account.target(), folder=tmp_path).undo_named("apigateway", "delete_rest_api", "restApiId", "own")
    assert remove_leftovers(account.target("next"), folder=tmp_path) == []
    assert account.calls == ["2"]
    known = Made(account.target(), folder=tmp_path).undo_named("apigateway", "delete_rest_api", "restApiId", "own")
    known("3")
    assert remove_leftovers(account.target("next"), folder=tmp_path) == []
    assert account.calls == ["2", "3"]


def test_a_second_run_is_refused_while_the_first_one_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "_account", lambda: _ACCOUNT)
    with held(tmp_path), pytest.raises(RunningError, match="another run holds"), only_run(_ACCOUNT, tmp_path):
        pass
    with only_run(_ACCOUNT, tmp_path), pytest.raises(RunningError), held(tmp_path):
        pass
    with pytest.raises(ConformanceError, match="the credentials are of account"), only_run("111122223333", tmp_path):
        pass
    assert remove_leftovers(Account().target(), folder=tmp_path) == []


@pytest.mark.xdist_group("conformance")
def test_resources_are_found_by_name_on_the_local_aws(tmp_path: Path, local_apis: str, aws: Callable[..., Any]) -> None:
    target = Target(account=_ACCOUNT, region=REGION, client=lambda one: aws(one, region=REGION), url=local_apis)
    made, name = Made(target, folder=tmp_path), target.name()
    gateway, kms = target.client("apigateway"), target.client("kms")
    made.undo_named("apigateway", "delete_rest_api", "restApiId", name)
    gateway.create_rest_api(name=name)
    made.undo_named("apigateway", "delete_usage_plan", "usagePlanId", name)
    gateway.create_usage_plan(name=name)
    made.undo_named("apigateway", "delete_api_key", "apiKey", name)
    gateway.create_api_key(name=name)
    made.undo_named("sqs", "delete_queue", "QueueUrl", name)
    target.client("sqs").create_queue(QueueName=name)
    made.undo_named("kms", "schedule_key_deletion", "KeyId", name, PendingWindowInDays=7)
    key = kms.create_key(Description=name)["KeyMetadata"]["KeyId"]
    assert remove_leftovers(target, folder=tmp_path) == []
    for operation in (gateway.get_rest_apis, gateway.get_usage_plans, gateway.get_api_keys):
        assert name not in [one["name"] for one in operation().get("items", [])]
    assert error_of(target.client("sqs").get_queue_url, QueueName=name) != ("", "")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert list(tmp_path.iterdir()) == []
