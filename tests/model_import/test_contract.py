"""The contract of the import's package: handlers read these variables and inputs, and return these outputs."""

import importlib
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from model_import import check, contract, failures, lifecycle, planning, smoke, versions
from model_import.artifacts.findings import Finding, Report
from model_import.artifacts.report import _FACTS
from model_import.environment import SettingsError
from model_import.names import VERSION_DIGITS
from model_import.settings import Settings
from model_import.steps import _STEPS
from model_import.versions import Job, Version
from tests.model_import.test_settings import REQUIRED
from tests.support.recorded import Recorded

FUNCTIONS = (contract.CHECK, contract.STEPS, contract.ON_EVENT, contract.IS_COMPLETE)
SETTINGS = Settings.from_environment(REQUIRED)
VERSION = "0123456789ab"
ARN = "arn:aws:bedrock:us-west-2:123456789012:imported-model/abcdefghijkl"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.handler)
def test_every_handler_is_there_and_its_variables_are_documented(function: contract.Function) -> None:
    module, _, name = function.handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    assert contract.__doc__ is not None
    assert [variable for variable in function.variables if f"`{variable}`" not in contract.__doc__] == []


@pytest.mark.parametrize("function", FUNCTIONS[1:], ids=lambda function: function.handler)
def test_the_settings_are_read_from_the_variables_of_the_contract(function: contract.Function) -> None:
    environment = Recorded(REQUIRED)
    Settings.from_environment(environment)
    assert environment.read == set(function.variables)
    assert set(REQUIRED) == set(function.required)


