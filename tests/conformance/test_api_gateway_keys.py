"""Keys that an authorizer hands over, usage plans, and the answers to refused requests."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.conftest import Observe
from tests.conformance.gateway import STAGE, Api
from tests.conformance.made import Made
from tests.conformance.streaming_function import module
from tests.conformance.target import Answer, Target

pytestmark = pytest.mark.xdist_group("conformance")

_ECHO = "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event)}\n"
_AUTHORIZER = """
def handler(event, context):
    scheme, _, key = event["authorizationToken"].partition(" ")
    if scheme == "Fail":
        raise RuntimeError("broken")
    resource = event["methodArn"].partition("/")[0] + "/*"
    return {
        "principalId": "caller",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}],
        },
        "usageIdentifierKey": key,
    }
"""
_BODY = '{"type": "$context.error.responseType", "message": $context.error.messageString}'
_HANDLER = {"Handler": "index.handler"}


class KeyedApi:
    """The API and its key.

    Attributes:
        api: The API.
        plan: Id of the usage plan.
        key: Id and value of a key.
    """

    def __init__(self, made: Made) -> None:
        self._target = made.target
        echo, authorizer = made.function(module(_ECHO), **_HANDLER), made.function(module(_AUTHORIZER), **_HANDLER)
        unreachable = made.function(module(_AUTHORIZER), **_HANDLER)
        self.api = Api(made, apiKeySource="AUTHORIZER")
        by_key = self.api.authorizer(authorizer, form="^(Bearer|Fail) .+$", authorizerResultTtlInSeconds=3600)
        self.api.method("keyed", echo, authorizer=by_key)
        self.api.method("unreachable", echo, authorizer=self.api.authorizer(unreachable, permitted=False))
        self.api.permit(echo)
        headers = {"www-authenticate": "'Bearer'", "x-own-id": "context.requestId"}
        self.api.gateway_response("INVALID_API_KEY", _BODY, status="401", headers=headers)
        self.api.gateway_response("DEFAULT_4XX", _BODY, status="418")
        for kind in ("UNAUTHORIZED", "MISSING_AUTHENTICATION_TOKEN"):
            self.api.gateway_response(kind, _BODY, status="401")
        for kind in ("AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"):
            self.api.gateway_response(kind, _BODY, status="500")
        self.api.deploy()
        self.plan = self.api.plan()
        self.key = self.api.key(self.plan)
        self.ask(self.key[1], until=200)

    def send(self, path: str = "keyed", *, verb: str = "POST", **headers: str) -> Answer:
        """Send a request once."""
        return self._target.send(self.api.id, f"/{STAGE}/{path}", method=verb, headers=headers, body="{}")

    def ask(self, key: str, *, until: int, scheme: str = "Bearer") -> Answer:
        """Send a request with a key, again until the answer has a status."""
        return self._target.eventually(
            lambda: self.send(Authorization=f"{scheme} {key}"), lambda answer: answer.status == until
        )


@pytest.fixture(scope="module")
def keyed(made: Made) -> KeyedApi:
    """An API whose callers have keys."""
    return KeyedApi(made)


def _whose(extended: object, chosen: str) -> str:
    if not extended:
        return "none"
    return "ours" if extended == chosen else "another"


def _kind(answer: Answer) -> Any:
    return answer.document.get("type") if answer.body else None


@pytest.mark.belief("gateway-usage-identifier-key")
def test_the_function_learns_which_key_was_used(keyed: KeyedApi, observe: Observe) -> None:
    identity: Mapping[str, Any] = keyed.ask(keyed.key[1], until=200).document["requestContext"]["identity"]
    observe(f"apiKeyId {'is the id of the key' if identity.get('apiKeyId') == keyed.key[0] else 'is another text'}")
    assert identity["apiKeyId"] == keyed.key[0]


@pytest.mark.belief("gateway-response-status-and-headers")
def test_a_wrong_key_is_answered_with_our_status_and_headers(keyed: KeyedApi, observe: Observe) -> None:
    answer = keyed.ask("a" * 30, until=401)
    own = answer.headers.get("x-own-id") == answer.headers.get("x-amzn-requestid")
    scheme = answer.headers.get("www-authenticate")
    observe(f"{answer.status}, www-authenticate {scheme}, x-own-id is {'the request id' if own else 'another text'}")
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-own-id"] == answer.headers["x-amzn-requestid"]


@pytest.mark.belief("gateway-error-variables")
def test_a_gateway_response_knows_type_and_message(keyed: KeyedApi, observe: Observe) -> None:
    answer = keyed.ask("b" * 30, until=401)
    observe(answer.body.decode())
    assert _kind(answer) == "INVALID_API_KEY"
    assert answer.document["message"]


@pytest.mark.belief("gateway-token-validation")
def test_a_token_of_another_form_is_unauthorized_without_the_function(keyed: KeyedApi, observe: Observe) -> None:
    # The function would fail, which is AUTHORIZER_FAILURE.
    answer = keyed.send(Authorization="Failure")
    observe(f"{answer.status} {answer.body.decode()}")
    assert (answer.status, _kind(answer)) == (401, "UNAUTHORIZED")


@pytest.mark.belief("gateway-authorizer-failure-type")
def test_an_authorizer_that_raises_is_a_failure(keyed: KeyedApi, observe: Observe) -> None:
    answer = keyed.ask("x" * 30, until=500, scheme="Fail")
    observe(f"{answer.status} {answer.body.decode()}")
    assert (answer.status, _kind(answer)) == (500, "AUTHORIZER_FAILURE")


@pytest.mark.belief("gateway-authorizer-failure-type")
def test_an_authorizer_that_may_not_be_invoked_is_a_configuration_error(keyed: KeyedApi, observe: Observe) -> None:
    answer = keyed.send("unreachable", Authorization="Bearer x")
    observe(f"{answer.status} {answer.body.decode()}")
    assert (answer.status, _kind(answer)) == (500, "AUTHORIZER_CONFIGURATION_ERROR")


@pytest.mark.belief("gateway-missing-token-type")
@pytest.mark.parametrize(("path", "verb"), [("unknown", "POST"), ("", "GET"), ("keyed", "PUT")])
def test_an_unknown_path_or_method_is_a_missing_token(keyed: KeyedApi, observe: Observe, path: str, verb: str) -> None:
    answer = keyed.send(path, verb=verb, Authorization=f"Bearer {keyed.key[1]}")
    observe(f"{verb} /{path}: {answer.status} {answer.body.decode()}")
    assert _kind(answer) == "MISSING_AUTHENTICATION_TOKEN"


@pytest.mark.belief("gateway-key-checked-at-each-request")
def test_a_revoked_key_is_refused_while_the_authorizers_answer_is_cached(keyed: KeyedApi, observe: Observe) -> None:
    key_id, value = keyed.api.key(keyed.plan)
    assert keyed.ask(value, until=200).status == 200
    keyed.api.client.delete_api_key(apiKey=key_id)
    answer = keyed.ask(value, until=401)
    observe(f"{answer.status} {answer.body.decode()[:80]}")
    assert (answer.status, _kind(answer)) == (401, "INVALID_API_KEY")


@pytest.mark.belief("gateway-request-id-by-clients")
def test_a_client_chooses_the_request_id_and_not_the_extended_one(keyed: KeyedApi, observe: Observe) -> None:
    chosen = str(uuid4())
    headers = {"Authorization": f"Bearer {keyed.key[1]}", "x-amzn-RequestId": chosen, "x-amz-apigw-id": chosen}
    context = keyed.send(**headers).document["requestContext"]
    extended = context.get("extendedRequestId")
    observe(f"requestId is {_whose(context['requestId'], chosen)}, extended {_whose(extended, chosen)}")
    assert context["requestId"] == chosen
    assert extended
    assert extended != chosen


@pytest.mark.belief("gateway-usage-items")
def test_usage_is_indexed_by_the_keys_values(keyed: KeyedApi, target: Target, observe: Observe) -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    keyed.ask(keyed.key[1], until=200)
    items = target.eventually(
        lambda: keyed.api.client.get_usage(
            usagePlanId=keyed.plan, startDate=f"{today - datetime.timedelta(days=1)}", endDate=f"{today}"
        ).get("items", {}),
        bool,
    )
    known = {keyed.key[0]: "by id", keyed.key[1]: "by value"}
    observe([known.get(one, "otherwise") for one in items])
    assert keyed.key[1] in items


@pytest.mark.belief("gateway-plan-with-keys-is-deleted")
def test_cloudformation_deletes_a_plan_that_has_a_key(made: Made, target: Target, observe: Observe) -> None:
    stacks, gateway, name = target.client("cloudformation"), target.client("apigateway"), target.name()
    plan = {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"Description": "conformance"}}
    made.undo("cloudformation", "delete_stack", StackName=name)
    template = json.dumps({"Resources": {"Plan": plan}})
    change = stacks.create_change_set(
        StackName=name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=template, Tags=made.tag_list()
    )
    stack = change["StackId"]
    target.eventually(
        lambda: stacks.describe_change_set(ChangeSetName=change["Id"]), lambda one: one["Status"] == "CREATE_COMPLETE"
    )
    stacks.execute_change_set(ChangeSetName=change["Id"])
    assert _wait(target, stack, "CREATE_COMPLETE") == "CREATE_COMPLETE"
    plan_id = stacks.describe_stack_resource(StackName=name, LogicalResourceId="Plan")["StackResourceDetail"]
    key_name = target.name()
    known = made.undo_named("apigateway", "delete_api_key", "apiKey", key_name)
    key = gateway.create_api_key(name=key_name, enabled=True, tags=target.tags)["id"]
    known(key)
    gateway.create_usage_plan_key(usagePlanId=plan_id["PhysicalResourceId"], keyId=key, keyType="API_KEY")
    stacks.delete_stack(StackName=name)
    status = _wait(target, stack, "DELETE_COMPLETE")
    observe(status)
    assert status == "DELETE_COMPLETE"


def _wait(target: Target, stack: str, status: str) -> str:
    stacks = target.client("cloudformation")
    return target.eventually(
        lambda: str(stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]), lambda now: now == status
    )
