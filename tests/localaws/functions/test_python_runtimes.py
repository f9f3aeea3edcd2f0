"""The runtimes of Python functions: AWS's own, and the loop that stands in for it where AWS's has no wheel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import localaws.functions
from localaws.functions.messages import Begun, Chunk, Finished, InitializationFailed, Invocation, Message, Ready
from localaws.functions.runtime_api import RuntimeApi

CODE = """
import logging, os, sys

calls = 0

def handler(event, context):
    global calls
    calls += 1
    return globals()[event["do"]](event, context)

def count(event, context):
    return {"calls": calls, "trace": os.environ["_X_AMZN_TRACE_ID"], "sign": "\\N{EURO SIGN}"}

def about(event, context):
    names = ("aws_request_id", "function_name", "function_version", "invoked_function_arn", "log_group_name",
             "log_stream_name", "memory_limit_in_mb")
    seconds = context.get_remaining_time_in_millis() // 1000
    return {**{name: getattr(context, name) for name in names}, "seconds": seconds}

def fail(event, context):
    raise ValueError("no such luck")

def recurse(event, context):
    return recurse(event, context)

def unserializable(event, context):
    return {1, 2}

def log(event, context):
    print("printed")
    logging.getLogger("app").warning("a %s", "warning")
    try:
        fail(event, context)
    except ValueError:
        logging.getLogger("app").exception("caught")

def leave(event, context):
    sys.exit(3)
"""

SECONDS = 30


class Process:
    """A runtime's process and the Runtime API that it talks to."""

    def __init__(self, program: str, folder: Path, code: str, **variables: str) -> None:
        (folder / "index.py").write_text(code)
        self.api = RuntimeApi()
        self.output = folder / f"{program}.log"
        environment = {
            "PATH": os.environ["PATH"],
            "LAMBDA_TASK_ROOT": str(folder),
            "_HANDLER": "index.handler",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": "group",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            **self.api.variables,
            **variables,
        }
        file = str(Path(localaws.functions.__file__).with_name(program))
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-s", file],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def next_message(self) -> Message:
        return self.api.messages.get(timeout=SECONDS)

    def invoke(self, event: dict[str, Any]) -> tuple[list[Message], Any]:
        """Hand out an event; return the messages up to the next `Ready`, and the answer."""
        invocation = Invocation(request_id="the-request", trace_id="Root=1-2-3", event=json.dumps(event))
        deadline_ms = 2**40 + 5 * 10**12
        self.api.offer(invocation, function_arn="arn:f", deadline_ms=deadline_ms, limit=10**6)
        messages: list[Message] = []
        while not isinstance(message := self.next_message(), Ready):
            messages.append(message)
        return messages, b"".join(message.data for message in messages if isinstance(message, Chunk)).decode()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.api.close()


Start = Callable[..., Process]


