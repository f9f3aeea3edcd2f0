"""The runtime of the function: takes invocations from Lambda's Runtime API and streams every answer.

Lambda's own runtime for Python returns an answer only when it is whole. This one sends each chunk as the handler
makes it, in the form that API Gateway's response streaming asks for: a JSON object with status and headers, eight
zero bytes, and the body (API Gateway documentation, "Set up a Lambda proxy integration with payload response
streaming in API Gateway").
"""

import gc
import importlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from invoke_shim.http.proxy import BrokenStreamError, Response
from invoke_shim.runtime.runtime_api import (
    FunctionError,
    Invocation,
    ResponseStream,
    RuntimeApi,
    RuntimeApiError,
    StreamClosedError,
)
from invoke_shim.telemetry import logs

CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = bytes(8)
"""The end of the JSON object before the body. JSON text holds no zero byte."""

_TRACE_VARIABLE = "_X_AMZN_TRACE_ID"


class Context:
    """The context of an invocation, for the handler.

    Attributes:
        aws_request_id: Lambda's id of the invocation.
        trace_id: X-Ray's header, empty where there is none.
        invoked_function_arn: The function's ARN as it was invoked.
    """

    __slots__ = ("_deadline_ms", "aws_request_id", "invoked_function_arn", "trace_id")

    def __init__(self, invocation: Invocation) -> None:
        self.aws_request_id = invocation.request_id
        self.trace_id = invocation.trace_id
        self.invoked_function_arn = invocation.function_arn
        self._deadline_ms = invocation.deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the function."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


Handler = Callable[[Mapping[str, Any], Context], Response]


def main(environment: Mapping[str, str]) -> int:
    """Load the handler and answer invocations until Lambda ends the process.

    Args:
        environment: With AWS_LAMBDA_RUNTIME_API (host and port) and _HANDLER (`package.module.function`).

    Returns:
        The process's exit status.
    """
    address = environment.get("AWS_LAMBDA_RUNTIME_API")
    if not address:
        logs.write("FATAL", "AWS_LAMBDA_RUNTIME_API is not set: Lambda starts this program", {})
        return 2
    api = RuntimeApi(address)
    try:
        # What is imported stays: looking for garbage in it costs some 20 ms of a cold start, and time in every
        # later collection.
        gc.disable()
        handler = _load(environment, api)
        gc.freeze()
        gc.enable()
        if handler is None:
            return 1
        while True:
            _serve(api, handler, api.next())
    except RuntimeApiError as error:
        logs.write("FATAL", "the runtime API cannot be used", {"error": str(error)})
        return 1


def _load(environment: Mapping[str, str], api: RuntimeApi) -> Handler | None:
    """Import the handler; None if that fails, which is reported to Lambda."""
    name = environment.get("_HANDLER", "")
    module_name, _, function_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
        handler: Handler = getattr(module, function_name)
    except Exception as error:
        if isinstance(error, AttributeError) and error.name == function_name:
            kind = "Runtime.HandlerNotFound"
        elif isinstance(error, ImportError):
            kind = "Runtime.ImportModuleError"
        else:
            kind = _kind(error)
        # Nothing of a request can be in it: there was none yet.
        message = f"the handler {name!r} cannot be loaded: {error}"
        where = logs.frames_of(error.__traceback__)
        logs.write("FATAL", "initialization failed", {"error_type": kind, "error": message, "where": where})
        api.fail_initialization(FunctionError(kind, message, tuple(where)))
        return None
    return handler


def _serve(api: RuntimeApi, handler: Handler, invocation: Invocation) -> None:
    """Answer one invocation.

    Raises:
        RuntimeApiError: The process must end.
    """
    # botocore sends it on with every request that it makes.
    if invocation.trace_id:
        os.environ[_TRACE_VARIABLE] = invocation.trace_id
    else:
        os.environ.pop(_TRACE_VARIABLE, None)
    try:
        response = handler(json.loads(invocation.event), Context(invocation))
        first = _start(response)
    except Exception as crash:
        _warn_unless_accepted(invocation, api.fail(invocation.request_id, _crash(invocation, crash)))
        return
    stream = api.respond(invocation.request_id, CONTENT_TYPE)
    try:
        if response.chunks is None:
            status = stream.finish(first)
        else:
            stream.write(first)
            status = _pass_on(response.chunks, stream, invocation)
        _warn_unless_accepted(invocation, status)
    except StreamClosedError as closed:
        _warn(invocation, str(closed))
    finally:
        stream.close()
        _close(response.chunks, invocation)


def _start(response: Response) -> bytes:
    """Return all bytes up to the first chunk and with it: a failure until then is an error, not half an answer."""
    prelude = {"statusCode": response.status, "headers": response.all_headers(), "cookies": []}
    head = json.dumps(prelude, separators=(",", ":")).encode("ascii") + DELIMITER
    if response.chunks is None:
        return head + response.encoded_body()
    try:
        return head + next(response.chunks, b"")
    except BaseException:
        _close(response.chunks, None)
        raise


def _pass_on(chunks: Iterator[bytes], stream: ResponseStream, invocation: Invocation) -> int:
    """Send chunks as they come; return Lambda's status of the whole.

    Raises:
        StreamClosedError: Lambda takes no more.
        RuntimeApiError: The process must end.
    """
    try:
        for chunk in chunks:
            stream.write(chunk)
    except BrokenStreamError as broken:
        return stream.finish(error=FunctionError(f"Function.{_letters(broken.error_type)}", broken.message))
    except (StreamClosedError, RuntimeApiError):
        raise
    except Exception as crash:
        return stream.finish(error=_crash(invocation, crash))
    return stream.finish()


def _close(chunks: Iterator[bytes] | None, invocation: Invocation | None) -> None:
    """Close a generator; it may have ended by itself already."""
    close = getattr(chunks, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception as crash:
        if invocation is not None:
            _crash(invocation, crash)


def _crash(invocation: Invocation, crash: Exception) -> FunctionError:
    """Log a bug. Neither the log nor Lambda gets the message, which may quote a prompt."""
    kind = _kind(crash)
    where = logs.frames_of(crash.__traceback__)
    logs.write("ERROR", "crash", {"request_id": invocation.request_id, "error_type": kind, "where": where})
    return FunctionError(kind, f"unexpected error, see the log of request {invocation.request_id}", tuple(where))


def _warn_unless_accepted(invocation: Invocation, status: int) -> None:
    if status != 202:
        _warn(invocation, f"the answer was refused with {status}")


def _warn(invocation: Invocation, reason: str) -> None:
    logs.write("WARN", "lambda did not take the answer", {"request_id": invocation.request_id, "reason": reason})


def _kind(error: Exception) -> str:
    return f"Function.{_letters(type(error).__name__)}"


def _letters(name: str) -> str:
    """Convert a name to the form of an error's type in Lambda: ASCII letters, the first a capital."""
    words = "".join(character if character.isascii() and character.isalpha() else " " for character in name).split()
    return "".join(word[0].upper() + word[1:] for word in words) or "Unknown"
