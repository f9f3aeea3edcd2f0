"""Proxy integrations: the event of a function, and the response that it returns."""

from __future__ import annotations

import base64
import json

import pytest

from localaws.gateway.deployed import DeployedApi
from localaws.gateway.integration import MAX_EVENT_BYTES
from localaws.gateway.proxy import IncomingRequest, MalformedResponseError, event_of, response_of
from tests.localaws.gateway.rest_api import method


class TestProxyResponse:
    def test_has_status_headers_and_body(self) -> None:
        payload = {
            "statusCode": "201",
            "headers": {"A": 1, "Content-Type": "text/plain", "Server": "mine"},
            "multiValueHeaders": {"B": ["x", "y"]},
            "body": "text",
        }
        response = response_of(json.dumps(payload))
        assert (response.status, response.body) == (201, b"text")
        assert sorted(response.headers) == [
            ("A", "1"),
            ("B", "x"),
            ("B", "y"),
            ("Content-Type", "text/plain"),
            ("x-amzn-Remapped-Server", "mine"),
        ]

    def test_is_json_by_default_and_decoded_from_base64(self) -> None:
        payload = {"statusCode": 200, "body": base64.b64encode(b"\0\1").decode(), "isBase64Encoded": True}
        response = response_of(json.dumps(payload))
        assert response.body == b"\0\1"
        assert list(response.headers) == [("Content-Type", "application/json")]

    def test_reports_all_that_is_malformed(self) -> None:
        payload = {"statusCode": "ok", "body": {}, "headers": [], "message": "x"}
        with pytest.raises(MalformedResponseError) as malformed:
            response_of(json.dumps(payload))
        assert str(malformed.value) == (
            "it has fields of other names: message; statusCode 'ok' is no HTTP status; body is dict, not a string; "
            "headers is not an object"
        )
        with pytest.raises(MalformedResponseError, match="the response is str, not an object"):
            response_of('"text"')


def test_the_event_holds_a_binary_body_in_base64() -> None:
    request = IncomingRequest(
        method="POST", path="/a", query="", headers=[("Content-Type", "image/png; x=y")], body=b"\0\xff"
    )
    event = event_of(
        request,
        api=DeployedApi(binary_media_types=["image/png"]),
        method=method("/a"),
        path_parameters={},
        stage_variables={},
        request_context={},
    )
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"\0\xff").decode(), True)


def test_a_file_of_4_5_mb_fits_into_an_event_of_6_mb() -> None:
    headers = [(f"x-header-{number}", "x" * 100) for number in range(30)]
    request = IncomingRequest(
        method="POST", path="/v1", query="", headers=[("Content-Type", "audio/wav"), *headers], body=bytes(4_500_000)
    )
    event = event_of(
        request,
        api=DeployedApi(binary_media_types=["audio/wav"]),
        method=method("/v1"),
        path_parameters={},
        stage_variables={},
        request_context={},
    )
    assert 6_000_000 < len(json.dumps(event)) < MAX_EVENT_BYTES
