"""API keys for the callers of an API, which OpenAI's clients send as bearer tokens."""

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.api.throttles import throttle_problems
from constructs.functions.package_function import ARCHITECTURE, NO_RESOURCE_FOR_TRACES, RUNTIME
from constructs.functions.packages import package_code
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.permissions.statements import service_principal
from constructs.values.storage import Storage
from constructs.values.tokens import is_token

from catalog.limits import endpoint as functions
from catalog.limits import gateway as limits
from key_authorizer.contract import HANDLER, PACKAGE

BEARER_KEY = "^[Bb][Ee][Aa][Rr][Ee][Rr] +[A-Za-z0-9]{20,128}$"
"""`bearer` in any case, and a key's form. API Gateway answers 401 to a header that does not match, without a call."""
# The longest that API Gateway caches. The function's answer follows from the header alone, and API Gateway compares the
# key with the usage plan's at every request, so that a revoked key is refused while the answer is cached.
_CACHED = Duration.hours(1)
_TIMEOUT = Duration.seconds(5)


class ApiKeys(Construct):
    """Keys for an API: their holders may call it, as fast and as much as the plan allows.

    Defines: a Lambda authorizer (an `AWS::Lambda::Function` with its own role and log group) that hands the bearer
    token to API Gateway, and, with `meter`, the `AWS::ApiGateway::UsagePlan` in which API Gateway looks it up. It
    defines no key: keys are created by API Gateway when somebody asks for one (`./jumpstack keys create`), so that
    none stands in a template, an output or a log.

    Data flow: `Authorization: Bearer <key>` -> authorizer -> `usageIdentifierKey` -> usage plan -> the API's method.

    Failures: a header that cannot be a key's is 401 without a function call; an unknown or revoked key is 401
    (`INVALID_API_KEY`); a key over its throttle or quota is 429; where more requests than `reserved_concurrency` bring
    keys that are not stored, 500 (`AUTHORIZER_FAILURE`), and clients try again. API Gateway applies throttle and
    quota on a best-effort basis: they are targets, not guarantees. Keys outlive the stack; without their plan they open
    nothing.

    Prerequisites: none.

    Usage::

        keys = ApiKeys(self, "Keys", requests_per_second=5, burst=10, storage=Storage(encryption_key=key))
        api = InvokeApi(self, "Api", api_keys=keys, ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        storage: Storage,
        requests_per_second: float | None = None,
        burst: int | None = None,
        quota: int | None = None,
        quota_period: str = "MONTH",
        reserved_concurrency: int | None = None,
    ) -> None:
        """Define the authorizer.

        Args:
            storage: Settings of the authorizer's log group.
            requests_per_second: Steady rate of each key; with `burst`, or neither.
            burst: Most requests of each key at once.
            quota: Most requests of each key in a period; unlimited by default.
            quota_period: `DAY`, `WEEK` or `MONTH`.
            reserved_concurrency: Most concurrent requests of the authorizer; the account's shared pool by default.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        problems = _problems(requests_per_second, burst, quota, quota_period)
        problems += [str(breach) for breach in functions.reserved_concurrency(reserved_concurrency)]
        if problems:
            raise ValueError("\n".join(problems))
        self._throttle = (
            None
            if requests_per_second is None
            else apigateway.ThrottleSettings(rate_limit=requests_per_second, burst_limit=burst)
        )
        self._quota = (
            None if quota is None else apigateway.QuotaSettings(limit=quota, period=apigateway.Period[quota_period])
        )
        self.function = self._function(storage.log_group(self), reserved_concurrency)
        self.authorizer = apigateway.TokenAuthorizer(
            self,
            "Authorizer",
            handler=self.function,
            identity_source=apigateway.IdentitySource.header("Authorization"),
            validation_regex=BEARER_KEY,
            results_cache_ttl=_CACHED,
        )

    def meter(self, api: apigateway.RestApi) -> apigateway.UsagePlan:
        """Define the usage plan of an API's stage; keys are added to it later."""
        return apigateway.UsagePlan(
            self,
            "Plan",
            description="throttle and quota of each key",
            throttle=self._throttle,
            quota=self._quota,
            api_stages=[apigateway.UsagePlanPerApiStage(api=api, stage=api.deployment_stage)],
        )

    def _function(self, log_group: logs.LogGroup, reserved_concurrency: int | None) -> lambda_.Function:
        role = iam.Role(
            self,
            "Role",
            assumed_by=service_principal("lambda.amazonaws.com"),
            description="writes the key authorizer's log, and may do nothing else",
        )
        log_group.grant_write(role)
        function = lambda_.Function(
            self,
            "Function",
            description="hands bearer tokens to API Gateway as API keys",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=HANDLER,
            code=package_code(PACKAGE),
            role=role,
            memory_size=128,
            timeout=_TIMEOUT,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log_group,
            reserved_concurrent_executions=reserved_concurrency,
            logging_format=lambda_.LoggingFormat.JSON,
        )
        acknowledge_wildcards(role, {"*": NO_RESOURCE_FOR_TRACES})
        return function


def _problems(requests_per_second: float | None, burst: int | None, quota: int | None, quota_period: str) -> list[str]:
    found = throttle_problems(requests_per_second, burst)
    if quota is not None and not is_token(quota):
        found += [str(breach) for breach in limits.quota(quota, quota_period)]
    return found
