"""The states that put a release behind an endpoint: register it, create or update, wait, and go back."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.served_pointer import NOTHING
from constructs.statements import pass_role

# Roles are known to SageMaker some seconds after they are made, and calls are throttled.
_RETRIED = ["SageMaker.SageMakerException"]
# API DescribeEndpoint, EndpointStatus: what a further wait does not change.
_BROKEN = ("Failed", "OutOfService", "UpdateRollbackFailed")


class EndpointStates:
    """Makes the states of *register* and *serve*; `$.serve.name` is the name of the release's model and config.

    Every step looks before it makes, so that a run that is repeated finds what it made.
    """

    def __init__(
        self,
        states: PipelineStates,
        *,
        endpoint: FineTunedEndpoint,
        tags: Sequence[Mapping[str, str]],
        poll_interval: Duration,
    ) -> None:
        """Keep what the states share.

        Args:
            states: The pipeline's.
            endpoint: What a release is served with.
            tags: Tags of what is made.
            poll_interval: How often the endpoint is looked at.
        """
        self._states = states
        self._tasks = states.tasks
        self._endpoint = endpoint
        self._tags = tags
        self._poll = poll_interval

    def _arn(self, kind: str) -> str:
        name = f"{self._states.name}-*".lower()
        return Stack.of(self._states.scope).format_arn(service="sagemaker", resource=kind, resource_name=name)

    def register(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Make the states that register a release's model and config, where they are not.

        Args:
            then: What follows.
        """
        model, config = self._arn("model"), self._arn("endpoint-config")
        make_config = self._states.caught(
            self._tasks.call(
                "Register config",
                "aws-sdk:sagemaker:createEndpointConfig",
                self._endpoint.config_request(name="$.serve.name", tags=self._tags),
                allow=[(["sagemaker:AddTags", "sagemaker:CreateEndpointConfig"], [config])],
                retry=_RETRIED,
            )
        )
        make_config.next(then)
        find_config = self._tasks.call(
            "Is the config registered?",
            "aws-sdk:sagemaker:describeEndpointConfig",
            {"EndpointConfigName.$": "$.serve.name"},
            allow=[(["sagemaker:DescribeEndpointConfig"], [config])],
        )
        find_config.next(then)
        find_config.add_catch(make_config, result_path="$.missing")
        make_model = self._states.caught(
            self._tasks.call(
                "Register model",
                "aws-sdk:sagemaker:createModel",
                self._endpoint.model_request(name="$.serve.name", model_data="$.run.modelData", tags=self._tags),
                allow=[(["sagemaker:AddTags", "sagemaker:CreateModel"], [model])],
                retry=_RETRIED,
            )
        )
        pass_role(self._states.role, self._endpoint.role, service="sagemaker.amazonaws.com")
        make_model.next(find_config)
        find_model = self._tasks.call(
            "Is the model registered?",
            "aws-sdk:sagemaker:describeModel",
            {"ModelName.$": "$.serve.name"},
            allow=[(["sagemaker:DescribeModel"], [model])],
        )
        find_model.next(find_config)
        find_model.add_catch(make_model, result_path="$.missing")
        return find_model

    def put_into_place(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Make the states that create the endpoint or update it, and wait until it is in service.

        Args:
            then: What follows once it is in service.
        """
        arn = self._endpoint.endpoint_arn
        watch = self._watch(then=then)
        create = self._states.caught(
            self._tasks.call(
                "Create endpoint",
                "aws-sdk:sagemaker:createEndpoint",
                {
                    "EndpointName": self._endpoint.endpoint_name,
                    "EndpointConfigName.$": "$.serve.name",
                    "Tags": list(self._tags),
                },
                allow=[
                    (["sagemaker:CreateEndpoint"], [arn, self._arn("endpoint-config")]),
                    (["sagemaker:AddTags"], [arn]),
                ],
            )
        )
        create.next(watch)
        update = self._states.caught(self._update("Update endpoint", "$.serve.name"))
        update.next(watch)
        look = self._describe("Look at the endpoint")
        look.add_catch(create, result_path="$.missing")
        settle = sfn.Wait(self._states.scope, "Let the endpoint settle", time=sfn.WaitTime.duration(self._poll))
        settle.next(look)
        remove = self._states.caught(
            self._tasks.call(
                "Remove the endpoint that failed",
                "aws-sdk:sagemaker:deleteEndpoint",
                {"EndpointName": self._endpoint.endpoint_name},
                allow=[(["sagemaker:DeleteEndpoint"], [arn])],
            )
        )
        remove.next(settle)
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
        """Make the states that return to the served release after a new one has failed its check, and then fail.

        Args:
            pointed: Path of the served release.
        """
        named = self._states.put(
            "Name the served release", {"name.$": f"States.Format('{self._states.name}-{{}}', {pointed})"}, "$.back"
        )
        update = self._update("Return to the served release", "$.back.name")
        update.next(self._states.failed)
        # What is told is why the new release was refused, whatever becomes of the way back.
        update.add_catch(self._states.failed, result_path="$.unreturned")
        named.next(update)
        anything = sfn.Choice(self._states.scope, "Anything to return to?")
        anything.when(
            sfn.Condition.or_(
                sfn.Condition.string_equals(pointed, NOTHING),
                sfn.Condition.string_equals_json_path(pointed, "$.serve.release"),
            ),
            self._states.failed,
        )
        anything.otherwise(named)
        return anything

    def _watch(self, *, then: sfn.IChainable) -> sfn.IChainable:
        wait = sfn.Wait(self._states.scope, "Wait for the endpoint", time=sfn.WaitTime.duration(self._poll))
        watch = self._states.caught(self._describe("Watch the endpoint"))
        ready = sfn.Choice(self._states.scope, "In service?")
        ready.when(sfn.Condition.string_equals("$.live.status", "InService"), then)
        ready.when(_any_status(_BROKEN), self._broken("Endpoint failed"))
        ready.otherwise(wait)
        wait.next(watch)
        watch.next(ready)
        return wait

    def _describe(self, name: str) -> sfn.CustomState:
        return self._tasks.call(
            name,
            "aws-sdk:sagemaker:describeEndpoint",
            {"EndpointName": self._endpoint.endpoint_name},
            allow=[(["sagemaker:DescribeEndpoint"], [self._endpoint.endpoint_arn])],
            select={"status.$": "$.EndpointStatus", "config.$": "$.EndpointConfigName"},
            result_path="$.live",
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
                # SageMaker reads the alarms for the caller (developer guide, "Auto-rollback configuration").
                (["cloudwatch:DescribeAlarms"], ["*"]),
            ],
            retry=_RETRIED,
        )

    def _broken(self, name: str) -> sfn.IChainable:
        cause = f"States.Format('the endpoint {self._endpoint.endpoint_name} is {{}}', $.live.status)"
        return self._states.refuse(name, error="EndpointError", cause=cause)


def _any_status(statuses: Sequence[str]) -> sfn.Condition:
    return sfn.Condition.or_(*(sfn.Condition.string_equals("$.live.status", status) for status in statuses))
