"""The whole importer on the local AWS: real roles, functions and states with the stand-in Bedrock."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.model_import.import_world import FailedError, Resource, World, deploy, wait_scale
from tests.support.bedrock_models import Bedrock, prepared
from tests.support.bedrock_models import llama as other_model

# One worker: what the module sets up takes its time. In the sweep: `make test` holds the states and functions one by
# one, and `make demo` imports a model that it tuned.
pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("import-lifecycle")]


@pytest.fixture(scope="module")
def bedrock(local_aws: str, aws: Callable[..., Any]) -> Bedrock:
    wait_scale(local_aws, 0.002)
    return prepared(local_aws, aws)


@pytest.fixture(scope="module")
def module_world(bedrock: Bedrock, tmp_path_factory: pytest.TempPathFactory) -> World:
    return deploy(bedrock, tmp_path_factory.mktemp("weights"))


@pytest.fixture
def world(module_world: World) -> Iterator[World]:
    module_world.bedrock.steer("DELETE")
    module_world.bedrock.behave(import_seconds=0.05, warm_up_seconds=0.05)
    yield module_world
    module_world.clean()


@pytest.fixture
def resource(world: World) -> Resource:
    return Resource(world)


@pytest.fixture
def converse(world: World) -> Iterator[None]:
    """Set the body of the deployed function to `converse` for a test."""
    client, function = world.client("lambda"), world.functions["Steps"]
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**variables, "BODY": "converse"}}
    )
    yield
    client.update_function_configuration(FunctionName=function, Environment={"Variables": variables})


def test_imports_and_serves_the_first_version(world: World) -> None:
    execution = world.run(world.upload())

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    output = json.loads(execution["output"])
    assert re.fullmatch(r"[0-9a-f]{12}", output["version"])
    assert world.models() == [f"{world.model}-{output['version']}"] == [output["modelName"]]
    assert world.parameter("target") == output["modelArn"]
    assert world.parameter("served") == output["version"]
    assert world.parameter("previous") == "none"


def test_switches_to_a_new_version_and_keeps_the_one_before(world: World) -> None:
    first, second, third = (json.loads(world.run(world.upload())["output"]) for _ in range(3))

    assert world.parameter("target") == third["modelArn"]
    assert (world.parameter("served"), world.parameter("previous")) == (third["version"], second["version"])
    assert world.models() == sorted([second["modelName"], third["modelName"]])
    assert first["version"] not in "".join(world.models())


def test_imports_the_same_content_once(world: World) -> None:
    weights = world.upload()
    world.run(weights)
    again = world.run(weights)

    assert again["status"] == "SUCCEEDED"
    assert "Import" not in world.states(again)
    assert len(world.models()) == 1


def test_imports_again_what_was_deleted_under_another_jobs_name(world: World) -> None:
    weights = world.upload()
    arn = json.loads(world.run(weights)["output"])["modelArn"]
    world.client("bedrock").delete_imported_model(modelIdentifier=arn)
    again = json.loads(world.run(weights)["output"])

    assert again["modelArn"] != arn
    job = world.client("bedrock").list_model_import_jobs(nameContains=world.model)["modelImportJobSummaries"][0]
    assert job["jobName"] == f"{again['modelName']}-2"


def test_waits_for_the_job_of_another_run_for_the_same_content(world: World) -> None:
    world.bedrock.behave(import_seconds=0.5)
    weights = world.upload()
    stopped = world.start(weights)
    _until(lambda: _jobs(world, "InProgress"))
    world.client("stepfunctions").stop_execution(executionArn=stopped)
    again = world.run(weights)

    assert again["status"] == "SUCCEEDED", again.get("cause")
    assert "Take the job that runs" in world.states(again)
    version = json.loads(again["output"])["version"]
    assert len([job for job in _jobs(world) if version in job["jobName"]]) == 1


def test_refuses_a_run_beside_an_older_one(world: World) -> None:
    world.bedrock.behave(import_seconds=1)
    first = world.start(world.upload())
    _until(lambda: _jobs(world, "InProgress"))
    second = world.run(world.upload())

    assert (second["status"], second["error"]) == ("FAILED", "ConcurrentRunError")
    assert first in second["cause"]
    assert world.ended(first)["status"] == "SUCCEEDED"


def test_waits_its_turn_while_another_model_is_imported(world: World) -> None:
    world.bedrock.behave(import_seconds=0.6)
    uri = world.upload()
    world.bedrock.start(world.bedrock.upload(other_model()))
    execution = world.run(uri)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert "Wait for its turn" in world.states(execution)


def test_waits_for_a_role_that_bedrock_does_not_know_yet(world: World) -> None:
    weights = world.upload()
    world.bedrock.behave(role_propagation_seconds=3600)
    run = world.start(weights)
    _until(lambda: "Wait for the role" in world.states({"executionArn": run}))
    world.bedrock.behave(role_propagation_seconds=0)
    execution = world.ended(run)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")


def test_fails_in_bedrocks_words_with_the_likely_cause_beside_them(world: World) -> None:
    world.bedrock.behave(role_propagation_seconds=1e9)
    execution = world.run(world.upload())

    assert (execution["status"], execution["error"]) == ("FAILED", "Bedrock.ValidationException")
    words, cause = execution["cause"].splitlines()
    assert words.startswith("The provided role ARN is invalid (Service: Bedrock")
    assert cause.startswith("likely cause: Bedrock could not find or assume the import role")


def test_passes_a_jobs_failure_message_on_unchanged(world: World) -> None:
    world.bedrock.behave(import_seconds=0.4)
    weights = world.upload()
    run = world.start(weights)
    _until(lambda: _jobs(world, "InProgress"))
    # The files go while the job runs: the check had seen them.
    bucket, _, prefix = weights.removeprefix("s3://").partition("/")
    world.bedrock.clients("s3").delete_object(Bucket=bucket, Key=f"{prefix}config.json")
    execution = world.ended(run)

    assert (execution["status"], execution["error"]) == ("FAILED", "ImportJobFailed")
    [job] = _jobs(world, "Failed")
    message = world.client("bedrock").get_model_import_job(jobIdentifier=job["jobArn"])["failureMessage"]
    assert execution["cause"].splitlines()[0] == message
    assert "likely cause: the prefix must hold config.json" in execution["cause"]


def test_refuses_weights_that_bedrock_would_not_take_before_any_job(world: World) -> None:
    execution = world.run(world.upload(architectures=["BertForMaskedLM"]))

    assert (execution["status"], execution["error"]) == ("FAILED", "ArtifactError")
    assert "BertForMaskedLM" in execution["cause"]
    assert not [job for job in _jobs(world) if job["jobName"].startswith(world.model) and job["status"] == "InProgress"]


def test_removes_a_version_that_fails_its_smoke_test_and_goes_on_serving(world: World) -> None:
    served = json.loads(world.run(world.upload())["output"])
    world.bedrock.behave(faults=[{"code": "ModelErrorException", "message": "out of memory"}])
    execution = world.run(world.upload())

    assert (execution["status"], execution["error"]) == ("FAILED", "SmokeTestError")
    assert "ModelErrorException: out of memory" in execution["cause"]
    assert world.models() == [served["modelName"]]
    assert world.parameter("target") == served["modelArn"]


def test_refuses_converse_by_what_bedrock_reports_of_the_model_and_goes_on_serving(
    world: World, converse: None
) -> None:
    served = json.loads(world.run(world.upload())["output"])
    world.bedrock.behave(without_converse=["LlamaForCausalLM"])
    execution = world.run(world.upload())

    assert (execution["status"], execution["error"]) == ("FAILED", "BodyError")
    assert "body is 'converse', which Bedrock does not support" in execution["cause"]
    assert "try 'chat'" in execution["cause"]
    assert world.parameter("target") == served["modelArn"]
    assert world.models() == [served["modelName"]]


def test_makes_room_in_the_quota_by_removing_its_own_old_version_only(world: World) -> None:
    world.run(world.upload())
    second = json.loads(world.run(world.upload())["output"])
    others = world.bedrock.import_model(other_model(), importedModelName="somebody-elses")
    third = json.loads(world.run(world.upload())["output"])

    assert world.models() == sorted(["somebody-elses", second["modelName"], third["modelName"]])
    assert others in [m["modelArn"] for m in world.client("bedrock").list_imported_models()["modelSummaries"]]


def test_says_which_models_fill_the_quota_where_none_may_be_removed(world: World) -> None:
    served = json.loads(world.run(world.upload())["output"])
    names = [f"{world.model}-0123456789ab", "other"]
    for each in names:
        # The first has this model's name, but not its tag.
        world.bedrock.import_model(other_model(), importedModelName=each)
    execution = world.run(world.upload())

    assert (execution["status"], execution["error"]) == ("FAILED", "NoRoomError")
    assert all(each in execution["cause"] for each in [*names, served["modelName"], "quota is 3 (L-45B04988)"])
    assert world.models() == sorted([*names, served["modelName"]])


# In the sweep: test_custom_resource.py has what its handlers do, and the run is the one of the tests above.
@pytest.mark.sweep
class TestCustomResource:
    def test_creates(self, world: World, resource: Resource) -> None:
        data = resource.create(world.upload())

        assert data == {
            "ModelArn": world.parameter("target"),
            "ModelName": world.models()[0],
            "Version": world.parameter("served"),
        }
        assert resource.physical_id == world.model

    def test_fails_to_create_with_the_imports_error_and_leaves_nothing(self, world: World, resource: Resource) -> None:
        with pytest.raises(FailedError, match=r"ImportFailedError: ArtifactError: (.|\n)*BertForMaskedLM"):
            resource.create(world.upload(architectures=["BertForMaskedLM"]))

        assert world.models() == []
        assert world.parameter("target") == "none"

    def test_leaves_nothing_of_a_create_whose_smoke_test_fails(self, world: World, resource: Resource) -> None:
        world.bedrock.behave(faults=[{"code": "ModelErrorException", "message": "out of memory"}])
        with pytest.raises(FailedError, match=r"SmokeTestError: .*out of memory"):
            resource.create(world.upload())

        assert world.models() == []

    def test_updates_and_drops_the_old_version_once_the_new_one_is_served(
        self, world: World, resource: Resource
    ) -> None:
        old, new, newest = (world.upload() for _ in range(3))
        resource.create(old)
        first = world.parameter("served")
        resource.update(old, new)
        resource.update(new, newest)

        assert world.parameter("served") != first
        assert len(world.models()) == 2
        assert not [name for name in world.models() if name.endswith(first)]

    def test_serves_the_old_version_after_an_update_that_fails(self, world: World, resource: Resource) -> None:
        old = world.upload()
        before = resource.create(old)
        with pytest.raises(FailedError, match="BertForMaskedLM"):
            resource.update(old, world.upload(architectures=["BertForMaskedLM"]))

        assert world.parameter("target") == before["ModelArn"]
        assert world.models() == [before["ModelName"]]

    def test_starts_no_run_to_go_back_to_what_is_served(self, world: World, resource: Resource) -> None:
        old = world.upload()
        resource.create(old)
        bucket, _, prefix = old.removeprefix("s3://").partition("/")
        world.bedrock.clients("s3").delete_object(Bucket=bucket, Key=f"{prefix}config.json")

        assert resource.update("s3://elsewhere/", old)["Version"] == world.parameter("served")

    def test_deletes_twice(self, world: World, resource: Resource) -> None:
        resource.create(world.upload())
        resource.delete()
        resource.delete()

        assert world.models() == []
        assert [world.parameter(kind) for kind in ("target", "served", "previous")] == ["removed", "none", "none"]

    def test_deletes_what_a_running_import_brings(self, world: World, resource: Resource) -> None:
        world.bedrock.behave(import_seconds=0.6)
        resource.begin("Create", world.upload())
        _until(lambda: _jobs(world, "InProgress"))
        resource.delete()

        assert _jobs(world, "InProgress") == []
        assert world.models() == []

    def test_deletes_no_model_but_its_own(self, world: World, resource: Resource) -> None:
        resource.create(world.upload())
        world.bedrock.import_model(other_model(), importedModelName=f"{world.model}-0123456789ab")
        resource.delete()

        assert world.models() == [f"{world.model}-0123456789ab"]

    def test_begins_the_same_request_once(self, world: World, resource: Resource) -> None:
        world.bedrock.behave(import_seconds=0.4)
        event = resource.begin("Create", world.upload())
        again = world.invoke("OnEvent", event)

        assert again["Execution"] == event["Execution"]
        assert world.ended(event["Execution"])["status"] == "SUCCEEDED"

    def test_imports_nothing_without_weights(self, world: World, resource: Resource) -> None:
        assert resource.create("") == {"ModelArn": "none", "ModelName": "none", "Version": "none"}
        assert world.models() == []

    def test_gives_up_in_time_and_stops_the_run(self, world: World, resource: Resource) -> None:
        world.bedrock.behave(import_seconds=1)
        _deadline(world, "1")
        try:
            with pytest.raises(FailedError, match="ImportTimeoutError: the import did not end within 1 s"):
                resource.create(world.upload())
        finally:
            _deadline(world, "3240")

        runs = world.client("stepfunctions").list_executions(stateMachineArn=world.machine_arn)["executions"]
        assert runs[0]["status"] == "ABORTED"
        assert world.models() == []


def _deadline(world: World, seconds: str) -> None:
    client, function = world.client("lambda"), world.functions["IsComplete"]
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**variables, "DEADLINE_SECONDS": seconds}}
    )


def _jobs(world: World, status: str | None = None) -> list[dict[str, Any]]:
    asked = {"statusEquals": status} if status else {}
    jobs: list[dict[str, Any]] = world.client("bedrock").list_model_import_jobs(**asked)["modelImportJobSummaries"]
    return [job for job in jobs if job["jobName"].startswith(world.model)]


def _until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
