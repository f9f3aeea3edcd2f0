"""States that serve a release by an endpoint: register it, create or update, wait, and return."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.fine_tuning.release_arns import release_arn
from constructs.permissions.statements import allow_pass_role
from constructs.state_machines.step_tasks import TASK_FAILED

from model_import.contract import NO_RELEASE

# SageMaker's words, which alone tell apart what it reports as one error (public reports quote them).
_MISSING = "Could not find"
_EXISTS = "already existing"
_UNDER_WAY = "in-progress endpoint"
# For calls that may say that there is nothing: other errors have up to 14 s to pass.
_BRIEFLY = {"ErrorEquals": [*TASK_FAILED], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2}
# API DescribeEndpoint, EndpointStatus: the statuses that a further wait does not change.
_BROKEN = ("Failed", "OutOfService", "UpdateRollbackFailed")


class EndpointStates:
    """Builds the states of *register* and *serve*; `$.serve.name` is the name of the release's model and config.

    Every step looks before it creates, so that a repeated run finds its own resources; only SageMaker's word that there
    is nothing leads to a creation. A creation or an update that is repeated, because its answer was lost, finds itself
    done.
    """

    def __init__(
        self,
        states: PipelineStates,
        *,
        endpoint: FineTunedEndpoint,
        tags: Sequence[Mapping[str, str]],
        poll_seconds: float,
    ) -> None:
        """Store the collaborators.

        Args:
            states: The pipeline's states.
            endpoint: The endpoint of all releases.
            tags: Tags of models, configs and the endpoint.
            poll_seconds: Time between two looks at the endpoint.
        """
        self._states = states
        self._tasks = states.tasks
        self._endpoint = endpoint
        self._tags = tags
        self._poll_seconds = poll_seconds

    def _arn(self, kind: str) -> str:
        return release_arn(self._states.scope, kind, self._states.name)

    def register(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Build the states that register a release's model and config, where they do not exist.

        Args:
            then: The following state.
        """
        model, config = self._arn("model"), self._arn("endpoint-config")
        create_config = self._tasks.call(
            "Register config",
            "aws-sdk:sagemaker:createEndpointConfig",
            self._endpoint.config_request(name="$.serve.name", tags=self._tags),
            allow=[
                (["sagemaker:CreateEndpointConfig"], [config], self._endpoint.config_conditions(model)),
                (["sagemaker:AddTags"], [config]),
            ],
            retry=TASK_FAILED,
        )
        create_config.next(then)
        self._states.caught_unless(create_config, "Config exists already?", says=_EXISTS, then=then)
        find_config = self._describe_config("Is the config registered?")
        find_config.next(then)
        self._states.caught_unless(find_config, "No such config?", says=_MISSING, then=create_config)
        create_model = self._tasks.call(
            "Register model",
            "aws-sdk:sagemaker:createModel",
            self._endpoint.model_request(name="$.serve.name", model_data="$.run.modelData", tags=self._tags),
            allow=[
                (["sagemaker:CreateModel"], [model], self._endpoint.model_conditions),
                (["sagemaker:AddTags"], [model]),
            ],
            retry=TASK_FAILED,
        )
        allow_pass_role(self._states.role, self._endpoint.role, service="sagemaker.amazonaws.com")
        create_model.next(find_config)
        self._states.caught_unless(create_model, "Model exists already?", says=_EXISTS, then=find_config)
        find_model = self._tasks.call(
            "Is the model registered?",
            "aws-sdk:sagemaker:describeModel",
            {"ModelName.$": "$.serve.name"},
            allow=[(["sagemaker:DescribeModel"], [model])],
            retriers=[_BRIEFLY],
        )
        find_model.next(find_config)
        self._states.caught_unless(find_model, "No such model?", says=_MISSING, then=create_model)
        return find_model

    def find(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Build the states that refuse a release that is not registered, because it was deleted or never was.

        Args:
            then: The following state.
        """
        find = self._describe_config("Is the release there?")
        find.next(then)
        gone = self._states.refuse(
            "The release is gone",
            error="ReleaseGoneError",
            cause=(
                "States.Format('release {} is not there: it was deleted, as all are but the served one and the one "
                "before when a training is served, or there never was one. To serve its weights, train with the same "
                "data and settings, which finds the finished job', $.serve.release)"
            ),
        )
        return self._states.caught_unless(find, "No such release?", says=_MISSING, then=gone)

    def serve(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Build the states that create the endpoint or update it, and wait until it is in service.

        Args:
            then: The state that follows once it is in service.
        """
        endpoint_arn = self._endpoint.endpoint_arn
        watch = self._watch(then=then)
        create = self._tasks.call(
            "Create endpoint",
            "aws-sdk:sagemaker:createEndpoint",
            {
                "EndpointName": self._endpoint.endpoint_name,
                "EndpointConfigName.$": "$.serve.name",
                "Tags": list(self._tags),
            },
            allow=[
                (["sagemaker:CreateEndpoint"], [endpoint_arn, self._arn("endpoint-config")]),
                (["sagemaker:AddTags"], [endpoint_arn]),
            ],
            retry=TASK_FAILED,
        )
        create.next(watch)
        self._states.caught_unless(create, "Endpoint exists already?", says=_EXISTS, then=watch)
        update = self._update("Update endpoint", "$.serve.name")
        update.next(watch)
        self._states.caught_unless(update, "Update under way already?", says=_UNDER_WAY, then=watch)
        look = self._describe("Look at the endpoint", retriers=[_BRIEFLY])
        self._states.caught_unless(look, "No such endpoint?", says=_MISSING, then=create)
        settle = self._tasks.wait("Let the endpoint settle", self._poll_seconds)
        settle.next(look)
        remove = self._tasks.call(
            "Remove the endpoint that failed",
            "aws-sdk:sagemaker:deleteEndpoint",
            {"EndpointName": self._endpoint.endpoint_name},
            allow=[(["sagemaker:DeleteEndpoint"], [endpoint_arn])],
            retry=TASK_FAILED,
        )
        remove.next(settle)
        self._states.caught_unless(remove, "Endpoint gone already?", says=_MISSING, then=settle)
        now = sfn.Choice(self._states.scope, "Create, update or leave the endpoint?")
        in_service = sfn.Condition.string_equals("$.live.status", "InService")
        same = sfn.Condition.string_equals_json_path("$.live.config", "$.serve.name")
        now.when(sfn.Condition.string_equals("$.live.status", "Failed"), remove)
        now.when(sfn.Condition.and_(in_service, same), then)
        now.when(in_service, update)
        now.when(_any_status(_BROKEN[1:]), self._broken("Endpoint is out of order"))
        now.otherwise(settle)
        look.next(now)
        return look

    def back(self, *, pointed: str) -> sfn.IChainable:
        """Build the states that return to the served release after a new one has failed its check, and then fail.

        Args:
            pointed: Path of the served release.
        """
        named = self._states.put(
            "Name the served release", {"name.$": f"States.Format('{self._states.name}-{{}}', {pointed})"}, "$.back"
        )
        update = self._update("Return to the served release", "$.back.name")
        update.next(self._states.failed)
        # The reported error is that of the new release, whether or not the return succeeds.
        update.add_catch(self._states.failed, result_path="$.unreturned")
        named.next(update)
        anything = sfn.Choice(self._states.scope, "Anything to return to?")
        anything.when(
            sfn.Condition.or_(
                sfn.Condition.string_equals(pointed, NO_RELEASE),
                sfn.Condition.string_equals_json_path(pointed, "$.serve.release"),
            ),
            self._states.failed,
        )
        anything.otherwise(named)
        return anything

    def _watch(self, *, then: sfn.IChainable) -> sfn.IChainable:
        wait = self._tasks.wait("Wait for the endpoint", self._poll_seconds)
        watch = self._states.caught(self._describe("Watch the endpoint", retry=TASK_FAILED))
        ready = sfn.Choice(self._states.scope, "In service?")
        ready.when(sfn.Condition.string_equals("$.live.status", "InService"), then)
        ready.when(_any_status(_BROKEN), self._broken("Endpoint failed"))
        ready.otherwise(wait)
        wait.next(watch)
        watch.next(ready)
        return wait

    def _describe_config(self, name: str) -> sfn.CustomState:
        return self._tasks.call(
            name,
            "aws-sdk:sagemaker:describeEndpointConfig",
            {"EndpointConfigName.$": "$.serve.name"},
            allow=[(["sagemaker:DescribeEndpointConfig"], [self._arn("endpoint-config")])],
            retriers=[_BRIEFLY],
        )

    def _describe(self, name: str, **retries: Any) -> sfn.CustomState:
        return self._tasks.call(
            name,
            "aws-sdk:sagemaker:describeEndpoint",
            {"EndpointName": self._endpoint.endpoint_name},
            allow=[(["sagemaker:DescribeEndpoint"], [self._endpoint.endpoint_arn])],
            select={"status.$": "$.EndpointStatus", "config.$": "$.EndpointConfigName"},
            result_path="$.live",
            **retries,
        )

    def _update(self, name: str, config: str) -> sfn.CustomState:
        return self._tasks.call(
            name,
            "aws-sdk:sagemaker:updateEndpoint",
            {
                "EndpointName": self._endpoint.endpoint_name,
                "EndpointConfigName.$": config,
                "DeploymentConfig": self._endpoint.deployment_config,
            },
            allow=[
                (["sagemaker:UpdateEndpoint"], [self._endpoint.endpoint_arn, self._arn("endpoint-config")]),
                # The documented reader of the alarms is the model's execution role; whether SageMaker also asks for the
                # caller is said nowhere.
                (["cloudwatch:DescribeAlarms"], self._endpoint.alarm_arns),
            ],
            retry=TASK_FAILED,
        )

    def _broken(self, name: str) -> sfn.IChainable:
        cause = f"States.Format('the endpoint {self._endpoint.endpoint_name} is {{}}', $.live.status)"
        return self._states.refuse(name, error="EndpointError", cause=cause)


def _any_status(statuses: Sequence[str]) -> sfn.Condition:
    return sfn.Condition.or_(*(sfn.Condition.string_equals("$.live.status", status) for status in statuses))
