"""Routing: which method of a deployment answers a request."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from localaws.gateway.deployed import DeployedApi
from tests.localaws.gateway.rest_api import method


class TestRouting:
    API = DeployedApi(
        methods=[
            method("/v1/models", "GET"),
            method("/v1/models/{model}", "GET"),
            method("/v1/models/special", "GET"),
            method("/v1/chat/completions"),
            method("/v1/chat/completions", "ANY"),
            method("/files/{proxy+}", "ANY"),
            method("/", "GET"),
        ]
    )

    @pytest.mark.parametrize(
        ("verb", "path", "found", "parameters"),
        [
            ("GET", "/", "/", {}),
            ("GET", "/v1/models", "/v1/models", {}),
            ("GET", "/v1/models/", "/v1/models", {}),
            ("GET", "/v1/models/mistral%207b", "/v1/models/{model}", {"model": "mistral 7b"}),
            ("GET", "/v1/models/special", "/v1/models/special", {}),
            ("DELETE", "/files/a/b%2Fc", "/files/{proxy+}", {"proxy": "a/b/c"}),
        ],
    )
    def test_finds_the_most_specific_resource(
        self, verb: str, path: str, found: str, parameters: Mapping[str, str]
    ) -> None:
        route = self.API.route(verb, path)
        assert route is not None
        assert (route[0].path, route[1]) == (found, parameters)

    def test_puts_the_verb_before_any(self) -> None:
        for verb, found in (("POST", "POST"), ("PUT", "ANY")):
            route = self.API.route(verb, "/v1/chat/completions")
            assert route is not None
            assert route[0].http_method == found

    @pytest.mark.parametrize(
        ("verb", "path"), [("POST", "/v1/models"), ("GET", "/v1"), ("GET", "/v1/models/a/b"), ("GET", "/files")]
    )
    def test_finds_nothing_elsewhere(self, verb: str, path: str) -> None:
        assert self.API.route(verb, path) is None
