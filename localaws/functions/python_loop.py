"""Run a Python function without `awslambdaric`: invocations from the Runtime API, answers back to it.

Used where AWS's package cannot be installed (macOS). It writes logs and errors as `awslambdaric` does, as far as the
functions of a stack show it. Standard library only.
"""

from __future__ import annotations

import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

_PREFIX = "/2018-06-01/runtime"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"

_current_request_id = ""


class LambdaContext:
    """The context object that a handler is given (Lambda documentation, "Using the Lambda context object")."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Return how many milliseconds are left before the invocation times out."""
        return max(0, self._deadline_ms - round(time.time() * 1000))


class TextFormatter(logging.Formatter):
    """Log records as lines of level, time, request id and message, separated by tabs."""

    def __init__(self) -> None:
        super().__init__("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`."""
        record.request_id = _current_request_id
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """Log records as JSON objects (Lambda documentation, "Log and monitor Python Lambda functions")."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object of `record` as one line."""
        document: dict[str, Any] = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": _current_request_id,
        }
        if record.exc_info and record.exc_info[0] is not None:
            document["errorType"] = record.exc_info[0].__name__
            document["errorMessage"] = str(record.exc_info[1])
            document["stackTrace"] = traceback.format_tb(record.exc_info[2])
            document["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        return json.dumps(document, default=str, ensure_ascii=False)


class RuntimeApi:
    """The Runtime API over one connection."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)

    def next(self) -> tuple[Mapping[str, str], bytes]:
        """Wait for an invocation; return the headers and the event."""
        self._connection.request("GET", f"{_PREFIX}/invocation/next")
        response = self._connection.getresponse()
        return dict(response.headers.items()), response.read()

    def post(self, path: str, body: bytes, **headers: str) -> None:
        """Send an answer or an error."""
        _flush_output()
        self._connection.request("POST", f"{_PREFIX}/{path}", body, {"Content-Type": "application/json", **headers})
        self._connection.getresponse().read()

    def post_error(self, path: str, error: Mapping[str, Any]) -> None:
        """Log an error and send it."""
        _log_error(error)
        self.post(path, json.dumps(error).encode(), **{_ERROR_TYPE: error["errorType"]})


def main() -> None:
    """Load the handler and run invocations until the other end closes the connection."""
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    _configure_logging()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        handler = _load(os.environ["_HANDLER"])
    except Exception as error:  # whatever the function's module raises is a report, not a fault of this program
        api.post_error("init/error", _initialization_error(error))
        sys.exit(1)
    while True:
        _run(api, handler, *api.next())


def _run(
    api: RuntimeApi, handler: Callable[[Any, LambdaContext], Any], headers: Mapping[str, str], event: bytes
) -> None:
    global _current_request_id  # noqa: PLW0603 - one invocation at a time, and the log formatters have no other way
    context = LambdaContext(headers)
    _current_request_id = context.aws_request_id
    os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
    path = f"invocation/{context.aws_request_id}"
    try:
        value = handler(json.loads(event), context)
    except Exception as error:  # an unhandled exception is the function's answer
        api.post_error(f"{path}/error", _error(error, context.aws_request_id))
        return
    try:
        payload = json.dumps(value, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        kind, message = "Runtime.MarshalError", f"Unable to marshal response: {error}"
        api.post_error(f"{path}/error", _described(kind, message, context.aws_request_id))
        return
    api.post(f"{path}/response", payload)


def _load(name: str) -> Callable[[Any, LambdaContext], Any]:
    """Import the handler `name`, e.g. `package.module.function` or `folder/module.function`."""
    module_name, _, function_name = name.rpartition(".")
    module = importlib.import_module(module_name.replace("/", "."))
    handler: Callable[[Any, LambdaContext], Any] = getattr(module, function_name)
    return handler


def _initialization_error(error: Exception) -> dict[str, Any]:
    """Return the report of a handler that could not be loaded, in the words of AWS's runtime."""
    module_name, _, function_name = os.environ["_HANDLER"].rpartition(".")
    if isinstance(error, ImportError):
        return _described("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    if isinstance(error, AttributeError) and function_name in str(error):
        return _described("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return _error(error, "")


def _error(error: Exception, request_id: str) -> dict[str, Any]:
    found = traceback.extract_tb(_below_this_file(error.__traceback__))
    # Without the columns that Python would underline: AWS's runtime leaves them out.
    trace = traceback.format_list([(frame.filename, frame.lineno or 0, frame.name, frame.line) for frame in found])
    return {**_described(type(error).__name__, str(error), request_id), "stackTrace": trace}


def _described(kind: str, message: str, request_id: str = "") -> dict[str, Any]:
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": []}


def _below_this_file(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames


def _log_error(error: Mapping[str, Any]) -> None:
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        print(json.dumps({"timestamp": moment, "level": "ERROR", **error}))
        return
    lines = "".join(error["stackTrace"]).replace("\n", "\r")
    # Lambda's Python runtime joins the lines of one event with carriage returns.
    print(f"[ERROR] {error['errorType']}: {error['errorMessage']}\rTraceback (most recent call last):\r{lines}")


def _configure_logging() -> None:
    logging.Formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    root = logging.getLogger()
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        handler.setFormatter(JsonFormatter())
        root.setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO"))
    else:
        handler.setFormatter(TextFormatter())
    root.addHandler(handler)


def _flush_output() -> None:
    sys.stderr.flush()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
