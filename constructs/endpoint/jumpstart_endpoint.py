"""JumpStart model behind a SageMaker endpoint."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from constructs.endpoint.container_definition import container_definition
from constructs.endpoint.execution_role import ExecutionRole
from constructs.endpoint.hosting import Hosting
from constructs.endpoint.sagemaker_endpoint import VARIANT_NAME, SageMakerEndpoint
from constructs.permissions.acknowledgements import acknowledge
from constructs.values.arns import place_of

from catalog import ModelVersion
from catalog.instances import hardware
from catalog.spec import serves_from_model_data

_NO_VOLUME_KEY = (
    "the instance type keeps the model on local NVMe, which the hardware encrypts by itself: an endpoint "
    "configuration's KmsKeyId does not encrypt local storage (API reference, CreateEndpointConfig)"
)
_VOLUME_KEY_FINDINGS = [
    "HIPAA.Security-SageMakerEndpointConfigurationKMSKeyConfigured",
    "NIST.800.53.R4-SageMakerEndpointConfigurationKMSKeyConfigured",
    "NIST.800.53.R5-SageMakerEndpointConfigurationKMSKeyConfigured",
    "PCI.DSS.321-SageMakerEndpointConfigurationKMSKeyConfigured",
]


class JumpStartEndpoint(SageMakerEndpoint):
    """One model of the catalogue on its own instances, ready to be invoked.

    Defines: the execution role (`ExecutionRole`), an `AWS::SageMaker::Model`, an `AWS::SageMaker::EndpointConfig`
    and an `AWS::SageMaker::Endpoint`. Model and config have names that CloudFormation chooses, because every
    change of theirs is a replacement and a fixed name would collide with itself; the endpoint's own name is
    fixed and survives, since a new config updates it in place.

    Data flow: SageMaker pulls the image and the artifact that the catalogue's lock pins for this region, starts the
    container and sends it the requests of InvokeEndpoint.

    Failures: all problems of the props are raised at synthesis, at once, as one `ValueError` (`Hosting`): an instance
    type that the model's version does not support, a region without its image, a licence that is not accepted,
    timeouts, counts, names, environment variables and network ids out of range. On AWS, an endpoint that does not
    become healthy within its two timeouts fails and is rolled back; the instances bill meanwhile.

    Prerequisites: quota for the instance type ("for endpoint usage") in the account; a stack with an explicit
    region; JumpStart in that region.

    Usage::

        endpoint = JumpStartEndpoint(
            self,
            "Endpoint",
            model=Lock.load().model("huggingface-llm-mistral-7b-instruct", "2.0.0"),
            endpoint_name="dev-mistral-7b-instruct",
        )
        endpoint.grant_invoke(function)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model: ModelVersion,
        endpoint_name: str,
        instance_type: str | None = None,
        allow_unlisted_instance_type: bool = False,
        instance_count: int = 1,
        environment: Mapping[str, str] | None = None,
        accept_eula: bool = False,
        download_timeout: Duration | None = None,
        startup_timeout: Duration | None = None,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
        encryption_key: kms.IKey | None = None,
    ) -> None:
        """Define the endpoint.

        Args:
            model: The pinned model version.
            endpoint_name: Name of the endpoint: at most 63 letters, digits and inner hyphens.
            instance_type: Such as `ml.g5.2xlarge`; the model's default by default.
            allow_unlisted_instance_type: Accept an instance type that the model's version does not list, as long
                as the version has an image for its family.
            instance_count: Instances behind the endpoint, at least 1.
            environment: Container environment variables, laid over the model's own.
            accept_eula: You accept the model's end-user licence agreement, where it has one.
            download_timeout: 60 to 3600 s; worked out from the artifact's size by default.
            startup_timeout: Likewise.
            subnet_ids: Subnets for the containers' network interfaces, up to 16; no VPC by default.
            security_group_ids: Security groups of those interfaces, up to 5.
            encryption_key: Key of the storage volume, used where the instance type takes one.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id, endpoint_name=endpoint_name)
        hosting = Hosting.of(
            model,
            region=place_of(scope).region,
            endpoint_name=endpoint_name,
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
        self.hosting = hosting
        self.deployment = hosting.deployment
        self.max_input_tokens = hosting.max_input_tokens
        self.max_total_tokens = hosting.max_total_tokens
        self.role = ExecutionRole(
            self, "Role", deployment=self.deployment, endpoint_name=endpoint_name, in_vpc=bool(subnet_ids)
        )
        config = self._config(self._model(accept_eula=accept_eula), encryption_key)
        self.cfn_endpoint = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_name=endpoint_name,
            endpoint_config_name=config.attr_endpoint_config_name,
        )

    def _model(self, *, accept_eula: bool) -> sagemaker.CfnModel:
        hosting = self.hosting
        container = container_definition(self.deployment, hosting.environment, accept_eula=accept_eula)
        # A package may hold several containers, so that the SageMaker SDK names it in the list of them.
        packaged = self.deployment.model_package is not None
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=self.deployment.network_isolation and not self._sent_to_a_hub(),
            primary_container=None if packaged else container,
            containers=[container] if packaged else None,
            vpc_config=(
                sagemaker.CfnModel.VpcConfigProperty(
                    subnets=list(hosting.subnet_ids), security_group_ids=list(hosting.security_group_ids)
                )
                if hosting.subnet_ids
                else None
            ),
        )
        model.node.add_dependency(self.role)
        return model

    def _sent_to_a_hub(self) -> bool:
        """Return whether an override makes the container download its model, which isolation would prevent."""
        sent, own = self.hosting.environment, self.deployment.environment
        return serves_from_model_data(own) and not serves_from_model_data(sent)

    def _config(self, model: sagemaker.CfnModel, encryption_key: kms.IKey | None) -> sagemaker.CfnEndpointConfig:
        hosting = self.hosting
        instance = hardware(self.deployment.instance_type)
        takes_key = instance is not None and instance.local_nvme_gb == 0
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            kms_key_id=encryption_key.key_arn if encryption_key and takes_key else None,
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT_NAME,
                    model_name=model.attr_model_name,
                    instance_type=self.deployment.instance_type,
                    initial_instance_count=hosting.instance_count,
                    initial_variant_weight=1,
                    model_data_download_timeout_in_seconds=hosting.download_timeout_seconds,
                    container_startup_health_check_timeout_in_seconds=hosting.startup_timeout_seconds,
                    volume_size_in_gb=self.deployment.volume_size,
                    inference_ami_version=self.deployment.inference_ami_version,
                )
            ],
        )
        if not takes_key:
            acknowledge(config, dict.fromkeys(_VOLUME_KEY_FINDINGS, _NO_VOLUME_KEY))
        return config
