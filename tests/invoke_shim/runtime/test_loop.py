"""The runtime loop as Lambda runs it: the real bootstrap file, in a process, against a strict stand-in."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.invoke_shim.runtime.runtime_api_stub import TYPE_TRAILER, WAIT_SECONDS, RuntimeApiStandIn

PACKAGE = Path(__file__).resolve().parents[3] / "lambda" / "invoke_shim"

# A function whose handler does what the event says; where it waits, it waits for a file of the test.
FUNCTION = """
import os, time
from pathlib import Path
from invoke_shim.http.proxy import BrokenStreamError, Response

print("loading", flush=True)
if os.environ.get("BREAK_INIT"):
    raise RuntimeError("init is broken")


def handle(event, context):
    if event.get("raise"):
        raise ValueError("the prompt was " + event["raise"])
    if "exit" in event:
        os._exit(event["exit"])
    if "chunks" in event:
        return Response(chunks=chunks(event), content_type="text/event-stream", headers={"x-request-id": "r"})
    if "bytes" in event:
        return Response(body=b"x" * event["bytes"], content_type="application/octet-stream")
    return Response(
        status=event.get("status", 200),
        headers={"x-request-id": context.aws_request_id},
        body={
            "event": event,
            "remaining": context.get_remaining_time_in_millis(),
            "arn": context.invoked_function_arn,
            "context_trace": context.trace_id,
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
            "folder": os.getcwd(),
        },
    )


