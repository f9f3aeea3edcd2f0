"""The environments that the app deploys to, and their types; nothing of any model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Removal(StrEnum):
    """Fate of keys, buckets and logs when a stack is destroyed."""

    DESTROY = "destroy"
    RETAIN = "retain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The part of an existing VPC in which model containers get network interfaces.

    Attributes:
        subnet_ids: 1 to 16 ids, such as `subnet-0abc`.
        security_group_ids: 1 to 5 ids, such as `sg-0abc`.
        free_addresses: Free addresses in all subnets together, as you counted them; None where you did not. Each
            instance takes one or more.
    """

    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]
    free_addresses: int | None = None


class Period(StrEnum):
    """Period over which API Gateway counts a key's requests."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Request rate of each key, or of each model's API: a bucket of `burst` tokens that fills at `requests_per_second`.

    Attributes:
        requests_per_second: Requests a second over a longer time, more than 0.
        burst: Requests at once, 1 or more.
    """

    requests_per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Number of requests of each key. One request may make several generations (`FrontDoor.generations_per_request`).

    Attributes:
        requests: Requests a period, 1 or more.
        per: Period that API Gateway counts them over.
    """

    requests: int
    per: Period = Period.MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeys:
    """Authentication of callers by keys, which OpenAI's clients send as `Authorization: Bearer <key>`.

    API Gateway makes the keys (`./jumpstack keys create ENV/MODEL`); none stands in a template.

    Attributes:
        throttle: Request rate of each key; None for the API's limits alone.
        quota: Number of requests of each key; None for no limit. It counts requests, whatever they cost.
        authorizer_concurrency: Executions of Lambda reserved for each model's key authorizer, so that floods of wrong
            keys at one model take no more; None for the account's shared pool. An answer takes some milliseconds and is
            stored for an hour, so that few are enough.
    """

    throttle: Throttle | None = Throttle(requests_per_second=10, burst=10)
    quota: Quota | None = None
    authorizer_concurrency: int | None = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAcl:
    """A web ACL in AWS WAF, one for each API.

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

    The APIs' own addresses at execute-api are then switched off.

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
class Cors:
    """Pages of other sites whose scripts may call the models' APIs from a browser (cross-origin resource sharing).

    A page must bring a key, or sign, like any other caller: what a page knows, everybody knows who can open it.

    Attributes:
        origins: Origins of the pages, such as `https://chat.example.com`, as browsers send them: scheme, host, and a
            port that is not the scheme's own. `*` alone: pages of any site.
    """

    origins: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoor:
    """Authentication, web ACL, domain and bounds of the models' APIs.

    Attributes:
        api_keys: Callers' keys; None: callers sign their requests with IAM credentials (SigV4).
        throttle: Request rate of each model's API, all callers together; None for the account's limits alone.
        web_acl: Web ACL to create, or the ARNs of existing ones by region; None for no AWS WAF.
        domain: Domain of the models' names; None for API Gateway's addresses.
        generations_per_request: Most generations of one request, 1 to 128: its prompts times `n` or `best_of`. Throttle
            and quota count requests, so that a key makes up to so many times as many generations.
        cors: Pages that may call the APIs from a browser; None for none.
    """

    api_keys: ApiKeys | None = None
    throttle: Throttle | None = Throttle(requests_per_second=50, burst=16)
    web_acl: WebAcl | Mapping[str, str] | None = None
    domain: Domain | None = None
    generations_per_request: int = 4
    cors: Cors | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment.

    Attributes:
        name: First part of every stack's name: lower-case letters, digits and inner hyphens.
        region: Region of models that do not name one themselves, such as `us-west-2`.
        account: 12 digits, or None for the account of the credentials of `cdk deploy`.
        removal: Fate of stateful resources when a stack is destroyed.
        log_retention_days: Days that logs in CloudWatch are stored; one of the numbers that CloudWatch Logs takes.
        access_log_days: Days that S3's access logs of models' buckets are stored, 1 or more.
        old_version_days: Days that replaced and deleted objects of models' buckets are stored, 1 or more.
        instance_count: Instances behind an endpoint whose model does not name a number itself.
        network: Network in which model containers get interfaces; None for no VPC.
        front_door: Access to the models: with IAM credentials at API Gateway's addresses by default.
        log_prompts: Whether prompts and answers are written into the functions' logs; none are by default.
        reserved_concurrency: Executions of Lambda reserved for each model, which are also its most requests at a time;
            None for the account's shared pool, which one caller may then use up for all.
        lambda_concurrency: Executions at a time that Lambda gives the account in a region (Service Quotas,
            L-B99A9384: 1000 unless it was raised; new accounts may have less). Lambda keeps 100 of them unreserved.
        tags: Tags of all resources in the environment.
        quotas: Instances that the account may run behind endpoints in a region, by instance type such as
            `ml.g5.2xlarge` (Service Quotas: "ml.g5.2xlarge for endpoint usage"); types left out are not counted.
        imported_models: Imported models that the account may have in Bedrock in a region (Service Quotas, L-45B04988:
            3 unless it was raised). Each kept version of each model is one; an update has one more for a while.
        require_volume_key: Whether every storage volume must be encrypted with the model's own key. Instance types
            with local NVMe, which are nearly all with GPUs, encrypt it by hardware and are refused then.
        strict: Whether a fact that is only known second-hand, with a date, is an error instead of a warning.
    """

    name: str
    region: str
    account: str | None = None
    removal: Removal = Removal.RETAIN
    log_retention_days: int = 365
    access_log_days: int = 365
    old_version_days: int = 90
    instance_count: int = 1
    network: Network | None = None
    front_door: FrontDoor = FrontDoor()
    log_prompts: bool = False
    reserved_concurrency: int | None = 16
    lambda_concurrency: int = 1000
    tags: Mapping[str, str] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    imported_models: int = 3
    require_volume_key: bool = False
    strict: bool = False


# Concurrency and bursts. A request holds an execution for as long as its answer streams, at most invoke_timeout_seconds
# and a second: 301 s here. TGI queues 128 requests (MAX_CONCURRENT_REQUESTS), Bedrock takes 16 a copy and starts 3
# copies. So 16 keep one copy, or an eighth of TGI's queue, busy, and 32 in production two copies or a quarter: what is
# refused is refused by API Gateway before it costs anything, not by the container. As shipped, in one account:
# (6 + 7) * 16 + 12 * 32 = 592 for the models in us-west-2 and 13 * 4 = 52 for the authorizers, of 900 that may be
# reserved. Bursts are no larger than what may run at a time: 10 a key, 16 or 32 an API.
DEV = Environment(
    name="dev",
    region="us-west-2",
    removal=Removal.DESTROY,
    log_retention_days=30,
    # An unchanged OpenAI client is what most people try first.
    front_door=FrontDoor(api_keys=ApiKeys(quota=Quota(requests=100_000, per=Period.DAY))),
    tags={"environment": "dev"},
)
STAGING = Environment(
    name="staging",
    region="us-west-2",
    removal=Removal.DESTROY,
    log_retention_days=90,
    front_door=FrontDoor(api_keys=ApiKeys(quota=Quota(requests=1_000_000, per=Period.MONTH))),
    tags={"environment": "staging"},
)
PROD = Environment(
    name="prod",
    region="us-west-2",
    removal=Removal.RETAIN,
    log_retention_days=365,
    front_door=FrontDoor(throttle=Throttle(requests_per_second=50, burst=32)),
    reserved_concurrency=32,
    tags={"environment": "prod"},
)
