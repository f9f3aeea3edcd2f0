"""Endpoint of a fine-tuned model, which the pipeline creates: its role, its requests and its alarms."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from constructs import Construct
from constructs.endpoint.execution_role import ExecutionRole
from constructs.endpoint.hosting import Hosting
from constructs.endpoint.sagemaker_endpoint import VARIANT_NAME, SageMakerEndpoint
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.permissions.statements import allow
from constructs.values.arns import place_of
from constructs.values.s3_location import S3Location

from catalog import ModelVersion
from training.contract import SETTINGS_DIGITS

# Longest time of a container for one answer (SageMaker developer guide, real-time inference), in microseconds, the
# unit of ModelLatency.
_LONGEST_ANSWER_MICROSECONDS = 60_000_000
# API UpdateEndpoint, BlueGreenUpdatePolicy: time of the old fleet beside the new one, which alarms watch, and longest
# time of the whole update, at most 28800 s.
_BAKE_SECONDS = 300
_DEPLOYMENT_SECONDS = 14_400
_ALARM_PERIOD = Duration.minutes(1)


class FineTunedEndpoint(SageMakerEndpoint):
    """Role, requests and alarms of a tuned model's endpoint, which the pipeline creates with the first version.

    Defines: the containers' execution role, and two alarms that roll a new version back: answers that failed, and
    answers that took as long as they may.

    Data flow: the pipeline sends `model_request`, `config_request` and `deployment_config`. SageMaker reads the tuned
    weights with the role.

    Failures: all problems of the props are raised at synthesis, as one `ValueError` (`Hosting`).

    Prerequisites: quota for the instance type ("for endpoint usage"), and while a version is replaced for twice as
    many instances.

    Usage::

        endpoint = FineTunedEndpoint(self, "Endpoint", model=version, endpoint_name="dev-mistral-7b-dolly", ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model: ModelVersion,
        endpoint_name: str,
        weights: S3Location,
        encryption_key: kms.IKey,
        instance_type: str | None = None,
        allow_unlisted_instance_type: bool = False,
        instance_count: int = 1,
        environment: Mapping[str, str] | None = None,
        accept_eula: bool = False,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
        download_timeout: Duration | None = None,
        startup_timeout: Duration | None = None,
    ) -> None:
        """Define role and alarms.

        Args:
            model: The pinned version of the base model.
            endpoint_name: Name of the endpoint, with which the names of models and configs begin.
            weights: Prefix of all versions of the tuned weights.
            encryption_key: Key of the weights.
            instance_type: Such as `ml.g5.2xlarge`; the base model's default by default.
            allow_unlisted_instance_type: Accept an instance type that the base model's version does not list.
            instance_count: Instances behind the endpoint.
            environment: Container environment variables, laid over the base model's own.
            accept_eula: You accept the base model's licence, where it has one.
            subnet_ids: Subnets for the containers' network interfaces; no VPC by default.
            security_group_ids: Security groups of those interfaces.
            download_timeout: 60 to 3600 s; worked out from the weights' size by default.
            startup_timeout: Likewise.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id, endpoint_name=endpoint_name)
        self.hosting = Hosting.of(
            model,
            region=place_of(scope).region,
            endpoint_name=endpoint_name,
            tuned=True,
            instance_type=instance_type,
            allow_unlisted_instance_type=allow_unlisted_instance_type,
            instance_count=instance_count,
            environment=environment,
            accept_eula=accept_eula,
            download_timeout=download_timeout,
            startup_timeout=startup_timeout,
            subnet_ids=subnet_ids,
            security_group_ids=security_group_ids,
        )
        self.deployment = self.hosting.deployment
        self.max_input_tokens = self.hosting.max_input_tokens
        self.max_total_tokens = self.hosting.max_total_tokens
        # Not JumpStart's weights: the tuned ones.
        self.role = ExecutionRole(
            self,
            "Role",
            deployment=replace(self.deployment, model_data=None, additional_model_data=()),
            endpoint_name=endpoint_name,
            in_vpc=bool(subnet_ids),
        )
        self._read_weights(weights, encryption_key)
        self.alarms = [
            self._alarm("Errors", self.metric("Invocation5XXErrors", statistic="Sum", period=_ALARM_PERIOD), 5),
            self._alarm(
                "Latency",
                self.metric("ModelLatency", statistic="p90", period=_ALARM_PERIOD),
                _LONGEST_ANSWER_MICROSECONDS,
            ),
        ]
        # SageMaker reads the alarms of a deployment with this role (developer guide, "Auto-Rollback Configuration and
        # Monitoring": the execution role needs the action on the alarms).
        allow(self.role, "ReadAlarms", ["cloudwatch:DescribeAlarms"], *self.alarm_arns)

    def _read_weights(self, weights: S3Location, encryption_key: kms.IKey) -> None:
        allow(self.role, "ListWeights", ["s3:ListBucket"], weights.bucket_arn)
        allow(self.role, "ReadWeights", ["s3:GetObject"], weights.objects)
        encryption_key.grant_decrypt(self.role)
        reason = "the tuned weights: every version is below this prefix, and the training script names its files"
        acknowledge_wildcards(self.role, {weights.objects: reason})

    def _alarm(self, construct_id: str, metric: cloudwatch.Metric, threshold: float) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=f"rolls a new version of {self.endpoint_name} back while it is put into place",
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    @property
    def alarm_arns(self) -> list[str]:
        """ARNs of the alarms that roll an update back."""
        return [alarm.alarm_arn for alarm in self.alarms]

    @property
    def settings_hash(self) -> str:
        """Hash of all serving settings of a version, beside its weights, in six hexadecimal digits."""
        text = json.dumps([self._static_container(), self._variant("")], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:SETTINGS_DIGITS]

    def model_request(self, *, name: str, model_data: str, tags: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Return CreateModel's request, for a state.

        Args:
            name: Path of the model's name.
            model_data: Path of the weights' URI.
            tags: Tags of the model.
        """
        # The licence was accepted for the training job, which read the base's weights; these are one's own.
        source = {"S3DataType": "S3Prefix", "CompressionType": "None", "S3Uri.$": model_data}
        request: dict[str, Any] = {
            "ModelName.$": name,
            "ExecutionRoleArn": self.role.role_arn,
            "PrimaryContainer": {**self._static_container(), "ModelDataSource": {"S3DataSource": source}},
            "EnableNetworkIsolation": self.deployment.network_isolation,
            "Tags": list(tags),
        }
        if self.hosting.subnet_ids:
            request["VpcConfig"] = {
                "Subnets": list(self.hosting.subnet_ids),
                "SecurityGroupIds": list(self.hosting.security_group_ids),
            }
        return request

    def config_request(self, *, name: str, tags: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Return CreateEndpointConfig's request, for a state.

        Args:
            name: Path of the config's name, which is the model's, too.
            tags: Tags of the config.
        """
        variant = self._variant(name)
        return {"EndpointConfigName.$": name, "ProductionVariants": [variant], "Tags": list(tags)}

    @property
    def model_conditions(self) -> dict[str, dict[str, Any]]:
        """Conditions of a right to send `model_request` (keys of CreateModel: service authorization reference)."""
        return {"Bool": {"sagemaker:NetworkIsolation": json.dumps(self.deployment.network_isolation)}}

    def config_conditions(self, models: str) -> dict[str, dict[str, Any]]:
        """Return the conditions of a right to send `config_request` (keys of CreateEndpointConfig: the same reference).

        Args:
            models: ARN of all models that a config may name, with a wildcard.
        """
        return {
            "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": [self.deployment.instance_type]},
            "ArnLike": {"sagemaker:ModelArn": models},
        }

    @property
    def deployment_config(self) -> dict[str, Any]:
        """UpdateEndpoint's DeploymentConfig: all traffic at once, and back when an alarm goes off."""
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": _BAKE_SECONDS},
                "TerminationWaitInSeconds": 0,
                "MaximumExecutionTimeoutInSeconds": _DEPLOYMENT_SECONDS,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm.alarm_name} for alarm in self.alarms]},
        }

    def _static_container(self) -> dict[str, Any]:
        return {"Image": self.deployment.image, "Environment": dict(sorted(self.hosting.environment.items()))}

    def _variant(self, name: str) -> dict[str, Any]:
        variant: dict[str, Any] = {
            "VariantName": VARIANT_NAME,
            "ModelName.$": name,
            "InstanceType": self.deployment.instance_type,
            "InitialInstanceCount": self.hosting.instance_count,
            "InitialVariantWeight": 1,
            "ModelDataDownloadTimeoutInSeconds": self.hosting.download_timeout_seconds,
            "ContainerStartupHealthCheckTimeoutInSeconds": self.hosting.startup_timeout_seconds,
        }
        if self.deployment.volume_size:
            variant["VolumeSizeInGB"] = self.deployment.volume_size
        if self.deployment.inference_ami_version:
            variant["InferenceAmiVersion"] = self.deployment.inference_ami_version
        return variant
