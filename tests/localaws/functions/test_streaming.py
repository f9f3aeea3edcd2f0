"""Lambda functions that bring their own runtime: started by their wrapper, served by a Runtime API, streaming."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localaws.functions import own_runtime
from tests.localaws.functions.own_runtime import gate, text

Make = Callable[..., str]
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def function(aws: Callable[..., Any]) -> Iterator[str]:
    """A function that the tests which do not change it share."""
    name = own_runtime.create(aws)
    yield name
    aws("lambda").delete_function(FunctionName=name)


@pytest.fixture
def make(aws: Callable[..., Any]) -> Iterator[Make]:
    made: list[str] = []

    def create(code: bytes | None = None, **configuration: Any) -> str:
        made.append(own_runtime.create(aws, code, **configuration))
        return made[-1]

    yield create
    for name in made:
        aws("lambda").delete_function(FunctionName=name)


@pytest.fixture
def invoke(aws: Callable[..., Any]) -> Call:
    """Call Invoke; give the payload, from JSON where it is some."""

    def call(name: str, **event: Any) -> Any:
        payload = aws("lambda").invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read()
        try:
            return json.loads(payload)
        except ValueError:
            return payload

    return call


@pytest.fixture
def stream(aws: Callable[..., Any]) -> Iterator[Call]:
    """Call InvokeWithResponseStream; give its events."""
    opened = []

    def call(name: str, **event: Any) -> Iterator[Any]:
        answer = aws("lambda").invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event))
        opened.append(answer["EventStream"])
        return iter(opened[-1])

    yield call
    for events in opened:
        events.close()


def log(aws: Callable[..., Any], name: str) -> list[str]:
    events = aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return [event["message"] for event in events]


class TestTheWrapper:
    def test_gets_the_interpreter_and_the_arguments_of_lambdas_runtime(self, function: str, invoke: Call) -> None:
        assert invoke(function)["arguments"] == [sys.executable, "/var/runtime/bootstrap.py"]

    def test_has_the_deployed_environment(self, function: str, invoke: Call, local_aws: str) -> None:
        variables = invoke(function)["variables"]
        assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/start"
        assert variables["AWS_ENDPOINT_URL"] == local_aws
        assert Path(variables["LAMBDA_TASK_ROOT"]).is_dir()
        assert not any("LOCALAWS" in name for name in variables)

    @pytest.mark.parametrize(
        ("mode", "wrapper", "status", "line"),
        [
            (0o644, "/var/task/start", 126, "/var/task/start: is not an executable"),
            (0o755, "/var/task/other", 127, "/var/task/other: does not exist"),
            (0o755, "/bin/sh", 127, "/bin/sh: does not exist"),
        ],
    )
    def test_must_be_in_the_package_with_its_run_bit(
        self, make: Make, invoke: Call, aws: Callable[..., Any], mode: int, wrapper: str, status: int, line: str
    ) -> None:
        name = make(own_runtime.package(mode=mode), variables={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
        error = invoke(name)
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith(f"Runtime exited with error: exit status {status}")
        assert line in log(aws, name)

    def test_is_for_python_only(self, make: Make) -> None:
        with pytest.raises(ClientError, match="functions with AWS_LAMBDA_EXEC_WRAPPER, not 'nodejs22"):
            make(Runtime="nodejs22.x")


class TestTheRuntimeApi:
    def test_says_what_lambda_says_of_an_invocation(self, function: str, invoke: Call) -> None:
        headers = invoke(function)["headers"]
        assert headers["lambda-runtime-invoked-function-arn"].endswith(f":function:{function}")
        assert headers["lambda-runtime-trace-id"].startswith("Root=1-")
        assert headers["lambda-runtime-deadline-ms"].isdecimal()

    def test_keeps_a_process_for_the_next_invocation(self, function: str, invoke: Call) -> None:
        first, second = invoke(function), invoke(function)
        assert (second["pid"], second["calls"]) == (first["pid"], first["calls"] + 1)

    def test_refuses_what_is_out_of_turn(self, make: Make, invoke: Call, aws: Callable[..., Any]) -> None:
        name = make()
        assert invoke(name, out_of_turn=True) == [403, 400, 403, 404]
        assert "again: 403" in log(aws, name)

    def test_refuses_another_mode_than_streaming(self, function: str, invoke: Call) -> None:
        error = invoke(function, stream=text("a"), mode="fast")
        assert error["errorType"] == "Runtime.InvalidResponseModeHeader"

    def test_takes_an_initialization_error(self, make: Make, invoke: Call) -> None:
        error = invoke(make(variables={"BREAK_INIT": "1"}))
        assert (error["errorType"], error["errorMessage"]) == ("Function.Broken", "no")

    def test_takes_an_invocation_error(self, function: str, invoke: Call, aws: Callable[..., Any]) -> None:
        error = invoke(function, fail="Function.Sad")
        assert (error["errorType"], error["errorMessage"]) == ("Function.Sad", "no such luck")
        answer = aws("lambda").invoke(FunctionName=function, Payload=b'{"fail": "Function.Sad"}')
        assert answer["FunctionError"] == "Unhandled"


class TestInvoke:
    def test_gives_all_that_was_streamed(self, function: str, invoke: Call) -> None:
        assert invoke(function, stream=text('{"statusCode":200}', "\0" * 8, "ä")) == (
            b'{"statusCode":200}' + bytes(8) + "ä".encode()
        )

    def test_gives_the_error_of_a_stream_that_broke(self, function: str, invoke: Call) -> None:
        error = {"errorType": "Function.Gone", "errorMessage": "away"}
        assert invoke(function, stream=text("a"), error=error) == error

    def test_takes_no_more_than_6_megabytes(self, make: Make, invoke: Call, aws: Callable[..., Any]) -> None:
        name = make()
        error = invoke(name, stream=[{"text": "x" * 1000, "times": 7000}])
        assert error["errorType"] == "Function.ResponseSizeTooLarge"
        assert "(6291556 bytes)" in error["errorMessage"]
        assert invoke(name)["calls"] == 2

    def test_is_over_when_the_runtime_asks_for_more(self, make: Make, invoke: Call, aws: Callable[..., Any]) -> None:
        name = make()
        invoke(name)
        assert [line for line in log(aws, name) if "line" in line] == ["a line", "half a line"]
        assert "wrapper of /var/runtime/bootstrap.py" in log(aws, name)


class TestAStream:
    def test_has_its_parts_in_the_moment_that_they_are_made(self, function: str, stream: Call, tmp_path: Path) -> None:
        go = tmp_path / "go"
        events = stream(function, stream=[*text("one"), gate(go), *text("two")])
        assert next(events) == {"PayloadChunk": {"Payload": b"one"}}
        assert not go.exists()
        go.touch()
        assert list(events) == [{"PayloadChunk": {"Payload": b"two"}}, {"InvokeComplete": {}}]

    def test_may_have_more_than_6_megabytes(self, function: str, stream: Call) -> None:
        parts = [
            event.get("PayloadChunk", {}).get("Payload", b"")
            for event in stream(function, stream=[{"text": "x" * 1000, "times": 7000}])
        ]
        assert b"".join(parts) == b"x" * 7_000_000

    def test_tells_an_error_after_what_came_before(self, function: str, stream: Call) -> None:
        error = {"errorType": "Function.Gone", "errorMessage": "away"}
        *parts, complete = stream(function, stream=text("a"), error=error)
        assert parts == [{"PayloadChunk": {"Payload": b"a"}}]
        assert complete["InvokeComplete"]["ErrorCode"] == "Function.Gone"
        assert json.loads(complete["InvokeComplete"]["ErrorDetails"]) == error

    @pytest.mark.parametrize(
        ("event", "kind"),
        [
            ({"exit": 3}, "Runtime.ExitError"),
            ({"fail": "Function.Sad"}, "Function.Sad"),
            ({"stream": [{"text": "a"}, {"truncate": True}]}, "Runtime.TruncatedResponse"),
            ({"stream": [{"text": "a"}, {"exit": 3}]}, "Runtime.TruncatedResponse"),
        ],
    )
    def test_tells_of_a_process_that_failed(self, function: str, stream: Call, event: Any, kind: str) -> None:
        *_, complete = stream(function, **event)
        assert complete["InvokeComplete"]["ErrorCode"] == kind

    def test_is_ended_when_it_takes_too_long(self, make: Make, stream: Call, aws: Callable[..., Any]) -> None:
        name = make(Timeout=1)
        *parts, complete = stream(name, stream=[*text("a"), {"sleep": 30}])
        assert parts == [{"PayloadChunk": {"Payload": b"a"}}]
        assert complete["InvokeComplete"]["ErrorCode"] == "Sandbox.Timedout"
        assert any(line.endswith("Task timed out after 1.00 seconds") for line in log(aws, name))

    def test_is_whole_though_the_process_takes_too_long_afterwards(
        self, make: Make, stream: Call, aws: Callable[..., Any]
    ) -> None:
        name = make(Timeout=1)
        *parts, complete = stream(name, stream=text("a"), then_sleep=30)
        assert (parts, complete) == ([{"PayloadChunk": {"Payload": b"a"}}], {"InvokeComplete": {}})
        assert any(line.endswith("Task timed out after 1.00 seconds") for line in log(aws, name))

    def test_is_counted_by_the_reserved_concurrency(
        self, make: Make, stream: Call, aws: Callable[..., Any], tmp_path: Path
    ) -> None:
        name = make()
        aws("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
        events = stream(name, stream=[*text("a"), gate(tmp_path / "go")])
        next(events)
        with pytest.raises(ClientError, match="Rate Exceeded"):
            stream(name)
        (tmp_path / "go").touch()
        assert list(events) == [{"InvokeComplete": {}}]
        assert next(stream(name, stream=text("b"))) == {"PayloadChunk": {"Payload": b"b"}}

    def test_does_not_wait_for_another(self, function: str, stream: Call, tmp_path: Path) -> None:
        slow = stream(function, stream=[*text("slow"), gate(tmp_path / "go"), *text("end")])
        next(slow)
        with ThreadPoolExecutor() as callers:
            quick = callers.map(lambda n: list(stream(function, stream=text(str(n)))), range(3))
            assert [events[0]["PayloadChunk"]["Payload"] for events in quick] == [b"0", b"1", b"2"]
        (tmp_path / "go").touch()
        assert next(slow) == {"PayloadChunk": {"Payload": b"end"}}

    def test_of_a_function_with_lambdas_runtime_has_one_part(self, make: Make, stream: Call) -> None:
        name = make(
            own_runtime.package(runtime="def handler(event, context): return event"),
            Handler="runtime.handler",
            variables={"AWS_LAMBDA_EXEC_WRAPPER": ""},
        )
        assert list(stream(name, a=1)) == [{"PayloadChunk": {"Payload": b'{"a": 1}'}}, {"InvokeComplete": {}}]

    def test_needs_a_function_and_an_event(self, function: str, aws: Callable[..., Any]) -> None:
        with pytest.raises(
            ClientError, match="Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody"
        ):
            aws("lambda").invoke_with_response_stream(FunctionName="nobody", Payload=b"{}")
        with pytest.raises(ClientError, match="Could not parse"):
            aws("lambda").invoke_with_response_stream(FunctionName=function, Payload=b"{")
        dry = aws("lambda").invoke_with_response_stream(FunctionName=function, InvocationType="DryRun")
        dry["EventStream"].close()
        assert dry["ResponseMetadata"]["HTTPStatusCode"] == 204
