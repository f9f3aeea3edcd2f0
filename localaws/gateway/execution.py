"""One request to a deployed API, from its arrival to its line in the access log."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from moto.logs.models import logs_backends

from localaws import iam, settings
from localaws.gateway import authorizer, integration, mock, throttling, usage_plans
from localaws.gateway.deployed import Method, Stage
from localaws.gateway.errors import GatewayError, render, substitute
from localaws.gateway.proxy import IncomingRequest, ProxyResponse, event_of
from localaws.gateway.signature import verify
from localaws.iam.identities import Identity
from localaws.signature import SignedRequest

# API Gateway quotas: a payload of 10 MB.
_MAX_BODY_BYTES: Final = 10_485_760


@dataclass(slots=True, kw_only=True)
class _Exchange:
    """A request on its way: what is known of it so far."""

    stage: Stage
    request: IncomingRequest
    signed: SignedRequest
    context: dict[str, Any]
    trace_id: str


def execute(
    stage: Stage, request: IncomingRequest, signed: SignedRequest, *, source_ip: str, trace_id: str
) -> ProxyResponse:
    """Answer a request to a stage.

    Args:
        stage: The stage.
        request: The request, its path without the stage.
        signed: The same request as it was signed.
        source_ip: The address of the caller.
        trace_id: The value of the `X-Amzn-Trace-Id` header, which API Gateway makes where the request has none.
    """
    started = time.monotonic()
    exchange = _Exchange(
        stage=stage,
        request=request,
        signed=signed,
        context=_context(stage, request, source_ip),
        trace_id=trace_id,
    )
    try:
        response = _respond(exchange)
    except GatewayError as error:
        rendered = render(error, stage.api, exchange.context, dict(request.headers))
        exchange.context["error"] = error.details
        response = ProxyResponse(
            status=rendered.status, headers=list(rendered.headers.items()), body=rendered.body.encode()
        )
    exchange.context["status"] = response.status
    if response.chunks is None:
        _log_access(exchange, started=started, length=len(response.body))
    own_headers = [
        ("x-amzn-RequestId", exchange.context["requestId"]),
        ("x-amz-apigw-id", exchange.context["extendedRequestId"]),
        ("X-Amzn-Trace-Id", trace_id),
    ]
    return replace(
        response,
        headers=[*own_headers, *response.headers],
        chunks=None if response.chunks is None else _logged(response.chunks, exchange, started=started),
    )


def _logged(chunks: Iterator[bytes], exchange: _Exchange, *, started: float) -> Iterator[bytes]:
    """Pass a streamed body on, and write its line of the access log when it has ended, however it did.

    The integration's latency is that of the whole stream (API Gateway documentation, "Troubleshoot issues with response
    streaming").
    """
    length, context = 0, exchange.context
    # Until the head was there, when the integration had been connected.
    begun, head = time.monotonic(), context["integrationLatency"]

    def passed() -> int:
        return int(head + (time.monotonic() - begun) * 1000)

    try:
        for chunk in chunks:
            if chunk and not length:
                context["integration"]["timeToFirstContent"] = passed()
            length += len(chunk)
            yield chunk
    finally:
        context["integrationLatency"] = context["integration"]["latency"] = passed()
        _log_access(exchange, started=started, length=length)


def _respond(exchange: _Exchange) -> ProxyResponse:
    request, stage = exchange.request, exchange.stage
    if len(request.body) > _MAX_BODY_BYTES:
        raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long")
    exchange.request = request = replace(request, body=_unpacked(request))
    route = stage.api.route(request.method, request.path)
    if route is None:
        # API Gateway's words for a path or a method that the API does not have.
        raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    method, path_parameters = route
    exchange.context |= {"resourceId": method.resource_id, "resourcePath": method.path}
    _authorize(exchange, method, path_parameters)
    throttling.admit(stage, method)
    return _integrate(exchange, method, path_parameters)


def _unpacked(request: IncomingRequest) -> bytes:
    """Return a body as API Gateway passes it on, which unpacks what is compressed whatever the API says of answers.

    Source: API Gateway documentation, "Payload compression for REST APIs". That the header stays is a guess, and the
    harder case for a function.
    """
    encoding = (request.header("Content-Encoding") or "identity").lower()
    if encoding == "identity" or not request.body:
        return request.body
    if encoding not in ("gzip", "deflate"):
        raise GatewayError("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
    try:
        # zlib's number of both formats, by their headers.
        return zlib.decompress(request.body, wbits=47)
    except zlib.error as error:
        raise GatewayError("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type") from error


def _authorize(exchange: _Exchange, method: Method, path_parameters: Mapping[str, str]) -> None:
    """Check who may call a method, and put the caller into the context."""
    stage, usage_key = exchange.stage, exchange.request.header("X-API-Key")
    if method.authorization == "AWS_IAM":
        _authorize_identity(exchange)
    elif method.authorization == "CUSTOM":
        verdict = _ask_authorizer(exchange, method, path_parameters)
        if stage.api.api_key_source == "AUTHORIZER":
            usage_key = verdict.usage_key
    elif method.authorization != "NONE":
        raise GatewayError(
            "API_CONFIGURATION_ERROR", f"the local AWS does not check authorization {method.authorization}"
        )
    if method.api_key_required:
        key_id = usage_plans.admit(usage_key, region=stage.region, api_id=stage.api_id, stage_name=stage.name)
        exchange.context["identity"] |= {"apiKey": usage_key, "apiKeyId": key_id}


def _authorize_identity(exchange: _Exchange) -> None:
    stage, request = exchange.stage, exchange.request
    identity = verify(exchange.signed, region=stage.region)
    exchange.context["identity"] |= _identity_fields(identity)
    arn = f"{stage.arn}/{request.method}{request.path}"
    try:
        iam.authorize(identity, action="execute-api:Invoke", resource=arn)
    except iam.AccessDeniedError as error:
        raise GatewayError("ACCESS_DENIED", str(error)) from error


def _ask_authorizer(exchange: _Exchange, method: Method, path_parameters: Mapping[str, str]) -> authorizer.Verdict:
    started = time.monotonic()
    verdict = authorizer.authorize(
        authorizer.Call(
            stage=exchange.stage,
            method=method,
            request=exchange.request,
            path_parameters=path_parameters,
            request_context=exchange.context,
            trace_id=exchange.trace_id,
        )
    )
    latency = round((time.monotonic() - started) * 1000)
    exchange.context["authorizer"] = {
        **verdict.context,
        "principalId": verdict.principal_id,
        "integrationLatency": latency,
        "latency": latency,
    }
    return verdict


def _integrate(exchange: _Exchange, method: Method, path_parameters: Mapping[str, str]) -> ProxyResponse:
    if method.mock is not None:
        return mock.answer(method.mock, exchange.request)
    event = event_of(
        _as_received(exchange),
        api=exchange.stage.api,
        method=method,
        path_parameters=path_parameters,
        stage_variables=exchange.stage.variables,
        request_context=exchange.context,
    )
    started = time.monotonic()
    response = integration.run(exchange.stage, method, json.dumps(event), trace_id=exchange.trace_id)
    latency = round((time.monotonic() - started) * 1000)
    exchange.context["integrationLatency"] = latency
    exchange.context["integration"] = {
        "status": 200,
        "latency": latency,
        "responseTransferMode": "STREAMED" if method.is_streaming else "BUFFERED",
        **({"timeToAllHeaders": latency} if method.is_streaming else {}),
    }
    return response


def _context(stage: Stage, request: IncomingRequest, source_ip: str) -> dict[str, Any]:
    """Return the request's `$context` and `requestContext`, as far as it is known before routing."""
    now = datetime.now(UTC)
    domain = stage.domain_name or f"{stage.api_id}.execute-api.{stage.region}.amazonaws.com"
    return {
        "accountId": settings.ACCOUNT,
        "apiId": stage.api_id,
        "deploymentId": stage.deployment_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "extendedRequestId": base64.b64encode(secrets.token_bytes(11)).decode(),
        "httpMethod": request.method,
        "identity": {
            "accessKey": None,
            "accountId": None,
            "apiKey": None,
            "apiKeyId": None,
            "caller": None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": source_ip,
            "user": None,
            "userAgent": request.header("User-Agent"),
            "userArn": None,
        },
        "path": request.path if stage.domain_name else f"/{stage.name}{request.path}",
        "protocol": "HTTP/1.1",
        "requestId": _request_id(request),
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "resourceId": None,
        "resourcePath": None,
        "stage": stage.name,
    }


