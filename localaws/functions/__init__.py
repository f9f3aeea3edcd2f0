"""Lambda without Docker: deployed code runs in processes of this machine, warm from the second invocation on.

moto keeps the functions and answers their API; it would run their code in Docker. Here the deployed package is
unpacked once and run by a worker process under the deployed environment, with the credentials of the function's role.
The process gets its invocations from a Runtime API as Lambda's. What asks for them is AWS's own runtime for Python,
a runtime for Node, or one that the function brings (`AWS_LAMBDA_EXEC_WRAPPER`), which may stream. Retries of
asynchronous invocations, layers, versions and aliases are not built.

* `spec`: one state of a function, and the environment that it gives its code.
* `code`: the unpacked packages.
* `python_runtime.py` (and `python_loop.py` where `awslambdaric` cannot be installed), `node_runtime.js`: the programs
  that run a handler; they import nothing of this package.
* `runtime_api`, `messages`: the Runtime API, and what a process says by it.
* `output`, `worker`, `pools`: the processes.
* `replies`: those who wait for an answer.
* `streaming`: InvokeWithResponseStream.
* `logs`: CloudWatch Logs.
* `concurrency`: what functions may reserve of the account's concurrency.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends

from localaws import iam, settings
from localaws.functions import concurrency, logs, streaming
from localaws.functions.messages import Invocation
from localaws.functions.pools import POOLS, ThrottledError
from localaws.functions.replies import Answer, Reply, StreamedReply, WholeReply
from localaws.functions.spec import RESERVED_VARIABLES, WRAPPER_VARIABLE
from localaws.moto_patches import replace

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = [
    "ROUTES",
    "Answer",
    "StreamedReply",
    "ThrottledError",
    "handle",
    "install",
    "invoke",
    "new_trace_id",
    "shutdown",
    "stream",
]

# Lambda quotas: 6 MB for the payload of a synchronous invocation.
_MAX_PAYLOAD_BYTES: Final = 6_291_456
# Lambda documentation: 4 KB of environment variables.
_MAX_VARIABLES_BYTES: Final = 4096
# API reference of Invoke: the last 4 KB of the log.
_LOG_TAIL_BYTES: Final = 4096

ROUTES: Final = (concurrency.ROUTE,)

_MOTO: Final[dict[str, Callable[..., Any]]] = {}
"""moto's own methods, which those below go on to."""


def install() -> None:
    """Replace methods of moto by those of this module, which may go on to moto's."""
    for owner, name, method in (
        (LambdaFunction, "__init__", _init_function),
        (LambdaFunction, "update_configuration", _update_configuration),
        (LambdaFunction, "get_configuration", _get_configuration),
        (LambdaBackend, "create_function", _create_function),
        (LambdaBackend, "delete_function", _delete_function),
        (LambdaBackend, "put_function_concurrency", _put_function_concurrency),
    ):
        _MOTO.setdefault(name, getattr(owner, name))
        replace(owner, name, method)
    replace(LambdaFunction, "invoke", _invoke_function)


def shutdown() -> None:
    """End all workers; also done when the process ends in an orderly way."""
    POOLS.kill_all()


def invoke(function_arn: str, event: str, *, trace_id: str | None = None) -> Answer:
    """Run a function and wait for its whole answer.

    Args:
        function_arn: The function's ARN.
        event: The event as JSON text.
        trace_id: The value of the `X-Amzn-Trace-Id` header; None: a new one.

    Raises:
        ThrottledError: If its reserved concurrency is used up.
        moto.awslambda.exceptions.UnknownFunctionException: If there is no such function.
    """
    reply = WholeReply()
    _run(_function(function_arn), event, reply, request_id=str(uuid.uuid4()), trace_id=trace_id or new_trace_id())
    return reply.answer


def stream(function_arn: str, event: str, *, trace_id: str | None = None) -> StreamedReply:
    """Run a function and read its answer as it comes; one that does not stream answers in one part.

    Args:
        function_arn: The function's ARN.
        event: The event as JSON text.
        trace_id: The value of the `X-Amzn-Trace-Id` header; None: a new one.

    Returns:
        The answer; the first `read` raises `ThrottledError` if the function's reserved concurrency is used up.

    Raises:
        moto.awslambda.exceptions.UnknownFunctionException: If there is no such function.
    """
    return _start(_function(function_arn), event, trace_id)


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer InvokeWithResponseStream and GetAccountSettings; None if the request is another: moto answers the rest."""
    account = concurrency.answer(environ, start_response)
    return streaming.answer(environ, start_response, _start_checked) if account is None else account


def _start_checked(function: Any, body: str, trace_id: str | None) -> StreamedReply:
    try:
        event = _checked_event(body)
    except LambdaClientError as error:
        raise streaming.RefusedError(error.code, error.error_type, error.message) from error
    return _start(function, event, trace_id)


def _start(function: Any, event: str, trace_id: str | None) -> StreamedReply:
    reply = StreamedReply()

    def run() -> None:
        try:
            _run(function, event, reply, request_id=str(uuid.uuid4()), trace_id=trace_id or new_trace_id())
        except Exception as error:  # whoever reads gets it
            reply.refuse(error)

    threading.Thread(target=run, name=f"stream-{function.function_name}", daemon=True).start()
    return reply


def _function(function_arn: str) -> Any:
    region = function_arn.split(":")[3]
    return lambda_backends[settings.ACCOUNT][region].get_function(function_arn, None)


def new_trace_id() -> str:
    """Return a new value of the `X-Amzn-Trace-Id` header: X-Ray's version, the time and 96 random bits."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def _run(function: Any, event: str, reply: Reply, *, request_id: str, trace_id: str) -> list[str]:
    """Run moto's `function`, log what it wrote, end the reply, and return the lines of the log."""
    reserved = function.reserved_concurrency
    pool = POOLS.pool_of(function)
    outcome, worker = pool.invoke(
        Invocation(request_id=request_id, trace_id=trace_id, event=event),
        reply,
        reserved_concurrency=None if reserved is None else int(reserved),
    )
    lines = logs.lines_of(pool.spec, request_id, outcome)
    logs.write(pool.spec, worker.log_stream, lines)
    # Last, so that whoever has the answer finds the log written and the worker free.
    reply.end(outcome.error)
    return lines


