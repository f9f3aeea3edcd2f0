"""API Gateway: deployed REST APIs that answer.

moto keeps the APIs and answers their control plane; nothing would answer their URLs. Here a request whose Host is that
of an API (`{id}.execute-api.{region}.amazonaws.com`) goes through the API's deployment: routing, IAM or Lambda
authorization, usage plans, Lambda proxy and mock integrations, gateway responses, access log. A custom domain name that
is mapped to a stage is such a Host too. For clients that cannot choose the Host there is the path `/_localaws/execute-
api/{region}/{id}/{stage}/...` with the same effect. Throttles of single methods, caches of answers, request validators,
Cognito authorizers, other integrations, resource policies of APIs and AWS WAF are not built.

All of that is served on a port of its own, so that a page of a browser may call an API as its template allows, and
nothing else of AWS.

* `deployed`: what a deployment holds, and which method answers.
* `signature`: who signed a request.
* `authorizer`: whom a Lambda authorizer lets in.
* `usage_plans`: whose key a request brings, and how many it may send.
* `throttling`: token buckets, of keys and of stages.
* `domains`: custom domain names.
* `proxy`: the function's event and response.
* `errors`: API Gateway's own answers.
* `integration`: the function of a method.
* `mock`: answers without one.
* `transfer_mode`, `streaming`: answers that are passed on as they come.
* `execution`: the way of a request through all that.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from moto.apigateway.models import RestAPI, apigateway_backends
from werkzeug.wrappers import Request, Response

from localaws import functions, gate, loopback, settings
from localaws.gateway import domains, own_logs, transfer_mode, usage_plans
from localaws.gateway.deployed import DeployedApi, Stage, Throttle
from localaws.gateway.execution import execute
from localaws.gateway.proxy import IncomingRequest
from localaws.moto_patches import replace
from localaws.signature import SignedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["handle", "install", "serve"]

_HOST: Final = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?::\d+)?")
# The name of the settings of all methods of a stage.
_ALL_METHODS: Final = "*/*"
_PLAIN_PATH: Final = re.compile(r"/_localaws/execute-api/(?P<region>[a-z0-9-]+)/(?P<api>[a-z0-9]+)(?P<rest>/.*)")

_MOTO: Final[dict[str, Callable[..., Any]]] = {}
"""moto's own methods, which those below go on to."""


def install() -> None:
    """Give every deployment that moto makes a copy of its API, and integrations their response transfer mode.

    Log groups of API Gateway's own are made as they are in AWS.
    """
    _MOTO.setdefault("create_deployment", RestAPI.create_deployment)
    replace(RestAPI, "create_deployment", _create_deployment)
    transfer_mode.install()
    own_logs.install()


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer a request for the usage of a plan, which moto does not meter; None if the request is another."""
    target = urlsplit(environ.get("RAW_URI", ""))
    usage = usage_plans.usage_response(target.path, target.query, environ.get("HTTP_AUTHORIZATION"))
    return None if usage is None else usage(environ, start_response)


def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request to a deployed API (the WSGI protocol); what is for none of them is refused without a word."""
    target = urlsplit(environ.get("RAW_URI", ""))
    name = environ.get("HTTP_HOST", "")
    mapped = domains.find(name, target.path)
    if mapped is not None:
        response = _answer(
            environ,
            region=mapped.region,
            api_id=mapped.api_id,
            stage_name=mapped.stage,
            path=mapped.path,
            query=target.query,
            domain_name=mapped.domain_name,
        )
        return response(environ, start_response)
    match, path = _HOST.fullmatch(name), target.path
    if match is None and loopback.is_named(name, settings.current().apis_port):
        match = _PLAIN_PATH.fullmatch(path)
        path = match["rest"] if match is not None else path
    if match is None:
        return gate.refusal()(environ, start_response)
    stage_name, _, rest = path.removeprefix("/").partition("/")
    response = _answer(
        environ,
        region=match["region"],
        api_id=match["api"],
        stage_name=stage_name,
        path=f"/{rest}",
        query=target.query,
    )
    return response(environ, start_response)


def _create_deployment(api: Any, *arguments: Any, **named_arguments: Any) -> Any:
    deployment = _MOTO["create_deployment"](api, *arguments, **named_arguments)
    deployment.deployed_api = DeployedApi.copy_of(api)
    return deployment


def _answer(
    environ: WSGIEnvironment,
    *,
    region: str,
    api_id: str,
    stage_name: str,
    path: str,
    query: str,
    domain_name: str | None = None,
) -> Response:
    request = Request(environ)
    body = request.get_data()
    stage = _stage(region, api_id, stage_name, domain_name)
    if stage is None:
        return _forbidden()
    source_ip = environ.get("REMOTE_ADDR", settings.HOST)
    sent = [(name, value) for name, value in request.headers.items() if value]
    response = execute(
        stage,
        IncomingRequest(
            method=request.method,
            path=path,
            query=query,
            headers=sent,
            body=body,
        ),
        SignedRequest(
            method=request.method,
            url=f"http://{request.headers.get('Host', '')}{environ.get('RAW_URI', '')}",
            headers=dict(sent),
            body=body,
        ),
        source_ip=source_ip,
        trace_id=request.headers.get("X-Amzn-Trace-Id") or functions.new_trace_id(),
    )
    answer = response.body if response.chunks is None else response.chunks
    return Response(answer, response.status, headers=list(response.headers))


def _stage(region: str, api_id: str, name: str, domain_name: str | None) -> Stage | None:
    """Return a stage of an API, or None where there is none, or none that answers at the API's own address."""
    api = apigateway_backends[settings.ACCOUNT][region].apis.get(api_id)
    stage = None if api is None else api.stages.get(name)
    if api is None or stage is None or stage.deployment_id not in api.deployments:
        return None
    deployment: Any = api.deployments[stage.deployment_id]
    if domain_name is None and not deployment.deployed_api.has_own_address:
        return None
    return Stage(
        region=region,
        api_id=api_id,
        name=name,
        deployment_id=deployment.id,
        api=deployment.deployed_api,
        variables=stage.variables or {},
        access_log=stage.access_log_settings,
        domain_name=domain_name,
        throttle=_throttle(stage),
    )


def _throttle(stage: Any) -> Throttle | None:
    """Return the throttle in the settings of all methods of moto's stage."""
    found = stage.method_settings.get(_ALL_METHODS)
    if found is None:
        return None
    return Throttle(rate=float(found["throttlingRateLimit"]), burst=int(found["throttlingBurstLimit"]))


def _forbidden() -> Response:
    """Return what API Gateway answers for a stage that there is not; no gateway response applies to it."""
    response = Response(json.dumps({"message": "Forbidden"}), 403, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = "ForbiddenException"
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response
