"""Imports a model into Bedrock, version by version: a state machine, and a custom resource that deploys with it."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.logged_function import NO_RESOURCE_FOR_TRACES
from constructs.model_import.import_deployment import DEADLINE, ImportDeployment
from constructs.model_import.import_function import ImportFunction
from constructs.model_import.import_role import ImportRole, Weights, describe_weights, read_weights
from constructs.model_import.import_states import ImportStates
from constructs.model_import.imported_model import ImportedModel

from catalog.limits import endpoint as limits
from catalog.limits import model_import as import_limits

_CHECK_TIMEOUT = Duration.minutes(15)
_STEP_TIMEOUT = Duration.minutes(3)
LONGEST_RUN = Duration.hours(12)
"""How long a run may take: an import of 8 billion parameters takes 5 to 20 minutes, and waits for those of others."""
_LIST_REASON = (
    "bedrock:CreateModelImportJob, bedrock:ListImportedModels and bedrock:ListModelImportJobs exist in IAM without a "
    "resource"
)
_JOBS_REASON = "AWS chooses the ids of import jobs, which cannot be stopped, changed or deleted by anybody"


class ModelImportJob(Construct):
    """Brings weights into Bedrock as a new version of an imported model, and takes old versions away.

    Defines: an `AWS::StepFunctions::StateMachine` with role and log, the service role of the imports (`ImportRole`),
    two functions for what takes more than one call, and the custom resource that imports with a deployment and
    cleans up after the stack (`ImportDeployment`).

    Data flow: the input is `{"weights": "s3://bucket/prefix/"}`, or the ARN of the declared SageMaker model or training
    job, which is asked where its weights are. *Check artifacts* reads headers only and makes the
    version of the content; *plan* takes what is there already; *make room* removes old versions of this model where
    the account's quota of imported models is used up; *import* waits for its turn, since there is one import at a time
    an account, and for a role that is not known yet; *poll* slows down; *smoke test* asks until the model answers;
    *publish* writes the pointer that the shim reads, without a redeployment; *prune* removes what is more than
    `keep_versions`. To go back to a version, import its weights again: what is still imported is served in a minute.

    Failures: whatever fails ends the execution with its own words, unchanged, and the likely cause in a second line;
    the version that failed is removed again, and what is served stays. The same content is never imported twice.

    Limits, of AWS: 3 imported models an account (L-45B04988, adjustable) and 1 import at a time (L-5F098EFA, not
    adjustable). With `keep_versions=2` and one model an account, an update fits into the default quota. Events tell of
    no import, so that it is polled.

    Prerequisites: a region with Custom Model Import; unpacked weights in that region.

    Usage::

        job = ModelImportJob(
            self, "Import", model=model, weights=Weights(bucket_name="models", prefix="llama/1/"), encryption_key=key,
            import_on_deploy=True,
        )
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model: ImportedModel,
        weights: Weights,
        encryption_key: kms.IKey,
        import_on_deploy: bool = False,
        revision: str = "",
        keep_versions: int = 2,
        smoke_prompt: str | None = None,
        smoke_expect: str | None = None,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
        pace: Duration | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define state machine, role, functions and custom resource.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            model: What is imported.
            weights: Where the weights are; with `import_on_deploy`, and no SageMaker model or training job, exactly
                there, otherwise below that prefix.
            encryption_key: Key of log groups and environment variables.
            import_on_deploy: Whether a deployment imports, waits at most 54 minutes, and fails with the import. If
                not, something else starts executions.
            revision: Any text; change it to import again what was replaced under the same prefix.
            keep_versions: How many versions stay imported, 1 to 10, the served one among them.
            smoke_prompt: What a new version is asked before it is served; a question by default.
            smoke_expect: A text that the answer must hold, in any case; any answer will do by default.
            subnet_ids: Where imports run, with `security_group_ids`; not in a VPC by default.
            security_group_ids: What protects them there.
            pace: The shortest wait of all, 15 s by default.
            log_retention: How long the log groups keep their events.
            removal_policy: What becomes of the log groups when they leave the stack.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        problems = _problems(Stack.of(self).region, weights, keep_versions, subnet_ids, security_group_ids)
        if problems:
            raise ValueError("\n".join(problems))
        self._model = model
        name = model.model_name
        key_arn = model.encryption_key.key_arn if model.encryption_key else None
        self.import_role = ImportRole(
            self, "ImportRole", model_name=name, weights=weights, model_key_arn=key_arn, in_vpc=bool(subnet_ids)
        )
        pointer = model.pointer
        self.settings = {
            "MODEL": name,
            "TARGET_PARAMETER": str(pointer.target.name),
            "SERVED_PARAMETER": str(pointer.served.name),
            "PREVIOUS_PARAMETER": str(pointer.previous.name),
            "STATE_MACHINE_ARN": Stack.of(self).format_arn(
                service="states", resource=f"stateMachine:{model.state_machine_name}"
            ),
            "DEADLINE_SECONDS": f"{DEADLINE.to_seconds():g}",
            "KEEP_VERSIONS": str(keep_versions),
            "BODY": model.body,
            **({"SMOKE_PROMPT": smoke_prompt} if smoke_prompt else {}),
            **({"SMOKE_EXPECT": smoke_expect} if smoke_expect else {}),
        }
        stored: dict[str, Any] = {
            "encryption_key": encryption_key,
            "log_retention": log_retention,
            "removal_policy": removal_policy,
        }
        check = ImportFunction(
            self,
            "Check",
            handler="model_import.check.handler",
            description=f"checks the weights of {name} before an import",
            settings={"READABLE": weights.uri},
            timeout=_CHECK_TIMEOUT,
            **stored,
        )
        describe_weights(check.role, weights)
        acknowledge_in_policy(
            check.role,
            {**read_weights(check.role, weights), "AwsSolutions-IAM5[Resource::*]": NO_RESOURCE_FOR_TRACES},
        )
        steps = ImportFunction(
            self,
            "Steps",
            handler="model_import.steps.handler",
            description=f"plans imports of {name}, makes room for them, tests and prunes them",
            settings=self.settings,
            timeout=_STEP_TIMEOUT,
            **stored,
        )
        self._let_steps(steps)
        role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"), description=f"runs imports of {name}"
        )
        states = ImportStates(
            self,
            role=role,
            model=model,
            check=check.function,
            steps=steps.function,
            import_role=self.import_role,
            pace=pace or Duration.seconds(15),
            subnet_ids=subnet_ids,
            security_group_ids=security_group_ids,
        )
        log_group = logs.LogGroup(
            self, "Logs", encryption_key=encryption_key, retention=log_retention, removal_policy=removal_policy
        )
        self.state_machine = sfn.StateMachine(
            self,
            "Resource",
            state_machine_name=model.state_machine_name,
            definition_body=sfn.DefinitionBody.from_chainable(states.chain()),
            role=role,
            timeout=LONGEST_RUN,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
        )
        kinds = ("imported-model", "model-import-job")
        acknowledge_in_policy(
            role,
            {
                **{self._finding(kind): f"{_JOBS_REASON}; tags are set as a job starts" for kind in kinds},
                "AwsSolutions-IAM5[Resource::*]": (
                    f"{_LIST_REASON}, nor have the log delivery of CloudWatch Logs and X-Ray's records"
                ),
            },
        )
        self.deployment = ImportDeployment(
            self,
            "Deployment",
            model=model,
            state_machine=self.state_machine,
            settings=self.settings,
            weights=weights.source(Stack.of(self)) if import_on_deploy else "",
            revision=revision,
            needs=[self.import_role, check, steps, role, log_group, pointer],
            **stored,
        )

    def grant_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let the grantee start an import, such as a pipeline that has tuned the weights."""
        return self.state_machine.grant_start_execution(grantee)

    def _let_steps(self, steps: ImportFunction) -> None:
        model, pointer = self._model, self._model.pointer
        steps.allow("List", ["bedrock:ListImportedModels", "bedrock:ListModelImportJobs"], "*")
        steps.allow("ReadTags", ["bedrock:ListTagsForResource"], model.model_arns)
        steps.allow(
            "OwnVersions",
            ["bedrock:DeleteImportedModel", "bedrock:InvokeModel"],
            model.model_arns,
            **model.is_this_model,
        )
        quota = Stack.of(self).format_arn(service="servicequotas", resource="bedrock", resource_name="L-45B04988")
        steps.allow("ReadQuota", ["servicequotas:GetServiceQuota"], quota)
        steps.allow("ReadPointer", ["ssm:GetParameter"], pointer.arn(pointer.served), pointer.arn(pointer.previous))
        steps.allow("ListRuns", ["states:ListExecutions"], self.settings["STATE_MACHINE_ARN"])
        if model.encryption_key:
            model.encryption_key.grant_decrypt(steps.role)
        acknowledge_in_policy(
            steps.role,
            {
                **model.invoke_findings,
                "AwsSolutions-IAM5[Resource::*]": f"{_LIST_REASON}; {NO_RESOURCE_FOR_TRACES}",
            },
        )

    def _finding(self, kind: str) -> str:
        return wildcard_finding(self, Stack.of(self).format_arn(service="bedrock", resource=kind, resource_name="*"))


def _problems(
    region: str,
    weights: Weights,
    keep_versions: int,
    subnet_ids: Sequence[str],
    security_group_ids: Sequence[str],
) -> list[str]:
    sources = {"sagemaker_model": weights.sagemaker_model, "training_job": weights.training_job}
    given = {field: name for field, name in sources.items() if name is not None}
    breaches = [
        *(() if Token.is_unresolved(region) else import_limits.region(region)),
        *(() if Token.is_unresolved(weights.prefix) else import_limits.prefix(weights.prefix)),
        *(
            breach
            for field, name in given.items()
            if not Token.is_unresolved(name)
            for breach in import_limits.source_name(f"weights.{field}", name)
        ),
        *import_limits.keep_versions(keep_versions),
        # API CreateModelImportJob, vpcConfig, has the limits of SageMaker's.
        *limits.network(subnet_ids, security_group_ids),
    ]
    both = f"weights have {' and '.join(f'{field} {name!r}' for field, name in given.items())}: allowed is one of them"
    return [*(str(breach) for breach in breaches), *([both] if len(given) > 1 else [])]
