"""Versions and jobs of one model in the account, distinguished from those of models with similar names."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from model_import import failures, versions
from model_import.contract import TAG
from model_import.settings import Settings
from model_import.versions import Version
from tests.model_import.test_settings import REQUIRED

MODEL = REQUIRED["MODEL"]
A, B = "a" * 12, "b" * 12
SETTINGS = Settings.from_environment(REQUIRED)


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


class Service:
    """All services in one: imported models with their tags, jobs, executions and parameters."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, str]] = {}
        self.job_names: list[str] = []
        self.parameters: dict[str, str] = {}
        self.deleted: list[str] = []
        self.error: ClientError | None = None

    def get_paginator(self, operation: str) -> "Service":
        self.operation = operation
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        if self.error:
            raise self.error
        match self.operation:
            case "list_imported_models":
                for number, name in enumerate(self.models):
                    created = datetime(2026, 1, 9 - number, tzinfo=UTC)
                    yield {"modelSummaries": [{"modelName": name, "modelArn": name, "creationTime": created}]}
            case "list_model_import_jobs":
                for name in self.job_names:
                    yield {"modelImportJobSummaries": [{"jobName": name, "jobArn": name, "status": "Failed"}]}
            case _:
                yield {"executions": [{"name": "one"}]}
                yield {"executions": [{"name": "two"}]}

    def list_tags_for_resource(self, **given: str) -> dict[str, Any]:
        if self.error:
            raise self.error
        return {"tags": [{"key": key, "value": value} for key, value in self.models[given["resourceARN"]].items()]}

    def delete_imported_model(self, **given: str) -> None:
        if self.error:
            raise self.error
        self.deleted.append(given["modelIdentifier"])

    def get_parameter(self, **given: str) -> dict[str, Any]:
        if self.error or given["Name"] not in self.parameters:
            raise self.error or _refusal("ParameterNotFound")
        return {"Parameter": {"Value": self.parameters[given["Name"]]}}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setattr(versions, "client", lambda _: service)
    return service


def test_a_version_has_the_models_name_and_its_tag(service: Service) -> None:
    service.models = {
        f"{MODEL}-{B}": {TAG: MODEL, "other": "tag"},
        f"{MODEL}-{A}": {TAG: MODEL},
        f"{MODEL}-{'c' * 12}": {TAG: f"{MODEL}-chat"},
        f"{MODEL}-{'d' * 12}": {},
        f"{MODEL}-chat-{A}": {TAG: MODEL},
        f"my-{MODEL}-{A}": {TAG: MODEL},
        MODEL: {TAG: MODEL},
    }
    found = versions.versions(MODEL)
    # The oldest first.
    assert [(one.version, one.arn) for one in found] == [(A, f"{MODEL}-{A}"), (B, f"{MODEL}-{B}")]


def test_a_job_has_the_name_of_a_version_or_of_a_further_attempt(service: Service) -> None:
    own = [f"{MODEL}-{A}", f"{MODEL}-{A}-2", f"{MODEL}-{B}-999"]
    others = [f"{MODEL}-chat-{A}", f"{MODEL}-{A}-1000", f"{MODEL}-{A}2", f"my-{MODEL}-{A}", f"{MODEL}-{A}-x"]
    service.job_names = [*own, *others]
    assert [(job.name, job.version) for job in versions.jobs(MODEL)] == list(zip(own, (A, A, B), strict=True))


def test_a_model_that_is_gone_has_no_tags_and_is_removed(service: Service) -> None:
    version = Version(A, f"{MODEL}-{A}", datetime(2026, 1, 1, tzinfo=UTC))
    versions.remove(version)
    assert service.deleted == [f"{MODEL}-{A}"]
    service.error = _refusal("ResourceNotFoundException")
    versions.remove(version)
    assert versions.tags("gone") == {}
    service.error = _refusal("AccessDeniedException")
    for call in (lambda: versions.remove(version), lambda: versions.tags("gone")):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


def test_a_state_machine_that_is_gone_has_no_runs(service: Service) -> None:
    assert [run["name"] for run in versions.runs("arn:machine")] == ["one", "two"]
    service.error = _refusal("StateMachineDoesNotExist")
    assert versions.runs("arn:machine") == []
    service.error = _refusal("AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        versions.runs("arn:machine")


def test_a_parameter_that_is_missing_names_no_version(service: Service) -> None:
    service.parameters = {"/served": A}
    assert versions.read_parameter("/previous") is None
    assert versions.served_and_previous(SETTINGS) == (A, "none")
    service.parameters = {"/previous": B}
    assert versions.served_and_previous(SETTINGS) == ("none", B)
    service.error = _refusal("AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        versions.read_parameter("/served")


@pytest.mark.parametrize(
    ("planned", "served", "previous", "removed"),
    [
        (A, "none", "none", [A]),
        (A, A, "none", []),
        (A, B, A, []),
        (A, B, "none", [A]),
        (None, "none", "none", []),
    ],
)
def test_a_failed_run_removes_its_version_unless_it_is_served_or_the_previous_one(
    service: Service, planned: str | None, served: str, previous: str, removed: list[str]
) -> None:
    service.models = {f"{MODEL}-{version}": {TAG: MODEL} for version in (A, B)}
    service.parameters = {"/served": served, "/previous": previous}
    state = {"failure": {"Error": "Failed", "Cause": "x"}, **({"run": {"version": planned}} if planned else {})}

    assert failures.tidy(SETTINGS, {"state": state}) == {"error": "Failed", "cause": "x"}
    assert service.deleted == [f"{MODEL}-{version}" for version in removed]


@pytest.mark.parametrize(
    ("failure", "error", "cause"),
    [
        ({"Error": "E", "Cause": '{"errorMessage": "why", "errorType": "E"}'}, "E", "why"),
        ({"Error": "E", "Cause": '{"message": "why"}'}, "E", '{"message": "why"}'),
        ({"Error": "E", "Cause": '["errorMessage"]'}, "E", '["errorMessage"]'),
        ({"Error": "E", "Cause": "x" * 30_000}, "E", "x" * 30_000),
        ({"Error": "E", "Cause": "x" * 30_001}, "E", f"{'x' * 30_000}… (cut: Step Functions takes no more)"),
        ({}, "Error", ""),
    ],
)
def test_the_message_of_a_function_is_unwrapped_and_a_long_one_is_cut(
    service: Service, failure: dict[str, str], error: str, cause: str
) -> None:
    assert failures.tidy(SETTINGS, {"state": {"failure": failure}}) == {"error": error, "cause": cause}
