"""Deployments of REST APIs: a copy of methods and gateway responses at the moment of the deployment.

A stage serves its deployment, not the API as it is being edited: a method that is added later answers only after the
next deployment. moto's deployments are empty, so a copy is attached to each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from localaws import settings
from localaws.gateway.transfer_mode import mode_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """A Lambda authorizer.

    Attributes:
        id: Its id.
        kind: `TOKEN` or `REQUEST`.
        uri: The URI of its function.
        identity_sources: Parts of the request that name the caller, as API Gateway writes them:
            `method.request.header.Authorization` and so on.
        validation_expression: Regular expression that a token must match before the function is asked; None: anything.
        ttl_seconds: Time that an answer is cached; 0: not at all.
    """

    id: str
    kind: str
    uri: str
    identity_sources: tuple[str, ...] = ()
    validation_expression: str | None = None
    ttl_seconds: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class MockResponse:
    """The answer of a mock integration with one status.

    Attributes:
        parameters: The response parameters, e.g. `method.response.header.vary` to `'origin'`.
        templates: The bodies by content type.
    """

    parameters: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mock:
    """A mock integration.

    Attributes:
        request_templates: The templates that name the status, by the request's content type.
        responses: The answers by status.
        passthrough: What becomes of a request whose content type has no template: `NEVER`, `WHEN_NO_MATCH` or
            `WHEN_NO_TEMPLATES`.
    """

    request_templates: Mapping[str, str]
    responses: Mapping[str, MockResponse]
    passthrough: str = "WHEN_NO_MATCH"

    @classmethod
    def copy_of(cls, integration: Any) -> Mock:
        """Copy moto's `integration`."""
        return cls(
            request_templates=dict(integration.request_templates or {}),
            responses={
                str(status): MockResponse(
                    parameters=dict(response.response_parameters or {}),
                    templates=dict(response.response_templates or {}),
                )
                for status, response in (integration.integration_responses or {}).items()
            },
            passthrough=integration.passthrough_behaviour or "WHEN_NO_MATCH",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of one resource.

    Attributes:
        resource_id: The id of the resource.
        path: The resource's path with its parameters in braces, e.g. `/v1/models/{model}`.
        http_method: The verb, or `ANY`.
        authorization: `NONE`, `AWS_IAM`, `CUSTOM` or another type.
        authorizer: The authorizer, with `CUSTOM`.
        api_key_required: Whether a caller needs a key of a usage plan.
        integration_type: E.g. `AWS_PROXY`; None where the method has no integration.
        integration_uri: The URI of the integration.
        timeout_ms: Time for the integration, a stream to its end; API Gateway's default is 29,000.
        is_streaming: Whether the answer is passed on as it comes (response transfer mode `STREAM`).
        mock: The answers of a mock integration; None for another.
    """

    resource_id: str
    path: str
    http_method: str
    authorization: str
    authorizer: Authorizer | None = None
    api_key_required: bool = False
    integration_type: str | None = None
    integration_uri: str = ""
    timeout_ms: int = 29_000
    is_streaming: bool = False
    mock: Mock | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResponse:
    """The answer of an API in one kind of error.

    Attributes:
        status: The HTTP status; None leaves that of the error.
        headers: The response parameters, e.g. `gatewayresponse.header.Retry-After` to `'1'`.
        templates: The bodies by content type.
    """

    status: int | None
    headers: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedApi:
    """A copy of an API.

    Attributes:
        methods: All methods of all resources.
        responses: The gateway responses by their types, e.g. `DEFAULT_4XX`.
        binary_media_types: The content types whose bodies are passed on in base 64.
        api_key_source: Source of a caller's key: `HEADER` or `AUTHORIZER`.
        has_own_address: Whether it answers at `{id}.execute-api...`; to switch that takes a deployment (API Gateway
            documentation, "Disable the default endpoint for REST APIs").
        idle_seconds: Longest time of a stream without a byte: 5 minutes, of an edge-optimized API 30 seconds (API
            Gateway documentation, "Stream the integration response for your proxy integrations").
    """

    methods: Sequence[Method] = ()
    responses: Mapping[str, GatewayResponse] = field(default_factory=dict)
    binary_media_types: Sequence[str] = ()
    api_key_source: str = "HEADER"
    has_own_address: bool = True
    idle_seconds: float = 300

    @classmethod
    def copy_of(cls, api: Any) -> DeployedApi:
        """Copy moto's REST API `api`."""
        return cls(
            methods=tuple(
                _copied_method(api, resource, method)
                for resource in api.resources.values()
                for method in resource.resource_methods.values()
            ),
            responses={
                kind: GatewayResponse(
                    status=None if response.status_code is None else int(response.status_code),
                    headers=dict(response.response_parameters or {}),
                    templates=dict(response.response_templates or {}),
                )
                for kind, response in api.gateway_responses.items()
            },
            binary_media_types=tuple(api.binaryMediaTypes or ()),
            api_key_source=api.api_key_source or "HEADER",
            has_own_address=not api.disableExecuteApiEndpoint,
            idle_seconds=30 if "EDGE" in api.endpoint_configuration["types"] else 300,
        )

    def route(self, http_method: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """Find the method that answers a request.

        Args:
            http_method: The verb.
            path: The path after the stage, as it was sent.

        Returns:
            The method and the decoded path parameters, or None. A resource with a literal path part goes before one
            with a parameter, and that before a greedy one (`{proxy+}`); the verb before `ANY`.
        """
        parts = [part for part in path.split("/") if part]
        found: list[tuple[tuple[int, ...], bool, Method, dict[str, str]]] = []
        for method in self.methods:
            if method.http_method not in (http_method, "ANY"):
                continue
            match = _match(method.path, parts)
            if match is not None:
                ranks, parameters = match
                found.append((ranks, method.http_method == "ANY", method, parameters))
        if not found:
            return None
        _, _, method, parameters = min(found, key=lambda candidate: candidate[:2])
        return method, parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """The throttle of each method of a stage.

    Attributes:
        rate: Requests a second over a longer time.
        burst: Requests at once.
    """

    rate: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of an API, with what its deployment holds.

    Attributes:
        region: The region of the API.
        api_id: The API's id.
        name: The stage's name.
        deployment_id: The id of the deployment.
        api: The deployment's copy of the API.
        variables: The stage variables.
        access_log: Destination and format of the access log, as API Gateway names them; None: there is none.
        domain_name: The custom domain name that was called; None: the API's own address.
        throttle: The throttle in the settings of all methods; None: there is none.
    """

    region: str
    api_id: str
    name: str
    deployment_id: str
    api: DeployedApi
    variables: Mapping[str, str] = field(default_factory=dict)
    access_log: Mapping[str, str] | None = None
    domain_name: str | None = None
    throttle: Throttle | None = None

    @property
    def arn(self) -> str:
        """The stage's ARN for callers (`execute-api`)."""
        return f"arn:aws:execute-api:{self.region}:{settings.ACCOUNT}:{self.api_id}/{self.name}"


def _match(template: str, parts: Sequence[str]) -> tuple[tuple[int, ...], dict[str, str]] | None:
    """Compare a resource's path with the parts of a request's path.

    Returns:
        How specific each part of the template is, from 0 (literal) to 2 (greedy), and the parameters; None where the
        path is another.
    """
    wanted = [part for part in template.split("/") if part]
    ranks: list[int] = []
    parameters: dict[str, str] = {}
    for position, part in enumerate(wanted):
        if position >= len(parts):
            return None
        if part.startswith("{") and part.endswith("+}"):
            parameters[part[1:-2]] = unquote("/".join(parts[position:]))
            return (*ranks, 2), parameters
        if part.startswith("{"):
            parameters[part[1:-1]] = unquote(parts[position])
            ranks.append(1)
        elif part == unquote(parts[position]):
            ranks.append(0)
        else:
            return None
    return (tuple(ranks), parameters) if len(wanted) == len(parts) else None


def _copied_authorizer(authorizer: Any) -> Authorizer | None:
    if authorizer is None:
        return None
    sources = (authorizer.identity_source or "").split(",")
    ttl = authorizer.authorizer_result_ttl
    return Authorizer(
        id=authorizer.id,
        kind=authorizer.type,
        uri=authorizer.authorizer_uri or "",
        identity_sources=tuple(source.strip() for source in sources if source.strip()),
        validation_expression=authorizer.identity_validation_expression or None,
        ttl_seconds=300 if ttl is None else int(ttl),
    )


def _copied_method(api: Any, resource: Any, method: Any) -> Method:
    integration = method.method_integration
    return Method(
        resource_id=resource.id,
        path=resource.get_path(),
        http_method=method.http_method,
        authorization=method.authorization_type or "NONE",
        authorizer=_copied_authorizer(api.authorizers.get(method.authorizer_id)),
        api_key_required=str(method.api_key_required).lower() == "true",
        integration_type=None if integration is None else integration.integration_type,
        integration_uri="" if integration is None else integration.uri,
        timeout_ms=int((integration.timeout_in_millis if integration is not None else None) or 29_000),
        is_streaming=mode_of(integration) == "STREAM",
        mock=Mock.copy_of(integration) if integration is not None and integration.integration_type == "MOCK" else None,
    )
