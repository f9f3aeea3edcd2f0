"""The integration of a method: its function, if the function lets the API invoke it, within the time that it has.

Source of the statuses: Lambda documentation, "Error handling with the API Gateway API": 500 where Lambda refuses the
invocation (no permission, throttled), 502 where the function fails or its response is malformed. Both are of the type
`INTEGRATION_FAILURE` by public reports: access logs about a function that failed, and a forum about one throttled.
"""

from __future__ import annotations

import queue
import re
import threading
from typing import Final

from localaws import functions
from localaws.functions import permissions
from localaws.gateway.deployed import Method, Stage
from localaws.gateway.errors import GatewayError
from localaws.gateway.proxy import MalformedResponseError, ProxyResponse, response_of
from localaws.gateway.streaming import open_stream

_SERVICE: Final = "apigateway.amazonaws.com"
FUNCTION: Final = re.compile(r"/functions/(arn:aws:lambda:[^/]+)/(?:response-streaming-)?invocations")
"""Finds the function's ARN in the URI of an integration or an authorizer."""

_INTERNAL_ERROR: Final = "Internal server error"

MAX_EVENT_BYTES: Final = 6_291_456
"""Lambda quotas: 6 MB for an event."""


def run(stage: Stage, method: Method, event: str, *, trace_id: str) -> ProxyResponse:
    """Run the function of `method` and return its response, or the head of one that streams.

    Args:
        stage: The stage that was called.
        method: The method that answers.
        event: The function's event as JSON text.
        trace_id: The value of the `X-Amzn-Trace-Id` header.

    Raises:
        GatewayError: If there is no response.
    """
    match = FUNCTION.search(method.integration_uri)
    if method.integration_type != "AWS_PROXY" or match is None:
        raise GatewayError(
            "API_CONFIGURATION_ERROR", f"the local AWS runs Lambda proxy integrations, not {method.integration_type}"
        )
    function_arn = match.group(1)
    source_arn = f"{stage.arn}/{method.http_method}{method.path}"
    if not may_invoke(function_arn, region=stage.region, source_arn=source_arn):
        raise GatewayError("API_CONFIGURATION_ERROR", _INTERNAL_ERROR)
    if len(event.encode()) > MAX_EVENT_BYTES:
        raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long")
    if method.is_streaming:
        reply = functions.stream(function_arn, event, trace_id=trace_id)
        return open_stream(reply, seconds=method.timeout_ms / 1000, idle_seconds=stage.api.idle_seconds)
    answer = _within(method.timeout_ms / 1000, function_arn, event, trace_id)
    if answer.is_error:
        raise GatewayError("INTEGRATION_FAILURE", _INTERNAL_ERROR, status=502)
    try:
        return response_of(answer.payload)
    except MalformedResponseError as error:
        raise GatewayError(None, _INTERNAL_ERROR, status=502) from error


def may_invoke(function_arn: str, *, region: str, source_arn: str) -> bool:
    """Return whether the function's own policy lets API Gateway invoke it for `source_arn`; no function, no."""
    return permissions.may_invoke(function_arn, service=_SERVICE, region=region, source_arn=source_arn)


def _within(seconds: float, function_arn: str, event: str, trace_id: str) -> functions.Answer:
    """Run a function; it goes on where the time is over, but nobody waits for it any more."""
    answers: queue.SimpleQueue[functions.Answer | functions.ThrottledError] = queue.SimpleQueue()

    def invoke() -> None:
        try:
            answers.put(functions.invoke(function_arn, event, trace_id=trace_id))
        except functions.ThrottledError as error:
            answers.put(error)

    threading.Thread(target=invoke, name="integration", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty as error:
        raise GatewayError("INTEGRATION_TIMEOUT", "Endpoint request timed out") from error
    if isinstance(answer, functions.ThrottledError):
        raise GatewayError("INTEGRATION_FAILURE", _INTERNAL_ERROR, status=500) from answer
    return answer
