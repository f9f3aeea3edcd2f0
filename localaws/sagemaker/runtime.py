"""InvokeEndpoint and InvokeEndpointWithResponseStream: over HTTP to the endpoint's container and back.

Sources: the API reference of both for codes, fields, headers and limits. Of the IAM action of the streaming operation
AWS's documents say two things: its API reference names `sagemaker:InvokeEndpoint`, AWS's managed policies allow
`sagemaker:InvokeEndpointWithResponseStream` as an action of its own. Here both are needed.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from localaws import constraints, eventstream, iam, settings
from localaws.containers import ModelContainer
from localaws.sagemaker import runtime_errors, streaming
from localaws.sagemaker.endpoint_behaviour import EndpointBehaviour, Fault
from localaws.sagemaker.endpoints import FLEET
from localaws.sagemaker.exchange import Exchange

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PATH: Final = re.compile(r"/endpoints/([^/]+)/(invocations|invocations-response-stream)")
_CREDENTIAL: Final = re.compile(r"Credential=[^/]+/\d+/([^/]+)/sagemaker/aws4_request")

# botocore's service model, BodyBlob: 6 MiB.
_MAX_BODY_BYTES: Final = 6_291_456

_ACTIONS: Final[Mapping[bool, tuple[str, ...]]] = {
    False: ("sagemaker:InvokeEndpoint",),
    True: ("sagemaker:InvokeEndpointWithResponseStream", "sagemaker:InvokeEndpoint"),
}
# What a container gets to see, by the header that the caller sends: Accept has another name there for a stream.
_FORWARDED_HEADERS: Final[Mapping[bool, Mapping[str, str]]] = {
    False: {"Content-Type": "Content-Type", "Accept": "Accept"},
    True: {"Content-Type": "Content-Type", "X-Amzn-SageMaker-Accept": "Accept"},
}
_CUSTOM_ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer an invocation of an endpoint; None if the request is another."""
    match = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if match is None or credential is None:
        return None
    streamed = match.group(2) == "invocations-response-stream"
    response = _answer(Request(environ), unquote(match.group(1)), streamed=streamed, region=credential.group(1))
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response(environ, start_response)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invocation:
    """An invocation that is allowed, and where it goes."""

    region: str
    endpoint_name: str
    variant: str
    container: ModelContainer
    behaviour: EndpointBehaviour
    fault: Fault | None

    def model_error(self, status: int, original: str) -> Response:
        return runtime_errors.model_error(
            status, original, region=self.region, endpoint_name=self.endpoint_name, variant=self.variant
        )


def _answer(request: Request, endpoint_name: str, *, streamed: bool, region: str) -> Response:
    # IAM compares ARNs case-sensitively, and SageMaker writes endpoint names in lower case there.
    arn = f"arn:aws:sagemaker:{region}:{settings.ACCOUNT}:endpoint/{endpoint_name.lower()}"
    try:
        identity = iam.caller(request.headers.get("Authorization"))
        for action in _ACTIONS[streamed]:
            iam.authorize(identity, action=action, resource=arn)
    except iam.AccessDeniedError as error:
        return runtime_errors.error(403, "AccessDeniedException", {"Message": str(error)})

    body = request.get_data()
    if len(body) > _MAX_BODY_BYTES:
        return runtime_errors.validation_error(
            constraints.detected(
                "Value at 'body' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_MAX_BODY_BYTES}"
            )
        )
    target = request.headers.get("X-Amzn-SageMaker-Target-Variant")
    found = FLEET.container(region, endpoint_name, target)
    if found is None:
        return runtime_errors.not_found(endpoint_name, target)
    variant, container = found
    behaviour = FLEET.behaviour(region, endpoint_name)
    fault = behaviour.next_fault(streamed=streamed)
    if fault is not None:
        refusal = runtime_errors.of_fault(fault, region=region, endpoint_name=endpoint_name, variant=variant)
        if refusal is not None:
            return refusal
    invocation = _Invocation(
        region=region,
        endpoint_name=endpoint_name,
        variant=variant,
        container=container,
        behaviour=behaviour,
        fault=fault,
    )
    return _invoke(request, body, invocation, streamed=streamed)


def _invoke(request: Request, body: bytes, invocation: _Invocation, *, streamed: bool) -> Response:
    headers = {
        to: request.headers[sent] for sent, to in _FORWARDED_HEADERS[streamed].items() if sent in request.headers
    }
    attributes = request.headers.get(_CUSTOM_ATTRIBUTES)
    if attributes is not None:
        headers[_CUSTOM_ATTRIBUTES] = attributes
    limits = invocation.behaviour.limits
    deadline = time.monotonic() + limits.container_seconds
    try:
        exchange = Exchange(
            invocation.container.port, body, {**headers, **invocation.container.credential}, deadline=deadline
        )
        if exchange.status < 400 and streamed:
            return _stream(exchange, invocation)
        try:
            payload = exchange.read_all(deadline=deadline)
        finally:
            exchange.close()
    except TimeoutError:
        return invocation.model_error(0, runtime_errors.TIMED_OUT)
    except (HTTPException, ConnectionError):
        return invocation.model_error(0, runtime_errors.CONTAINER_DOWN)
    if exchange.status >= 400:
        return invocation.model_error(exchange.status, payload.decode(errors="replace"))
    response = Response(payload, 200, content_type=exchange.content_type)
    response.headers["x-Amzn-Invoked-Production-Variant"] = invocation.variant
    return response


def _stream(exchange: Exchange, invocation: _Invocation) -> Response:
    events = streaming.events(exchange, seconds=invocation.behaviour.limits.stream_seconds, fault=invocation.fault)
    response = Response(events, 200, content_type=eventstream.CONTENT_TYPE)
    response.call_on_close(exchange.close)
    response.headers["X-Amzn-SageMaker-Content-Type"] = exchange.content_type
    response.headers["x-Amzn-Invoked-Production-Variant"] = invocation.variant
    return response
