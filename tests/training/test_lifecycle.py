"""Starting a pipeline with a deployment and cleaning up after it, in moto's account and with botocore's stubs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from tests.support.recorded import Recorded
from training.contract import LIFECYCLE
from training.lifecycle import Cleanup, CleanupError, handler

# One worker loads moto in process.
pytestmark = pytest.mark.xdist_group("moto")

REGION = "us-west-2"
PIPELINE = "dev-mistral-7b-dolly"
RELEASE = f"{PIPELINE}-0123456789ab-cdef01"
ROLE = "arn:aws:iam::123456789012:role/some-role"
MACHINE = f"arn:aws:states:{REGION}:123456789012:stateMachine:{PIPELINE}"
PROPERTIES = {
    "Pipeline": PIPELINE,
    "Endpoint": PIPELINE,
    "StateMachineArn": MACHINE,
    "StartOnDeploy": "true",
    "Artifacts": "data stays",
}


class Lambda:
    """Lambda's context of an invocation."""

    log_stream_name = "2026/11/25/[$LATEST]0123"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """CloudFormation's URL for answers, and the answers that were sent to it."""
    found: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            found.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(config={"core": {"passthrough": {"urls": ["http://127.0.0.1"]}}}):
        boto3.client("stepfunctions").create_state_machine(
            name=PIPELINE, roleArn=ROLE, definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
        )
        yield boto3.client("sagemaker")


def _event(url: str, request: str, **properties: str) -> dict[str, Any]:
    return {
        "RequestType": request,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Lifecycle",
        "ResourceProperties": {**PROPERTIES, **properties},
    }


def _release(sagemaker: Any, name: str) -> None:
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "an-image"})
    # moto's list of instance types ends before g5.
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def _names(sagemaker: Any) -> tuple[set[str], set[str], set[str]]:
    return (
        {one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]},
        {one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]},
        {one["ModelName"] for one in sagemaker.list_models()["Models"]},
    )