def _run_unattended(function: Any, event: str, **arguments: str) -> None:
    """Run an asynchronous invocation; one that is throttled is lost, where Lambda would try again for six hours."""
    with contextlib.suppress(ThrottledError):
        _run(function, event, WholeReply(), **arguments)


def _invoke_function(
    function: Any, body: str | bytes, request_headers: Mapping[str, str], response_headers: MutableMapping[str, str]
) -> bytes:
    """Stand in for moto's way of running a function; `function` is moto's."""
    event = _checked_event(body)
    kind = request_headers.get("X-Amz-Invocation-Type", "RequestResponse")
    if kind == "DryRun":
        return b""
    arguments = {
        "request_id": str(uuid.uuid4()),
        "trace_id": request_headers.get("X-Amzn-Trace-Id") or new_trace_id(),
    }
    if kind == "Event":
        threading.Thread(target=_run_unattended, args=(function, event), kwargs=arguments, daemon=True).start()
        return b""
    reply = WholeReply()
    try:
        lines = _run(function, event, reply, **arguments)
    except ThrottledError as error:
        raise _throttled() from error
    if reply.answer.is_error:
        response_headers["x-amz-function-error"] = "Unhandled"
    tail = "\n".join(lines).encode()[-_LOG_TAIL_BYTES:]
    response_headers["x-amz-log-result"] = base64.b64encode(tail).decode()
    response_headers["x-amz-executed-version"] = str(function.version)
    return reply.answer.payload


def _checked_event(body: str | bytes) -> str:
    text = body.decode() if isinstance(body, bytes) else body
    size = len(text.encode())
    if size > _MAX_PAYLOAD_BYTES:
        error = LambdaClientError(
            "RequestTooLargeException",
            f"{size} byte payload is too large for the RequestResponse invocation type "
            f"(limit {_MAX_PAYLOAD_BYTES} bytes)",
        )
        error.code = 413
        raise error
    try:
        json.loads(text or "{}")
    except ValueError as problem:
        raise LambdaClientError(
            "InvalidRequestContentException", f"Could not parse request body into json: {problem}"
        ) from problem
    return text or "{}"


def _throttled() -> LambdaClientError:
    error = LambdaClientError("TooManyRequestsException", "Rate Exceeded.")
    error.code = 429
    error.description = json.dumps(
        {
            "Type": "User",
            "message": "Rate Exceeded.",
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        }
    )
    return error


def _init_function(function: Any, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
    """Call moto's constructor and store what it drops."""
    _MOTO["__init__"](function, account_id, spec, region, version)
    function.logging_config = spec.get("LoggingConfig") or {}


def _update_configuration(function: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
    _check_variables(config_updates)
    _check_wrapper(config_updates, config_updates.get("Runtime") or function.run_time)
    if "LoggingConfig" in config_updates:
        function.logging_config = config_updates["LoggingConfig"]
    if "TracingConfig" in config_updates:
        function.tracing_config = config_updates["TracingConfig"]
    configuration: dict[str, Any] = _MOTO["update_configuration"](function, config_updates)
    return configuration


def _get_configuration(function: Any, on_create: bool = False) -> dict[str, Any]:
    configuration: dict[str, Any] = _MOTO["get_configuration"](function, on_create)
    defaults = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.function_name}"}
    return {**configuration, "LoggingConfig": {**defaults, **function.logging_config}}


def _create_function(backend: Any, spec: dict[str, Any]) -> Any:
    runtime = spec.get("Runtime") or ""
    if not runtime.startswith(("python", "nodejs")):
        raise InvalidParameterValueException(f"the local AWS runs python* and nodejs* functions, not {runtime!r}")
    if not iam.can_be_assumed_by(spec["Role"], "lambda.amazonaws.com"):
        raise InvalidParameterValueException("The role defined for the function cannot be assumed by Lambda.")
    _check_variables(spec)
    _check_wrapper(spec, runtime)
    return _MOTO["create_function"](backend, spec)


def _delete_function(backend: Any, function_name: str, qualifier: str | None = None) -> None:
    function = backend.get_function(function_name, qualifier)
    _MOTO["delete_function"](backend, function_name, qualifier)
    POOLS.discard(function.function_arn)


def _put_function_concurrency(backend: Any, function_name: str, reserved_concurrency: int) -> Any:
    concurrency.check(backend, backend.get_function(function_name).function_name, int(reserved_concurrency))
    return _MOTO["put_function_concurrency"](backend, function_name, int(reserved_concurrency))


def _check_variables(spec: Mapping[str, Any]) -> None:
    """Refuse environment variables as Lambda does."""
    variables = (spec.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used "
            f"in this request: {', '.join(reserved)}"
        )
    if sum(len(name) + len(value) for name, value in variables.items()) > _MAX_VARIABLES_BYTES:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided exceeded the 4KB limit."
        )


def _check_wrapper(spec: Mapping[str, Any], runtime: str) -> None:
    variables = (spec.get("Environment") or {}).get("Variables") or {}
    if variables.get(WRAPPER_VARIABLE) and not runtime.startswith("python"):
        raise InvalidParameterValueException(
            f"the local AWS runs python* functions with {WRAPPER_VARIABLE}, not {runtime!r}"
        )