@pytest.fixture(params=["python_runtime.py", "python_loop.py"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def start_one(code: str = CODE, **variables: str) -> Process:
        started.append(Process(request.param, tmp_path, code, **variables))
        return started[-1]

    yield start_one
    for process in started:
        process.stop()


def error_of(messages: list[Message]) -> Any:
    [finished] = messages
    assert isinstance(finished, Finished)
    return finished.error


class TestAnswers:
    def test_are_json_and_the_process_stays_warm(self, start: Start) -> None:
        process = start()
        assert process.next_message() == Ready()
        messages, answer = process.invoke({"do": "count"})
        assert (messages[0], messages[-1]) == (Begun("application/json"), Finished(None))
        assert answer == '{"calls": 1, "trace": "Root=1-2-3", "sign": "€"}'
        assert json.loads(process.invoke({"do": "count"})[1])["calls"] == 2

    def test_know_their_context(self, start: Start) -> None:
        process = start()
        assert process.next_message() == Ready()
        context = json.loads(process.invoke({"do": "about"})[1])
        assert context.pop("seconds") > 10**9
        assert context == {
            "aws_request_id": "the-request",
            "function_name": "f",
            "function_version": "$LATEST",
            "invoked_function_arn": "arn:f",
            "log_group_name": "group",
            "log_stream_name": "stream",
            "memory_limit_in_mb": "256",
        }


class TestErrors:
    def test_of_a_handler_carry_its_stack_and_are_logged_as_one_event(self, start: Start) -> None:
        process = start()
        assert process.next_message() == Ready()
        error = error_of(process.invoke({"do": "fail"})[0])
        assert [error[key] for key in ("errorType", "errorMessage", "requestId")] == [
            "ValueError",
            "no such luck",
            "the-request",
        ]
        assert [re.sub(r'File ".*/', 'File "', line) for line in error["stackTrace"]] == [
            '  File "index.py", line 9, in handler\n    return globals()[event["do"]](event, context)\n',
            '  File "index.py", line 21, in fail\n    raise ValueError("no such luck")\n',
        ]
        [line] = process.output.read_bytes().decode().split("\n")[:-1]
        parts = line.split("\r")
        assert parts[:2] == ["[ERROR] ValueError: no such luck", "Traceback (most recent call last):"]
        assert parts[-1].replace("\N{NO-BREAK SPACE}", " ") in ('    raise ValueError("no such luck")', "")

    def test_with_a_long_stack_arrive(self, start: Start) -> None:
        # AWS's runtime sends the stack in a header, too, of more than 64 KiB here.
        process = start()
        assert process.next_message() == Ready()
        assert error_of(process.invoke({"do": "recurse"})[0])["errorType"] == "RecursionError"
        assert json.loads(process.invoke({"do": "count"})[1])["calls"] == 2

    def test_of_an_answer_that_is_no_json(self, start: Start) -> None:
        process = start()
        assert process.next_message() == Ready()
        error = error_of(process.invoke({"do": "unserializable"})[0])
        assert error == {
            "errorMessage": "Unable to marshal response: Object of type set is not JSON serializable",
            "errorType": "Runtime.MarshalError",
            "requestId": "the-request",
            "stackTrace": [],
        }

    @pytest.mark.parametrize(
        ("code", "kind", "message"),
        [
            ("import nothing_like_this", "Runtime.ImportModuleError", "No module named 'nothing_like_this'"),
            ("", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'index'"),
            ("raise KeyError('SETTING')", "KeyError", "'SETTING'"),
        ],
    )
    def test_of_code_that_cannot_be_loaded_end_the_process(
        self, start: Start, code: str, kind: str, message: str
    ) -> None:
        process = start(code)
        failed = process.next_message()
        assert isinstance(failed, InitializationFailed)
        assert failed.error["errorType"] == kind
        assert message in failed.error["errorMessage"]
        assert process.process.wait(SECONDS) == 1

    def test_an_exit_of_the_handler_ends_the_process(self, start: Start) -> None:
        process = start()
        assert process.next_message() == Ready()
        invocation = Invocation(request_id="r", trace_id="t", event='{"do": "leave"}')
        process.api.offer(invocation, function_arn="arn:f", deadline_ms=2**50, limit=10**6)
        assert process.process.wait(SECONDS) == 3


class TestLogs:
    def test_as_text_name_level_time_and_request(self, start: Start) -> None:
        process = start()
        assert process.next_message() == Ready()
        process.invoke({"do": "log"})
        lines = process.output.read_text().splitlines()
        assert lines[0] == "printed"
        assert re.fullmatch(r"\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tthe-request\ta warning", lines[1])
        assert re.fullmatch(r"\[ERROR\]\t\S+\tthe-request\tcaught", lines[2])
        assert lines[-1] == "ValueError: no such luck"

    def test_as_json_are_objects_from_the_functions_level_on(self, start: Start) -> None:
        process = start(AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="ERROR")
        assert process.next_message() == Ready()
        process.invoke({"do": "log"})
        printed, line = process.output.read_text().splitlines()
        assert printed == "printed"
        document = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document.pop("timestamp"))
        assert 'raise ValueError("no such luck")' in document.pop("stackTrace")[-1]
        assert re.fullmatch(r".*/index\.py:log:\d+", document.pop("location"))
        assert document == {
            "level": "ERROR",
            "message": "caught",
            "logger": "app",
            "requestId": "the-request",
            "errorType": "ValueError",
            "errorMessage": "no such luck",
        }
