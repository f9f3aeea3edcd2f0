"""The custom resource that starts a pipeline with a deployment and cleans up after it."""

import json

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IDependable
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.training_function import TrainingFunction

# Lambda's longest; CloudFormation waits as long as ServiceTimeout says, so that a function that died is noticed soon.
_TIMEOUT = Duration.minutes(15)
_SERVICE_TIMEOUT = Duration.minutes(16)


class PipelineLifecycle(Construct):
    """Starts an execution with a deployment, and deletes with the stack what CloudFormation did not make.

    Defines: a `Custom::FineTuning` and the function behind it, which lists what exists by its name, and may stop and
    delete what has this pipeline's name only.

    Data flow: on a deployment that changes the declaration, an execution is started where it is to be, and not
    waited for. On deletion: executions and training jobs are stopped, endpoint, configs and models deleted.

    Failures: an endpoint that is being made cannot be deleted by anybody; where that takes longer than the
    function may, deleting the stack fails with that reason, and works when it is tried again.

    Prerequisites: it must be deleted first: `needs` names what it depends on, and whatever may start an execution
    must depend on it.

    Usage::

        lifecycle = PipelineLifecycle(self, "Lifecycle", pipeline="dev-mistral-7b-dolly", needs=[...], ...)
        rule.node.add_dependency(lifecycle)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: str,
        state_machine: sfn.StateMachine,
        artifacts: str,
        declaration_hash: str,
        needs: list[IDependable],
        encryption_key: kms.IKey,
        start_on_deploy: bool = False,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define custom resource and function.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            pipeline: The name that everything which the pipeline made begins with, and of the endpoint.
            state_machine: The pipeline's.
            artifacts: What is said of data and weights when the stack goes.
            declaration_hash: Changes when a deployment should start an execution.
            needs: What has to be there as long as something is to be cleaned up.
            encryption_key: Key of the log group and of the environment variables.
            start_on_deploy: Whether a deployment starts an execution.
            log_retention: How long the log group keeps its events.
            removal_policy: What becomes of the log group when it leaves the stack.
        """
        super().__init__(scope, construct_id)
        self._handler = TrainingFunction(
            self,
            "Function",
            handler="training.lifecycle.handler",
            description=f"starts the fine-tuning of {pipeline} and cleans up after it",
            settings={},
            encryption_key=encryption_key,
            timeout=_TIMEOUT,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        self._let(pipeline, state_machine, start_on_deploy=start_on_deploy)
        resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::FineTuning",
            service_token=self._handler.function.function_arn,
            service_timeout=_SERVICE_TIMEOUT,
            properties={
                "Pipeline": pipeline,
                "StateMachineArn": state_machine.state_machine_arn,
                "StartOnDeploy": json.dumps(start_on_deploy),
                "Artifacts": artifacts,
                "Declaration": declaration_hash,
            },
        )
        # The function's role and log have to outlive what it does on deletion.
        resource.node.add_dependency(self._handler, *needs)

    def _let(self, pipeline: str, state_machine: sfn.StateMachine, *, start_on_deploy: bool) -> None:
        stack = Stack.of(self)

        def arn(kind: str, name: str) -> str:
            return stack.format_arn(service="sagemaker", resource=kind, resource_name=name)

        executions = stack.format_arn(service="states", resource=f"execution:{pipeline}:*")
        jobs, configs, models = (arn(kind, f"{pipeline}-*") for kind in ("training-job", "endpoint-config", "model"))
        actions = ["states:ListExecutions", *(["states:StartExecution"] if start_on_deploy else [])]
        self._handler.allow("Executions", actions, state_machine.state_machine_arn)
        self._handler.allow("StopExecutions", ["states:StopExecution"], executions)
        self._handler.allow("StopJobs", ["sagemaker:StopTrainingJob"], jobs)
        self._handler.allow(
            "DeleteEndpoint", ["sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"], arn("endpoint", pipeline)
        )
        self._handler.allow("DeleteConfigs", ["sagemaker:DeleteEndpointConfig"], configs)
        self._handler.allow("DeleteModels", ["sagemaker:DeleteModel"], models)
        lists = ["sagemaker:ListEndpointConfigs", "sagemaker:ListModels", "sagemaker:ListTrainingJobs"]
        self._handler.allow("ListByName", lists, "*")
        reason = "what this pipeline made: the names end in the hash of a release, or are SageMaker's executions'"
        acknowledge_in_policy(
            self._handler.role,
            {
                **{wildcard_finding(self, name): reason for name in (executions, jobs, configs, models)},
                "AwsSolutions-IAM5[Resource::*]": (
                    "SageMaker's List actions have no resource in IAM, nor have xray:PutTraceSegments and "
                    "xray:PutTelemetryRecords"
                ),
            },
        )
