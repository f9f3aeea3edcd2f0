"""The response transfer mode of integrations, unknown to moto: whole (`BUFFERED`) or as it comes (`STREAM`).

Sources: API reference of PutIntegration; API Gateway documentation, "Stream the integration response for your proxy
integrations" and "Set up a Lambda proxy integration with payload response streaming", which asks for another URI. That
PutIntegration refuses a URI of the other mode is a guess: the real service may find out later.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from moto.apigateway.exceptions import BadRequestException
from moto.apigateway.models import Integration
from moto.apigateway.responses import APIGatewayResponse

from localaws.moto_patches import replace

_ATTRIBUTE: Final = "localaws_response_transfer_mode"
_STREAMING_URI: Final = "/response-streaming-invocations"
_STREAMING_TYPES: Final = ("HTTP_PROXY", "AWS_PROXY")
_MAX_STREAM_MS: Final = 900_000

_MOTO: Final[dict[str, Callable[..., Any]]] = {}
"""moto's own methods, which those below go on to."""


def install() -> None:
    """Make PutIntegration take the mode, and return it."""
    for owner, name, method in (
        (APIGatewayResponse, "put_integration", _put_integration),
        (Integration, "to_json", _to_json),
    ):
        _MOTO.setdefault(name, getattr(owner, name))
        replace(owner, name, method)


def mode_of(integration: Any) -> str:
    """Return the mode of moto's `integration`."""
    return str(getattr(integration, _ATTRIBUTE, "BUFFERED"))


def problems(mode: str, *, integration_type: str, uri: str, timeout_ms: int | None) -> list[str]:
    """Return what is wrong with an integration of a mode."""
    if mode not in ("BUFFERED", "STREAM"):
        return [f"responseTransferMode is {mode!r}: allowed are BUFFERED, STREAM"]
    found = []
    is_streaming = mode == "STREAM"
    if is_streaming and integration_type not in _STREAMING_TYPES:
        found.append(f"the type is {integration_type} with STREAM: allowed are {', '.join(_STREAMING_TYPES)}")
    if integration_type == "AWS_PROXY" and uri.endswith(_STREAMING_URI) is not is_streaming:
        ending = _STREAMING_URI if is_streaming else "/invocations"
        found.append(f"the uri is {uri} with {mode}: it must end in {ending}")
    if is_streaming and timeout_ms is not None and not 50 <= timeout_ms <= _MAX_STREAM_MS:
        found.append(f"timeoutInMillis is {timeout_ms} with STREAM: allowed are 50 to {_MAX_STREAM_MS}")
    return found


def _put_integration(response: Any) -> tuple[int, dict[str, Any], str]:
    mode = response._get_param("responseTransferMode") or "BUFFERED"
    timeout = response._get_param("timeoutInMillis")
    found = problems(
        mode,
        integration_type=response._get_param("type") or "",
        uri=response._get_param("uri") or "",
        timeout_ms=None if timeout is None else int(timeout),
    )
    if found:
        raise BadRequestException("; ".join(found))
    status, headers, _ = _MOTO["put_integration"](response)
    # /restapis/{id}/resources/{id}/methods/{verb}/integration
    _, _, api_id, _, resource_id, _, verb, _ = unquote(response.path).split("/")
    integration = response.backend.get_resource(api_id, resource_id).get_integration(verb)
    setattr(integration, _ATTRIBUTE, mode)
    return status, headers, json.dumps(integration.to_json())


def _to_json(integration: Any) -> dict[str, Any]:
    return {**_MOTO["to_json"](integration), "responseTransferMode": mode_of(integration)}
