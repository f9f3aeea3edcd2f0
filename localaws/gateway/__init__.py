"""API Gateway: deployed REST APIs that answer.

moto keeps the APIs and answers their control plane; nothing would answer their URLs. Here a request whose Host is
that of an API (``{id}.execute-api.{region}.amazonaws.com``) goes through the API's deployment: routing, IAM
authorization, request validation, Lambda proxy integration, gateway responses, access log. For clients that cannot
choose the Host there is the path ``/_localaws/execute-api/{region}/{id}/{stage}/...`` with the same effect. Usage
plans, API keys, throttling of stages, caches, other authorizers, other integrations and resource policies of APIs
are not built.

* `deployed`: what a deployment holds, and which method answers.
* `signature`: who signed a request.
* `proxy`: the function's event and response.
* `errors`: API Gateway's own answers.
* `integration`: the function of a method.
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

from localaws import functions, settings
from localaws.gateway.deployed import DeployedApi, Stage
from localaws.gateway.execution import execute
from localaws.gateway.proxy import IncomingRequest
from localaws.gateway.signature import SignedRequest
from localaws.moto_patches import replace

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["handle", "install"]

_HOST: Final = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?::\d+)?")
_PLAIN_PATH: Final = re.compile(r"/_localaws/execute-api/(?P<region>[a-z0-9-]+)/(?P<api>[a-z0-9]+)(?P<rest>/.*)")

_MOTO: Final[dict[str, Callable[..., Any]]] = {}
"""moto's own methods, which those below go on to."""


def install() -> None:
    """Give every deployment that moto makes a copy of its API."""
    _MOTO.setdefault("create_deployment", RestAPI.create_deployment)
    replace(RestAPI, "create_deployment", _create_deployment)


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer a request to a deployed API; None if the request is another."""
    raw_uri: str = environ.get("RAW_URI", "")
    target = urlsplit(raw_uri)
    host = _HOST.fullmatch(environ.get("HTTP_HOST", ""))
    plain = _PLAIN_PATH.fullmatch(target.path)
    match = host or plain
    if match is None:
        return None
    path = plain["rest"] if plain is not None and host is None else target.path
    response = _answer(environ, region=match["region"], api_id=match["api"], path=path, query=target.query)
    return response(environ, start_response)


def _create_deployment(api: Any, *arguments: Any, **named_arguments: Any) -> Any:
    deployment = _MOTO["create_deployment"](api, *arguments, **named_arguments)
    deployment.deployed_api = DeployedApi.copy_of(api)
    return deployment


def _answer(environ: WSGIEnvironment, *, region: str, api_id: str, path: str, query: str) -> Response:
    request = Request(environ)
    body = request.get_data()
    stage_name, _, rest = path.removeprefix("/").partition("/")
    stage = _stage(region, api_id, stage_name)
    if stage is None:
        return _forbidden()
    source_ip = environ.get("REMOTE_ADDR", settings.HOST)
    sent = [(name, value) for name, value in request.headers.items() if value]
    response = execute(
        stage,
        IncomingRequest(
            method=request.method,
            path=f"/{rest}",
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
    return Response(response.body, response.status, headers=list(response.headers))


def _stage(region: str, api_id: str, name: str) -> Stage | None:
    """Return a stage of an API, or None where there is no such API or stage."""
    api = apigateway_backends[settings.ACCOUNT][region].apis.get(api_id)
    stage = None if api is None else api.stages.get(name)
    if api is None or stage is None or stage.deployment_id not in api.deployments:
        return None
    deployment: Any = api.deployments[stage.deployment_id]
    return Stage(
        region=region,
        api_id=api_id,
        name=name,
        deployment_id=deployment.id,
        api=deployment.deployed_api,
        variables=stage.variables or {},
        access_log=stage.access_log_settings,
    )


def _forbidden() -> Response:
    """Return what API Gateway answers for a stage that there is not; no gateway response applies to it."""
    response = Response(json.dumps({"message": "Forbidden"}), 403, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = "ForbiddenException"
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response
