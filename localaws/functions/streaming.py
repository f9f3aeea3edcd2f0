"""InvokeWithResponseStream over HTTP: the parts of an answer as events, then how it ended.

moto has no such operation. The last 4 KB of the log (`LogType`) are not given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from werkzeug.wrappers import Request, Response

from localaws import eventstream, iam, settings
from localaws.functions.pools import ThrottledError
from localaws.functions.replies import StreamedReply

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Start = Callable[[Any, str, str | None], StreamedReply]
"""Runs moto's function with an event and a trace id."""

_PATH: Final = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations")
_REGION: Final = re.compile(r"Credential=[^/]+/\d+/([^/]+)/lambda/aws4_request")


class RefusedError(Exception):
    """A request that Lambda refuses; `status` is HTTP's."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


def answer(environ: WSGIEnvironment, start_response: StartResponse, start: Start) -> Iterable[bytes] | None:
    """Answer InvokeWithResponseStream; None if the request is another.

    Args:
        environ: The request.
        start_response: Takes status and headers.
        start: Runs the function; raises `RefusedError` if the event is not one.
    """
    match = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    if match is None:
        return None
    request = Request(environ)
    try:
        response = _invoke(request, unquote(match[1]), start)
    except RefusedError as refused:
        document = {"Type": "User", "message": str(refused)}
        response = Response(json.dumps(document), refused.status, content_type="application/json")
        response.headers["x-amzn-ErrorType"] = refused.error_type
    return response(environ, start_response)


def _invoke(request: Request, name: str, start: Start) -> Response:
    credential = _REGION.search(request.headers.get("Authorization", ""))
    region = "us-east-1" if credential is None else credential[1]
    try:
        function: Any = lambda_backends[settings.ACCOUNT][region].get_function(name, None)
    except UnknownFunctionException as error:
        arn = f"arn:aws:lambda:{region}:{settings.ACCOUNT}:function:{name.rpartition(':')[2]}"
        raise RefusedError(404, "ResourceNotFoundException", f"Function not found: {arn}") from error
    try:
        identity = iam.caller(request.headers.get("Authorization"))
        iam.authorize(identity, action="lambda:InvokeFunction", resource=function.function_arn)
    except iam.AccessDeniedError as error:
        raise RefusedError(403, "AccessDeniedException", str(error)) from error
    if request.headers.get("X-Amz-Invocation-Type") == "DryRun":
        return Response(status=204)
    reply = start(function, request.get_data(as_text=True), request.headers.get("X-Amzn-Trace-Id"))
    try:
        first = reply.read()
    except ThrottledError as error:
        raise RefusedError(429, "TooManyRequestsException", "Rate Exceeded.") from error
    response = Response(_events(reply, first), 200, content_type=eventstream.CONTENT_TYPE)
    response.headers["X-Amz-Executed-Version"] = str(function.version)
    return response


def _events(reply: StreamedReply, first: bytes | None) -> Iterator[bytes]:
    part = first
    while part is not None:
        yield eventstream.event("PayloadChunk", part, content_type="application/octet-stream")
        part = reply.read()
    complete = {}
    if reply.error is not None:
        complete = {"ErrorCode": str(reply.error["errorType"]), "ErrorDetails": json.dumps(reply.error)}
    yield eventstream.json_event("InvokeComplete", complete)
