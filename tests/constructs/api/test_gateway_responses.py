"""API Gateway's own responses, in OpenAI's error shape."""

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from constructs.api.invoke_api import InvokeApi

from tests.constructs.api.api_parts import make_api, make_keyed_api, target
from tests.support.templates import resources


def _responses(stack: cdk.Stack) -> dict[str, tuple[str | None, dict[str, Any], dict[str, str]]]:
    """Status, error and headers of each gateway response."""
    found = {}
    for properties in resources(stack, "AWS::ApiGateway::GatewayResponse").values():
        template = properties["ResponseTemplates"]["application/json"]
        body = json.loads(template.replace("$context.error.messageString", '"own words"'))
        assert list(body) == ["error"]
        headers = {
            name.removeprefix("gatewayresponse.header."): value
            for name, value in properties["ResponseParameters"].items()
        }
        found[properties["ResponseType"]] = (properties.get("StatusCode"), body["error"], headers)
    return found


@pytest.mark.parametrize("make", [make_api, make_keyed_api])
def test_says_the_gateways_own_errors_in_openais_shape(stack: cdk.Stack, make: Callable[..., InvokeApi]) -> None:
    make(stack, web_acl_arn="arn:aws:wafv2:us-west-2:111122223333:regional/webacl/a/1")

    for status, error, headers in _responses(stack).values():
        assert set(error) == {"message", "type", "param", "code"}
        assert error["param"] is None
        assert headers["x-request-id"] == "context.requestId"
        assert status is None or 400 <= int(status) < 600


def test_answers_401_to_a_caller_without_a_signature(stack: cdk.Stack) -> None:
    make_api(stack)

    responses = _responses(stack)
    for kind in ("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN"):
        status, error, _ = responses[kind]
        assert (status, error["code"]) == ("401", "invalid_api_key"), kind
    assert not {"UNAUTHORIZED", "INVALID_API_KEY", "WAF_FILTERED"} & set(responses)


@pytest.mark.parametrize("make", [make_api, make_keyed_api])
def test_answers_503_and_when_to_try_again_where_lambda_refuses_the_invocation(
    stack: cdk.Stack, make: Callable[..., InvokeApi]
) -> None:
    make(stack)

    status, error, headers = _responses(stack)["INTEGRATION_FAILURE"]
    assert (status, error["type"], error["code"]) == ("503", "server_error", "overloaded")
    assert headers["retry-after"] == "'1'"


def test_answers_to_a_callers_key_as_openai_does(stack: cdk.Stack) -> None:
    make_keyed_api(stack)

    responses = _responses(stack)
    answers = {kind: (status, error["type"], error["code"]) for kind, (status, error, _) in responses.items()}
    assert answers["UNAUTHORIZED"] == ("401", "invalid_request_error", "invalid_api_key")
    assert answers["INVALID_API_KEY"] == ("401", "invalid_request_error", "invalid_api_key")
    assert answers["QUOTA_EXCEEDED"] == ("429", "insufficient_quota", "insufficient_quota")
    assert answers["THROTTLED"] == ("429", "rate_limit_error", "rate_limit_exceeded")
    assert answers["AUTHORIZER_FAILURE"] == ("500", "server_error", "authorizer_failure")
    assert answers["MISSING_AUTHENTICATION_TOKEN"] == ("404", "invalid_request_error", "not_found")
    assert answers["REQUEST_TOO_LARGE"] == ("413", "invalid_request_error", "request_too_large")
    assert responses["UNAUTHORIZED"][2]["www-authenticate"] == "'Bearer'"


def test_tells_a_client_when_to_come_back_and_when_not_to(stack: cdk.Stack) -> None:
    make_keyed_api(stack)

    headers = {kind: headers for kind, (_, _, headers) in _responses(stack).items()}
    assert headers["THROTTLED"]["retry-after"] == headers["AUTHORIZER_FAILURE"]["retry-after"] == "'1'"
    assert headers["QUOTA_EXCEEDED"]["x-should-retry"] == "'false'"
    assert headers["INTEGRATION_TIMEOUT"]["x-should-retry"] == "'false'"


def test_a_request_that_a_web_acl_blocks_is_403(stack: cdk.Stack) -> None:
    make_api(stack, web_acl_arn="arn:aws:wafv2:us-west-2:111122223333:regional/webacl/a/1")

    status, error, _ = _responses(stack)["WAF_FILTERED"]
    assert (status, error["code"]) == ("403", "request_filtered")


def test_says_how_large_a_file_may_be_where_files_are_taken(stack: cdk.Stack) -> None:
    make_api(stack, target=target(stack, container="other", task="transcription"), prompt_format=None)

    _, error, _ = _responses(stack)["REQUEST_TOO_LARGE"]
    assert "4.5 MB with a file" in error["message"]
