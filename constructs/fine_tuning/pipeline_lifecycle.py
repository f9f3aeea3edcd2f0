"""The custom resource that starts a pipeline with a deployment and cleans up after it."""

import json

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IDependable
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.fine_tuning.training_function import TrainingFunction

# Lambda's longest; CloudFormation waits as long as ServiceTimeout says, so that a function that died is noticed soon.
_TIMEOUT = Duration.minutes(15)
_SERVICE_TIMEOUT = Duration.minutes(16)


class PipelineLifecycle(Construct):
    """Starts an execution with a deployment, and deletes with the stack what CloudFormation did not make.

    Defines: a `Custom::FineTuning` and the function behind it, which lists what exists by its name, and may stop and
    delete what has this pipeline's name only.

    Data flow: on a deployment that changes the declaration, an execution is started where it is to be, and not
    waited for. On deletion: executions and training jobs are stopped; where an endpoint serves, it is deleted with its
    configs and models. Imported models are deleted by what imports them.

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
        endpoint_name: str | None = None,
        encryption_key: kms.IKey,
        start_on_deploy: bool = False,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define custom resource and function.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            pipeline: The name that everything which the pipeline made begins with.
            state_machine: The pipeline's.
            artifacts: What is said of data and weights when the stack goes.
            declaration_hash: Changes when a deployment should start an execution.
            needs: What has to be there as long as something is to be cleaned up.
            endpoint_name: The endpoint that the pipeline made; None where it makes none.
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
        findings = [
            *self._let_stop(pipeline, state_machine, start_on_deploy=start_on_deploy),
            *(self._let_delete(pipeline, endpoint_name) if endpoint_name else []),
        ]
        self._acknowledge(findings)
        resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::FineTuning",
            service_token=self._handler.function.function_arn,
            service_timeout=_SERVICE_TIMEOUT,
            properties={
                "Pipeline": pipeline,
                **({"Endpoint": endpoint_name} if endpoint_name else {}),
                "StateMachineArn": state_machine.state_machine_arn,
                "StartOnDeploy": json.dumps(start_on_deploy),
                "Artifacts": artifacts,
                "Declaration": declaration_hash,
            },
        )
        # The function's role and log have to outlive what it does on deletion.
        resource.node.add_dependency(self._handler, *needs)

    def _let_stop(self, pipeline: str, state_machine: sfn.StateMachine, *, start_on_deploy: bool) -> list[str]:
        """Let it start executions, stop them, and stop jobs; return the wildcards that this takes."""
        executions = Stack.of(self).format_arn(service="states", resource=f"execution:{pipeline}:*")
        jobs = self._arn("training-job", f"{pipeline}-*")
        actions = ["states:ListExecutions", *(["states:StartExecution"] if start_on_deploy else [])]
        self._handler.allow("Executions", actions, state_machine.state_machine_arn)
        self._handler.allow("StopExecutions", ["states:StopExecution"], executions)
        self._handler.allow("StopJobs", ["sagemaker:StopTrainingJob"], jobs)
        self._handler.allow("ListByName", ["sagemaker:ListTrainingJobs"], "*")
        return [executions, jobs]

    def _let_delete(self, pipeline: str, endpoint_name: str) -> list[str]:
        """Let it delete the endpoint, configs and models; return the wildcards that this takes."""
        configs, models = (self._arn(kind, f"{pipeline}-*") for kind in ("endpoint-config", "model"))
        endpoint = self._arn("endpoint", endpoint_name)
        self._handler.allow("DeleteEndpoint", ["sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"], endpoint)
        self._handler.allow("DeleteConfigs", ["sagemaker:DeleteEndpointConfig"], configs)
        self._handler.allow("DeleteModels", ["sagemaker:DeleteModel"], models)
        self._handler.allow("ListReleases", ["sagemaker:ListEndpointConfigs", "sagemaker:ListModels"], "*")
        return [configs, models]

    def _acknowledge(self, wildcards: list[str]) -> None:
        reason = "what this pipeline made: the names end in the hash of a release, or are SageMaker's executions'"
        acknowledge_in_policy(
            self._handler.role,
            {
                **{wildcard_finding(self, arn): reason for arn in wildcards},
                "AwsSolutions-IAM5[Resource::*]": (
                    "SageMaker's List actions have no resource in IAM, nor have xray:PutTraceSegments and "
                    "xray:PutTelemetryRecords"
                ),
            },
        )

    def _arn(self, kind: str, name: str) -> str:
        return Stack.of(self).format_arn(service="sagemaker", resource=kind, resource_name=name)
