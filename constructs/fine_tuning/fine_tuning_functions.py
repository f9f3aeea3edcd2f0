"""The functions of a fine-tuning pipeline, each with what it may do."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.training_function import TrainingFunction
from constructs.served_pointer import ServedPointer

# The data is streamed: memory buys CPU and network, by which large data sets are checked within 15 minutes.
_PREPARE_MEMORY = 3008
_TRACING = "xray:PutTraceSegments and xray:PutTelemetryRecords exist in IAM without a resource"


class EndpointFunctions(NamedTuple):
    """What a pipeline runs where it serves by an endpoint.

    Attributes:
        verify: Asks the endpoint.
        prune: Deletes old releases.
    """

    verify: lambda_.Function
    prune: lambda_.Function


class FineTuningFunctions(Construct):
    """*prepare*, and *verify* and *prune* where the model is served by an endpoint.

    Defines: functions (`TrainingFunction`). *prepare* reads data and writes reports and requests, and looks for jobs
    and executions of its own pipeline; *verify* asks the endpoint; *prune* deletes old releases.

    Data flow: data in, report and request out, below `output`; the recipe comes from JumpStart's public bucket, by
    requests that are not signed.

    Failures: what is wrong with data or declaration fails *prepare*, and with it the execution.

    Prerequisites: none.

    Usage::

        functions = FineTuningFunctions(self, "Functions", pipeline="dev-mistral-7b-dolly", settings={...}, ...)
        verify, prune = functions.for_endpoint(endpoint, pointer=pointer)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: str,
        settings: Mapping[str, str | float | None],
        data: Sequence[tuple[str, str]],
        output: tuple[str, str],
        encryption_key: kms.IKey,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define *prepare*.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            pipeline: The state machine's name, and what the names of jobs, models and configs begin with.
            settings: What *prepare* is told (lambda/training/settings.py); None is left out.
            data: Buckets' ARNs and prefixes with data.
            output: Bucket's ARN and prefix of reports, requests and weights.
            encryption_key: Key of data, reports, logs and variables.
            log_retention: How long the log groups keep their events.
            removal_policy: What becomes of the log groups when they leave the stack.
        """
        super().__init__(scope, construct_id)
        self._pipeline = pipeline
        self._stored: dict[str, Any] = {
            "encryption_key": encryption_key,
            "log_retention": log_retention,
            "removal_policy": removal_policy,
        }
        given = {name: str(value) for name, value in settings.items() if value is not None}
        prepare = self._function(
            "Prepare", "checks the training data", given, Duration.minutes(15), memory_size=_PREPARE_MEMORY
        )
        self._let_prepare(prepare, data, output)
        encryption_key.grant_encrypt_decrypt(prepare.role)
        self.prepare = prepare.function

    def for_endpoint(
        self, endpoint: FineTunedEndpoint, *, pointer: ServedPointer, prompt_template: str | None = None
    ) -> EndpointFunctions:
        """Define *verify* and *prune*.

        Args:
            endpoint: What the tuned model is served with.
            pointer: What names the served release.
            prompt_template: The tuned model's template, for the question that *verify* asks.
        """
        asked: dict[str, str] = {"CONTAINER": endpoint.deployment.container}
        asked |= {"PROMPT_TEMPLATE": prompt_template} if prompt_template else {}
        verify = self._function("Verify", "asks a new version", asked, Duration.minutes(5))
        parameters = {"SERVED_PARAMETER": str(pointer.served.name), "PREVIOUS_PARAMETER": str(pointer.previous.name)}
        prune = self._function("Prune", "deletes old versions", parameters, Duration.minutes(5))
        verify.allow("Ask", ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"], endpoint.endpoint_arn)
        self._let_prune(prune, pointer)
        return EndpointFunctions(verify.function, prune.function)

    def _function(
        self, name: str, description: str, variables: Mapping[str, str], timeout: Duration, *, memory_size: int = 256
    ) -> TrainingFunction:
        return TrainingFunction(
            self,
            name,
            handler=f"training.{name.lower()}.handler",
            description=f"{description} of {self._pipeline}",
            settings={"NAME_PREFIX": self._pipeline, **variables},
            timeout=timeout,
            memory_size=memory_size,
            **self._stored,
        )

    def _let_prepare(self, prepare: TrainingFunction, data: Sequence[tuple[str, str]], output: tuple[str, str]) -> None:
        stack = Stack.of(self)
        # By its name: the state machine's own ARN would depend on this function.
        machine = stack.format_arn(service="states", resource=f"stateMachine:{self._pipeline}")
        jobs = self._arn("training-job")
        prefixes = [f"{bucket}/{prefix}*" for bucket, prefix in data]
        runs = f"{output[0]}/{output[1]}*"
        prepare.allow("ListData", ["s3:ListBucket"], *dict.fromkeys([*(bucket for bucket, _ in data), output[0]]))
        prepare.allow("ReadData", ["s3:GetObject"], *prefixes)
        prepare.allow("WriteReports", ["s3:PutObject"], runs)
        prepare.allow("FindJobs", ["sagemaker:DescribeTrainingJob"], jobs)
        prepare.allow("FindExecutions", ["states:ListExecutions"], machine)
        acknowledge_in_policy(
            prepare.role,
            {
                **dict.fromkeys(
                    [wildcard_finding(self, arn) for arn in (*prefixes, runs)],
                    "the data's objects are named by whoever uploads them, reports by the run's version",
                ),
                wildcard_finding(self, jobs): "the names of this pipeline's own jobs end in the hash of a version",
                "AwsSolutions-IAM5[Resource::*]": _TRACING,
                **dict.fromkeys(
                    ("AwsSolutions-IAM5[Action::kms:GenerateDataKey*]", "AwsSolutions-IAM5[Action::kms:ReEncrypt*]"),
                    "CDK's grants on a key: the actions' variants on this one key",
                ),
            },
        )

    def _let_prune(self, prune: TrainingFunction, pointer: ServedPointer) -> None:
        configs, models = self._arn("endpoint-config"), self._arn("model")
        prune.allow("ReadPointer", ["ssm:GetParameter"], pointer.arn(pointer.served), pointer.arn(pointer.previous))
        prune.allow("DeleteConfigs", ["sagemaker:DeleteEndpointConfig"], configs)
        prune.allow("DeleteModels", ["sagemaker:DeleteModel"], models)
        prune.allow("ListByName", ["sagemaker:ListEndpointConfigs", "sagemaker:ListModels"], "*")
        acknowledge_in_policy(
            prune.role,
            {
                **dict.fromkeys(
                    [wildcard_finding(self, arn) for arn in (configs, models)],
                    "models and configs of this pipeline: their names end in the hash of a release",
                ),
                "AwsSolutions-IAM5[Resource::*]": f"SageMaker's List actions have no resource in IAM, and {_TRACING}",
            },
        )

    def _arn(self, kind: str) -> str:
        return Stack.of(self).format_arn(
            service="sagemaker", resource=kind, resource_name=f"{self._pipeline}-*".lower()
        )
