"""A pipeline that imports, by its states, and as it runs on the local AWS before a real import's state machine."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import aws_cdk as cdk
import pytest

from tests.app.state_machine_calls import conditions, definition, role_of, text
from tests.constructs.fine_tuning.pipeline_parts import Parts, make_importing
from tests.model_import.import_world import World, deploy, wait_scale
from tests.support.bedrock_models import ACCOUNT, REGION, Bedrock, prepared
from tests.support.state_machine_driver import make_role

# One worker: what the module sets up takes its time. The runs are in the sweep; `make demo` runs one such pipeline.
pytestmark = pytest.mark.xdist_group("import-serving")

_DEADLINE_SECONDS = 60


@pytest.fixture(scope="module")
def states(context: dict[str, Any]) -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region=REGION))
    return make_importing(stack).states()


def test_has_no_state_of_an_endpoint(states: dict[str, Any]) -> None:
    calls = {state["Resource"].rsplit(":", 1)[-1] for state in states.values() if state["Type"] == "Task"}

    assert calls == {
        *("invoke", "createTrainingJob", "describeTrainingJob", "stopTrainingJob", "getParameter"),
        *("getImportedModel", "startExecution", "describeExecution", "publish", "putEvents"),
    }


def test_imports_what_is_trained_already_without_a_training(states: dict[str, Any]) -> None:
    trained, training = states["Trained already?"]["Choices"]
    completed, *_ = states["Has the training ended?"]["Choices"]

    assert trained["Next"] == completed["Next"] == "Take the tuned weights"
    assert training["Next"] == states["Train"]["Next"] == "Watch the training"
    assert states["Trained already?"]["Default"] == "Is there room for the import?"
    assert states["Take the tuned weights"]["Parameters"] == {"weights.$": "$.run.modelData"}


def test_a_start_that_is_retried_starts_nothing_twice(states: dict[str, Any]) -> None:
    start = states["Start the import"]

    assert start["Parameters"]["Name.$"] == "$$.Execution.Name"
    assert start["Retry"][0]["ErrorEquals"] == ["States.TaskFailed"]


def test_a_previous_release_that_is_gone_is_told_before_any_other_failure(states: dict[str, Any]) -> None:
    gone, other = states["Find the previous release"]["Catch"]

    assert gone["ErrorEquals"] == ["Bedrock.ResourceNotFoundException", "Bedrock.AccessDeniedException"]
    assert gone["Next"] == "The previous release is gone"
    assert (other["ErrorEquals"], other["Next"]) == (["States.ALL"], "Did a function fail?")


def test_refuses_to_look_more_often_than_an_execution_can_count(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="poll_interval is 24 s: allowed are 25 s or more"):
        make_importing(stack, poll_interval=cdk.Duration.seconds(24))


class Pipeline:
    """A pipeline on the local AWS with the rights of its template; *prepare* finds what it is given trained, or not."""

    def __init__(self, world: World, context: dict[str, Any]) -> None:
        self.world = world
        self.states = world.client("stepfunctions")
        stack = cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(account=ACCOUNT, region=REGION))
        parts = make_importing(stack, name=world.model, path=f"test/{world.model}")
        self._arns = {
            f"<{_logical(parts, 'AWS::StepFunctions::StateMachine', 'Import')}>": world.machine_arn,
            f"<{_logical(parts, 'AWS::Lambda::Function', 'ImportSteps')}.Arn>": (
                f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{world.functions['Steps']}"
            ),
        }
        machine = definition(parts.machine())
        machine["States"]["Prepare"] = {
            "Type": "Pass",
            "Parameters": {"status.$": "$.status", "modelData.$": "$.weights"},
            "ResultPath": "$.run",
            "Next": machine["States"]["Prepare"]["Next"],
        }
        self._machine = self.states.create_state_machine(
            name=world.model,
            roleArn=make_role(world.client("iam"), "states.amazonaws.com", self._statements(parts)),
            definition=self._filled(json.dumps(machine)),
        )["stateMachineArn"]

    def _statements(self, parts: Parts) -> list[Mapping[str, Any]]:
        template, role = parts.template(), role_of(parts.machine())
        statements = [
            statement
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in resource["Properties"]["Roles"]
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        ]
        assert conditions(template, role, "bedrock:GetImportedModel")[0]
        return [
            {
                **one,
                "Resource": [self._filled(text(arn)) for arn in _listed(one["Resource"])],
                "Condition": {
                    operator: {
                        key: [self._filled(text(value)) for value in _listed(values)] for key, values in keys.items()
                    }
                    for operator, keys in one.get("Condition", {}).items()
                },
            }
            for one in statements
        ]

    def _filled(self, text: str) -> str:
        known = text.replace("<AWS::Partition>", "aws")
        for reference, arn in self._arns.items():
            known = known.replace(reference, arn)
        # What is left is not reached, or may fail: topic, key, the training's role.
        return known.replace("<", f"arn:aws:sns:{REGION}:{ACCOUNT}:").replace(">", "")

    def start(self, weights: str | None = None, *, release: str | None = None, **options: str) -> str:
        """Start what follows a training with these weights, or a rollback, or serve a release."""
        back = {"action": "serve", "release": release} if release else {"action": "rollback"}
        given = {"weights": weights, "status": "trained"} if weights else back
        arn: str = self.states.start_execution(stateMachineArn=self._machine, input=json.dumps(given), **options)[
            "executionArn"
        ]
        return arn

    def train(self) -> tuple[dict[str, Any], list[str]]:
        """Run the pipeline with data that is not trained yet; return the execution, and the states that it entered."""
        given = json.dumps({"weights": "s3://b/none/", "status": "train"})
        arn = self.states.start_execution(stateMachineArn=self._machine, input=given)["executionArn"]
        ended = self.ended(arn)
        events = self.states.get_execution_history(executionArn=arn)["events"]
        return ended, [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]

    def run(self, weights: str | None = None) -> dict[str, Any]:
        """Start it and wait for its end."""
        return self.ended(self.start(weights))

    def ended(self, arn: str) -> dict[str, Any]:
        """Wait for an execution's end."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.states.describe_execution(executionArn=arn)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.05)
        raise AssertionError(f"{arn} did not end in {_DEADLINE_SECONDS} s")

    def imports(self) -> list[dict[str, Any]]:
        """The import's executions, the latest first."""
        found: list[dict[str, Any]] = self.states.list_executions(stateMachineArn=self.world.machine_arn)["executions"]
        return found