def _request_id(request: IncomingRequest) -> str:
    """Return the client's own request id, where it is a UUID, or a new one.

    Clients can override `$context.requestId`, and never `$context.extendedRequestId` (API Gateway documentation,
    "Variables for access logging for API Gateway"). That anything but a UUID is ignored is a guess.
    """
    chosen = request.header("x-amzn-RequestId") or ""
    try:
        return chosen if str(uuid.UUID(chosen)) == chosen.lower() else str(uuid.uuid4())
    except ValueError:
        return str(uuid.uuid4())


def _identity_fields(identity: Identity) -> dict[str, str]:
    return {
        "accessKey": identity.access_key_id,
        "accountId": settings.ACCOUNT,
        "caller": identity.user_id,
        "user": identity.user_id,
        "userArn": identity.arn,
    }


def _log_access(exchange: _Exchange, *, started: float, length: int) -> None:
    """Write the line of the access log, if the stage has one and its log group exists.

    Args:
        exchange: The exchange.
        started: Time of its beginning.
        length: The bytes of the answer's body.
    """
    exchange.context |= {
        "responseLength": length,
        "responseLatency": round((time.monotonic() - started) * 1000),
    }
    stage = exchange.stage
    access_log = stage.access_log or {}
    if not access_log.get("format") or not access_log.get("destinationArn"):
        return
    group = access_log["destinationArn"].partition(":log-group:")[2].removesuffix(":*")
    backend = logs_backends[settings.ACCOUNT][stage.region]
    if group not in backend.groups:
        return
    stream = hashlib.md5(f"{stage.api_id}/{stage.name}".encode(), usedforsecurity=False).hexdigest()
    backend.ensure_log_stream(group, stream)
    line = substitute(access_log["format"], exchange.context, absent="-")
    backend.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": line}])


def _as_received(exchange: _Exchange) -> IncomingRequest:
    """Return the request with the headers that API Gateway adds for the integration."""
    request = exchange.request
    own = (
        ("X-Amzn-Trace-Id", exchange.trace_id),
        ("X-Forwarded-For", exchange.context["identity"]["sourceIp"]),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    )
    names = {name.lower() for name, _ in own}
    return replace(request, headers=[*(pair for pair in request.headers if pair[0].lower() not in names), *own])
