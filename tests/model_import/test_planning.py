"""Planning an import, and making room for it: every rule beside its exception."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from model_import import planning, versions
from model_import.bodies import BodyError
from model_import.planning import ConcurrentRunError, NoRoomError
from model_import.settings import Settings
from model_import.versions import Job, Version
from tests.model_import.test_settings import REQUIRED

MODEL = REQUIRED["MODEL"]
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
EXECUTION = "arn:aws:states:us-west-2:123456789012:execution:dev-llama-3b-import:b"


def _version(digit: str, age: int) -> Version:
    """Make a version whose digits are all the same; a higher age is older."""
    return Version(digit * 12, f"arn:{digit}", MOMENT - timedelta(days=age))


@dataclass
class Account:
    """The account as the functions see it.

    Attributes:
        imported: Versions of the model, the oldest first.
        others: Names of other imported models.
        jobs: Import jobs of the model.
        running: Start times of executions, by ARN.
        pointer: Served and previous version.
        quota: The quota of imported models.
        removed: Removed versions, in order.
    """

    imported: list[Version] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    running: dict[str, datetime] = field(default_factory=dict)
    pointer: tuple[str, str] = ("none", "none")
    quota: int = 3
    removed: list[str] = field(default_factory=list)

    def put_into(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = [*self.others, *(f"{MODEL}-{one.version}" for one in self.imported)]
        runs = [{"executionArn": arn, "startDate": start} for arn, start in self.running.items()]
        quota = SimpleNamespace(get_service_quota=lambda **_: {"Quota": {"Value": float(self.quota)}})
        monkeypatch.setattr(versions, "account_models", lambda: [{"modelName": name} for name in names])
        monkeypatch.setattr(versions, "versions", lambda *_: list(self.imported))
        monkeypatch.setattr(versions, "jobs", lambda _: self.jobs)
        monkeypatch.setattr(versions, "runs", lambda _: runs)
        monkeypatch.setattr(versions, "served_and_previous", lambda _: self.pointer)
        monkeypatch.setattr(versions, "remove", lambda version: self.removed.append(version.version[0]))
        monkeypatch.setattr(planning, "client", lambda _: quota)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    account = Account()
    account.put_into(monkeypatch)
    return account


def _settings(**changed: Any) -> Settings:
    return Settings.from_environment(REQUIRED)._replace(**changed)


def _plan(*, body: str = "chat", template: bool = True, converse: bool = True, weights: str = "s3://b/m/") -> Any:
    artifacts = {"version": "a" * 12, "chatTemplate": template, "converse": converse}
    event = {"weights": weights, "artifacts": artifacts, "execution": EXECUTION}
    return planning.plan(_settings(body=body), event)


@pytest.mark.parametrize(
    ("body", "template", "converse", "problem"),
    [
        ("chat", True, False, ""),
        ("chat", False, True, "body is 'chat', and the weights have no chat template; allowed: completion, native"),
        ("converse", True, True, ""),
        ("converse", False, False, "body is 'converse', and the weights have no chat template; allowed: completion, n"),
        ("converse", True, False, "body is 'converse', which this architecture lacks; allowed: chat, completion, nat"),
        ("completion", False, False, ""),
        ("native", False, False, ""),
    ],
)
def test_plans_only_with_a_body_that_the_model_supports(
    account: Account, body: str, template: bool, converse: bool, problem: str
) -> None:
    if problem:
        with pytest.raises(BodyError, match=problem):
            _plan(body=body, template=template, converse=converse)
    else:
        assert _plan(body=body, template=template, converse=converse)["status"] == "import"


def test_of_two_runs_that_started_at_the_same_time_exactly_one_goes_on(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.running = {EXECUTION: MOMENT, f"{EXECUTION}2": MOMENT}
    account.put_into(monkeypatch)
    assert _plan()["status"] == "import"

    account.running = {EXECUTION: MOMENT, EXECUTION.removesuffix("b") + "a": MOMENT}
    account.put_into(monkeypatch)
    with pytest.raises(ConcurrentRunError, match=":a is running: one import of dev-llama-3b at a time"):
        _plan()


@pytest.mark.parametrize(("seconds", "refused"), [(-1, True), (1, False)])
def test_refuses_a_run_beside_an_older_one_and_none_beside_a_younger(
    account: Account, monkeypatch: pytest.MonkeyPatch, seconds: int, refused: bool
) -> None:
    account.running = {EXECUTION: MOMENT, "arn:other": MOMENT + timedelta(seconds=seconds)}
    account.put_into(monkeypatch)
    if refused:
        with pytest.raises(ConcurrentRunError, match="arn:other is running"):
            _plan()
    else:
        assert _plan()["status"] == "import"


def test_refuses_a_run_that_is_not_listed_while_another_is(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.running = {"arn:other": MOMENT}
    account.put_into(monkeypatch)
    with pytest.raises(ConcurrentRunError, match="arn:other is running"):
        _plan()


def test_a_further_attempt_has_another_name_and_another_token(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _plan()
    assert first == _plan()
    account.jobs = [Job("a" * 12, "job", "arn:job", "Failed"), Job("b" * 12, "other", "arn:other", "InProgress")]
    account.put_into(monkeypatch)
    second = _plan()

    assert first["jobName"] == f"{MODEL}-{'a' * 12}"
    assert second["jobName"] == f"{MODEL}-{'a' * 12}-2"
    assert first["modelName"] == second["modelName"] == f"{MODEL}-{'a' * 12}"
    assert first["token"] != second["token"]
    assert second["token"] != _plan(weights="s3://b/n/")["token"]


def test_takes_the_version_that_is_there_before_a_job_that_runs(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.jobs = [Job("a" * 12, "job", "arn:job", "InProgress")]
    account.put_into(monkeypatch)
    assert (_plan()["status"], _plan()["jobArn"]) == ("running", "arn:job")
    account.imported = [_version("b", 2), _version("a", 1)]
    account.put_into(monkeypatch)
    assert (_plan()["status"], _plan()["modelArn"]) == ("imported", "arn:a")


# The version to import is f.
@pytest.mark.parametrize(
    ("imported", "pointer", "others", "removed"),
    [
        ("", ("none", "none"), 2, ""),
        ("ab", ("none", "none"), 0, ""),
        ("abc", ("none", "none"), 0, "a"),
        ("ab", ("none", "none"), 1, "a"),
        ("abcd", ("none", "none"), 0, "ab"),
        # The served version stays, and the previous one goes last.
        ("abc", ("a", "b"), 0, "c"),
        ("ab", ("b", "a"), 1, "a"),
        ("abc", ("b", "a"), 1, "ca"),
        # What was imported already by this version stays as well.
        ("afb", ("none", "none"), 0, "a"),
        ("fab", ("a", "f"), 0, "b"),
    ],
)
def test_removes_as_few_old_versions_as_necessary(
    monkeypatch: pytest.MonkeyPatch, imported: str, pointer: tuple[str, str], others: int, removed: str
) -> None:
    account = Account(
        imported=[_version(digit, 9 - age) for age, digit in enumerate(imported)],
        others=[f"other-{number}" for number in range(others)],
        pointer=(pointer[0] if pointer[0] == "none" else pointer[0] * 12, pointer[1] * 12),
    )
    account.put_into(monkeypatch)

    room = planning.make_room(_settings(), {"version": "f" * 12})

    assert "".join(account.removed) == removed
    assert room == {
        "models": len(imported) + others - len(removed),
        "quota": 3,
        "removed": [digit * 12 for digit in removed],
    }


@pytest.mark.parametrize(("others", "imported"), [(3, ""), (2, "a")])
def test_removes_no_other_model_and_not_the_served_version(
    monkeypatch: pytest.MonkeyPatch, others: int, imported: str
) -> None:
    account = Account(
        imported=[_version(digit, 1) for digit in imported],
        others=[f"other-{number}" for number in range(others)],
        pointer=("a" * 12, "none"),
    )
    account.put_into(monkeypatch)
    with pytest.raises(NoRoomError, match=r"has 3 imported models in this region, its quota is 3 \(L-45B04988\)"):
        planning.make_room(_settings(), {"version": "f" * 12})
    assert account.removed == []


@pytest.mark.parametrize(
    ("imported", "pointer", "others", "fits"),
    [
        ("", ("none", "none"), 2, True),
        ("", ("none", "none"), 3, False),
        ("a", ("a", "none"), 2, False),
        # An old version, and the previous one, would make room.
        ("ab", ("b", "none"), 1, True),
        ("ab", ("b", "a"), 1, True),
        ("abc", ("c", "b"), 1, True),
        ("ab", ("b", "a"), 3, False),
    ],
)
def test_checks_room_for_a_version_to_come_and_removes_nothing(
    monkeypatch: pytest.MonkeyPatch, imported: str, pointer: tuple[str, str], others: int, fits: bool
) -> None:
    account = Account(
        imported=[_version(digit, 9 - age) for age, digit in enumerate(imported)],
        others=[f"other-{number}" for number in range(others)],
        pointer=(pointer[0] * 12 if len(pointer[0]) == 1 else "none", pointer[1] * 12),
    )
    account.put_into(monkeypatch)
    if fits:
        assert planning.check_room(_settings(), {}) == {"models": len(imported) + others, "quota": 3}
    else:
        with pytest.raises(NoRoomError, match=r"other-0, other-1.*; delete one that is not needed"):
            planning.check_room(_settings(), {})
    assert account.removed == []


def test_removes_nothing_where_that_would_not_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(imported=[_version("a", 1)], others=["other-0", "other-1", "other-2"])
    account.put_into(monkeypatch)
    with pytest.raises(NoRoomError):
        planning.make_room(_settings(), {"version": "f" * 12})
    assert account.removed == []


@pytest.mark.parametrize(
    ("keep", "pointer", "removed"),
    [
        (4, ("d", "c"), ""),
        (3, ("d", "c"), "a"),
        (2, ("d", "c"), "ba"),
        (1, ("d", "c"), "cba"),
        # A rollback: an old version is served, and the newest was before.
        (2, ("a", "d"), "cb"),
        (3, ("a", "d"), "b"),
        (2, ("c", "a"), "db"),
        (1, ("a", "d"), "dcb"),
    ],
)
def test_keeps_the_served_the_previous_and_then_the_newest_versions(
    monkeypatch: pytest.MonkeyPatch, keep: int, pointer: tuple[str, str], removed: str
) -> None:
    account = Account(
        imported=[_version(digit, 9 - age) for age, digit in enumerate("abcd")],
        pointer=(pointer[0] * 12, pointer[1] * 12),
    )
    account.put_into(monkeypatch)

    assert planning.prune(_settings(keep_versions=keep), {}) == {"removed": [digit * 12 for digit in removed]}
    assert "".join(account.removed) == removed


@pytest.mark.parametrize(("code", "quota"), [("NoSuchResourceException", 3), ("AccessDeniedException", None)])
def test_takes_the_default_quota_only_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, code: str, quota: int | None
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetServiceQuota")

    Account().put_into(monkeypatch)
    monkeypatch.setattr(planning, "client", lambda _: SimpleNamespace(get_service_quota=refuse))
    if quota is None:
        with pytest.raises(ClientError, match=code):
            planning.make_room(_settings(), {"version": "f" * 12})
    else:
        assert planning.make_room(_settings(), {"version": "f" * 12})["quota"] == quota
