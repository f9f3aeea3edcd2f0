"""One gate in front of every endpoint: a model, and the instances, settings and network that are to host it.

Every check adds one sentence a problem, with the value and what is allowed; all of them are raised together. The
rules are `catalog.limits.endpoint`; tokens, whose values only a deployment knows, pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from constructs.values.durations import in_seconds
from constructs.values.tokens import is_token

from catalog import CatalogError, Deployment, ModelVersion
from catalog.instances import hardware
from catalog.limits import endpoint as limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """A model that can be hosted as declared.

    Attributes:
        deployment: The model, resolved for region and instance type.
        environment: All variables of the container: the declared ones over the model's own.
        instance_count: Instances behind the endpoint.
        download_timeout_seconds: Time to read the weights.
        startup_timeout_seconds: Time until the container is healthy.
        subnet_ids: Subnets of the containers' network interfaces; none is no VPC.
        security_group_ids: Security groups of those interfaces.
    """

    deployment: Deployment
    environment: Mapping[str, str]
    instance_count: int
    download_timeout_seconds: float
    startup_timeout_seconds: float
    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]

    @classmethod
    def of(
        cls,
        model: ModelVersion,
        *,
        region: str,
        endpoint_name: str,
        tuned: bool = False,
        instance_type: str | None = None,
        allow_unlisted_instance_type: bool = False,
        instance_count: int = 1,
        environment: Mapping[str, str] | None = None,
        accept_eula: bool = False,
        download_timeout: Duration | None = None,
        startup_timeout: Duration | None = None,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
    ) -> "Hosting":
        """Check everything, and resolve the model.

        Args:
            model: The pinned version of the model, or of the base of a tuned one.
            region: The stack's region.
            endpoint_name: At most 63 letters, digits and inner hyphens.
            tuned: Weights of one's own are served with the base's container.
            instance_type: The model's default by default.
            allow_unlisted_instance_type: Accept an instance type that the version does not list, as long as the
                version has an image for its family.
            instance_count: At least 1.
            environment: Container environment variables, laid over the model's own.
            accept_eula: Whether you accept the model's end-user licence agreement, where it has one.
            download_timeout: 60 to 3600 s; worked out from the weights' size by default.
            startup_timeout: Likewise.
            subnet_ids: Up to 16; no VPC by default.
            security_group_ids: Up to 5.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        overrides = dict(environment or {})
        problems = [
            *_limit_problems(endpoint_name, instance_count, overrides),
            *_timeout_problems("download_timeout", download_timeout),
            *_timeout_problems("startup_timeout", startup_timeout),
            *(str(breach) for breach in limits.network(subnet_ids, security_group_ids)),
        ]
        deployment, unresolved = _resolve(
            model,
            region=region,
            instance_type=instance_type,
            allow_unlisted_instance_type=allow_unlisted_instance_type,
        )
        problems += [*unresolved, *_licence_problems(model, accept_eula=accept_eula)]
        if deployment is not None:
            problems += (
                _tuning_problems(deployment)
                if tuned
                else [*_package_problems(deployment, overrides), *_additional_data_problems(deployment, model.configs)]
            )
        variables = {**(deployment.environment if deployment else {}), **overrides}
        problems += [str(breach) for breach in limits.token_limits(*_token_limits(variables))]
        if problems or deployment is None:
            raise ValueError("\n".join(problems))
        default = limits.default_timeout_seconds(
            artifact_bytes=deployment.artifact_bytes,
            # A training leaves its weights unpacked.
            compressed=deployment.compressed and not tuned,
            instance=hardware(deployment.instance_type),
        )
        return cls(
            deployment=deployment,
            environment=variables,
            instance_count=instance_count,
            download_timeout_seconds=in_seconds(download_timeout) if download_timeout else default,
            startup_timeout_seconds=in_seconds(startup_timeout) if startup_timeout else default,
            subnet_ids=tuple(subnet_ids),
            security_group_ids=tuple(security_group_ids),
        )

    @property
    def max_input_tokens(self) -> int | None:
        """Most prompt tokens of a request, where the container has such a limit (TGI's `MAX_INPUT_LENGTH`)."""
        return _token_limits(self.environment)[0]

    @property
    def max_total_tokens(self) -> int | None:
        """Most prompt and generated tokens of a request together, where the container has such a limit."""
        return _token_limits(self.environment)[1]


