"""CloudWatch metrics of a request, in its log line: the embedded metric format.

A request leaves one line on standard output, which is its log record and its metrics at once: a document of the
embedded metric format may have members beside those to extract
(docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).

Each metric has the dimensions `ModelName` and `StackName`, so that environments that share an account and region do not
count each other's requests. Beside them it still has `ModelName` alone, as before 0.2, for the alarms on it; 0.3 drops
that.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from invoke_shim.contract import METRICS_NAMESPACE, MODEL_DIMENSION, STACK_DIMENSION
from invoke_shim.telemetry import logs


class Outcome(NamedTuple):
    """The outcome of a request. A named tuple, because a dataclass takes a millisecond of a cold start to make.

    Attributes:
        route: The route's path, of the routes there are: "/v1/chat/completions"; "unknown" for any other path.
        status: The HTTP status.
        seconds: From the request's start to the answer's end.
        error_kind: The kind of error that it ended with, of a few: an `ApiError`'s type, "crash", "timeout",
            "broken_stream" (any other error after the first byte), "client_gone"; None if with none. It is a metric's
            dimension, so never a text of the client's.
        stream: Whether the answer was streamed.
        prompt_tokens: Tokens of the prompt, where the container counted them.
        completion_tokens: Tokens of the answer, where the container counted them.
        first_byte_seconds: From the request's start to the first byte of a streamed answer.
        cold_wait_seconds: The part of it spent waiting for a model that was not ready; None or 0 for none.
    """

    route: str
    status: int
    seconds: float
    error_kind: str | None = None
    stream: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_byte_seconds: float | None = None
    cold_wait_seconds: float | None = None


def emit(
    model_name: str,
    outcome: Outcome,
    fields: Mapping[str, Any] | None = None,
    private: Mapping[str, Any] | None = None,
    *,
    stack: str | None = None,
) -> None:
    """Write a request's line: log record and metrics.

    Args:
        model_name: The model's name to clients, a dimension of the metrics.
        outcome: The request's outcome.
        fields: Further fields: request_id, trace_id, method, error_type, error_code, upstream, where.
        private: Fields that may hold a prompt, an answer or a part of one, an error's message too; logged only where
            the environment opted in (`logs.configure`).
        stack: The stack's name, the metrics' other dimension; None for none.
    """
    log = {
        "route": outcome.route,
        "status": outcome.status,
        "stream": outcome.stream,
        "duration_ms": round(outcome.seconds * 1000),
        **(fields or {}),
    }
    logs.request(
        level="ERROR"
        if outcome.status >= 500 or outcome.error_kind in ("crash", "timeout", "broken_stream")
        else "INFO",
        metrics=document(model_name, outcome, stack),
        fields=log,
        private=private or {},
    )


def document(model_name: str, outcome: Outcome, stack: str | None = None) -> dict[str, Any]:
    """Build the members of an embedded metric format document: its metrics, each only if it has a value."""
    values: dict[str, float] = {"Requests": 1}
    units = {"Requests": "Count"}

    def add(name: str, value: float | None, unit: str) -> None:
        if value is not None:
            values[name] = value
            units[name] = unit

    add("PromptTokens", outcome.prompt_tokens, "Count")
    add("CompletionTokens", outcome.completion_tokens, "Count")
    if outcome.first_byte_seconds is not None:
        add("TimeToFirstByte", round(outcome.first_byte_seconds * 1000, 1), "Milliseconds")
    waited = outcome.cold_wait_seconds or 0
    if outcome.completion_tokens and outcome.seconds > waited:
        add("TokensPerSecond", round(outcome.completion_tokens / (outcome.seconds - waited), 1), "Count/Second")
    if waited:
        add("ColdWaitSeconds", round(waited, 3), "Seconds")
    members: dict[str, Any] = {MODEL_DIMENSION: model_name, **values}
    sets = [[MODEL_DIMENSION]]
    if stack is not None:
        members[STACK_DIMENSION] = stack
        sets.append([MODEL_DIMENSION, STACK_DIMENSION])
    directives = [_directive(sets, units)]
    if outcome.error_kind is not None:
        # All errors under the model's name, for an alarm, and each kind by itself.
        kinds = [[*names, "ErrorKind"] for names in sets]
        directives.append(_directive([*sets, *kinds], {"Errors": "Count"}))
        members |= {"ErrorKind": outcome.error_kind, "Errors": 1}
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives}, **members}


def _directive(dimensions: list[list[str]], units: Mapping[str, str]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return {"Namespace": METRICS_NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}
