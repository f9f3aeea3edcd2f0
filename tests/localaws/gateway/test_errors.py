"""Gateway responses: templates of errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localaws.gateway.deployed import DeployedApi, GatewayResponse
from localaws.gateway.errors import GatewayError, render, substitute


class TestGatewayResponses:
    TIMEOUT = GatewayError("INTEGRATION_TIMEOUT", 'timed "out"')
    CONTEXT: Mapping[str, Any] = {"requestId": "r-1", "identity": {"sourceIp": "1.2.3.4", "user": None}}

    def api(self, **responses: GatewayResponse) -> DeployedApi:
        return DeployedApi(responses=responses)

    def test_leave_the_message_of_api_gateway(self) -> None:
        rendered = render(self.TIMEOUT, self.api(), self.CONTEXT, {})
        assert (rendered.status, json.loads(rendered.body)) == (504, {"message": 'timed "out"'})
        assert rendered.headers["Content-Type"] == "application/json"

    def test_put_an_error_into_a_template(self) -> None:
        template = '{"error":{"message":$context.error.messageString,"id":"$context.requestId"}}'
        default = GatewayResponse(
            status=None,
            headers={"gatewayresponse.header.Retry-After": "'1'", "gatewayresponse.header.Id": "context.requestId"},
            templates={"application/json": template},
        )
        rendered = render(self.TIMEOUT, self.api(DEFAULT_5XX=default), self.CONTEXT, {})
        assert json.loads(rendered.body) == {"error": {"message": 'timed "out"', "id": "r-1"}}
        assert (rendered.status, rendered.headers["Retry-After"], rendered.headers["Id"]) == (504, "1", "r-1")

    def test_prefer_the_type_to_the_class_of_status(self) -> None:
        specific = GatewayResponse(status=503, headers={}, templates={"text/plain": "$context.error.responseType"})
        default = GatewayResponse(status=500, headers={}, templates={})
        api = self.api(INTEGRATION_TIMEOUT=specific, DEFAULT_5XX=default)
        rendered = render(self.TIMEOUT, api, self.CONTEXT, {})
        assert (rendered.status, rendered.body) == (503, "INTEGRATION_TIMEOUT")
        assert render(GatewayError(None, "x", status=502), api, self.CONTEXT, {}).status == 500
        assert render(GatewayError("ACCESS_DENIED", "x"), api, self.CONTEXT, {}).status == 403

    def test_substitute_what_is_absent(self) -> None:
        text = "$context.identity.sourceIp $context.identity.user $context.identity $context.a.b $other"
        assert substitute(text, self.CONTEXT, absent="-") == "1.2.3.4 - - - $other"