def _logical(parts: Parts, resource_type: str, beginning: str) -> str:
    names: list[str] = [
        name
        for name, resource in parts.template()["Resources"].items()
        if resource["Type"] == resource_type and name.startswith(beginning) and "Provider" not in name
    ]
    [name] = names
    return name


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _outcome(execution: Mapping[str, Any]) -> dict[str, str]:
    assert execution["status"] == "SUCCEEDED", execution
    outcome: dict[str, str] = json.loads(execution["output"])["outcome"]
    return outcome


@pytest.fixture(scope="module")
def module_pipeline(
    local_aws: str, aws: Callable[..., Any], context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Pipeline:
    bedrock: Bedrock = prepared(local_aws, aws)
    return Pipeline(deploy(bedrock, tmp_path_factory.mktemp("weights"), body="completion"), context)


@pytest.fixture
def pipeline(module_pipeline: Pipeline, local_aws: str) -> Iterator[Pipeline]:
    wait_scale(local_aws, 0.002)
    module_pipeline.world.bedrock.steer("DELETE")
    module_pipeline.world.bedrock.behave(import_seconds=0.05, warm_up_seconds=0.05)
    yield module_pipeline
    module_pipeline.world.clean()


@pytest.mark.sweep
def test_serves_what_was_trained_and_says_which_version(pipeline: Pipeline) -> None:
    first = _outcome(pipeline.run(pipeline.world.upload()))
    second = _outcome(pipeline.run(pipeline.world.upload()))

    assert (first["release"], first["previous"]) == (second["previous"], "none")
    assert second["release"] == pipeline.world.parameter("served")
    assert first["release"] == pipeline.world.parameter("previous")
    assert first["status"] == "SUCCEEDED"


@pytest.mark.sweep
def test_the_import_has_the_name_of_the_run(pipeline: Pipeline) -> None:
    name = f"a-run-{uuid4().hex}"
    pipeline.ended(pipeline.start(pipeline.world.upload(), name=name))

    assert pipeline.imports()[0]["name"] == name


@pytest.mark.sweep
def test_a_full_quota_ends_the_run_before_a_training_is_paid(pipeline: Pipeline) -> None:
    pipeline.world.bedrock.behave(max_imported_models=1)
    pipeline.run(pipeline.world.upload())

    ended, states = pipeline.train()

    assert (ended["status"], ended["error"]) == ("FAILED", "NoRoomError")
    assert "its quota is 1 (L-45B04988), and too few of them are old versions of" in ended["cause"]
    assert f"{pipeline.world.model}-{pipeline.world.parameter('served')}; delete one" in ended["cause"]
    assert "Train" not in states


@pytest.mark.sweep
def test_room_in_the_quota_lets_it_train(pipeline: Pipeline) -> None:
    _, states = pipeline.train()
    assert states[states.index("Is there room for the import?") + 1] == "Train"


@pytest.mark.sweep
def test_an_imports_own_error_is_the_pipelines(pipeline: Pipeline) -> None:
    pipeline.world.bedrock.clients("s3").put_object(Bucket=pipeline.world.bedrock.bucket, Key="weights/x/a", Body=b"")
    ended = pipeline.run(f"s3://{pipeline.world.bedrock.bucket}/weights/x/")

    own = pipeline.states.describe_execution(executionArn=pipeline.imports()[0]["executionArn"])
    assert (ended["status"], own["status"]) == ("FAILED", "FAILED")
    assert (ended["error"], ended["cause"]) == (own["error"], own["cause"])
    assert "config.json" in ended["cause"]


@pytest.mark.sweep
def test_says_how_an_import_ended_that_gave_no_reason(pipeline: Pipeline) -> None:
    pipeline.world.bedrock.behave(import_seconds=30)
    run = pipeline.start(pipeline.world.upload())
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not (running := [one for one in pipeline.imports() if one["status"] == "RUNNING"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pipeline.states.stop_execution(executionArn=running[0]["executionArn"])
    ended = pipeline.ended(run)
    pipeline.world.bedrock.behave(import_seconds=0.05)

    assert ended["error"] == "ImportEndedError"
    assert ended["cause"] == f"the import {running[0]['executionArn']} is ABORTED"


@pytest.mark.sweep
def test_goes_back_to_the_version_before_without_an_import_job(pipeline: Pipeline) -> None:
    first, _ = (_outcome(pipeline.run(pipeline.world.upload())) for _ in range(2))
    jobs = pipeline.world.client("bedrock").list_model_import_jobs()["modelImportJobSummaries"]

    back = _outcome(pipeline.run())

    assert back["release"] == first["release"] == pipeline.world.parameter("served")
    assert pipeline.world.client("bedrock").list_model_import_jobs()["modelImportJobSummaries"] == jobs
    # And forth again, to a release that is named.
    forth = _outcome(pipeline.ended(pipeline.start(release=back["previous"])))
    assert forth["release"] == back["previous"] == pipeline.world.parameter("served")


@pytest.mark.sweep
def test_refuses_to_go_back_where_nothing_was_served_before(pipeline: Pipeline) -> None:
    pipeline.run(pipeline.world.upload())

    assert pipeline.run()["error"] == "NoPreviousReleaseError"


@pytest.mark.sweep
def test_says_what_to_do_where_the_version_before_is_gone(pipeline: Pipeline) -> None:
    first, second = (_outcome(pipeline.run(pipeline.world.upload())) for _ in range(2))
    name = f"{pipeline.world.model}-{first['release']}"
    pipeline.world.client("bedrock").delete_imported_model(modelIdentifier=name)

    ended = pipeline.run()

    assert ended["error"] == "ReleaseGoneError"
    assert ended["cause"].startswith(f"release {first['release']} is no longer imported")
    assert f"start {pipeline.world.model}-import with the prefix of its tuned weights" in ended["cause"]
    assert pipeline.ended(pipeline.start(release="0123456789ab"))["error"] == "ReleaseGoneError"
    assert pipeline.world.parameter("served") == second["release"]
