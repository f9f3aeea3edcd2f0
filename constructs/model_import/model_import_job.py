"""Import of a model into Bedrock, version by version: a state machine, and a custom resource that starts it."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.functions.package_function import NO_RESOURCE_FOR_TRACES, PackageFunction
from constructs.model_import.import_deployment import DEADLINE_SECONDS, ImportDeployment
from constructs.model_import.import_role import ImportRole, Weights, describe_weights, read_weights
from constructs.model_import.import_states import ImportStates
from constructs.model_import.imported_model import ImportedModel
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.permissions.statements import step_functions
from constructs.values.arns import arn, place_of
from constructs.values.durations import seconds
from constructs.values.storage import Storage
from constructs.values.tokens import is_token

from catalog.limits import endpoint as limits
from catalog.limits import model_import as import_limits
from model_import.contract import CHECK, STEPS

_CHECK_TIMEOUT = Duration.minutes(15)
_STEP_TIMEOUT = Duration.minutes(3)
_PACE = Duration.seconds(15)
LONGEST_RUN_SECONDS = 12 * 3600
"""Longest time of a run: an import of 8 billion parameters takes 5 to 20 minutes, and waits for those of others."""
_LIST_REASON = (
    "bedrock:CreateModelImportJob, bedrock:ListImportedModels and bedrock:ListModelImportJobs exist in IAM without a "
    "resource"
)
_JOBS_REASON = "AWS chooses the ids of import jobs, which cannot be stopped, changed or deleted by anybody"


class ModelImportJob(Construct):
    """Imports weights into Bedrock as a new version of an imported model, and removes old versions.

    Defines: an `AWS::StepFunctions::StateMachine` with role and log, the service role of the imports (`ImportRole`),
    two functions for steps of more than one call, and the custom resource that imports with a deployment and cleans up
    after the stack (`ImportDeployment`).

    Data flow: the input is `{"weights": "s3://bucket/prefix/"}`, or the ARN of the declared SageMaker model or training
    job, in which their prefix is looked up. *Check artifacts* reads headers only and derives the version from the
    content; *plan* finds a version or a job that exists already; *make room* removes old versions of this model where
    the account's quota of imported models is used up; *import* waits for its turn, since there is one import at a time
    an account, and for a role that is not known yet; *poll* slows down; *smoke test* sends requests until the model
    answers; *publish* writes the pointer that the shim reads, without a redeployment; *prune* removes versions beyond
    `keep_versions`. To return to a version, import its weights again: one that is still imported is served in a minute.

    Failures: every failure ends the execution with its own message, unchanged, and the likely cause in a second line;
    the version that failed is removed again, and the served version stays. The same content is never imported twice.

    Limits, of AWS: 3 imported models an account (L-45B04988, adjustable) and 1 import at a time (L-5F098EFA, not
    adjustable). With `keep_versions=2` and one model an account, an update fits into the default quota. Bedrock sends
    no events about imports, so that they are polled.

    Prerequisites: a region with Custom Model Import; unpacked weights in that region.

    Usage::

        job = ModelImportJob(
            self, "Import", model=model, weights=Weights(bucket_name="models", prefix="llama/1/"),
            storage=Storage(encryption_key=key), import_on_deploy=True,
        )
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model: ImportedModel,
        weights: Weights,
        storage: Storage,
        import_on_deploy: bool = False,
        revision: str = "",
        keep_versions: int = 2,
        smoke_prompt: str | None = None,
        smoke_expect: str | None = None,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
        pace: Duration | None = None,
    ) -> None:
        """Define state machine, role, functions and custom resource.

        Args:
            model: The imported model. weights: Location of the weights: exactly this prefix with `import_on_deploy`,
            and no SageMaker model or
                training job, otherwise a prefix below it.
            storage: Key of environment variables, and settings of the log groups.
            import_on_deploy: A deployment imports, waits at most 54 minutes, and fails with the import. If not,
                something else starts executions.
            revision: Any text; change it to import again after files under the same prefix were replaced.
            keep_versions: Number of versions that stay imported, 1 to 10, the served one among them.
            smoke_prompt: Prompt for a new version before it is served; a question by default.
            smoke_expect: Text that the answer must contain, in upper or lower case; any answer passes by default.
            subnet_ids: Subnets of the imports, with `security_group_ids`; no VPC by default.
            security_group_ids: Security groups of the imports.
            pace: The shortest wait of all, 15 s by default.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        problems = _problems(place_of(self).region, weights, keep_versions, subnet_ids, security_group_ids)
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
            "TARGET_PARAMETER": pointer.name(pointer.target),
            "SERVED_PARAMETER": pointer.name(pointer.served),
            "PREVIOUS_PARAMETER": pointer.name(pointer.previous),
            "STATE_MACHINE_ARN": arn(self, "states", f"stateMachine:{model.state_machine_name}"),
            "DEADLINE_SECONDS": str(DEADLINE_SECONDS),
            "KEEP_VERSIONS": str(keep_versions),
            "BODY": model.body,
            **({"SMOKE_PROMPT": smoke_prompt} if smoke_prompt else {}),
            **({"SMOKE_EXPECT": smoke_expect} if smoke_expect else {}),
        }
        check = PackageFunction(
            self,
            "Check",
            handler=CHECK.handler,
            description=f"checks the weights of {name} before an import",
            settings={"READABLE": weights.uri},
            timeout=_CHECK_TIMEOUT,
            storage=storage,
        )
        describe_weights(check.role, weights)
        acknowledge_wildcards(check.role, {**read_weights(check.role, weights), "*": NO_RESOURCE_FOR_TRACES})
        steps = PackageFunction(
            self,
            "Steps",
            handler=STEPS.handler,
            description=f"plans imports of {name}, makes room for them, tests and prunes them",
            settings=self.settings,
            timeout=_STEP_TIMEOUT,
            storage=storage,
        )
        self._grant_steps(steps)
        self.steps = steps.function
        role = iam.Role(self, "Role", assumed_by=step_functions(scope), description=f"runs imports of {name}")
        states = ImportStates(
            self,
            role=role,
            model=model,
            check=check.function,
            steps=steps.function,
            import_role=self.import_role,
            pace=pace or _PACE,
            subnet_ids=subnet_ids,
            security_group_ids=security_group_ids,
        )
        log_group = storage.state_machine_log_group(self, kind="import")
        self.state_machine = sfn.StateMachine(
            self,
            "Resource",
            state_machine_name=model.state_machine_name,
            definition_body=sfn.DefinitionBody.from_chainable(states.chain()),
            role=role,
            timeout=seconds(LONGEST_RUN_SECONDS),
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
        )
        reason = f"{_JOBS_REASON}; tags are set as a job starts"
        acknowledge_wildcards(
            role,
            {
                arn(self, "bedrock", "imported-model/*"): reason,
                arn(self, "bedrock", "model-import-job/*"): reason,
                "*": f"{_LIST_REASON}, nor have the log delivery of CloudWatch Logs and X-Ray's records",
            },
        )
        self.deployment = ImportDeployment(
            self,
            "Deployment",
            model=model,
            state_machine=self.state_machine,
            settings=self.settings,
            weights=weights.source(self) if import_on_deploy else "",
            revision=revision,
            needs=[self.import_role, check, steps, role, log_group, pointer],
            storage=storage,
        )

    def grant_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant starting an import, such as to a pipeline that has tuned the weights."""
        return self.state_machine.grant_start_execution(grantee)

    def _grant_steps(self, steps: PackageFunction) -> None:
        model, pointer = self._model, self._model.pointer
        steps.allow("List", ["bedrock:ListImportedModels", "bedrock:ListModelImportJobs"], "*")
        steps.allow("ReadTags", ["bedrock:ListTagsForResource"], model.model_arns)
        steps.allow(
            "OwnVersions",
            ["bedrock:DeleteImportedModel", "bedrock:GetImportedModel", "bedrock:InvokeModel"],
            model.model_arns,
            **model.is_this_model,
        )
        quota = arn(self, "servicequotas", f"bedrock/{import_limits.MODELS_QUOTA_CODE}")
        steps.allow("ReadQuota", ["servicequotas:GetServiceQuota"], quota)
        steps.allow("ReadPointer", ["ssm:GetParameter"], pointer.arn(pointer.served), pointer.arn(pointer.previous))
        steps.allow("ListRuns", ["states:ListExecutions"], self.settings["STATE_MACHINE_ARN"])
        if model.encryption_key:
            model.encryption_key.grant_decrypt(steps.role)
        acknowledge_wildcards(steps.role, {**model.invoke_wildcards, "*": f"{_LIST_REASON}; {NO_RESOURCE_FOR_TRACES}"})


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
        *(() if is_token(region) else import_limits.region(region)),
        *(() if is_token(weights.prefix) else import_limits.prefix(weights.prefix)),
        *(
            breach
            for field, name in given.items()
            if not is_token(name)
            for breach in import_limits.source_name(f"weights.{field}", name)
        ),
        *import_limits.keep_versions(keep_versions),
        # API CreateModelImportJob, vpcConfig, has the limits of SageMaker's.
        *limits.network(subnet_ids, security_group_ids),
    ]
    both = f"weights have {' and '.join(f'{field} {name!r}' for field, name in given.items())}: allowed is one of them"
    return [*(str(breach) for breach in breaches), *([both] if len(given) > 1 else [])]
