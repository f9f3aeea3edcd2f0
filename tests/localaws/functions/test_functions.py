"""Lambda: deployed code that runs, warm, under its role and its limits."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.localaws.functions.deployed_functions import Invoke, alive, create, messages, package, wait_for
from tests.support.local_aws import Running

REPOSITORY = Path(__file__).resolve().parents[3]


class TestPython:
    def test_stays_warm_between_invocations(self, function: str, invoke: Invoke) -> None:
        first, second = invoke(function, do="count"), invoke(function, do="count")
        assert second == {"calls": first["calls"] + 1, "pid": first["pid"]}

    def test_gets_the_deployed_environment_and_nothing_of_the_hosts(
        self, function: str, invoke: Invoke, local_aws: str
    ) -> None:
        environment = invoke(function, do="environment")
        assert environment["MODEL_NAME"] == "falcon"
        assert environment["AWS_LAMBDA_FUNCTION_NAME"] == function
        assert environment["AWS_REGION"] == "us-east-1"
        assert environment["AWS_ENDPOINT_URL"] == local_aws
        assert environment["_HANDLER"] == "index.handler"
        assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
        assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", environment["_X_AMZN_TRACE_ID"])
        own = {name for name in environment if not name.startswith(("AWS_", "_"))}
        assert own <= {"MODEL_NAME", "PATH", "LANG", "TZ", "LAMBDA_TASK_ROOT", "LC_CTYPE"}
        assert not any("LOCALAWS" in name for name in environment)
        # Lambda filters by level only what it logs as JSON.
        assert "AWS_LAMBDA_LOG_LEVEL" not in environment

    def test_gets_a_context(self, function: str, invoke: Invoke) -> None:
        context = invoke(function, do="context")
        assert context["name"] == function
        assert context["arn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        assert (context["memory"], context["log_group"]) == ("256", f"/aws/lambda/{function}")
        assert 0 < context["remaining"] <= 10_000

    def test_cannot_import_what_runs_it(self, function: str, invoke: Invoke) -> None:
        assert not any(path.endswith("localaws/functions") for path in invoke(function, do="path"))
        assert "localaws" not in invoke(function, do="modules")

    def test_reports_an_unhandled_exception(self, function: str, functions: Any) -> None:
        answer = functions.invoke(FunctionName=function, Payload=b'{"do": "fail"}', LogType="Tail")
        assert answer["FunctionError"] == "Unhandled"
        error = json.loads(answer["Payload"].read())
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such luck")
        assert 'raise ValueError("no such luck")' in error["stackTrace"][-1]
        tail = base64.b64decode(answer["LogResult"]).decode()
        assert "[ERROR] ValueError: no such luck" in tail
        assert f"START RequestId: {error['requestId']} Version: $LATEST" in tail

    def test_reports_an_answer_that_is_no_json(self, function: str, invoke: Invoke) -> None:
        error = invoke(function, do="unserializable")
        assert error["errorType"] == "Runtime.MarshalError"
        assert error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"

    def test_starts_anew_after_it_has_ended_its_process(self, function: str, invoke: Invoke) -> None:
        before = invoke(function, do="count")["pid"]
        error = invoke(function, do="exit")
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
        assert invoke(function, do="count")["pid"] != before

    def test_runs_several_invocations_at_a_time(self, function: str, invoke: Invoke) -> None:
        started = time.monotonic()
        with ThreadPoolExecutor() as callers:
            list(callers.map(lambda _: invoke(function, do="sleep", seconds=1.5), range(2)))
        warm = time.monotonic()
        with ThreadPoolExecutor() as callers:
            list(callers.map(lambda _: invoke(function, do="sleep", seconds=0.5), range(2)))
        assert time.monotonic() - warm < 0.95
        assert warm - started < 10

    def test_refuses_an_event_that_is_no_json(self, function: str, functions: Any) -> None:
        with pytest.raises(functions.exceptions.InvalidRequestContentException, match="Could not parse"):
            functions.invoke(FunctionName=function, Payload=b"{")

    def test_runs_in_the_background_when_invoked_as_an_event(
        self, function: str, functions: Any, aws: Callable[..., Any]
    ) -> None:
        marker = uuid4().hex
        payload = json.dumps({"do": "count", "marker": marker})
        answer = functions.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
        assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
        group = f"/aws/lambda/{function}"
        # The function's first invocation of all makes the group, which may be this one.
        wait_for(lambda: aws("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"], seconds=5)
        wait_for(lambda: any(marker in message for message in messages(aws, group)), seconds=5)


class TestLimits:
    def test_end_an_invocation_that_takes_too_long(
        self, make_function: Callable[..., str], functions: Any, invoke: Invoke
    ) -> None:
        name = make_function(Timeout=1)
        child = invoke(name, do="child")
        answer = functions.invoke(FunctionName=name, Payload=b'{"do": "sleep", "seconds": 30}', LogType="Tail")
        assert answer["FunctionError"] == "Unhandled"
        error = json.loads(answer["Payload"].read())
        assert error["errorType"] == "Sandbox.Timedout"
        assert re.fullmatch(r"RequestId: [0-9a-f-]{36} Error: Task timed out after 1.00 seconds", error["errorMessage"])
        assert "Task timed out after 1.00 seconds" in base64.b64decode(answer["LogResult"]).decode()
        assert not alive(child)
        assert invoke(name, do="count")["calls"] == 1

    @pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's memory this way")
    def test_end_an_invocation_that_takes_too_much_memory(
        self, make_function: Callable[..., str], invoke: Invoke
    ) -> None:
        error = invoke(make_function(MemorySize=256), do="hold", mib=300)
        assert error["errorType"] == "Runtime.OutOfMemory"
        assert error["errorMessage"].endswith("Runtime exited with error: signal: killed")

    def test_refuse_invocations_above_the_reserved_concurrency(
        self, make_function: Callable[..., str], functions: Any, invoke: Invoke
    ) -> None:
        name = make_function()
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
        invoke(name, do="count")
        with ThreadPoolExecutor() as callers:
            slow = callers.submit(invoke, name, do="sleep", seconds=1)
            time.sleep(0.3)
            with pytest.raises(functions.exceptions.TooManyRequestsException) as refused:
                invoke(name, do="count")
            assert slow.result() is None
        assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        with pytest.raises(functions.exceptions.TooManyRequestsException):
            invoke(name, do="count")

    def test_count_towards_the_reserved_concurrency_after_an_update_too(
        self, make_function: Callable[..., str], functions: Any, invoke: Invoke
    ) -> None:
        name = make_function()
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
        invoke(name, do="count")
        with ThreadPoolExecutor() as callers:
            slow = callers.submit(invoke, name, do="sleep", seconds=1)
            time.sleep(0.3)
            functions.update_function_configuration(FunctionName=name, Timeout=9)
            with pytest.raises(functions.exceptions.TooManyRequestsException):
                invoke(name, do="count")
            assert slow.result() is None
        assert invoke(name, do="count")["calls"] == 1


class TestDeployment:
    def test_replaces_the_running_code_and_environment(
        self, make_function: Callable[..., str], functions: Any, invoke: Invoke
    ) -> None:
        name = make_function(package(index__py="import os\ndef handler(e, c): return os.environ.get('A', 'one')"))
        assert invoke(name) == "one"
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"A": "two"}})
        assert invoke(name) == "two"
        functions.update_function_code(
            FunctionName=name, ZipFile=package(index__py="def handler(e, c): return 'three'")
        )
        assert invoke(name) == "three"

    @pytest.mark.parametrize(
        ("code", "handler", "kind", "message"),
        [
            (
                "import nothing_like_this",
                "index.handler",
                "Runtime.ImportModuleError",
                "Unable to import module 'index': No module named 'nothing_like_this'",
            ),
            ("", "index.main", "Runtime.HandlerNotFound", "Handler 'main' missing on module 'index'"),
            ("raise KeyError('SETTING')", "index.handler", "KeyError", "'SETTING'"),
        ],
    )
    def test_reports_code_that_cannot_be_loaded(
        self, make_function: Callable[..., str], invoke: Invoke, code: str, handler: str, kind: str, message: str
    ) -> None:
        error = invoke(make_function(package(index__py=code), Handler=handler))
        assert (error["errorType"], error["errorMessage"]) == (kind, message)

    def test_is_refused_with_a_role_that_is_not_for_lambda(self, aws: Callable[..., Any], functions: Any) -> None:
        name = f"r-{uuid4().hex}"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
            functions.create_function(
                FunctionName=name,
                Role=role["Role"]["Arn"],
                Runtime="python3.13",
                Handler="index.handler",
                Code={"ZipFile": package(index__py="")},
            )
        aws("iam").delete_role(RoleName=name)

    def test_is_refused_with_a_reserved_variable(self, make_function: Callable[..., str]) -> None:
        with pytest.raises(ClientError, match="Reserved keys used in this request: AWS_REGION"):
            make_function(Environment={"Variables": {"AWS_REGION": "mars", "A": "b"}})

    def test_is_refused_for_a_runtime_that_does_not_run_here(self, make_function: Callable[..., str]) -> None:
        with pytest.raises(ClientError, match="runs python\\* and nodejs\\* functions, not 'java21'"):
            make_function(Runtime="java21")


class TestPermissions:
    def test_are_those_of_the_functions_role(
        self, make_function: Callable[..., str], aws: Callable[..., Any], functions: Any, invoke: Invoke
    ) -> None:
        aws("ssm").put_parameter(Name="p", Value="v", Type="String", Overwrite=True)
        permitted, forbidden = make_function(permissions=("ssm:GetParameter",)), make_function(permissions=())
        assert invoke(permitted, do="read") == "v"
        error = invoke(forbidden, do="read")
        assert error["errorType"] == "AccessDeniedException"
        assert (
            f"assumed-role/{forbidden}/{forbidden} is not authorized to perform: ssm:GetParameter"
            in (error["errorMessage"])
        )
        assert "parameter/p because no identity-based policy allows" in error["errorMessage"]


class TestLogs:
    def test_go_to_the_functions_group(self, function: str, invoke: Invoke, aws: Callable[..., Any]) -> None:
        marker = uuid4().hex
        invoke(function, do="count", marker=marker)
        lines = messages(aws, f"/aws/lambda/{function}")
        [position] = [index for index, line in enumerate(lines) if marker in line]
        assert lines[position - 1].startswith("START RequestId: ")
        assert re.fullmatch(r"\[WARNING\]\t\S+Z\t[0-9a-f-]{36}\ta warning", lines[position + 1])
        assert lines[position + 2].startswith("END RequestId: ")
        assert re.match(r"REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms", lines[position + 3])

    def test_have_an_unhandled_error_as_one_event(self, function: str, invoke: Invoke, aws: Callable[..., Any]) -> None:
        request_id = invoke(function, do="fail")["requestId"]
        lines = messages(aws, f"/aws/lambda/{function}")
        [start] = [index for index, line in enumerate(lines) if line.startswith(f"START RequestId: {request_id}")]
        [error] = [line for line in lines[start:] if line.startswith("[ERROR] ValueError")][:1]
        assert error.split("\n")[:2] == ["[ERROR] ValueError: no such luck", "Traceback (most recent call last):"]
        assert 'raise ValueError("no such luck")' in error

    def test_go_to_the_group_of_the_configuration_as_json(
        self, make_function: Callable[..., str], invoke: Invoke, aws: Callable[..., Any]
    ) -> None:
        group = f"/logs/{uuid4().hex}"
        aws("logs").create_log_group(logGroupName=group)
        name = make_function(
            permissions=("logs:CreateLogStream", "logs:PutLogEvents"),
            LoggingConfig={"LogGroup": group, "LogFormat": "JSON", "ApplicationLogLevel": "INFO"},
        )
        invoke(name, do="count")
        lines = messages(aws, group)
        documents = [json.loads(line) for line in lines if line.startswith("{")]
        assert [document.get("type") for document in documents] == ["platform.start", None, "platform.report"]
        assert (documents[1]["level"], documents[1]["message"], documents[1]["logger"]) == (
            "WARNING",
            "a warning",
            "app",
        )
        aws("logs").delete_log_group(logGroupName=group)

    def test_are_not_written_without_permission(
        self, make_function: Callable[..., str], invoke: Invoke, aws: Callable[..., Any]
    ) -> None:
        name = make_function(permissions=())
        assert invoke(name, do="count")["calls"] == 1
        assert aws("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"] == []


def test_no_worker_outlives_the_state_of_its_function(
    make_function: Callable[..., str], functions: Any, invoke: Invoke
) -> None:
    name = make_function()
    first = invoke(name, do="count")["pid"]
    functions.update_function_configuration(FunctionName=name, Timeout=9)
    second = invoke(name, do="count")["pid"]
    assert (alive(first), alive(second)) == (False, True)


def test_no_worker_outlives_the_server(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready"
    server = subprocess.Popen(
        [sys.executable, "-m", "localaws", "--port", "0", "--ready-file", ready_file], cwd=REPOSITORY
    )
    try:
        wait_for(ready_file.exists, seconds=60)
        started = Running.read(ready_file)

        def client(service: str) -> Any:
            return boto3.session.Session().client(
                service,  # type: ignore[call-overload] # the stubs list every service as a literal
                region_name="us-east-1",
                endpoint_url=started.url,
                **started.credentials,
            )

        functions = client("lambda")
        name = create(client("iam"), functions)
        pid = json.loads(functions.invoke(FunctionName=name, Payload=b'{"do": "count"}')["Payload"].read())["pid"]
        busy = b'{"do": "sleep", "seconds": 60}'
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=busy)
        assert alive(pid)
    finally:
        server.kill()
        server.wait()
    wait_for(lambda: not alive(pid), seconds=5)
