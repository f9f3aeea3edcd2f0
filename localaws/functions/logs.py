"""A function's output in CloudWatch Logs, with the lines that Lambda adds."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime

from moto.logs.models import logs_backends

from localaws import iam, settings
from localaws.functions.spec import FunctionSpec
from localaws.functions.worker import Outcome
from localaws.iam.policy import Decision, Request, evaluate


def lines_of(spec: FunctionSpec, request_id: str, outcome: Outcome) -> list[str]:
    """Return all lines of an invocation: the platform's start, the function's own, the platform's report.

    Source of the platform's lines: Lambda documentation, "Sending Lambda function logs to CloudWatch Logs".
    """
    if spec.log_format == "JSON":
        return [
            _platform_event("platform.start", {"requestId": request_id, "version": spec.version}),
            *outcome.output,
            _platform_event("platform.report", _report_record(spec, request_id, outcome)),
        ]
    initialization = "" if outcome.initialization_ms is None else f"\tInit Duration: {outcome.initialization_ms:.2f} ms"
    return [
        f"START RequestId: {request_id} Version: {spec.version}",
        *outcome.output,
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}\tDuration: {outcome.duration_ms:.2f} ms"
        f"\tBilled Duration: {math.ceil(outcome.duration_ms)} ms\tMemory Size: {spec.memory_mb} MB"
        f"\tMax Memory Used: {outcome.peak_memory_mb} MB{initialization}",
    ]


def write(spec: FunctionSpec, log_stream: str, lines: list[str]) -> None:
    """Write `lines` to the function's log group, as far as its role permits.

    As in Lambda, a function whose role may not write logs runs without them, and the group is created only if the
    role may create it.
    """
    backend = logs_backends[settings.ACCOUNT][spec.region]
    group = f"arn:aws:logs:{spec.region}:{settings.ACCOUNT}:log-group:{spec.log_group}"
    stream = f"{group}:log-stream:{log_stream}"
    if not (_may(spec, "logs:CreateLogStream", group + ":log-stream:") and _may(spec, "logs:PutLogEvents", stream)):
        return
    if spec.log_group not in backend.groups:
        if not _may(spec, "logs:CreateLogGroup", group):
            return
        backend.ensure_log_group(spec.log_group)
    backend.ensure_log_stream(spec.log_group, log_stream)
    now = int(time.time() * 1000)
    backend.put_log_events(spec.log_group, log_stream, [{"timestamp": now, "message": line} for line in lines])


def _may(spec: FunctionSpec, action: str, resource: str) -> bool:
    return evaluate(iam.role_statements(spec.role), Request(action=action, resource=resource)) is Decision.ALLOWED


def _platform_event(kind: str, record: dict[str, object]) -> str:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": moment, "type": kind, "record": record})


def _report_record(spec: FunctionSpec, request_id: str, outcome: Outcome) -> dict[str, object]:
    metrics: dict[str, float] = {
        "durationMs": round(outcome.duration_ms, 3),
        "billedDurationMs": math.ceil(outcome.duration_ms),
        "memorySizeMB": spec.memory_mb,
        "maxMemoryUsedMB": outcome.peak_memory_mb,
    }
    if outcome.initialization_ms is not None:
        metrics["initDurationMs"] = round(outcome.initialization_ms, 3)
    return {"requestId": request_id, "status": "error" if outcome.is_failure else "success", "metrics": metrics}
