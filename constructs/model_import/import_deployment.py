"""The custom resource that imports with a deployment, waits for it, and leaves nothing behind when the stack goes."""

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack, custom_resources
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IDependable
from constructs.acknowledgements import acknowledge, acknowledge_in_policy, wildcard_finding
from constructs.logged_function import NO_RESOURCE_FOR_TRACES
from constructs.model_import.import_function import ImportFunction
from constructs.model_import.imported_model import ImportedModel

DEADLINE = Duration.minutes(54)
"""How long a deployment waits for an import."""
# CloudFormation waits an hour at most; within it the framework may say in its words what our own deadline did not.
_TOTAL_TIMEOUT = Duration.minutes(58)
_QUERY_INTERVAL = Duration.seconds(15)
_FUNCTION_TIMEOUT = Duration.minutes(2)
# The framework's functions that its waiter invokes.
_WAITED_FOR = ("isComplete", "onTimeout")


class ImportDeployment(Construct):
    """Makes `cdk deploy` import and wait, and `cdk destroy` delete all imported versions.

    Defines: a `Custom::ModelImport` behind CDK's Provider framework, with two handlers of one package.

    Data flow: create and update start an execution of the state machine and look at it every 15 s until it has ended;
    delete points the pointer to nothing, stops executions, waits for an import that runs, which nobody can stop, and
    deletes every version with this model's name and tag.

    Failures: the import's own error is the resource's. A create that failed is rolled back by a delete; an update that
    failed leaves the old version served, and is rolled back by an update to the old weights, which
    finds their version served. Where the same prefix failed with a new `revision`, the rollback fails likewise: put the
    old files back, and continue it.

    Prerequisites: as of `ModelImportJob`, which makes it.

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
        encryption_key: kms.IKey,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define custom resource, framework and handlers.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            model: What is imported.
            state_machine: What imports.
            settings: The handlers' environment (lambda/model_import/configuration.py).
            weights: What to import with a deployment, a prefix or an ARN; empty for nothing.
            revision: Changes when the same prefix is to be imported again.
            needs: What must be there as long as something is imported or cleaned up.
            encryption_key: Key of log groups and environment variables.
            log_retention: How long the log groups keep their events.
            removal_policy: What becomes of the log groups when they leave the stack.
        """
        super().__init__(scope, construct_id)
        handlers = {
            name: ImportFunction(
                self,
                name,
                handler=f"model_import.lifecycle.{handler}",
                description=f"{what} of {model.model_name}",
                settings=settings,
                encryption_key=encryption_key,
                timeout=_FUNCTION_TIMEOUT,
                log_retention=log_retention,
                removal_policy=removal_policy,
            )
            for name, handler, what in (
                ("OnEvent", "on_event", "begins imports and removals"),
                ("IsComplete", "is_complete", "waits for imports and removals"),
            )
        }
        self._let_begin(handlers["OnEvent"], model, state_machine)
        self._let_complete(handlers["IsComplete"], model, state_machine)
        framework_logs = logs.LogGroup(
            self,
            "FrameworkLogs",
            encryption_key=encryption_key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
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

    def _let_begin(self, function: ImportFunction, model: ImportedModel, state_machine: sfn.StateMachine) -> None:
        pointer = model.pointer
        parameters = [pointer.arn(parameter) for parameter in (pointer.target, pointer.served, pointer.previous)]
        function.allow("Start", ["states:ListExecutions", "states:StartExecution"], state_machine.state_machine_arn)
        function.allow("Stop", ["states:StopExecution"], self._executions(model))
        function.allow("ServeNothing", ["ssm:GetParameter", "ssm:PutParameter"], *parameters)
        function.allow("LookAtServed", ["bedrock:GetImportedModel"], model.model_arns, **model.is_this_model)
        function.allow("ReadTags", ["bedrock:ListTagsForResource"], model.model_arns)
        acknowledge_in_policy(
            function.role,
            {
                wildcard_finding(self, self._executions(model)): "executions are named by whoever starts them",
                **model.invoke_findings,
                "AwsSolutions-IAM5[Resource::*]": NO_RESOURCE_FOR_TRACES,
            },
        )

    def _let_complete(self, function: ImportFunction, model: ImportedModel, state_machine: sfn.StateMachine) -> None:
        function.allow("Watch", ["states:DescribeExecution", "states:StopExecution"], self._executions(model))
        function.allow("List", ["bedrock:ListImportedModels", "bedrock:ListModelImportJobs"], "*")
        function.allow("ReadTags", ["bedrock:ListTagsForResource"], model.model_arns)
        function.allow("Delete", ["bedrock:DeleteImportedModel"], model.model_arns, **model.is_this_model)
        acknowledge_in_policy(
            function.role,
            {
                wildcard_finding(self, self._executions(model)): "executions are named by whoever starts them",
                **model.invoke_findings,
                "AwsSolutions-IAM5[Resource::*]": (
                    "bedrock:ListImportedModels and bedrock:ListModelImportJobs exist in IAM without a resource; "
                    f"{NO_RESOURCE_FOR_TRACES}"
                ),
            },
        )

    def _executions(self, model: ImportedModel) -> str:
        return Stack.of(self).format_arn(service="states", resource=f"execution:{model.state_machine_name}:*")

    def _framework_role(self, name: str, log_group: logs.LogGroup) -> iam.Role:
        """A role for the framework's own functions, whose default would have AWS's managed policy for all logs."""
        role = iam.Role(
            self,
            name,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="runs CDK's framework of custom resources",
        )
        log_group.grant_write(role)
        return role

    def _acknowledge(
        self,
        provider: custom_resources.Provider,
        handlers: Sequence[ImportFunction],
        roles: Sequence[iam.Role],
    ) -> None:
        for role in roles:
            acknowledge_in_policy(
                role,
                {
                    wildcard_finding(self, f"{handler.function.function_arn}:*"): (
                        "any version of the handler, which CDK's framework grants itself"
                    )
                    for handler in handlers
                },
            )
        waiter = cast("Construct", provider.node.find_child("waiter-state-machine"))
        own = [cast("lambda_.Function", provider.node.find_child(f"framework-{name}")) for name in _WAITED_FOR]
        acknowledge(
            waiter,
            {
                **{
                    wildcard_finding(self, f"{function.function_arn}:*"): (
                        "any version of the framework's own function, which CDK's framework grants itself"
                    )
                    for function in own
                },
                "AwsSolutions-SF1": "the waiter only asks isComplete again, which has a log of its own",
                "AwsSolutions-SF2": "CDK's framework offers no tracing of its waiter; the handlers are traced",
            },
        )
