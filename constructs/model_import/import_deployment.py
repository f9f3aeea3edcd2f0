"""Custom resource that imports with a deployment, waits for it, and deletes all versions with the stack."""

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import CfnResource, CustomResource, Duration, custom_resources
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IDependable
from constructs.functions.package_function import NO_RESOURCE_FOR_TRACES, PackageFunction
from constructs.model_import.imported_model import ImportedModel
from constructs.permissions.acknowledgements import acknowledge, acknowledge_wildcards, wildcard_findings
from constructs.permissions.statements import of_state_machines, service_principal
from constructs.values.arns import arn
from constructs.values.storage import Storage

from model_import.contract import IS_COMPLETE, ON_EVENT

DEADLINE_SECONDS = 54 * 60
"""Longest wait of a deployment for an import."""
# CloudFormation waits an hour at most; within it the framework fails after our own deadline, should that not work.
_TOTAL_TIMEOUT = Duration.minutes(58)
_QUERY_INTERVAL = Duration.seconds(15)
_FUNCTION_TIMEOUT = Duration.minutes(2)
# The framework's functions that its waiter invokes.
_WAITED_FOR = ("isComplete", "onTimeout")


class ImportDeployment(Construct):
    """Imports and waits on `cdk deploy`, and deletes all imported versions on `cdk destroy`.

    Defines: a `Custom::ModelImport` behind CDK's Provider framework, with two handlers of one package.

    Data flow: create and update start an execution of the state machine and look at it every 15 s until it has ended;
    delete resets the pointer, stops executions, waits for a running import, which nobody can stop, and deletes every
    version with this model's name and tag.

    Failures: the import's own error is the resource's. A failed create is rolled back by a delete; a failed update
    leaves the old version served, and is rolled back by an update to the old weights, which finds their version served.
    Where the same prefix failed with a new `revision`, the rollback fails likewise: restore the old files, and continue
    the rollback.

    Prerequisites: those of `ModelImportJob`, which defines it.

    Usage::

        ImportDeployment(self, "Deployment", model=model, state_machine=machine, weights="s3://…/", ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model: ImportedModel,
        state_machine: sfn.StateMachine,
        settings: Mapping[str, str],
        weights: str,
        revision: str,
        needs: Sequence[IDependable],
        storage: Storage,
    ) -> None:
        """Define custom resource, framework and handlers.

        Args:
            model: The imported model.
            state_machine: The import's state machine.
            settings: The handlers' environment (`model_import.contract`).
            weights: Prefix or ARN to import with a deployment; empty for nothing.
            revision: Changes when the same prefix is to be imported again.
            needs: Resources that imports and the clean-up need.
            storage: Key of the environment variables, and settings of the log groups.
        """
        super().__init__(scope, construct_id)
        handlers = {
            name: PackageFunction(
                self,
                name,
                handler=contract.handler,
                description=f"{work} of {model.model_name}",
                settings=settings,
                storage=storage,
                timeout=_FUNCTION_TIMEOUT,
            )
            for name, contract, work in (
                ("OnEvent", ON_EVENT, "begins imports and removals"),
                ("IsComplete", IS_COMPLETE, "waits for imports and removals"),
            )
        }
        self._grant_begin(handlers["OnEvent"], model, state_machine)
        self._grant_complete(handlers["IsComplete"], model, state_machine)
        framework_logs = storage.log_group(self, "FrameworkLogs")
        roles = [self._framework_role(name, framework_logs) for name in ("FrameworkBeginRole", "FrameworkWaitRole")]
        provider = custom_resources.Provider(
            self,
            "Provider",
            on_event_handler=handlers["OnEvent"].function,
            is_complete_handler=handlers["IsComplete"].function,
            framework_on_event_role=roles[0],
            framework_complete_and_timeout_role=roles[1],
            query_interval=_QUERY_INTERVAL,
            total_timeout=_TOTAL_TIMEOUT,
            log_group=framework_logs,
        )
        self.resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::ModelImport",
            service_token=provider.service_token,
            properties={"Model": model.model_name, "Weights": weights, "Revision": revision},
        )
        self.resource.node.add_dependency(provider, *handlers.values(), *roles, framework_logs, state_machine, *needs)
        self._acknowledge(provider, list(handlers.values()), roles)

    @property
    def model_arn(self) -> str:
        """ARN of the version that the deployment imported; `none` where it imports nothing."""
        return self.resource.get_att_string("ModelArn")

    def _grant_begin(self, function: PackageFunction, model: ImportedModel, state_machine: sfn.StateMachine) -> None:
        pointer = model.pointer
        parameters = [pointer.arn(parameter) for parameter in (pointer.target, pointer.served, pointer.previous)]
        function.allow("Start", ["states:ListExecutions", "states:StartExecution"], state_machine.state_machine_arn)
        function.allow("Stop", ["states:StopExecution"], self._executions(model))
        function.allow("ServeNothing", ["ssm:GetParameter", "ssm:PutParameter"], *parameters)
        function.allow("LookAtServed", ["bedrock:GetImportedModel"], model.model_arns, **model.is_this_model)
        function.allow("ReadTags", ["bedrock:ListTagsForResource"], model.model_arns)
        acknowledge_wildcards(
            function.role,
            {
                self._executions(model): "executions are named by whoever starts them",
                **model.invoke_wildcards,
                "*": NO_RESOURCE_FOR_TRACES,
            },
        )

    def _grant_complete(self, function: PackageFunction, model: ImportedModel, state_machine: sfn.StateMachine) -> None:
        function.allow("Watch", ["states:DescribeExecution", "states:StopExecution"], self._executions(model))
        function.allow("List", ["bedrock:ListImportedModels", "bedrock:ListModelImportJobs"], "*")
        function.allow("ReadTags", ["bedrock:ListTagsForResource"], model.model_arns)
        function.allow("Delete", ["bedrock:DeleteImportedModel"], model.model_arns, **model.is_this_model)
        acknowledge_wildcards(
            function.role,
            {
                self._executions(model): "executions are named by whoever starts them",
                **model.invoke_wildcards,
                "*": (
                    "bedrock:ListImportedModels and bedrock:ListModelImportJobs exist in IAM without a resource; "
                    f"{NO_RESOURCE_FOR_TRACES}"
                ),
            },
        )

    def _executions(self, model: ImportedModel) -> str:
        return arn(self, "states", f"execution:{model.state_machine_name}:*")

    def _framework_role(self, name: str, log_group: logs.LogGroup) -> iam.Role:
        """Define a role for the framework's own functions; the default one has AWS's managed policy for all logs."""
        role = iam.Role(
            self,
            name,
            assumed_by=service_principal("lambda.amazonaws.com"),
            description="runs CDK's framework of custom resources",
        )
        log_group.grant_write(role)
        return role

    def _acknowledge(
        self,
        provider: custom_resources.Provider,
        handlers: Sequence[PackageFunction],
        roles: Sequence[iam.Role],
    ) -> None:
        versions = [f"{handler.function.function_arn}:*" for handler in handlers]
        for role in roles:
            acknowledge_wildcards(
                role, dict.fromkeys(versions, "any version of the handler, which CDK's framework grants itself")
            )
        waiter = cast("Construct", provider.node.find_child("waiter-state-machine"))
        trust = cast("CfnResource", cast("Construct", waiter.node.find_child("Role")).node.default_child)
        trust.add_property_override("AssumeRolePolicyDocument.Statement.0.Condition", of_state_machines(self))
        reason = "any version of the framework's own function, which CDK's framework grants itself"
        own = [cast("lambda_.Function", provider.node.find_child(f"framework-{name}")) for name in _WAITED_FOR]
        acknowledge(
            waiter,
            {
                **wildcard_findings(self, dict.fromkeys((f"{function.function_arn}:*" for function in own), reason)),
                "AwsSolutions-SF1": "the waiter only asks isComplete again, which has a log of its own",
                "AwsSolutions-SF2": "CDK's framework offers no tracing of its waiter; the handlers are traced",
            },
        )
