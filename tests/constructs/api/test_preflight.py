"""Browsers: OPTIONS answered by API Gateway alone, and headers on every answer of its own."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from constructs.api.preflight import EXPOSED_HEADERS

from invoke_shim.http import cors
from invoke_shim.settings import Settings
from tests.constructs.api.api_parts import make_keyed_api
from tests.support.keyed_api import keyed_api
from tests.support.local_aws import StackDriver
from tests.support.templates import resources

ONE = ("https://chat.example.com",)
TWO = (*ONE, "http://localhost:3000")
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def _options(stack: cdk.Stack) -> dict[str, Any]:
    [method] = [one for one in resources(stack, "AWS::ApiGateway::Method").values() if one["HttpMethod"] == "OPTIONS"]
    return method


def _responses(stack: cdk.Stack) -> list[dict[str, Any]]:
    return list(resources(stack, "AWS::ApiGateway::GatewayResponse").values())


def test_an_api_without_origins_has_no_word_of_them(stack: cdk.Stack) -> None:
    make_keyed_api(stack)

    template = json.dumps(assertions.Template.from_stack(stack).to_json()).lower()
    assert "access-control" not in template
    assert "options" not in template
    assert "cors" not in template


def test_asks_neither_key_nor_function(stack: cdk.Stack) -> None:
    make_keyed_api(stack, cors_origins=ONE)

    method = _options(stack)
    assert method["AuthorizationType"] == "NONE"
    assert not method.get("ApiKeyRequired")
    assert method["Integration"]["Type"] == "MOCK"
    assert "Uri" not in method["Integration"]


def test_changes_no_resource_that_was_there_but_the_deployment(stack: cdk.Stack, context: dict[str, Any]) -> None:
    make_keyed_api(stack)
    other = cdk.Stack(cdk.App(context=context), "test-stack", env=cdk.Environment(region="us-west-2"))
    make_keyed_api(other, cors_origins=TWO)

    before, after = (assertions.Template.from_stack(one).to_json()["Resources"] for one in (stack, other))
    kinds = {before[name]["Type"] for name in before.keys() - after.keys()}
    assert kinds == {"AWS::ApiGateway::Deployment"}
    added = {after[name]["Type"] for name in after.keys() - before.keys()}
    assert added == {"AWS::ApiGateway::Deployment", "AWS::ApiGateway::Method"}


@pytest.mark.parametrize(("origins", "allowed"), [(ONE, ONE[0]), (("*",), "*"), (TWO, "*")])
def test_every_answer_of_the_gateways_own_may_be_read(stack: cdk.Stack, origins: tuple[str, ...], allowed: str) -> None:
    make_keyed_api(stack, cors_origins=origins, web_acl_arn="arn:aws:wafv2:us-west-2:111122223333:regional/webacl/a/1")

    assert len(_responses(stack)) > 10
    for response in _responses(stack):
        headers = response["ResponseParameters"]
        assert headers["gatewayresponse.header.access-control-allow-origin"] == f"'{allowed}'"
        assert headers["gatewayresponse.header.vary"] == "'origin'"
        assert "retry-after" in headers["gatewayresponse.header.access-control-expose-headers"]


def test_the_shim_exposes_the_same_headers(stack: cdk.Stack) -> None:
    make_keyed_api(stack, cors_origins=TWO)

    [variables] = [
        one["Environment"]["Variables"]
        for one in resources(stack, "AWS::Lambda::Function").values()
        if "MODEL_NAME" in one.get("Environment", {}).get("Variables", {})
    ]
    assert Settings.from_environment({**variables, "ENDPOINT_NAME": "e"}).cors_origins == TWO
    assert cors.EXPOSED_HEADERS == EXPOSED_HEADERS


def test_refuses_what_is_no_origin(stack: cdk.Stack) -> None:
    with pytest.raises(
        ValueError, match=r"^origins is 'https://chat\.example\.com/': allowed is scheme, host and port"
    ):
        make_keyed_api(stack, cors_origins=("https://chat.example.com/",))


class TestOnTheLocalAws:
    """The methods and responses of the real construct, in front of a stand-in function."""

    @pytest.fixture
    def ask(
        self, stack: cdk.Stack, aws: Callable[..., Any], local_apis: str, request: pytest.FixtureRequest
    ) -> Callable[..., http.client.HTTPResponse]:
        make_keyed_api(stack, cors_origins=request.param)
        api = keyed_api()
        here = {"RestApiId": {"Ref": "Api"}}
        api["Options"] = {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {**_options(stack), **here, "ResourceId": {"Ref": "Resource"}},
        }
        for number, response in enumerate(_responses(stack)):
            api[f"Response{number}"] = {
                "Type": "AWS::ApiGateway::GatewayResponse",
                "Properties": {**response, **here},
            }
        names = [name for name in api if name.startswith(("Response", "Options"))]
        api["Deployment"]["DependsOn"] = [*api["Deployment"]["DependsOn"], *names]
        driver, name = StackDriver(aws("cloudformation")), f"cors-{len(request.param)}"
        assert driver.deploy(name, api) == "CREATE_COMPLETE", driver.failures(name)
        host = f"{driver.physical_ids(name)['Api']}.execute-api.us-east-1.amazonaws.com"

        def send(verb: str, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
            address = urlsplit(local_apis)
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
            connection.request(verb, f"/prod{path}", headers={"Host": host, **headers})
            response = connection.getresponse()
            response.read()
            connection.close()
            return response

        return send

    @pytest.mark.parametrize("ask", [TWO], indirect=True)
    def test_lets_pages_of_the_declared_origins_ask(self, ask: Callable[..., http.client.HTTPResponse]) -> None:
        for origin in TWO:
            answer = ask("OPTIONS", "/v1/chat/completions", {"Origin": origin, **ASKED})
            assert answer.status == 204
            assert answer.getheader("access-control-allow-origin") == origin
            assert "authorization" in (answer.getheader("access-control-allow-headers") or "").split(",")
            assert "POST" in (answer.getheader("access-control-allow-methods") or "").split(",")
            assert answer.getheader("vary") == "origin"

        stranger = ask("OPTIONS", "/v1/models", {"Origin": "https://chat-example.com", **ASKED})
        assert (stranger.status, stranger.getheader("access-control-allow-origin")) == (204, None)
        without_key = ask("POST", "/v1/chat/completions", {"Origin": ONE[0]})
        assert (without_key.status, without_key.getheader("access-control-allow-origin")) == (401, "*")
