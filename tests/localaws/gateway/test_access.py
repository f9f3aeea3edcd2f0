"""Access to an API: Lambda authorizers, keys and usage plans, custom domain names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.gateway.authorizer import Cache, Verdict
from tests.localaws.gateway.clock import Clock
from tests.support.keyed_api import Answer, gateway, keyed_api, send
from tests.support.local_aws import StackDriver

Aws = Callable[..., Any]

REGION = "us-east-1"


class TestCache:
    VERDICT = Verdict(principal_id="p", statements=(), context={})

    def test_keeps_a_verdict_for_its_time(self) -> None:
        clock = Clock()
        cache = Cache(clock=clock)
        cache.keep(("a",), self.VERDICT, 10)

        assert cache.find(("a",)) is self.VERDICT
        assert cache.find(("b",)) is None
        clock.seconds += 10
        assert cache.find(("a",)) is None


@dataclass(frozen=True)
class Api:
    """A deployed API whose callers have keys."""

    url: str
    id: str
    plan: str
    authorizer_log: str
    aws: Any

    def call(self, authorization: str | None = None, path: str = "/prod/v1/models", **headers: str) -> Answer:
        sent = headers if authorization is None else {"Authorization": authorization, **headers}
        return send(self.url, path, host=f"{self.id}.execute-api.{REGION}.amazonaws.com", headers=sent)

    def key(self, *, enabled: bool = True) -> SimpleNamespace:
        gateway_client = self.aws("apigateway")
        made = gateway_client.create_api_key(name="somebody", enabled=enabled)
        gateway_client.create_usage_plan_key(usagePlanId=self.plan, keyId=made["id"], keyType="API_KEY")
        return SimpleNamespace(id=made["id"], value=made["value"], bearer=f"Bearer {made['value']}")

    def times_asked(self) -> int:
        """The number of times that the authorizer's function ran."""
        logs = self.aws("logs")
        if not logs.describe_log_groups(logGroupNamePrefix=self.authorizer_log)["logGroups"]:
            return 0
        events = logs.filter_log_events(logGroupName=self.authorizer_log)["events"]
        return sum("asked" in event["message"] for event in events)


@pytest.fixture(scope="module")
def deploy(aws: Aws, local_apis: str) -> Callable[..., Api]:
    """Deploy APIs whose callers have keys."""
    made = 0

    def make(**options: Any) -> Api:
        nonlocal made
        made += 1
        name, driver = f"keyed-{made}", StackDriver(aws("cloudformation"))
        status = driver.deploy(name, keyed_api(**options))
        assert status == "CREATE_COMPLETE", driver.failures(name)
        ids = driver.physical_ids(name)
        log = f"/aws/lambda/{ids['AuthorizerFunction']}"
        return Api(url=local_apis, id=ids["Api"], plan=ids["Plan"], authorizer_log=log, aws=aws)

    return make


@pytest.fixture(scope="module")
def api(deploy: Callable[..., Api]) -> Api:
    return deploy(authorizer={"IdentityValidationExpression": "^[A-Za-z]+ ?[A-Za-z0-9]*$"})


def test_a_callers_key_lets_it_in_and_is_told_to_the_function_with_the_authorizers_context(api: Api) -> None:
    key = api.key()
    answer = api.call(key.bearer)

    assert answer.status == 200
    context = answer.body["requestContext"]
    assert context["identity"]["apiKeyId"] == key.id
    assert context["identity"]["apiKey"] == key.value
    assert {name: context["authorizer"][name] for name in ("principalId", "team", "admin")} == {
        "principalId": "somebody",
        "team": "blue",
        "admin": "true",
    }


@pytest.mark.parametrize("authorization", [None, "", "Bearer two words", "Nobody x"])
def test_a_caller_without_a_token_or_with_a_refused_one_is_unauthorized(api: Api, authorization: str | None) -> None:
    answer = api.call(authorization)

    assert (answer.status, answer.body) == (401, {"message": "Unauthorized"})
    assert answer.headers["x-amzn-errortype"] == "UnauthorizedException"


def test_a_token_of_the_wrong_form_never_reaches_the_function(api: Api) -> None:
    before = api.times_asked()
    api.call("not-a-token!")

    assert api.times_asked() == before


@pytest.mark.parametrize("authorization", ["Bearer", f"Bearer {'x' * 40}"])
def test_a_key_that_is_none_of_the_plans_is_forbidden(api: Api, authorization: str) -> None:
    answer = api.call(authorization)

    assert (answer.status, answer.body) == (403, {"message": "Forbidden"})


def test_a_key_that_is_switched_off_is_forbidden(api: Api) -> None:
    assert api.call(api.key(enabled=False).bearer).status == 403


def test_a_key_in_the_header_counts_for_nothing_where_the_authorizer_gives_it(api: Api) -> None:
    assert api.call("Bearer", **{"X-API-Key": api.key().value}).status == 403


def test_a_verdict_is_kept_and_a_deleted_key_is_refused_all_the_same(api: Api, aws: Aws) -> None:
    key = api.key()
    assert api.call(key.bearer).status == 200
    asked = api.times_asked()

    assert api.call(key.bearer, "/prod/other/path").status == 200
    assert api.times_asked() == asked
    aws("apigateway").delete_api_key(apiKey=key.id)
    assert api.call(key.bearer).status == 403
    assert api.times_asked() == asked


