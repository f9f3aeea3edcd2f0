"""InvokeEndpoint: from the caller over HTTP to the endpoint's container and back, with SageMaker's errors.

Sources: the API reference of InvokeEndpoint for codes, fields and limits. The messages of ``ModelError`` and of an
unknown endpoint are those that users quote.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from localaws import iam, settings
from localaws.containers import ModelContainer
from localaws.sagemaker.endpoints import FLEET

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PATH: Final = re.compile(r"/endpoints/([^/]+)/(invocations|invocations-response-stream)")
_CREDENTIAL: Final = re.compile(r"Credential=[^/]+/\d+/([^/]+)/sagemaker/aws4_request")

# botocore's service model, BodyBlob: 6 MiB.
_MAX_BODY_BYTES: Final = 6_291_456
# API reference of InvokeEndpoint: a container has 60 seconds to respond.
_CONTAINER_TIMEOUT_SECONDS: Final = 60

_FORWARDED_HEADERS: Final = ("Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes")


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer an invocation of an endpoint; None if the request is another."""
    match = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if match is None or credential is None:
        return None
    endpoint_name, operation = unquote(match.group(1)), match.group(2)
    response = _answer(Request(environ), endpoint_name, operation, region=credential.group(1))
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response(environ, start_response)


def _answer(request: Request, endpoint_name: str, operation: str, *, region: str) -> Response:
    arn = f"arn:aws:sagemaker:{region}:{settings.ACCOUNT}:endpoint/{endpoint_name}"
    try:
        identity = iam.caller(request.headers.get("Authorization"))
        iam.authorize(identity, action="sagemaker:InvokeEndpoint", resource=arn)
    except iam.AccessDeniedError as error:
        return _error(403, "AccessDeniedException", {"Message": str(error)})
    if operation != "invocations":
        return _validation_error("the local AWS does not stream yet: use InvokeEndpoint")

    body = request.get_data()
    if len(body) > _MAX_BODY_BYTES:
        return _validation_error(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_MAX_BODY_BYTES}"
        )
    target = request.headers.get("X-Amzn-SageMaker-Target-Variant")
    found = FLEET.container(region, endpoint_name, target)
    if found is None:
        what = f"Variant {target} of endpoint" if target else "Endpoint"
        return _validation_error(f"{what} {endpoint_name} of account {settings.ACCOUNT} not found.")
    variant, container = found
    return _invoke(request, body, container, region=region, endpoint_name=endpoint_name, variant=variant)


def _invoke(
    request: Request, body: bytes, container: ModelContainer, *, region: str, endpoint_name: str, variant: str
) -> Response:
    headers = {name: request.headers[name] for name in _FORWARDED_HEADERS if name in request.headers}
    connection = HTTPConnection(settings.HOST, container.port, timeout=_CONTAINER_TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/invocations", body=body, headers=headers)
        answer = connection.getresponse()
        payload = answer.read()
    except TimeoutError:
        message = (
            "Your invocation timed out while waiting for a response from container primary. Review the latency "
            "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
        )
        return _model_error(0, message, region=region, endpoint_name=endpoint_name, variant=variant)
    finally:
        connection.close()
    if answer.status >= 400:
        original = payload.decode(errors="replace")
        return _model_error(answer.status, original, region=region, endpoint_name=endpoint_name, variant=variant)
    return _success(answer, payload, variant)


def _success(answer: HTTPResponse, payload: bytes, variant: str) -> Response:
    response = Response(payload, 200, content_type=answer.headers.get("Content-Type", "application/json"))
    response.headers["x-Amzn-Invoked-Production-Variant"] = variant
    return response


def _model_error(status: int, original: str, *, region: str, endpoint_name: str, variant: str) -> Response:
    """Return the error for a container that failed; `status` is 0 where it did not answer."""
    is_client_error = 400 <= status < 500
    group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
    return _error(
        424,
        "ModelError",
        {
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if is_client_error else "INTERNAL_FAILURE_FROM_MODEL",
            "LogStreamArn": f"arn:aws:logs:{region}:{settings.ACCOUNT}:log-group:{group}:log-stream:{variant}",
            "Message": (
                f"Received {'client' if is_client_error else 'server'} error ({status}) from primary with message "
                f'"{original}". See {console} in account {settings.ACCOUNT} for more information.'
            ),
            "OriginalMessage": original,
            "OriginalStatusCode": status,
        },
    )


def _validation_error(message: str) -> Response:
    return _error(400, "ValidationError", {"ErrorCode": "VALIDATION_ERROR", "Message": message})


def _error(status: int, error_type: str, document: dict[str, Any]) -> Response:
    response = Response(json.dumps(document), status, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = error_type
    return response
