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


class Period(StrEnum):
    """Over what time API Gateway counts a key's requests."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """How fast each key may ask: a bucket of `burst` tokens that fills at `requests_per_second`.

    Attributes:
        requests_per_second: Requests a second over a longer time, more than 0.
        burst: Requests at once, 1 or more.
    """

    requests_per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much each key may ask.

    Attributes:
        requests: Requests a period, 1 or more.
        per: The period, as API Gateway counts it.
    """

    requests: int
    per: Period = Period.MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeys:
    """Callers have a key, which OpenAI's clients send as `Authorization: Bearer <key>`.

    API Gateway makes the keys (`./jumpstack keys create ENV/MODEL`); none stands in a template.

    Attributes:
        throttle: How fast each key may ask; None for the account's limits alone.
        quota: How much each key may ask; None for no limit.
    """

    throttle: Throttle | None = Throttle(requests_per_second=10, burst=20)
    quota: Quota | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAcl:
    """A web ACL of each API's own, in AWS WAF.

    Attributes:
        managed_rule_groups: AWS's managed rule groups, by their names. Their rules about bodies only count: prompts
            are free text, which may well quote an attack.
        requests_per_address: Most requests from one IP address in 5 minutes, 10 or more; None for no such rule.
    """

    managed_rule_groups: Sequence[str] = (
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    )
    requests_per_address: int | None = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain of your own under which each model gets a name: `https://<model>.<name>/`.

    The APIs' own addresses at execute-api are switched off then.

    Attributes:
        name: Such as `models.example.com`.
        certificates: ACM's certificates for `*.<name>` by region, one for each region that models run in.
        hosted_zone_id: The zone of Route 53 in which each model gets an alias record; None where you keep DNS
            elsewhere and point the names at the regional domains yourself.
    """

    name: str
    certificates: Mapping[str, str]
    hosted_zone_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoor:
    """Who may call the models, and where.

    Attributes:
        api_keys: Callers have a key; None: they sign their requests with IAM credentials (SigV4).
        web_acl: What AWS WAF keeps out: a web ACL to make, or the ARNs of existing ones by region; None for no WAF.
        domain: The models' names; None for API Gateway's addresses.
    """

    api_keys: ApiKeys | None = None
    web_acl: WebAcl | Mapping[str, str] | None = None
    domain: Domain | None = None


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
        front_door: Who may call the models, and where: IAM credentials at API Gateway's addresses by default.
        log_prompts: Whether prompts and answers are written into the functions' logs. Nothing of them is by default.
        reserved_concurrency: Most requests at a time per model; None for the account's shared pool.
        tags: Tags of everything in the environment.
        quotas: Instances that the account may run behind endpoints in a region, by instance type such as
            `ml.g5.2xlarge` (Service Quotas: "ml.g5.2xlarge for endpoint usage"); types left out are not counted.
        imported_models: Imported models that the account may have in Bedrock in a region (Service Quotas, L-45B04988:
            3 unless it was raised). Each kept version of each model is one; an update has one more for a while.
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
    front_door: FrontDoor = FrontDoor()
    log_prompts: bool = False
    reserved_concurrency: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    imported_models: int = 3
    require_volume_key: bool = False
    strict: bool = False


DEV = Environment(
    name="dev",
    region="us-west-2",
    removal=Removal.DESTROY,
    log_retention_days=30,
    # An unchanged OpenAI client is what most people try first.
    front_door=FrontDoor(
        api_keys=ApiKeys(
            throttle=Throttle(requests_per_second=50, burst=100), quota=Quota(requests=100_000, per=Period.DAY)
        )
    ),
    tags={"environment": "dev"},
)
STAGING = Environment(
    name="staging",
    region="us-west-2",
    removal=Removal.DESTROY,
    log_retention_days=90,
    front_door=FrontDoor(
        api_keys=ApiKeys(
            throttle=Throttle(requests_per_second=50, burst=100), quota=Quota(requests=1_000_000, per=Period.MONTH)
        )
    ),
    tags={"environment": "staging"},
)
PROD = Environment(
    name="prod",
    region="us-west-2",
    removal=Removal.RETAIN,
    log_retention_days=365,
    tags={"environment": "prod"},
)