@pytest.mark.parametrize(
    ("scheme", "status", "message"),
    [
        ("Deny", 403, {"Message": "User is not authorized to access this resource with an explicit deny"}),
        ("Elsewhere", 403, {"Message": "User is not authorized to access this resource"}),
        ("Fail", 500, {"message": "Internal server error"}),
        ("Nonsense", 500, {"message": "Internal server error"}),
    ],
)
def test_an_authorizer_that_denies_or_fails_shows(api: Api, scheme: str, status: int, message: dict[str, str]) -> None:
    answer = api.call(f"{scheme} x")

    assert (answer.status, answer.body) == (status, message)


def test_a_plans_throttle_and_quota_answer_429_each_with_its_own_type(deploy: Callable[..., Api]) -> None:
    fast = deploy(plan={"Throttle": {"RateLimit": 0.001, "BurstLimit": 2}})
    much = deploy(plan={"Quota": {"Limit": 2, "Period": "DAY"}})
    fast_key, much_key = fast.key().bearer, much.key().bearer

    throttled = [fast.call(fast_key) for _ in range(3)]
    exceeded = [much.call(much_key) for _ in range(3)]
    assert [answer.status for answer in throttled] == [answer.status for answer in exceeded] == [200, 200, 429]
    assert throttled[-1].body == {"message": "Too Many Requests"}
    assert exceeded[-1].body == {"message": "Limit Exceeded"}
    assert exceeded[-1].headers["x-amzn-errortype"] == "LimitExceededException"


def test_a_keys_usage_is_reported_by_its_value(deploy: Callable[..., Api], aws: Aws) -> None:
    api = deploy(plan={"Quota": {"Limit": 10, "Period": "DAY"}})
    key = api.key()
    for _ in range(3):
        api.call(key.bearer)

    today = datetime.now(UTC).date().isoformat()
    usage = aws("apigateway").get_usage(usagePlanId=api.plan, startDate=today, endDate=today)
    assert usage["items"] == {key.value: [[3, 7]]}
    with pytest.raises(ClientError, match="Invalid Usage Plan ID"):
        aws("apigateway").get_usage(usagePlanId="none", startDate=today, endDate=today)
    with pytest.raises(ClientError, match="Invalid date range"):
        aws("apigateway").get_usage(usagePlanId=api.plan, startDate=today, endDate="2000-01-01")


def test_a_request_authorizer_is_asked_with_the_whole_request_and_kept_by_its_sources(
    deploy: Callable[..., Api],
) -> None:
    sources = "method.request.header.X-Token, method.request.querystring.who"
    api = deploy(authorizer={"Type": "REQUEST", "IdentitySource": sources})
    token = f"Bearer {api.key().value}"

    assert api.call(**{"X-Token": token}).status == 401
    asked = api.times_asked()
    assert [api.call(path=f"/prod/a?who={who}", **{"X-Token": token}).status for who in "aab"] == [200] * 3
    assert api.times_asked() == asked + 2


def test_an_authorizer_without_a_cache_is_asked_every_time(deploy: Callable[..., Api]) -> None:
    api = deploy(authorizer={"AuthorizerResultTtlInSeconds": 0})
    key = api.key()

    assert [api.call(key.bearer).status for _ in range(2)] == [200, 200]
    assert api.times_asked() == 2


def test_a_function_that_does_not_let_the_api_ask_is_a_wrong_configuration(
    stacks: StackDriver, stack_name: str, aws: Aws, local_apis: str
) -> None:
    resources = keyed_api()
    del resources["AuthorizerPermission"]
    stacks.deploy(stack_name, resources)
    ids = stacks.physical_ids(stack_name)

    answer = send(
        local_apis,
        "/prod/a",
        host=f"{ids['Api']}.execute-api.{REGION}.amazonaws.com",
        headers={"Authorization": "Bearer x"},
    )
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (500, "AuthorizerConfigurationException")


def test_a_key_in_the_header_lets_in_where_the_api_reads_it_there(deploy: Callable[..., Api]) -> None:
    api = deploy(ApiKeySourceType="HEADER")
    key = api.key().value

    assert api.call("Bearer", **{"X-API-Key": key}).status == 200
    assert api.call(f"Bearer {key}").status == 403


def test_a_custom_domain_answers_in_the_place_of_the_apis_own_address(
    stacks: StackDriver, stack_name: str, aws: Aws, local_apis: str
) -> None:
    name = f"{stack_name}.example.com"
    resources = {
        **keyed_api(DisableExecuteApiEndpoint=True),
        "Domain": gateway(
            "DomainName",
            DomainName=name,
            EndpointConfiguration={"Types": ["REGIONAL"]},
            RegionalCertificateArn=f"arn:aws:acm:{REGION}:123456789012:certificate/1234abcd",
            SecurityPolicy="TLS_1_2",
        ),
        "Mapping": gateway(
            "BasePathMapping", DomainName={"Ref": "Domain"}, RestApiId={"Ref": "Api"}, Stage={"Ref": "Stage"}
        ),
    }
    assert stacks.deploy(stack_name, resources) == "CREATE_COMPLETE", stacks.failures(stack_name)
    ids = stacks.physical_ids(stack_name)
    log = f"/aws/lambda/{ids['AuthorizerFunction']}"
    key = Api(url=local_apis, id=ids["Api"], plan=ids["Plan"], authorizer_log=log, aws=aws).key()

    answer = send(local_apis, "/v1/models", host=name, headers={"Authorization": key.bearer})
    assert answer.status == 200
    assert answer.body["path"] == "/v1/models"
    assert answer.body["requestContext"]["domainName"] == name
    assert answer.body["requestContext"]["path"] == "/v1/models"
    assert send(local_apis, "/v1/models", host=name).status == 401
    own = f"{ids['Api']}.execute-api.{REGION}.amazonaws.com"
    assert send(local_apis, "/prod/v1/models", host=own, headers={"Authorization": key.bearer}).status == 403