def test_starts_an_execution_with_a_deployment_and_does_not_wait_for_it(
    account: Any, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    url, found = answers
    handler(_event(url, "Create"), Lambda())

    [answer] = found
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", PIPELINE)
    [execution] = boto3.client("stepfunctions").list_executions(stateMachineArn=MACHINE)["executions"]
    assert answer["Data"] == {"Execution": execution["executionArn"]}
    assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == ("stack", "request", "Lifecycle")


def test_reads_the_properties_and_returns_the_data_of_the_contract(
    account: Any, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    url, found = answers
    read: set[str] = set()
    for request in ("Create", "Delete"):
        event = _event(url, request)
        event["ResourceProperties"] = properties = Recorded(PROPERTIES)
        handler(event, Lambda())
        read |= properties.read

    assert read == set(LIFECYCLE.inputs)
    assert {name for answer in found for name in answer["Data"]} == set(LIFECYCLE.outputs)


def test_starts_nothing_where_the_declaration_does_not_say_so(
    account: Any, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    url, found = answers
    handler(_event(url, "Update", StartOnDeploy="false"), Lambda())

    assert found[0]["Status"] == "SUCCESS"
    assert boto3.client("stepfunctions").list_executions(stateMachineArn=MACHINE)["executions"] == []


def test_reports_to_cloudformation_why_it_failed(account: Any, answers: tuple[str, list[dict[str, Any]]]) -> None:
    url, found = answers
    handler(_event(url, "Create", StateMachineArn=f"{MACHINE}-gone"), Lambda())

    [answer] = found
    assert answer["Status"] == "FAILED"
    assert "StateMachineDoesNotExist" in answer["Reason"]
    assert Lambda.log_stream_name in answer["Reason"]


def test_deletes_what_the_pipeline_made_and_nothing_else(
    account: Any, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    # The second belongs to a pipeline whose name begins with this one's.
    others = {"dev-mistral-7b-dolly-large-0123456789ab-cdef01", "dev-mistral-7b-dolly-by-hand"}
    for name in (RELEASE, *others):
        _release(account, name)
    account.create_endpoint(EndpointName=PIPELINE, EndpointConfigName=RELEASE)
    url, found = answers

    handler(_event(url, "Delete"), Lambda())

    assert found[0]["Status"] == "SUCCESS"
    assert _names(account) == (set(), others, others)


def test_says_what_is_kept(account: Any, answers: tuple[str, list[dict[str, Any]]]) -> None:
    url, found = answers
    handler(_event(url, "Delete"), Lambda())

    kept = found[0]["Data"]["Kept"]
    assert kept.startswith("0 records of training jobs, which SageMaker does not delete")
    assert kept.endswith("data stays")


def test_deletes_nothing_twice_where_there_is_nothing(account: Any, answers: tuple[str, list[dict[str, Any]]]) -> None:
    url, found = answers
    for _ in range(2):
        handler(_event(url, "Delete"), Lambda())

    assert [answer["Status"] for answer in found] == ["SUCCESS", "SUCCESS"]


class Stubs:
    """botocore's stubs of SageMaker and Step Functions, with the expected calls in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clients = {
            name: boto3.client(name, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
            for name in ("sagemaker", "stepfunctions")
        }
        self.sagemaker, self.states = (Stubber(clients[name]) for name in ("sagemaker", "stepfunctions"))
        for stub in (self.sagemaker, self.states):
            stub.activate()
        monkeypatch.setattr(boto3, "client", lambda name: clients[name])
        self.slept = 0

    def sleep(self, _seconds: float) -> None:
        self.slept += 1

    def executions(self, *names: str) -> None:
        listed = [
            {
                "executionArn": f"{MACHINE}:{name}".replace("stateMachine", "execution"),
                "stateMachineArn": MACHINE,
                "name": name,
                "status": "RUNNING",
                "startDate": "2026-11-25T00:00:00Z",
            }
            for name in names
        ]
        wanted = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING"}
        self.states.add_response("list_executions", {"executions": listed}, wanted)

    def jobs(self, *names: str, status: str | None) -> None:
        listed = [
            {
                "TrainingJobName": name,
                "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:123456789012:training-job/{name}",
                "CreationTime": "2026-11-25T00:00:00Z",
                "TrainingJobStatus": status or "Stopped",
            }
            for name in names
        ]
        wanted = {"NameContains": PIPELINE, **({"StatusEquals": status} if status else {})}
        self.sagemaker.add_response("list_training_jobs", {"TrainingJobSummaries": listed}, wanted)

    def endpoint(self, status: str | None) -> None:
        if status is None:
            self.sagemaker.add_client_error("describe_endpoint", "ValidationException", "Could not find endpoint")
            return
        described = {
            "EndpointName": PIPELINE,
            "EndpointArn": f"arn:aws:sagemaker:{REGION}:123456789012:endpoint/{PIPELINE}",
            "EndpointStatus": status,
            "CreationTime": "2026-11-25T00:00:00Z",
            "LastModifiedTime": "2026-11-25T00:00:00Z",
        }
        self.sagemaker.add_response("describe_endpoint", described, {"EndpointName": PIPELINE})

    def nothing_else(self) -> None:
        self.sagemaker.add_response("list_endpoint_configs", {"EndpointConfigs": []}, {"NameContains": PIPELINE})
        self.sagemaker.add_response("list_models", {"Models": []}, {"NameContains": PIPELINE})


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> Stubs:
    return Stubs(monkeypatch)


def test_stops_executions_and_jobs_before_it_deletes_the_endpoint_once_it_may(stubs: Stubs) -> None:
    job = f"{PIPELINE}-0123456789ab-2"
    stubs.executions("a-run")
    stubs.states.add_response("stop_execution", {"stopDate": "2026-11-25T00:00:00Z"})
    stubs.executions()
    stubs.jobs(job, "someone-elses", status="InProgress")
    stubs.jobs(status="Stopping")
    stubs.sagemaker.add_response("stop_training_job", {}, {"TrainingJobName": job})
    stubs.jobs(status="InProgress")
    stubs.jobs(job, status="Stopping")
    stubs.jobs(status="InProgress")
    stubs.jobs(status="Stopping")
    stubs.endpoint("Updating")
    stubs.endpoint("InService")
    stubs.sagemaker.add_response("delete_endpoint", {}, {"EndpointName": PIPELINE})
    stubs.endpoint("Deleting")
    stubs.endpoint(None)
    stubs.nothing_else()
    stubs.jobs(job, status=None)

    kept = Cleanup(PROPERTIES, deadline=float("inf"), sleep=stubs.sleep).run()

    assert kept.startswith("1 records of training jobs")
    assert stubs.slept == 3
    stubs.sagemaker.assert_no_pending_responses()
    stubs.states.assert_no_pending_responses()


def test_gives_up_before_lambda_ends_it_and_says_what_is_still_there(stubs: Stubs) -> None:
    stubs.executions()
    stubs.executions()
    for _ in range(2):
        stubs.jobs(status="InProgress")
        stubs.jobs(status="Stopping")
    stubs.endpoint("Creating")

    with pytest.raises(CleanupError, match=f"the endpoint {PIPELINE} is still there: destroy the stack again"):
        Cleanup(PROPERTIES, deadline=0, sleep=stubs.sleep).run()


def test_is_done_where_there_is_no_state_machine(stubs: Stubs) -> None:
    for _ in range(2):
        stubs.states.add_client_error("list_executions", "StateMachineDoesNotExist", "gone")
        stubs.jobs(status="InProgress")
        stubs.jobs(status="Stopping")
    stubs.endpoint(None)
    stubs.nothing_else()
    stubs.jobs(status=None)

    assert Cleanup(PROPERTIES, deadline=float("inf"), sleep=stubs.sleep).run()


def test_looks_for_no_endpoint_where_the_pipeline_makes_none(stubs: Stubs) -> None:
    for _ in range(2):
        stubs.executions()
        stubs.jobs(status="InProgress")
        stubs.jobs(status="Stopping")
    stubs.jobs(status=None)
    properties = {name: value for name, value in PROPERTIES.items() if name != "Endpoint"}

    kept = Cleanup(properties, deadline=float("inf"), sleep=stubs.sleep).run()

    assert "/aws/sagemaker/TrainingJobs;" in kept
    assert "Endpoints" not in kept
