"""Lambda functions of a fine-tuning pipeline, each with its rights."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.release_arns import job_arns, release_arn
from constructs.functions.package_function import NO_RESOURCE_FOR_TRACES, PackageFunction
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.served_pointer import ServedPointer
from constructs.values.arns import arn
from constructs.values.s3_location import S3Location
from constructs.values.storage import Storage

from training.contract import FIRST_SEEN, PREPARE, PRUNE, STOP, VERIFY, Function

# The data is streamed: memory buys CPU and network, by which large data sets are checked within 15 minutes.
_PREPARE_MEMORY = 3008
_PREPARE_TIMEOUT = Duration.minutes(15)
_TIMEOUT = Duration.minutes(5)


class FineTuningFunctions(Construct):
    """*prepare* and *stop*, and *verify* and *prune* where the model is served by an endpoint.

    Defines: functions (`PackageFunction`). *prepare* reads data, writes reports and requests, and looks for jobs
    and executions of its own pipeline; *verify* sends the endpoint a request; *prune* deletes old releases; *stop*
    stops jobs.

    Data flow: data in, report and request out, below `output`; the recipe comes from JumpStart's public bucket, by
    requests that are not signed.

    Failures: errors in data or declaration fail *prepare*, and with it the execution.

    Prerequisites: none.

    Usage::

        functions = FineTuningFunctions(self, "Functions", pipeline="dev-mistral-7b-dolly", settings={...}, ...)
        verify, prune = functions.verify(endpoint), functions.prune(pointer)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: str,
        settings: Mapping[str, str | float | None],
        data: Sequence[S3Location],
        output: S3Location,
        storage: Storage,
    ) -> None:
        """Define *prepare*.

        Args:
            pipeline: The state machine's name, with which the names of jobs, models and configs begin.
            settings: Settings of *prepare* (`training.contract`); None is left out.
            data: Training and validation data.
            output: Reports, requests and weights.
            storage: Key of data, reports and variables, and settings of the log groups.
        """
        super().__init__(scope, construct_id)
        self._pipeline = pipeline
        self._storage = storage
        given = {name: str(value) for name, value in settings.items() if value is not None}
        prepare = self._function(
            "Prepare",
            PREPARE,
            "checks the training data",
            given,
            timeout=_PREPARE_TIMEOUT,
            memory_size=_PREPARE_MEMORY,
        )
        self._grant_prepare(prepare, data, output)
        storage.encryption_key.grant_encrypt_decrypt(prepare.role)
        self.prepare = prepare.function

    def verify(self, endpoint: FineTunedEndpoint, *, prompt_template: str | None = None) -> lambda_.Function:
        """Define the function that sends a new version a request.

        Args:
            endpoint: The endpoint of the tuned model.
            prompt_template: The tuned model's template, for the question of the request.
        """
        asked: dict[str, str] = {"CONTAINER": endpoint.deployment.container}
        asked |= {"PROMPT_TEMPLATE": prompt_template} if prompt_template else {}
        verify = self._function("Verify", VERIFY, "asks a new version", asked)
        verify.allow("Ask", ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"], endpoint.endpoint_arn)
        return verify.function

    def prune(self, pointer: ServedPointer) -> lambda_.Function:
        """Define the function that deletes old releases, those that the pointer does not name."""
        parameters = {
            "SERVED_PARAMETER": pointer.name(pointer.served),
            "PREVIOUS_PARAMETER": pointer.name(pointer.previous),
        }
        prune = self._function("Prune", PRUNE, "deletes old versions", parameters)
        configs, models = (release_arn(self, kind, self._pipeline) for kind in ("endpoint-config", "model"))
        prune.allow("ReadPointer", ["ssm:GetParameter"], pointer.arn(pointer.served), pointer.arn(pointer.previous))
        prune.allow("DeleteConfigs", ["sagemaker:DeleteEndpointConfig"], configs)
        prune.allow("DeleteModels", ["sagemaker:DeleteModel"], models)
        prune.allow("ListByName", ["sagemaker:ListEndpointConfigs", "sagemaker:ListModels"], "*")
        return prune.function

    def stop(self, state_machine: sfn.StateMachine) -> lambda_.Function:
        """Define the function that stops the job of an aborted run."""
        stop = self._function("Stop", STOP, "stops jobs of aborted runs", {})
        stop.allow("FindExecutions", ["states:ListExecutions"], state_machine.state_machine_arn)
        stop.allow("StopJobs", ["sagemaker:StopTrainingJob"], *job_arns(self, self._pipeline))
        stop.allow("ListByName", ["sagemaker:ListTrainingJobs"], "*")
        return stop.function

    def _function(
        self,
        name: str,
        contract: Function,
        description: str,
        variables: Mapping[str, str],
        *,
        timeout: Duration = _TIMEOUT,
        memory_size: int = 256,
    ) -> PackageFunction:
        function = PackageFunction(
            self,
            name,
            handler=contract.handler,
            description=f"{description} of {self._pipeline}",
            settings={"NAME_PREFIX": self._pipeline, **variables},
            storage=self._storage,
            timeout=timeout,
            memory_size=memory_size,
        )
        acknowledge_wildcards(function.role, {"*": NO_RESOURCE_FOR_TRACES})
        return function

    def _grant_prepare(self, prepare: PackageFunction, data: Sequence[S3Location], output: S3Location) -> None:
        # By its name: the state machine's own ARN would depend on this function.
        machine = arn(self, "states", f"stateMachine:{self._pipeline}")
        places = [*data, output]
        prepare.allow("ListData", ["s3:ListBucket"], *dict.fromkeys(place.bucket_arn for place in places))
        prepare.allow("ReadData", ["s3:GetObject"], *(place.objects for place in data))
        prepare.allow("WriteReports", ["s3:PutObject"], output.objects)
        prepare.allow("ReadFirstSeen", ["s3:GetObject"], output.object(FIRST_SEEN))
        prepare.allow("FindJobs", ["sagemaker:DescribeTrainingJob"], *job_arns(self, self._pipeline))
        prepare.allow("FindExecutions", ["states:ListExecutions"], machine)
        named = "the data's objects are named by whoever uploads them, reports by the run's version"
        variants = "CDK's grants on a key: the actions' variants on this one key"
        acknowledge_wildcards(
            prepare.role,
            {place.objects: named for place in places},
            actions={"kms:GenerateDataKey*": variants, "kms:ReEncrypt*": variants},
        )
