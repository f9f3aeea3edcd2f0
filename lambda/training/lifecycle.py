"""The custom resource of a pipeline: start it with a deployment, and delete what its runs created.

On create and update, it starts an execution if `StartOnDeploy` is `true`, and does not wait for it. On delete, it
stops and deletes in the order that SageMaker allows: executions, training jobs, and where the pipeline has an endpoint
the endpoint, its configs and models. It must be deleted before the roles that those need, and before the resource that
deletes imported models, so that no import starts afterwards.

| property | meaning |
|---|---|
| `Pipeline` | the pipeline: names of jobs, models and configs begin with it |
| `Endpoint` | the endpoint's name; left out where the pipeline creates none |
| `StateMachineArn` | the state machine |
| `StartOnDeploy` | `true`: an execution is started |
| `Artifacts` | a clause about data and tuned weights, which stay, for the report of what is kept |
"""

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError

from training.releases import all_jobs, release_names, running_jobs
from training.stop import stop_job

POLL_SECONDS = 10.0
"""Time between two looks at a job or an endpoint that has to end."""
MARGIN_SECONDS = 30.0
"""The function gives up this long before its timeout, so that CloudFormation gets the reason."""
_SHORTEST_REASON = "no reason was given"
_LONGEST_REASON = 1000
_LOG = logging.getLogger(__name__)


class Context(Protocol):
    """Lambda's context of an invocation."""

    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until the function's timeout, in milliseconds."""


class CleanupError(RuntimeError):
    """A job or the endpoint did not end in time; the stack has to be destroyed again."""


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Handle a request of CloudFormation, and send its answer.

    Args:
        event: The request of a custom resource (CloudFormation user guide, "Custom resource request objects").
        context: Lambda's.
    """
    properties = event["ResourceProperties"]
    # Deleted or not: the resource is the pipeline, whose name does not change without a replacement.
    answer = {"Status": "SUCCESS", "PhysicalResourceId": f"{properties['Pipeline']}", "Data": {}}
    try:
        if event["RequestType"] == "Delete":
            deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
            kept = Cleanup(properties, deadline=deadline).run()
            answer["Data"] = {"Kept": kept}
            _LOG.warning("deleted what the pipeline created; kept: %s", kept)
        elif str(properties.get("StartOnDeploy", "")).lower() == "true":
            answer["Data"] = {"Execution": start(properties["StateMachineArn"])}
    except Exception as error:
        _LOG.exception("failed")
        reason = f"{type(error).__name__}: {error or _SHORTEST_REASON}"
        answer |= {"Status": "FAILED", "Reason": f"{reason[:_LONGEST_REASON]} (log: {context.log_stream_name})"}
    _answer(event, answer)


def start(state_machine_arn: str) -> str:
    """Start an execution and do not wait for it.

    Returns:
        The execution's ARN.
    """
    states: Any = boto3.client("stepfunctions")
    return str(states.start_execution(stateMachineArn=state_machine_arn, input="{}")["executionArn"])


class Cleanup:
    """Deletes everything that a pipeline's runs created.

    Args:
        properties: The custom resource's.
        deadline: The time to give up, by the monotonic clock.
        sleep: Waits some seconds.
    """

    def __init__(
        self, properties: Mapping[str, str], *, deadline: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._pipeline = properties["Pipeline"]
        self._endpoint = properties.get("Endpoint")
        self._state_machine = properties["StateMachineArn"]
        self._artifacts = properties["Artifacts"]
        self._deadline = deadline
        self._sleep = sleep
        self._sagemaker: Any = boto3.client("sagemaker")
        self._states: Any = boto3.client("stepfunctions")

    def run(self) -> str:
        """Delete everything.

        Returns:
            One sentence about what is kept.

        Raises:
            CleanupError: A job or the endpoint did not end in time.
            botocore.exceptions.ClientError: Something cannot be stopped or deleted.
        """
        self._stop_executions()
        self._stop_jobs()
        logs = ["/aws/sagemaker/TrainingJobs"]
        if self._endpoint:
            self._delete_releases(self._endpoint)
            logs.append(f"/aws/sagemaker/Endpoints/{self._endpoint}")
        jobs = len(all_jobs(self._sagemaker, self._pipeline))
        return (
            f"{jobs} records of training jobs, which SageMaker does not delete, and their logs in "
            f"{' and '.join(logs)}; {self._artifacts}"
        )

    def _stop_executions(self) -> None:
        def running() -> list[str]:
            try:
                pages = self._states.get_paginator("list_executions").paginate(
                    stateMachineArn=self._state_machine, statusFilter="RUNNING"
                )
                return [entry["executionArn"] for page in pages for entry in page["executions"]]
            except ClientError as error:
                # The deployment failed before the state machine was created.
                if error.response["Error"]["Code"] == "StateMachineDoesNotExist":
                    return []
                raise

        for arn in running():
            self._states.stop_execution(executionArn=arn, error="StackDeleted", cause="the stack is being deleted")
        self._wait(lambda: not running(), f"executions of {self._state_machine} are still running")

    def _stop_jobs(self) -> None:
        for name in running_jobs(self._sagemaker, self._pipeline):
            stop_job(self._sagemaker, name)
        self._wait(
            lambda: not running_jobs(self._sagemaker, self._pipeline),
            f"training jobs of {self._pipeline} are still stopping",
        )

    def _delete_releases(self, endpoint: str) -> None:
        self._delete_endpoint(endpoint)
        for name in list(release_names(self._sagemaker, self._pipeline, kind="EndpointConfig")):
            self._sagemaker.delete_endpoint_config(EndpointConfigName=name)
        for name in list(release_names(self._sagemaker, self._pipeline, kind="Model")):
            self._sagemaker.delete_model(ModelName=name)

    def _delete_endpoint(self, endpoint: str) -> None:
        requested = False

        def gone() -> bool:
            nonlocal requested
            status = self._endpoint_status(endpoint)
            if status is None:
                return True
            # SageMaker refuses to delete an endpoint that it is still creating or changing.
            if not requested and status not in ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"):
                self._sagemaker.delete_endpoint(EndpointName=endpoint)
                requested = True
                return self._endpoint_status(endpoint) is None
            return False

        self._wait(gone, f"the endpoint {endpoint} is still there")

    def _endpoint_status(self, endpoint: str) -> str | None:
        try:
            return str(self._sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"])
        except ClientError as error:
            # SageMaker has one code for an endpoint that does not exist and for much else: its words tell.
            details = error.response["Error"]
            if details["Code"] == "ValidationException" and "could not find" in details["Message"].lower():
                return None
            raise

    def _wait(self, done: Callable[[], bool], otherwise: str) -> None:
        while not done():
            if time.monotonic() + POLL_SECONDS > self._deadline:
                raise CleanupError(f"{otherwise}: destroy the stack again when they have ended")
            self._sleep(POLL_SECONDS)


def _answer(event: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    body = {
        **answer,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    data = json.dumps(body).encode()
    # The URL is signed for an upload without a content type.
    url = event["ResponseURL"]
    request = urllib.request.Request(url, data=data, method="PUT", headers={"content-type": ""})  # noqa: S310 - CloudFormation's
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - likewise
        pass
