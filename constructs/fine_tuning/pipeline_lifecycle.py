"""Custom resource that starts a pipeline with a deployment and cleans up after it."""

import json

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IDependable
from constructs.fine_tuning.release_arns import job_arns, release_arn
from constructs.functions.package_function import NO_RESOURCE_FOR_TRACES, PackageFunction
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.values.arns import arn
from constructs.values.storage import Storage

from training.contract import LIFECYCLE

# Lambda's longest; CloudFormation waits no longer than ServiceTimeout, so that a function that died is noticed soon.
_TIMEOUT = Duration.minutes(15)
_SERVICE_TIMEOUT = Duration.minutes(16)


class PipelineLifecycle(Construct):
    """Starts an execution with a deployment, and deletes with the stack what the pipeline created.

    Defines: a `Custom::FineTuning` and the function behind it, which lists resources by name, and may stop and delete
    those of this pipeline's name only.

    Data flow: on a deployment that changes the declaration, an execution is started, where `start_on_deploy` is set,
    and not waited for. On deletion: executions and training jobs are stopped; where an endpoint serves, it is deleted
    with its configs and models. Imported models are deleted by `ImportDeployment`.

    Failures: an endpoint cannot be deleted while it is created; where that takes longer than the function may run,
    deleting the stack fails with that reason, and works when it is tried again.

    Prerequisites: it must be deleted first: `needs` names its dependencies, and every trigger of executions must depend
    on it.

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
        storage: Storage,
        start_on_deploy: bool = False,
    ) -> None:
        """Define custom resource and function.

        Args:
            pipeline: Beginning of the names of everything that the pipeline creates.
            state_machine: The pipeline's state machine.
            artifacts: Notice about data and weights when the stack is deleted.
            declaration_hash: Changes when a deployment should start an execution.
            needs: Resources that the clean-up needs.
            endpoint_name: The endpoint that the pipeline creates; None where it creates none.
            storage: Key of the environment variables, and settings of the log group.
            start_on_deploy: A deployment starts an execution.
        """
        super().__init__(scope, construct_id)
        self._handler = PackageFunction(
            self,
            "Function",
            handler=LIFECYCLE.handler,
            description=f"starts the fine-tuning of {pipeline} and cleans up after it",
            settings={},
            storage=storage,
            timeout=_TIMEOUT,
            memory_size=512,
        )
        executions = self._grant_stop(pipeline, state_machine, start_on_deploy=start_on_deploy)
        if endpoint_name:
            self._grant_delete(pipeline, endpoint_name)
        reason = "executions of this pipeline's own state machine, which have names of their own"
        acknowledge_wildcards(self._handler.role, {executions: reason, "*": NO_RESOURCE_FOR_TRACES})
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
        # The function's role and log have to outlive its work on deletion.
        resource.node.add_dependency(self._handler, *needs)

    def _grant_stop(self, pipeline: str, state_machine: sfn.StateMachine, *, start_on_deploy: bool) -> str:
        """Grant starting and stopping executions, and stopping jobs; return the executions' ARN."""
        executions = arn(self, "states", f"execution:{pipeline}:*")
        actions = ["states:ListExecutions", *(["states:StartExecution"] if start_on_deploy else [])]
        self._handler.allow("Executions", actions, state_machine.state_machine_arn)
        self._handler.allow("StopExecutions", ["states:StopExecution"], executions)
        self._handler.allow("StopJobs", ["sagemaker:StopTrainingJob"], *job_arns(self, pipeline))
        self._handler.allow("ListByName", ["sagemaker:ListTrainingJobs"], "*")
        return executions

    def _grant_delete(self, pipeline: str, endpoint_name: str) -> None:
        """Grant deleting the endpoint, configs and models."""
        configs, models = (release_arn(self, kind, pipeline) for kind in ("endpoint-config", "model"))
        endpoint = arn(self, "sagemaker", f"endpoint/{endpoint_name}")
        self._handler.allow("DeleteEndpoint", ["sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"], endpoint)
        self._handler.allow("DeleteConfigs", ["sagemaker:DeleteEndpointConfig"], configs)
        self._handler.allow("DeleteModels", ["sagemaker:DeleteModel"], models)
        self._handler.allow("ListReleases", ["sagemaker:ListEndpointConfigs", "sagemaker:ListModels"], "*")
