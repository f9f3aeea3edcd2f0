"""The environments that the app deploys to: facts of a place, nothing of any model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Removal(StrEnum):
    """What becomes of keys, buckets and logs when a stack is destroyed."""

    DESTROY = "destroy"
    RETAIN = "retain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The part of an existing VPC in which model containers get network interfaces.

    Attributes:
        subnet_ids: 1 to 16 ids, such as `subnet-0abc`.
        security_group_ids: 1 to 5 ids, such as `sg-0abc`.
        free_addresses: Free addresses in all subnets together, as you counted them; None where you did not. Each
            instance takes at least one.
    """

    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]
    free_addresses: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment.

    Attributes:
        name: First part of every stack's name: lower-case letters, digits and inner hyphens.
        region: Where models run that do not name a region themselves, such as `us-west-2`.
        account: 12 digits, or None for whichever account the credentials of `cdk deploy` belong to.
        removal: What becomes of stateful resources when a stack is destroyed.
        log_retention_days: How long logs are kept; one of the numbers that CloudWatch Logs takes.
        instance_count: Instances behind an endpoint whose model does not name a number itself.
        network: Where model containers get network interfaces; None for no VPC.
        reserved_concurrency: Most requests at a time per model; None for the account's shared pool.
        tags: Tags of everything in the environment.
        quotas: Instances that the account may run behind endpoints in a region, by instance type such as
            `ml.g5.2xlarge` (Service Quotas: "ml.g5.2xlarge for endpoint usage"); types left out are not counted.
        require_volume_key: Whether every storage volume must be encrypted with the model's own key. Instance types
            with local NVMe, which are nearly all with GPUs, take no such key and are refused then.
        strict: Whether what is only known second-hand, with a date, refuses a declaration instead of warning.
    """

    name: str
    region: str
    account: str | None = None
    removal: Removal = Removal.RETAIN
    log_retention_days: int = 365
    instance_count: int = 1
    network: Network | None = None
    reserved_concurrency: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    require_volume_key: bool = False
    strict: bool = False


DEV = Environment(
    name="dev",
    region="us-west-2",
    removal=Removal.DESTROY,
    log_retention_days=30,
    tags={"environment": "dev"},
)
STAGING = Environment(
    name="staging",
    region="us-west-2",
    removal=Removal.DESTROY,
    log_retention_days=90,
    tags={"environment": "staging"},
)
PROD = Environment(
    name="prod",
    region="us-west-2",
    removal=Removal.RETAIN,
    log_retention_days=365,
    tags={"environment": "prod"},
)
