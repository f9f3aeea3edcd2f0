"""Answers to browsers that ask, before a page's request, whether the page may call an API (CORS preflight)."""

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct
from constructs.permissions.acknowledgements import acknowledge

from catalog.limits.answers import ANY_ORIGIN

EXPOSED_HEADERS = ("retry-after", "x-request-id", "x-should-retry", "x-usage")
"""Headers of answers that a page may read, as the shim says of its own answers."""
_METHODS = "GET,HEAD,POST"
# Fetch standard: `*` stands for every header of a request without credentials but `authorization`. The others are named
# for older browsers: of signed requests, and of OpenAI's client.
_HEADERS = (
    "authorization,content-type,*,openai-organization,openai-project,"
    "x-amz-content-sha256,x-amz-date,x-amz-security-token"
)
# Chromium keeps no answer for longer.
_MAX_AGE_SECONDS = 7200
_STATUS = "204"


def origin_headers(origins: Sequence[str]) -> Mapping[str, str]:
    """Return the headers of the gateway's own answers to a page's request, none without origins.

    API Gateway cannot compare origins there. With several, any page may read such an answer, which is an error and says
    nothing of a model.
    """
    if not origins:
        return {}
    return {
        "access-control-allow-origin": f"'{origins[0] if len(origins) == 1 else ANY_ORIGIN}'",
        "access-control-expose-headers": f"'{','.join(EXPOSED_HEADERS)}'",
        "vary": "'origin'",
    }


def add_preflight(resource: apigateway.IResource, origins: Sequence[str]) -> None:
    """Define the answer to OPTIONS, which API Gateway gives itself: without a key, and without the function.

    Args:
        resource: The resource whose methods pages call.
        origins: Origins of the pages, or `*` alone.
    """
    headers = {
        "access-control-allow-headers": _HEADERS,
        "access-control-allow-methods": _METHODS,
        "access-control-max-age": f"{_MAX_AGE_SECONDS}",
        "vary": "origin",
    }
    if len(origins) == 1:
        headers["access-control-allow-origin"] = origins[0]
    method = resource.add_method(
        "OPTIONS",
        apigateway.MockIntegration(
            passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
            request_templates={"application/json": f'{{"statusCode": {_STATUS}}}'},
            integration_responses=[
                apigateway.IntegrationResponse(
                    status_code=_STATUS,
                    response_parameters={
                        f"method.response.header.{name}": f"'{value}'" for name, value in headers.items()
                    },
                    response_templates={"application/json": _same_origin(origins)} if len(origins) > 1 else None,
                )
            ],
        ),
        authorization_type=apigateway.AuthorizationType.NONE,
        method_responses=[
            apigateway.MethodResponse(
                status_code=_STATUS,
                response_parameters=dict.fromkeys((f"method.response.header.{name}" for name in headers), True),
            )
        ],
    )
    reason = "a browser asks without a key or signature, and learns only which pages may call the API"
    acknowledge(cast("Construct", method), {"AwsSolutions-APIG4": reason, "AwsSolutions-COG4": reason})


def _same_origin(origins: Sequence[str]) -> str:
    """Return a template that repeats the request's origin where it is one of several.

    Names of headers are as the client wrote them: lower-case by HTTP/2.
    """
    known = " || ".join(f'$origin == "{origin}"' for origin in origins)
    return "\n".join(
        [
            '#set($origin = $input.params().header.get("origin"))',
            '#if(!$origin || $origin == "")',
            '#set($origin = $input.params().header.get("Origin"))',
            "#end",
            f"#if({known})",
            "#set($context.responseOverride.header.access-control-allow-origin = $origin)",
            "#end",
        ]
    )