def chunks(event):
    try:
        for chunk in event["chunks"]:
            if chunk == "wait":
                wait_for(event["file"])
            elif chunk == "break":
                raise BrokenStreamError("server_error", "the model went away")
            elif chunk == "crash":
                raise ZeroDivisionError("the prompt was secret")
            else:
                yield chunk.encode()
    finally:
        if "closed" in event:
            Path(event["closed"]).touch()


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.005)
"""


class Runtime:
    """A running bootstrap with the stand-in that serves it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.api = RuntimeApiStandIn()
        self.folder = folder
        shutil.copytree(PACKAGE, folder / "invoke_shim", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "demo.py").write_text(FUNCTION)
        self.process = subprocess.Popen(
            [folder / "invoke_shim" / "bootstrap", sys.executable, "/var/runtime/bootstrap.py"],
            cwd="/",
            env={
                "PATH": os.environ["PATH"],
                "PYTHONDONTWRITEBYTECODE": "1",
                "AWS_LAMBDA_RUNTIME_API": self.api.address,
                "LAMBDA_TASK_ROOT": str(folder),
                "_HANDLER": "demo.handle",
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def call(self, event: Any, **offer: Any) -> Any:
        """Have an event answered, to the end."""
        self.api.offer(event=event, **offer)
        return self.api.answer().wait()

    def still_serves(self) -> bool:
        """Check whether another invocation is answered."""
        return bool(self.call({"status": 299}).prelude["statusCode"] == 299)

    def output(self) -> str:
        """Return the output of the process, once it has ended."""
        return self.process.communicate(timeout=WAIT_SECONDS)[0]

    def log(self) -> list[dict[str, Any]]:
        """The lines of JSON among them."""
        return [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.api.stop()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    """Start runtimes; whatever they do, they keep the protocol."""
    started: list[Runtime] = []

    def make(**variables: str) -> Runtime:
        folder = tmp_path / str(len(started))
        started.append(Runtime(folder, **variables))
        return started[-1]

    yield make
    for runtime in started:
        runtime.stop()
    assert [violation for runtime in started for violation in runtime.api.violations] == []


@pytest.fixture
def runtime(start: Callable[..., Runtime]) -> Runtime:
    return start()


def test_the_wrapper_has_its_run_bit_in_the_repository() -> None:
    assert stat.S_IMODE((PACKAGE / "bootstrap").stat().st_mode) & 0o111 == 0o111


class TestAnAnswer:
    def test_is_prelude_delimiter_and_body(self, runtime: Runtime) -> None:
        answer = runtime.call({"status": 201, "n": "ü\0"}, request_id="id-1")
        assert answer.prelude == {
            "statusCode": 201,
            "headers": {"content-type": "application/json", "x-request-id": "id-1"},
            "cookies": [],
        }
        assert json.loads(answer.body)["event"] == {"status": 201, "n": "ü\0"}
        assert answer.trailers == {}

    def test_that_is_not_streamed_leaves_in_one_piece(self, runtime: Runtime) -> None:
        assert len(runtime.call({}).chunks) == 1

    def test_of_many_megabytes_arrives_whole(self, runtime: Runtime) -> None:
        assert runtime.call({"bytes": 20_000_000}).body == b"x" * 20_000_000

    def test_knows_the_time_that_is_left_and_what_was_invoked(self, runtime: Runtime) -> None:
        body = json.loads(runtime.call({}, seconds=100).body)
        assert 0 < body["remaining"] <= 100_000
        assert body["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:shim"
        assert json.loads(runtime.call({}, seconds=-5).body)["remaining"] == 0

    def test_has_the_trace_of_its_own_invocation(self, runtime: Runtime) -> None:
        for trace_id in ("Root=1-a;Sampled=1", None, "Root=1-b"):
            body = json.loads(runtime.call({}, trace_id=trace_id).body)
            assert (body["trace"], body["context_trace"]) == (trace_id, trace_id or "")

    def test_is_made_in_the_functions_folder(self, runtime: Runtime) -> None:
        assert json.loads(runtime.call({}).body)["folder"] == str(runtime.folder)


class TestAStream:
    def test_sends_each_chunk_in_the_moment_that_it_is_made(self, runtime: Runtime, tmp_path: Path) -> None:
        go = tmp_path / "go"
        runtime.api.offer(event={"chunks": ["one", "two", "wait", "three"], "file": str(go)})
        answer = runtime.api.answer()
        first, second = answer.next_chunk(), answer.next_chunk()
        assert first is not None
        assert first.endswith(bytes(8) + b"one")
        assert second == b"two"
        assert not go.exists()
        go.touch()
        assert answer.next_chunk() == b"three"
        assert answer.wait().body == b"onetwothree"
        assert answer.prelude["headers"] == {"content-type": "text/event-stream", "x-request-id": "r"}

    def test_sends_no_empty_chunk_for_it_would_be_the_end(self, runtime: Runtime) -> None:
        answer = runtime.call({"chunks": ["", "a", "", "b"]})
        assert (answer.body, len(answer.chunks)) == (b"ab", 3)

    def test_may_have_no_chunk_at_all(self, runtime: Runtime) -> None:
        assert runtime.call({"chunks": []}).body == b""

    def test_that_breaks_tells_why_in_the_trailers(self, runtime: Runtime, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        answer = runtime.call({"chunks": ["a", "break", "never"], "closed": str(closed)})
        assert answer.body == b"a"
        assert answer.trailers[TYPE_TRAILER] == "Function.ServerError"
        assert answer.error == {
            "errorMessage": "the model went away",
            "errorType": "Function.ServerError",
            "stackTrace": [],
        }
        assert runtime.still_serves()
        assert closed.exists()

    def test_that_crashes_tells_where_and_not_what(self, runtime: Runtime) -> None:
        answer = runtime.call({"chunks": ["a", "crash"]}, request_id="id-2")
        assert answer.trailers[TYPE_TRAILER] == "Function.ZeroDivisionError"
        assert answer.error is not None
        assert answer.error["errorMessage"] == "unexpected error, see the log of request id-2"
        assert "demo.py" in answer.error["stackTrace"][-1]
        assert runtime.still_serves()
        runtime.process.kill()
        output = runtime.output()
        assert "secret" not in output
        assert "ZeroDivisionError" in output

    def test_that_crashes_before_its_first_chunk_is_an_error(self, runtime: Runtime, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        offer = runtime.api.offer(event={"chunks": ["crash"], "closed": str(closed)})
        failure = runtime.api.failure()
        assert (failure.request_id, failure.error_type) == (offer.request_id, "Function.ZeroDivisionError")
        assert closed.exists()

    @pytest.mark.parametrize("after", [1, 2])
    def test_that_lambda_hangs_up_on_is_closed(self, runtime: Runtime, tmp_path: Path, after: int) -> None:
        closed = tmp_path / "closed"
        runtime.api.offer(event={"chunks": ["a" * 100_000] * 1000, "closed": str(closed)}, hang_up_after=after)
        runtime.api.answer().wait()
        assert runtime.still_serves()
        assert closed.exists()

    def test_that_lambda_hangs_up_on_at_its_end_is_logged(self, runtime: Runtime) -> None:
        offer = runtime.api.offer(event={"chunks": ["a", "b"]}, hang_up_after=2)
        runtime.api.answer().wait()
        assert runtime.still_serves()
        runtime.process.kill()
        [line] = runtime.log()
        assert (line["level"], line["request_id"]) == ("WARN", offer.request_id)


class TestLambda:
    @pytest.mark.parametrize("status", [400, 403, 413])
    @pytest.mark.parametrize("event", [{}, {"chunks": ["a", "b"]}])
    def test_may_refuse_an_answer(self, runtime: Runtime, status: int, event: Any) -> None:
        offer = runtime.api.offer(event=event, status=status)
        runtime.api.answer().wait()
        assert runtime.still_serves()
        runtime.process.kill()
        [line] = runtime.log()
        assert line["request_id"] == offer.request_id
        assert line["reason"] == f"the answer was refused with {status}"

    def test_ends_the_runtime_with_500(self, runtime: Runtime) -> None:
        runtime.call({}, status=500)
        assert runtime.process.wait(WAIT_SECONDS) == 1
        assert runtime.log()[-1]["error"] == "the runtime API answered 500: its state is not recoverable"

    @pytest.mark.parametrize("status", [403, 500])
    def test_ends_the_runtime_that_gets_no_invocation(self, runtime: Runtime, status: int) -> None:
        runtime.api.next_status = status
        runtime.api.offer()
        assert runtime.process.wait(WAIT_SECONDS) == 1
        assert runtime.log()[-1]["error"] == f"the next invocation was answered with {status}"

    def test_may_close_an_idle_connection(self, runtime: Runtime) -> None:
        runtime.call({}, hang_up_idle=True)
        assert runtime.still_serves()
        assert len(set(runtime.api.next_connections)) == 2

    def test_that_is_gone_ends_the_runtime(self, runtime: Runtime) -> None:
        runtime.call({})
        runtime.api.stop()
        assert runtime.process.wait(WAIT_SECONDS) == 1
        runtime.api = RuntimeApiStandIn()

    def test_keeps_one_connection_for_all_invocations(self, runtime: Runtime) -> None:
        for event in ({}, {"chunks": ["a", "b"]}, {}):
            runtime.call(event)
        assert len(set(runtime.api.next_connections)) == 1


class TestACrash:
    def test_of_the_handler_is_told_without_what_was_asked(self, runtime: Runtime) -> None:
        offer = runtime.api.offer(event={"raise": "secret"})
        failure = runtime.api.failure()
        assert (failure.request_id, failure.error_type) == (offer.request_id, "Function.ValueError")
        assert "secret" not in json.dumps(failure.document)
        assert "demo.py" in failure.document["stackTrace"][-1]
        assert runtime.still_serves()
        runtime.process.kill()
        assert "secret" not in runtime.output()

    def test_is_what_an_event_that_is_no_json_ends_in(self, runtime: Runtime) -> None:
        runtime.api.offer(raw_event=b"{")
        assert runtime.api.failure().error_type == "Function.JSONDecodeError"
        assert runtime.still_serves()


class TestInitialization:
    def test_that_fails_says_why(self, start: Callable[..., Runtime]) -> None:
        runtime = start(BREAK_INIT="1")
        failure = runtime.api.failure()
        assert (failure.request_id, failure.error_type) == ("", "Function.RuntimeError")
        assert failure.document["errorMessage"] == "the handler 'demo.handle' cannot be loaded: init is broken"
        assert runtime.process.wait(WAIT_SECONDS) == 1
        assert runtime.log()[-1]["error"] == failure.document["errorMessage"]

    @pytest.mark.parametrize(
        ("handler", "kind"),
        [("nowhere.handle", "ImportModuleError"), ("demo.other", "HandlerNotFound")],
    )
    def test_names_a_handler_that_is_not_there(self, start: Callable[..., Runtime], handler: str, kind: str) -> None:
        runtime = start(_HANDLER=handler)
        failure = runtime.api.failure()
        assert failure.error_type == f"Runtime.{kind}"
        assert f"the handler '{handler}' cannot be loaded" in failure.document["errorMessage"]
        assert runtime.process.wait(WAIT_SECONDS) == 1

    def test_needs_the_runtime_api(self, start: Callable[..., Runtime]) -> None:
        runtime = start(AWS_LAMBDA_RUNTIME_API="")
        assert runtime.process.wait(WAIT_SECONDS) == 2
        assert "AWS_LAMBDA_RUNTIME_API is not set" in runtime.output()

    def test_fails_on_settings_that_are_wrong_with_all_of_them(self, start: Callable[..., Runtime]) -> None:
        runtime = start(_HANDLER="invoke_shim.handler.handle", AWS_LAMBDA_FUNCTION_NAME="shim", BACKEND="none")
        failure = runtime.api.failure()
        assert failure.error_type == "Function.SettingsError"
        assert "BACKEND" in failure.document["errorMessage"]
        assert "MODEL_NAME" in failure.document["errorMessage"]


def test_lines_leave_at_once_so_that_a_kill_loses_none(runtime: Runtime) -> None:
    assert runtime.process.stdout is not None
    assert runtime.process.stdout.readline() == "loading\n"


def test_a_function_that_exits_takes_the_runtime_with_it(runtime: Runtime) -> None:
    runtime.api.offer(event={"exit": 7})
    assert runtime.process.wait(WAIT_SECONDS) == 7


def test_the_wrapper_says_what_it_is_missing(tmp_path: Path) -> None:
    run = subprocess.run(
        [PACKAGE / "bootstrap", sys.executable],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "LAMBDA_TASK_ROOT" in run.stderr
    run = subprocess.run(
        [PACKAGE / "bootstrap"],
        env={"LAMBDA_TASK_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "interpreter" in run.stderr
