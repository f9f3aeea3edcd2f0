"""A fine-tuned model's stack: where its declaration meets the constructs."""

import hashlib
import json
from dataclasses import asdict
from urllib.parse import urlsplit

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import Environment as CdkEnvironment
from constructs import Construct
from constructs.artifact_bucket import ArtifactBucket
from constructs.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning_functions import FineTuningFunctions
from constructs.fine_tuning_pipeline import FineTuningPipeline
from constructs.invoke_target import EndpointTarget
from constructs.model_key import ModelKey
from constructs.pipeline_lifecycle import PipelineLifecycle
from constructs.pipeline_notices import PipelineNotices
from constructs.pipeline_triggers import MARKER, PipelineTriggers
from constructs.served_pointer import ServedPointer
from constructs.training_job import TrainingJob

from catalog import Lock
from catalog.deployment import container_version
from catalog.instances import hardware
from stacks.declarations import FineTunedModel
from stacks.environments import Environment, Removal
from stacks.front_door import log_retention, model_api, removal_policy, seconds

_DATA = "training/data/"
_RUNS = "training/runs/"
_EVENT_SOURCE = "jumpstack.finetuning"
_SCHEDULE = "schedule:"


class FineTunedStack(Stack):
    """Everything that one fine-tuned model needs in one environment: pipeline, pointer and API."""

    def __init__(self, scope: Construct, *, environment: Environment, model: FineTunedModel, lock: Lock) -> None:
        """Define the stack.

        Args:
            scope: The environment's stage.
            environment: Where the model is trained and runs.
            model: What is trained and runs there.
            lock: The catalogue that pins the base model's container.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        name, path = f"{environment.name}-{model.name}", f"{environment.name}/{model.name}"
        super().__init__(
            scope,
            model.name,
            stack_name=name,
            description=f"{model.model_id} {model.version}, tuned, in {environment.name}",
            env=CdkEnvironment(account=environment.account, region=model.region or environment.region),
        )
        removal, retention = removal_policy(environment), log_retention(environment)
        network = environment.network
        subnet_ids = network.subnet_ids if network else ()
        security_group_ids = network.security_group_ids if network else ()
        tags = {**environment.tags, "model": model.name}

        key = ModelKey(self, "Key", alias=path, removal_policy=removal)
        artifacts = ArtifactBucket(
            self, "Artifacts", encryption_key=key, removal_policy=removal, event_bridge="marker" in model.start
        )
        bucket = artifacts.bucket
        data_prefix = model.data_prefix or f"s3://{bucket.bucket_name}/{_DATA}"
        data = [self._place(model.data_prefix) or (bucket.bucket_arn, _DATA)]
        if validation := self._place(model.validation_prefix):
            data.append(validation)
        runs = (bucket.bucket_arn, _RUNS)
        endpoint = FineTunedEndpoint(
            self,
            "Endpoint",
            model=lock.model(model.model_id, model.version),
            endpoint_name=name,
            weights=runs,
            encryption_key=key,
            instance_type=model.instance_type,
            allow_unlisted_instance_type=model.unlisted_instance_type is not None,
            instance_count=environment.instance_count if model.instance_count is None else model.instance_count,
            environment=model.environment,
            accept_eula=model.accept_eula,
            subnet_ids=subnet_ids,
            security_group_ids=security_group_ids,
            download_timeout=seconds(model.download_timeout_seconds),
            startup_timeout=seconds(model.startup_timeout_seconds),
        )
        pointer = ServedPointer(self, "Served", path=path)
        trainer = hardware(model.training_instance_type)
        volume_key = trainer is not None and trainer.local_nvme_gb == 0
        # Spot instances may be long in coming, and be taken away.
        max_wait_seconds = (model.max_wait_seconds or 2 * model.max_runtime_seconds) if model.spot else None
        max_wait = seconds(max_wait_seconds)
        max_runtime = Duration.seconds(model.max_runtime_seconds)
        job = TrainingJob(
            self,
            "Training",
            job_prefix=name,
            deployment=endpoint.deployment,
            data=data,
            output=runs,
            encryption_key=key,
            max_runtime=max_runtime,
            max_wait=max_wait,
            volume_key=volume_key,
            in_vpc=bool(subnet_ids),
        )
        functions = FineTuningFunctions(
            self,
            "Functions",
            pipeline=name,
            settings={
                "MODEL_ID": model.model_id,
                "MODEL_VERSION": model.version,
                "METHOD": model.method,
                "HYPERPARAMETERS": json.dumps(dict(sorted(model.hyperparameters.items()))),
                "INSTANCE_TYPE": model.training_instance_type,
                "INSTANCE_COUNT": model.training_instance_count,
                "SPOT": json.dumps(model.spot),
                "MAX_RUNTIME_SECONDS": model.max_runtime_seconds,
                "MAX_WAIT_SECONDS": max_wait_seconds,
                "DATA_PREFIX": data_prefix,
                "VALIDATION_SPLIT": model.validation_split,
                "VALIDATION_PREFIX": model.validation_prefix,
                "ACCEPT_EULA": json.dumps(model.accept_eula),
                "PROMPT_TEMPLATE": model.prompt_template,
                "OUTPUT_PREFIX": f"s3://{bucket.bucket_name}/{_RUNS}",
                "ROLE_ARN": job.role.role_arn,
                "KMS_KEY_ARN": key.key_arn,
                "VOLUME_KMS_KEY_ARN": key.key_arn if volume_key else None,
                "SUBNET_IDS": ",".join(subnet_ids) or None,
                "SECURITY_GROUP_IDS": ",".join(security_group_ids) or None,
                "TAGS": json.dumps(dict(sorted(tags.items()))),
            },
            data=data,
            output=runs,
            endpoint=endpoint,
            pointer=pointer,
            prompt_template=model.prompt_template,
            encryption_key=key,
            log_retention=retention,
            removal_policy=removal,
        )
        notices = PipelineNotices(self, "Notices", subject=path, event_source=_EVENT_SOURCE, encryption_key=key)
        pipeline = FineTuningPipeline(
            self,
            "Pipeline",
            name=name,
            functions=functions,
            job=job,
            endpoint=endpoint,
            pointer=pointer,
            notices=notices,
            encryption_key=key,
            training_time=max_wait or max_runtime,
            tags=tags,
            log_retention=retention,
            removal_policy=removal,
        )
        machine = pipeline.state_machine
        unfinished = notices.watch(machine)
        target = EndpointTarget(
            endpoint,
            container=endpoint.deployment.container,
            container_version=container_version(endpoint.deployment.image),
            pointer=pointer,
            gather_stream=model.gather_stream,
            max_input_tokens=endpoint.max_input_tokens,
            max_total_tokens=endpoint.max_total_tokens,
        )
        model_api(self, environment=environment, model=model, target=target, encryption_key=key)
        kept = "are deleted with it" if environment.removal is Removal.DESTROY else "stay in the bucket"
        lifecycle = PipelineLifecycle(
            self,
            "Lifecycle",
            pipeline=name,
            state_machine=machine,
            artifacts=f"data and tuned weights {kept}",
            declaration_hash=_declaration_hash(model),
            needs=[artifacts, endpoint, pointer, job, functions, notices.topic, pipeline],
            encryption_key=key,
            start_on_deploy="deploy" in model.start,
            log_retention=retention,
            removal_policy=removal,
        )
        triggers = PipelineTriggers(
            self,
            "Triggers",
            state_machine=machine,
            bucket=bucket,
            marker_key=f"training/{MARKER}" if "marker" in model.start else None,
            schedules=[start.removeprefix(_SCHEDULE) for start in model.start if start.startswith(_SCHEDULE)],
        )
        # Nothing may start an execution once the clean-up has begun, and it ends none that is to be told.
        triggers.node.add_dependency(lifecycle)
        unfinished.node.add_dependency(lifecycle)

        outputs = {
            "EndpointName": (name, "the SageMaker endpoint, once a first version is served"),
            "BucketName": (artifacts.bucket_name, "the model's data and artifacts"),
            "KeyArn": (key.key_arn, "the key of all that the stack stores"),
            "DataPrefix": (data_prefix, "where the training data goes"),
            "StateMachineArn": (machine.state_machine_arn, "the fine-tuning pipeline"),
            "StartCommand": (
                f"aws stepfunctions start-execution --state-machine-arn {machine.state_machine_arn}"
                f" --region {self.region}",
                'starts a training; with --input \'{"action": "rollback"}\' serves the release before',
            ),
            "TopicArn": (notices.topic.topic_arn, "tells how trainings end: subscribe to it"),
        }
        for output, (value, description) in outputs.items():
            CfnOutput(self, output, value=value, description=description)

    def _place(self, uri: str | None) -> tuple[str, str] | None:
        """A bucket's ARN and a prefix."""
        if uri is None:
            return None
        location = urlsplit(uri)
        arn = self.format_arn(service="s3", region="", account="", resource=location.netloc)
        return arn, location.path.removeprefix("/")


def _declaration_hash(model: FineTunedModel) -> str:
    """Changes with the declaration, so that CloudFormation sees an update where there is one."""
    return hashlib.sha256(json.dumps(asdict(model), sort_keys=True, default=list).encode()).hexdigest()[:12]
