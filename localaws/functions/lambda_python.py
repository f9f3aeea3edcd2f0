"""The Python runtime of a Lambda function: runs in a process of its own, from the function's code folder.

Standard library only: nothing but the function's code and the interpreter's packages may be importable here.

It reads invocations from standard input and writes what became of them to the pipe whose number is in
``LOCALAWS_RESULT_FD``, both as frames: four bytes of length, big-endian, then JSON. What the function prints goes to
standard output, before the frame.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO

_PARENT_POLL_SECONDS = 1.0

_current_request_id = ""


class LambdaContext:
    """The context object that a handler is given (Lambda documentation, "Using the Lambda context object")."""

    def __init__(self, *, request_id: str, deadline_ms: int, invoked_function_arn: str) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = invoked_function_arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Return how many milliseconds are left before the invocation times out."""
        return max(0, self._deadline_ms - round(time.time() * 1000))


class TextFormatter(logging.Formatter):
    """Log records as lines of level, time, request id and message, separated by tabs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        moment = moment.replace("+00:00", "Z")
        return f"[{record.levelname}]\t{moment}\t{_current_request_id}\t{super().format(record)}"


class JsonFormatter(logging.Formatter):
    """Log records as JSON objects (Lambda documentation, "Log and monitor Python Lambda functions")."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object of `record` as one line."""
        document: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": _current_request_id,
        }
        if record.exc_info and record.exc_info[0] is not None:
            document["errorType"] = record.exc_info[0].__name__
            document["errorMessage"] = str(record.exc_info[1])
            document["stackTrace"] = traceback.format_tb(record.exc_info[2])
        return json.dumps(document, default=str)


def main() -> None:
    """Load the handler and run invocations until the other end closes standard input."""
    results = os.fdopen(int(os.environ.pop("LOCALAWS_RESULT_FD")), "wb")
    requests = os.fdopen(os.dup(0), "rb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
    _configure_logging()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])

    try:
        handler = _load(os.environ["_HANDLER"])
    except Exception as error:  # whatever the function's module raises is a report, not a fault of this program
        _flush_output()
        _send(results, {"kind": "error", "error": _initialization_error(error)})
        sys.exit(1)
    _send(results, {"kind": "ready"})
    while (request := _receive(requests)) is not None:
        result = _run(handler, request)
        _flush_output()
        _send(results, result)


def _run(handler: Callable[[Any, LambdaContext], Any], request: dict[str, Any]) -> dict[str, Any]:
    global _current_request_id  # noqa: PLW0603 - one invocation at a time, and the log formatters have no other way
    request_id = _current_request_id = request["request_id"]
    os.environ["_X_AMZN_TRACE_ID"] = request["trace_id"]
    context = LambdaContext(
        request_id=request_id, deadline_ms=request["deadline_ms"], invoked_function_arn=request["function_arn"]
    )
    try:
        value = handler(json.loads(request["event"]), context)
    except Exception as error:  # an unhandled exception is the function's answer
        document = _error(error, request_id)
        print(f"[ERROR] {document['errorType']}: {document['errorMessage']}\n{''.join(document['stackTrace'])}")
        return {"kind": "error", "error": document}
    try:
        return {"kind": "result", "payload": json.dumps(value)}
    except (TypeError, ValueError) as error:
        document = {
            "errorMessage": f"Unable to marshal response: {error}",
            "errorType": "Runtime.MarshalError",
            "requestId": request_id,
            "stackTrace": [],
        }
        return {"kind": "error", "error": document}


def _load(name: str) -> Callable[[Any, LambdaContext], Any]:
    """Import the handler `name`, e.g. ``package.module.function`` or ``folder/module.function``."""
    module_name, _, function_name = name.rpartition(".")
    module = importlib.import_module(module_name.replace("/", "."))
    handler: Callable[[Any, LambdaContext], Any] = getattr(module, function_name)
    return handler


def _initialization_error(error: Exception) -> dict[str, Any]:
    """Return the report of a handler that could not be loaded, in the words of AWS's runtime."""
    module_name, _, function_name = os.environ["_HANDLER"].rpartition(".")
    if isinstance(error, ImportError):
        kind, message = "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
    elif isinstance(error, AttributeError) and function_name in str(error):
        kind, message = "Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
    else:
        kind, message = type(error).__name__, str(error)
    print(f"[ERROR] {kind}: {message}\n{''.join(traceback.format_tb(error.__traceback__))}")
    return {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": []}


def _error(error: Exception, request_id: str) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_tb(_below_this_file(error.__traceback__)),
    }


def _below_this_file(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames


def _configure_logging() -> None:
    handler = logging.StreamHandler(sys.stdout)
    root = logging.getLogger()
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        handler.setFormatter(JsonFormatter())
        root.setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO"))
    else:
        handler.setFormatter(TextFormatter())
    root.addHandler(handler)


def _exit_with_parent(parent: int) -> None:
    """End this process when the server has ended, even in the middle of an invocation."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(1)


def _flush_output() -> None:
    sys.stderr.flush()
    sys.stdout.flush()


def _receive(stream: BinaryIO) -> dict[str, Any] | None:
    header = stream.read(4)
    if len(header) < 4:
        return None
    frame: dict[str, Any] = json.loads(stream.read(int.from_bytes(header, "big")))
    return frame


def _send(stream: BinaryIO, document: dict[str, Any]) -> None:
    frame = json.dumps(document).encode()
    stream.write(len(frame).to_bytes(4, "big") + frame)
    stream.flush()


if __name__ == "__main__":
    main()
