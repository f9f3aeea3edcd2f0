"""Placement: one declared model in one environment, with its names, tags, region and account.

No module of the preflight may need CDK, so that values of CDK's own types are in `stacks.placed_stack`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeGuard, TypeVar

from stacks.declarations import BedrockImport, FineTunedModel, ImportedModel, JumpStartModel, Model
from stacks.environments import Environment, Network

ModelT = TypeVar("ModelT", bound=Model)
ModelT_co = TypeVar("ModelT_co", bound=Model, covariant=True)

Deployments = Sequence[tuple[Environment, Sequence[Model]]]
"""Environments with the models that each runs."""

ACCOUNT_SCOPE = "account"
"""First part of the paths of accounts' stacks, of which there is one for each account and region."""


def account_stack_id(account: str | None, region: str) -> str:
    """Return the second part of the path of the stack with one account's settings in one region.

    Args:
        account: 12 digits, or None for the account of the credentials.
        region: Such as `us-west-2`.
    """
    return f"{account}-{region}" if account else region


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement(Generic[ModelT_co]):
    """One declared model in one environment.

    Attributes:
        environment: The environment.
        model: The model's declaration.
    """

    environment: Environment
    model: ModelT_co

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The stack's name, such as `dev-mistral-7b`; the names of all that belongs to the model begin with it."""
        return f"{self.environment.name}-{self.model.name}"

    @property
    def path(self) -> str:
        """The same as a path, such as `dev/mistral-7b`, for aliases, parameters, the CDK CLI and people."""
        return f"{self.environment.name}/{self.model.name}"

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags of resources that CloudFormation does not create, and so does not tag."""
        return {**self.environment.tags, "model": self.model.name}

    @property
    def account(self) -> str | None:
        """The account's 12 digits; None for the account of the credentials."""
        return self.environment.account

    @property
    def region(self) -> str:
        """The AWS region in which the model runs."""
        return self.model.region or self.environment.region

    @property
    def region_field(self) -> str:
        """The declaration's field that sets the region: the model's own, or the environment's."""
        return f"{self if self.model.region else self.environment.name}.region"

    @property
    def network(self) -> Network | None:
        """The network of containers and jobs; None for no VPC."""
        return self.environment.network

    @property
    def subnet_ids(self) -> Sequence[str]:
        """The network's subnets; none without a network."""
        return self.network.subnet_ids if self.network else ()

    @property
    def security_group_ids(self) -> Sequence[str]:
        """The network's security groups; none without a network."""
        return self.network.security_group_ids if self.network else ()

    @property
    def bedrock(self) -> BedrockImport | None:
        """The model's import into Bedrock, which serves it; None where an endpoint does."""
        return self.model.bedrock if isinstance(self.model, FineTunedModel | ImportedModel) else None

    @property
    def instance_count(self) -> int:
        """Number of instances behind the endpoint; 0 where Bedrock serves the model."""
        if self.bedrock or not isinstance(self.model, JumpStartModel):
            return 0
        return self.environment.instance_count if self.model.instance_count is None else self.model.instance_count


AnyPlacement = Placement[Model]
"""A declared model of any kind in one environment."""


def placed(environment: Environment, models: Sequence[Model]) -> tuple[AnyPlacement, ...]:
    """Return the placements of models in one environment, in their order."""
    return tuple(Placement(environment=environment, model=model) for model in models)


def placements(deployments: Deployments) -> tuple[AnyPlacement, ...]:
    """Return the placements of all declared models, in the order of their declarations."""
    return tuple(placement for environment, models in deployments for placement in placed(environment, models))


def is_of(placement: AnyPlacement, kind: type[ModelT]) -> TypeGuard[Placement[ModelT]]:
    """Return whether the placed model is of a kind of declaration."""
    return isinstance(placement.model, kind)
