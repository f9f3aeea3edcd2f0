"""The custom resource without an account: when it imports, waits, gives up and resets the pointer."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from model_import import lifecycle, versions
from model_import.contract import SOURCE_TAG
from model_import.lifecycle import ImportFailedError, ImportTimeoutError
from model_import.settings import Settings
from model_import.versions import Job, Version
from tests.model_import.test_settings import REQUIRED

MODEL = REQUIRED["MODEL"]
ARN = "arn:aws:bedrock:us-west-2:123456789012:imported-model/abcdefghijkl"
JOB_ARN = "arn:aws:sagemaker:us-west-2:123456789012:training-job/one"
RUN = "arn:aws:states:us-west-2:123456789012:execution:m:one"
NEW, OLD = "s3://models/new/", "s3://models/old/"


class Services:
    """Step Functions, Bedrock and SSM in one, with the calls that were made."""

    def __init__(self) -> None:
        self.execution: dict[str, Any] = {}
        self.origin: str | None = OLD
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.written: list[str] = []

    def start_execution(self, *, name: str, input: str, **_: str) -> dict[str, str]:  # noqa: A002 - the API's name
        self.started.append(input)
        self.name = name
        return {"executionArn": RUN}

    def stop_execution(self, **given: str) -> None:
        self.stopped.append(f"{given['executionArn']}: {given['error']}")

    def describe_execution(self, **_: str) -> dict[str, Any]:
        return {"executionArn": RUN, **self.execution}

    def get_imported_model(self, **given: str) -> dict[str, Any]:
        assert given["modelIdentifier"] == ARN
        if self.origin is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "GetImportedModel")
        return {"modelName": f"{MODEL}-a", "modelDataSource": {"s3DataSource": {"s3Uri": self.origin}}}

    def put_parameter(self, **given: Any) -> None:
        self.written.append(f"{given['Name']}={given['Value']}")
        assert given["Overwrite"]


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    services = Services()
    parameters: dict[str, str | None] = {"/target": ARN, "/served": "a" * 12, "/previous": "none"}
    monkeypatch.setattr(lifecycle, "client", lambda _: services)
    settings = Settings.from_environment({**REQUIRED, "DEADLINE_SECONDS": "60"})
    monkeypatch.setattr(Settings, "from_environment", lambda: settings)
    monkeypatch.setattr(versions, "read_parameter", parameters.get)
    monkeypatch.setattr(versions, "tags", lambda _: {SOURCE_TAG: JOB_ARN})
    monkeypatch.setattr(versions, "runs", lambda _: [{"name": "other", "executionArn": "arn:other"}])
    return services


def _begin(kind: str, weights: str, old: str | None = None, **revisions: str) -> dict[str, Any]:
    event: dict[str, Any] = {"RequestType": kind, "RequestId": "id", "PhysicalResourceId": MODEL}
    event["ResourceProperties"] = {"Weights": weights, "Revision": revisions.get("revision", "")}
    if old is not None:
        event["OldResourceProperties"] = {"Weights": old, "Revision": revisions.get("old_revision", "")}
    return lifecycle.on_event(event, None)


def test_starts_an_import_and_stops_those_of_earlier_deployments(services: Services) -> None:
    assert _begin("Create", NEW) == {"PhysicalResourceId": MODEL, "Execution": RUN}
    assert services.started == [json.dumps({"weights": NEW})]
    assert services.stopped == ["arn:other: Stopped"]


def test_the_same_request_does_not_stop_its_own_run(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    _begin("Create", NEW)
    services.stopped.clear()
    monkeypatch.setattr(versions, "runs", lambda _: [{"name": services.name, "executionArn": RUN}])
    _begin("Create", NEW)
    assert services.stopped == []


def test_imports_nothing_without_weights(services: Services) -> None:
    assert _begin("Create", "") == {"PhysicalResourceId": MODEL, "Execution": ""}
    assert services.started == []


@pytest.mark.parametrize(
    ("weights", "old", "revisions", "imports"),
    [
        # A rollback: the old weights are still served.
        (OLD, NEW, {}, False),
        (JOB_ARN, NEW, {}, False),
        # Other weights than those that are served.
        (NEW, OLD, {}, True),
        ("arn:aws:sagemaker:us-west-2:123456789012:training-job/two", NEW, {}, True),
        # The same prefix again, with a new revision, or as before.
        (OLD, OLD, {"revision": "2"}, True),
        (OLD, NEW, {"revision": "2"}, True),
        (OLD, OLD, {}, True),
    ],
)
def test_an_update_imports_unless_its_weights_are_served(
    services: Services, weights: str, old: str, revisions: dict[str, str], imports: bool
) -> None:
    begun = _begin("Update", weights, old, **revisions)
    assert begun["Execution"] == (RUN if imports else "")
    assert len(services.started) == int(imports)
    if not imports:
        served = {"modelArn": ARN, "modelName": f"{MODEL}-a", "version": "a" * 12}
        assert begun["Served"] == served
        done = lifecycle.is_complete({"RequestType": "Update", **begun}, None)
        assert done == {
            "IsComplete": True,
            "Data": {"ModelArn": ARN, "ModelName": f"{MODEL}-a", "Version": "a" * 12},
        }


def test_an_update_imports_where_the_served_model_is_gone(services: Services) -> None:
    services.origin = None
    assert _begin("Update", OLD, NEW)["Execution"] == RUN


@pytest.mark.parametrize("pointer", ["none", None])
def test_an_update_imports_where_nothing_is_served(
    services: Services, monkeypatch: pytest.MonkeyPatch, pointer: str | None
) -> None:
    monkeypatch.setattr(versions, "read_parameter", lambda _: pointer)
    assert _begin("Update", OLD, NEW)["Execution"] == RUN


@pytest.mark.parametrize(("seconds", "timed_out"), [(59, False), (61, True)])
def test_gives_up_at_the_deadline(services: Services, seconds: int, timed_out: bool) -> None:
    services.execution = {"status": "RUNNING", "startDate": datetime.now(UTC) - timedelta(seconds=seconds)}
    event = {"RequestType": "Create", "Execution": RUN}
    if timed_out:
        with pytest.raises(ImportTimeoutError, match="the import did not end within 60 s"):
            lifecycle.is_complete(event, None)
        assert services.stopped == [f"{RUN}: ImportTimeoutError"]
    else:
        assert lifecycle.is_complete(event, None) == {"IsComplete": False}
        assert services.stopped == []


@pytest.mark.parametrize(
    ("length", "shown"), [(1500, "x" * 1500), (1501, f"{'x' * 1500}… (all of it is in the execution)")]
)
def test_fails_with_the_error_of_the_import(services: Services, length: int, shown: str) -> None:
    services.execution = {"status": "FAILED", "error": "NoRoomError", "cause": "x" * length}
    with pytest.raises(ImportFailedError) as failed:
        lifecycle.is_complete({"RequestType": "Create", "Execution": RUN}, None)
    assert str(failed.value) == f"NoRoomError: {shown} ({RUN})"


def test_names_the_status_of_a_run_without_an_error(services: Services) -> None:
    services.execution = {"status": "ABORTED"}
    with pytest.raises(ImportFailedError, match=f"^ABORTED:  .{RUN}"):
        lifecycle.is_complete({"RequestType": "Create", "Execution": RUN}, None)


def test_a_deletion_resets_the_pointer_where_it_names_a_version(services: Services) -> None:
    assert _begin("Delete", NEW) == {"PhysicalResourceId": MODEL, "Execution": ""}
    assert services.written == ["/target=removed", "/served=none"]
    assert services.stopped == ["arn:other: Stopped"]


def test_a_deletion_after_a_change_of_the_name_leaves_the_new_model_alone(services: Services) -> None:
    event = {"RequestType": "Delete", "PhysicalResourceId": "dev-old-name", "ResourceProperties": {}}
    assert lifecycle.on_event(event, None) == {"PhysicalResourceId": "dev-old-name", "Execution": ""}
    assert (services.written, services.stopped) == ([], [])


@pytest.mark.parametrize(("status", "gone"), [("InProgress", False), ("Completed", True), ("Failed", True)])
def test_a_deletion_waits_for_an_import_that_runs(
    services: Services, monkeypatch: pytest.MonkeyPatch, status: str, gone: bool
) -> None:
    removed: list[str] = []
    version = Version("a" * 12, ARN, datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(versions, "jobs", lambda _: [Job("b" * 12, "job", "arn:job", status)])
    monkeypatch.setattr(versions, "versions", lambda _: [version])
    monkeypatch.setattr(versions, "remove", lambda one: removed.append(one.arn))

    event = {"RequestType": "Delete", "PhysicalResourceId": MODEL}
    assert lifecycle.is_complete(event, None) == {"IsComplete": gone}
    assert removed == [ARN]