def base_of_tuning(model: ModelVersion, *, region: str, accept_eula: bool) -> Deployment:
    """Check that a model can be tuned, and resolve it for its training; no endpoint is to host it.

    Args:
        model: The pinned version of the base model.
        region: The stack's region.
        accept_eula: Whether you accept the model's end-user licence agreement, where it has one.

    Raises:
        ValueError: If the model cannot be tuned there; the message lists every problem.
    """
    deployment, problems = _resolve(model, region=region)
    problems += _licence_problems(model, accept_eula=accept_eula)
    if deployment is not None:
        problems += _tuning_problems(deployment)
    if problems or deployment is None:
        raise ValueError("\n".join(problems))
    return deployment


def _resolve(
    model: ModelVersion, *, region: str, instance_type: str | None = None, allow_unlisted_instance_type: bool = False
) -> tuple[Deployment | None, list[str]]:
    """Return the resolved model, or None with the problems."""
    if is_token(region):
        return None, ["region is unresolved: image and artifact depend on it, so the stack's env must name a region"]
    try:
        deployment = model.resolve(
            region=region,
            instance_type=instance_type,
            allow_unlisted_instance_type=allow_unlisted_instance_type,
        )
    except CatalogError as error:
        return None, list(error.problems)
    return deployment, []


def _limit_problems(endpoint_name: str, instance_count: int, environment: Mapping[str, str]) -> Iterator[str]:
    known = {key: "" if is_token(value) else value for key, value in environment.items()}
    breaches = [
        *(() if is_token(endpoint_name) else limits.endpoint_name(endpoint_name)),
        *(() if is_token(instance_count) else limits.instance_count(instance_count)),
        *limits.environment(known),
    ]
    return map(str, breaches)


def _timeout_problems(name: str, timeout: Duration | None) -> Iterator[str]:
    seconds = None if timeout is None else in_seconds(timeout)
    return map(str, () if seconds is None or is_token(seconds) else limits.timeout(name, seconds))


def _token_limits(environment: Mapping[str, str]) -> tuple[int | None, int | None]:
    values = [str(environment.get(variable, "")) for variable in ("MAX_INPUT_LENGTH", "MAX_TOTAL_TOKENS")]
    most_input, most_total = (int(value) if value.isdecimal() else None for value in values)
    return most_input, most_total


def _licence_problems(model: ModelVersion, *, accept_eula: bool) -> list[str]:
    if accept_eula or not model.requires_eula:
        return []
    terms = f" ({', '.join(model.eula_keys)})" if model.eula_keys else ""
    return [
        f"accept_eula is False, but {model.model_id} {model.version} has an end-user licence agreement{terms}: "
        "read it, and set accept_eula=True if you accept it; you are then responsible for keeping to its terms"
    ]


def _tuning_problems(deployment: Deployment) -> list[str]:
    if deployment.model_package is None:
        return []
    return [f"{deployment.model_id} {deployment.version} is sold as a model package, which cannot be tuned"]


def _package_problems(deployment: Deployment, overrides: Mapping[str, str]) -> list[str]:
    if deployment.takes_environment or not overrides:
        return []
    return [
        f"environment sets {', '.join(sorted(overrides))}, but {deployment.model_id} {deployment.version} is sold as a "
        "model package, which has its variables inside: set none"
    ]


def _additional_data_problems(deployment: Deployment, configs: Sequence[str]) -> list[str]:
    """Report model data that CloudFormation cannot express.

    `AWS::SageMaker::Model` has no `AdditionalModelDataSources`, although `CreateModel` has (aws-cdk-lib 2.275.0
    and the resource schema in cfn-lint 1.58.0). Without its draft model, a container that is set up for
    speculative decoding does not start.
    """
    channels = ", ".join(data.channel_name for data in deployment.additional_model_data)
    if not channels:
        return []
    others = f"choose another config of {', '.join(configs)}" if configs else "choose another version"
    return [
        f"{deployment.model_id} {deployment.version} needs additional model data ({channels}), which "
        f"AWS::SageMaker::Model has no property for: {others}"
    ]