@pytest.mark.parametrize("name", contract.STEPS.required)
def test_the_settings_require_the_variables_that_the_contract_requires(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not set$"):
        Settings.from_environment({**REQUIRED, name: ""})


def test_every_body_has_its_smoke_test() -> None:
    assert set(smoke._ASK) == set(contract.BODIES)


def test_check_reads_and_returns_what_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    environment, event = Recorded(), Recorded(weights="s3://models/llama/1/", region="us-west-2")
    report = Report("s3://models/llama/1/", (), (), dict.fromkeys(_FACTS))
    monkeypatch.setattr(check, "os", SimpleNamespace(environ=environment))
    monkeypatch.setattr(check, "boto3", SimpleNamespace(client=lambda *_, **__: None))
    monkeypatch.setattr(check, "check_uri", lambda *_, **__: report)

    answer = check.handler(event, None)

    assert environment.read == set(contract.CHECK.variables)
    assert event.read == set(contract.CHECK.inputs)
    assert set(answer) == set(contract.CHECK.outputs)
    assert set(contract.ARTIFACTS) < set(contract.CHECK.outputs)
    assert answer["source"] == contract.PREFIX_SOURCE


def test_there_are_the_steps_of_the_contract() -> None:
    assert set(_STEPS) == set(contract.STEP)


class _Account:
    """An account with versions and jobs of one model."""

    def __init__(self, imported: list[Version], jobs: list[Job]) -> None:
        self._imported, self._jobs = imported, jobs

    def put_into(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(versions, "versions", lambda *_: self._imported)
        monkeypatch.setattr(versions, "jobs", lambda _: self._jobs)
        monkeypatch.setattr(versions, "runs", lambda _: [])
        monkeypatch.setattr(versions, "account_models", list)
        monkeypatch.setattr(versions, "served_and_previous", lambda _: ("none", "none"))
        monkeypatch.setattr(versions, "remove", lambda _: None)
        monkeypatch.setattr(planning, "_quota", lambda: 3)


@pytest.mark.parametrize(
    ("imported", "jobs", "status", "filled"),
    [
        ([Version(VERSION, ARN, datetime(2026, 1, 1, tzinfo=UTC))], [], contract.IMPORTED, {"modelArn"}),
        ([], [Job(VERSION, "job", ARN, "InProgress")], contract.RUNNING, {"jobArn"}),
        ([], [Job(VERSION, "job", ARN, "Failed")], contract.TO_IMPORT, {"jobName", "token"}),
    ],
)
def test_plan_reads_and_returns_what_the_contract_says(
    monkeypatch: pytest.MonkeyPatch, imported: list[Version], jobs: list[Job], status: str, filled: set[str]
) -> None:
    _Account(imported, jobs).put_into(monkeypatch)
    artifacts = Recorded(version=VERSION, chatTemplate=True, converse=True)
    event = Recorded(weights="s3://models/llama/1/", artifacts=artifacts, execution="arn:execution")

    answer = planning.plan(SETTINGS, event)

    # A plan without a job needs no location of the weights.
    assert event.read | {"weights"} == set(contract.STEP["plan"].inputs)
    assert artifacts.read <= set(contract.ARTIFACTS)
    assert tuple(sorted(answer)) == tuple(sorted(contract.STEP["plan"].outputs))
    assert answer["status"] == status
    assert {name for name, value in answer.items() if value} == {"status", "version", "modelName", *filled}


def test_make_room_and_prune_read_and_return_what_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    _Account([], []).put_into(monkeypatch)
    event, nothing = Recorded(version=VERSION), Recorded()
    # With a version to compare, and none that has to go.
    monkeypatch.setattr(versions, "versions", lambda *_: [Version("f" * 12, ARN, datetime(2026, 1, 1, tzinfo=UTC))])

    assert set(planning.make_room(SETTINGS, event)) == set(contract.STEP["make_room"].outputs)
    assert set(planning.prune(SETTINGS, nothing)) == set(contract.STEP["prune"].outputs)
    assert set(planning.check_room(SETTINGS, nothing)) == set(contract.STEP["check_room"].outputs)
    assert event.read == set(contract.STEP["make_room"].inputs)
    assert nothing.read == set(contract.STEP["prune"].inputs)


def test_the_smoke_test_reads_and_returns_what_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    event = Recorded(modelArn=ARN)
    monkeypatch.setitem(smoke._ASK, "chat", lambda *_: "Paris.")

    assert set(smoke.smoke_test(SETTINGS, event)) == set(contract.STEP["smoke_test"].outputs)
    assert event.read == set(contract.STEP["smoke_test"].inputs)
    assert smoke.ModelNotReadyError.__name__ == contract.NOT_READY_ERROR


def test_tidy_reads_and_returns_what_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    _Account([], []).put_into(monkeypatch)
    event = Recorded(state={"failure": {"Error": "ImportJobFailed", "Cause": "the moon is full"}})

    assert set(failures.tidy(SETTINGS, event)) == set(contract.STEP["tidy"].outputs)
    assert event.read == set(contract.STEP["tidy"].inputs)


def test_the_custom_resource_returns_the_attributes_of_the_contract() -> None:
    output = {name: name.upper() for name in contract.RUN_OUTPUT}
    assert lifecycle._complete(output)["Data"] == {
        "ModelArn": "MODELARN",
        "ModelName": "MODELNAME",
        "Version": "VERSION",
    }
    nothing = dict.fromkeys(contract.IS_COMPLETE.outputs, contract.NO_RELEASE)
    assert lifecycle._complete({}) == {"IsComplete": True, "Data": nothing}


def test_a_version_has_the_form_of_the_checks() -> None:
    assert re.fullmatch(rf"[0-9a-f]{{{VERSION_DIGITS}}}", VERSION)


def test_a_finding_has_the_members_that_the_check_documents() -> None:
    assert set(Finding._fields) == {"severity", "rule", "place", "problem", "allowed"}


def _begin(monkeypatch: pytest.MonkeyPatch, properties: dict[str, Any], **event: Any) -> dict[str, Any]:
    started: list[str] = []

    def start(**given: str) -> dict[str, str]:
        started.append(given["input"])
        return {"executionArn": ARN}

    monkeypatch.setattr(lifecycle, "client", lambda _: SimpleNamespace(start_execution=start))
    monkeypatch.setattr(lifecycle, "_stop_runs", lambda *_, **__: None)
    monkeypatch.setattr(lifecycle, "_served_from", lambda *_: None)
    monkeypatch.setattr(Settings, "from_environment", lambda: SETTINGS)
    begun = lifecycle.on_event(
        {"RequestType": "Create", "RequestId": "request", "ResourceProperties": properties, **event}, None
    )
    return {**begun, "input": started}


def test_the_custom_resource_reads_the_properties_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = Recorded(Weights="s3://models/llama/2/", Revision="1")
    old = {"Weights": "s3://models/llama/1/", "Revision": "1"}

    begun = _begin(monkeypatch, properties, RequestType="Update", OldResourceProperties=old)

    assert properties.read == set(contract.ON_EVENT.inputs)
    assert begun["input"] == ['{"weights": "s3://models/llama/2/"}']
    assert contract.RUN_INPUT == ("weights",)
