"""A JumpStart model behind a SageMaker endpoint."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from constructs.acknowledgements import acknowledge
from constructs.endpoint.container_definition import container_definition, unsupported_problems
from constructs.endpoint.endpoint_checks import (
    count_problems,
    environment_problems,
    name_problems,
    network_problems,
    timeout_problems,
    token_limit_problems,
)
from constructs.endpoint.execution_role import ExecutionRole
from constructs.endpoint.sagemaker_endpoint import VARIANT_NAME, SageMakerEndpoint

from catalog import CatalogError, Deployment, ModelVersion
from catalog.instances import hardware
from catalog.limits import endpoint as limits
from catalog.spec import serves_from_model_data

_NO_VOLUME_KEY = (
    "the instance type keeps the model on local NVMe, which SageMaker encrypts by itself and for which it takes "
    "no KmsKeyId; CreateEndpointConfig with a key is refused there"
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
    and an `AWS::SageMaker::Endpoint`. Model and config carry names that CloudFormation makes up, because every
    change of theirs is a replacement and a name of ours would collide with itself; the endpoint's own name is
    fixed and survives, since a new config updates it in place.

    Data flow: SageMaker pulls the image and the artifact that the catalogue's lock pins for this region, starts
    the container and sends it what comes in through InvokeEndpoint.

    Failures: everything that is wrong with the props is raised at synthesis, at once, as one `ValueError`: an
    instance type that the model's version does not support, a region without its image, a licence that is not
    accepted, timeouts, counts, names, environment variables and network ids out of range. On AWS, an endpoint
    that does not become healthy within its two timeouts fails and is rolled back; the instances bill meanwhile.

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
        model_data_download_timeout: Duration | None = None,
        container_startup_timeout: Duration | None = None,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
        encryption_key: kms.IKey | None = None,
    ) -> None:
        """Define the endpoint.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            model: The pinned model version.
            endpoint_name: Name of the endpoint: at most 63 letters, digits and inner hyphens.
            instance_type: Such as `ml.g5.2xlarge`; the model's default by default.
            allow_unlisted_instance_type: Accept an instance type that the model's version does not list, as long
                as the version has an image for its family.
            instance_count: Instances behind the endpoint, at least 1.
            environment: Container environment variables, laid over the model's own.
            accept_eula: Whether you accept the model's end-user licence agreement, where it has one.
            model_data_download_timeout: 60 to 3600 s; worked out from the artifact's size by default.
            container_startup_timeout: 60 to 3600 s; worked out from the artifact's size by default.
            subnet_ids: Subnets for the containers' network interfaces, up to 16; no VPC by default.
            security_group_ids: Security groups of those interfaces, up to 5.
            encryption_key: Key of the storage volume, used where the instance type takes one.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id, endpoint_name=endpoint_name)
        overrides = dict(environment or {})
        problems = [
            *name_problems(endpoint_name),
            *count_problems(instance_count),
            *environment_problems(overrides),
            *timeout_problems("model_data_download_timeout", model_data_download_timeout),
            *timeout_problems("container_startup_timeout", container_startup_timeout),
            *network_problems(subnet_ids, security_group_ids),
        ]
        deployment: Deployment | None = None
        try:
            deployment = model.resolve(
                region=self._region(),
                instance_type=instance_type,
                allow_unlisted_instance_type=allow_unlisted_instance_type,
            )
        except CatalogError as error:
            problems.extend(error.problems)
        if model.requires_eula and not accept_eula:
            problems.append(_eula_refusal(model))
        if deployment is not None:
            problems += unsupported_problems(deployment, model.configs)
        if overrides and deployment is not None and not deployment.takes_environment:
            problems.append(_package_refusal(model, overrides))
        self.environment = {**(deployment.environment if deployment else {}), **overrides}
        problems += token_limit_problems(self.max_input_tokens, self.max_total_tokens)
        if problems or deployment is None:
            raise ValueError("\n".join(problems))

        self.deployment = deployment
        self.role = ExecutionRole(
            self, "Role", deployment=deployment, endpoint_name=endpoint_name, in_vpc=bool(subnet_ids)
        )
        cfn_model = self._model(accept_eula, subnet_ids, security_group_ids)
        config = self._config(
            cfn_model,
            instance_count,
            model_data_download_timeout or default_timeout(deployment),
            container_startup_timeout or default_timeout(deployment),
            encryption_key,
        )
        self.cfn_endpoint = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_name=endpoint_name,
            endpoint_config_name=config.attr_endpoint_config_name,
        )

    @property
    def max_input_tokens(self) -> int | None:
        """Most prompt tokens of a request, where the container is told one (TGI's `MAX_INPUT_LENGTH`)."""
        return self._token_limit("MAX_INPUT_LENGTH")

    @property
    def max_total_tokens(self) -> int | None:
        """Most prompt and generated tokens of a request together, where the container is told one."""
        return self._token_limit("MAX_TOTAL_TOKENS")

    def _token_limit(self, variable: str) -> int | None:
        value = self.environment.get(variable, "")
        return int(value) if value.isdecimal() else None

    def _region(self) -> str:
        region = Stack.of(self).region
        if Token.is_unresolved(region):
            raise ValueError(
                "region is unresolved: image and artifact depend on it, so the stack's env must name a region"
            )
        return region

    def _model(
        self, accept_eula: bool, subnet_ids: Sequence[str], security_group_ids: Sequence[str]
    ) -> sagemaker.CfnModel:
        container = container_definition(self.deployment, self.environment, accept_eula=accept_eula)
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
                    subnets=list(subnet_ids), security_group_ids=list(security_group_ids)
                )
                if subnet_ids
                else None
            ),
        )
        model.node.add_dependency(self.role)
        return model

    def _sent_to_a_hub(self) -> bool:
        """Whether an override makes the container download its model, which isolation would cut off."""
        return serves_from_model_data(self.deployment.environment) and not serves_from_model_data(self.environment)

    def _config(
        self,
        model: sagemaker.CfnModel,
        instance_count: int,
        download_timeout: Duration,
        startup_timeout: Duration,
        encryption_key: kms.IKey | None,
    ) -> sagemaker.CfnEndpointConfig:
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
                    initial_instance_count=instance_count,
                    initial_variant_weight=1,
                    model_data_download_timeout_in_seconds=download_timeout.to_seconds(),
                    container_startup_health_check_timeout_in_seconds=startup_timeout.to_seconds(),
                    volume_size_in_gb=self.deployment.volume_size,
                    inference_ami_version=self.deployment.inference_ami_version,
                )
            ],
        )
        if not takes_key:
            acknowledge(config, dict.fromkeys(_VOLUME_KEY_FINDINGS, _NO_VOLUME_KEY))
        return config


def default_timeout(deployment: Deployment) -> Duration:
    """Work out how long reading the weights may take.

    The weights' size is taken from the catalogue; where it is unknown, from the instance type's GPU memory, into
    which they must fit; where that is unknown too, the longest timeout is used.

    Args:
        deployment: The resolved model.

    Returns:
        600 to 3600 seconds.
    """
    seconds = limits.default_timeout_seconds(
        artifact_bytes=deployment.artifact_bytes,
        compressed=deployment.compressed,
        instance=hardware(deployment.instance_type),
    )
    return Duration.seconds(seconds)


def _eula_refusal(model: ModelVersion) -> str:
    terms = f" ({', '.join(model.eula_keys)})" if model.eula_keys else ""
    return (
        f"accept_eula is False, but {model.model_id} {model.version} has an end-user licence agreement{terms}: "
        "read it, and set accept_eula=True if you accept it; you are then responsible for keeping to its terms"
    )


def _package_refusal(model: ModelVersion, overrides: Mapping[str, str]) -> str:
    return (
        f"environment sets {', '.join(sorted(overrides))}, but {model.model_id} {model.version} is sold as a model "
        "package, which has its variables inside: set none"
    )
