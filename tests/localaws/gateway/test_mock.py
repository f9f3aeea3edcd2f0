"""Mock integrations, which API Gateway answers itself."""

import pytest

from localaws.gateway import mock
from localaws.gateway.deployed import Mock, MockResponse
from localaws.gateway.errors import GatewayError
from localaws.gateway.proxy import IncomingRequest, ProxyResponse

ORIGIN = """#set($origin = $input.params().header.get("origin"))
#if(!$origin || $origin == "")
#set($origin = $input.params().header.get("Origin"))
#end
#if($origin == "https://a.example" || $origin == "https://b.example")
#set($context.responseOverride.header.x-origin = $origin)
#end
said"""


def _answer(*headers: tuple[str, str], template: str = ORIGIN, status: str = '{"statusCode": 204}') -> ProxyResponse:
    response = MockResponse(
        parameters={"method.response.header.vary": "'origin'"}, templates={"application/json": template}
    )
    integration = Mock(request_templates={"application/json": status}, responses={"204": response}, passthrough="NEVER")
    request = IncomingRequest(method="OPTIONS", path="/v1", query="", headers=headers, body=b"")
    return mock.answer(integration, request)


@pytest.mark.parametrize("name", ["origin", "Origin"])
def test_answers_with_what_the_template_sets(name: str) -> None:
    answer = _answer((name, "https://b.example"))

    assert (answer.status, answer.body) == (204, b"said")
    assert dict(answer.headers) == {
        "Content-Type": "application/json",
        "vary": "origin",
        "x-origin": "https://b.example",
    }


@pytest.mark.parametrize("headers", [(), (("Origin", "https://c.example"),)])
def test_leaves_out_what_no_condition_sets(headers: tuple[tuple[str, str], ...]) -> None:
    assert "x-origin" not in dict(_answer(*headers).headers)


def test_refuses_a_content_type_without_a_template() -> None:
    with pytest.raises(GatewayError) as refused:
        _answer(("Content-Type", "text/plain"))

    assert (refused.value.response_type, refused.value.status) == ("UNSUPPORTED_MEDIA_TYPE", 415)


@pytest.mark.parametrize("status", ['{"statusCode": 200}', "{}", "[]", ""])
def test_fails_where_the_status_has_no_answer(status: str) -> None:
    with pytest.raises(GatewayError) as failed:
        _answer(status=status)

    assert failed.value.response_type == "API_CONFIGURATION_ERROR"


def test_names_what_it_does_not_know_of_the_language() -> None:
    with pytest.raises(GatewayError, match=r"does not know '\$util.urlEncode"):
        _answer(template='#set($x = $util.urlEncode("a"))')
