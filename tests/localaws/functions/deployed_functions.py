"""Functions on the local AWS, made from a few lines of code."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


PYTHON = """
import json, logging, os, subprocess, sys, time
import boto3

calls = 0

def handler(event, context):
    global calls
    calls += 1
    print("called with", json.dumps(event, sort_keys=True))
    logging.getLogger("app").warning("a warning")
    return ACTIONS[event["do"]](event, context)

def fail(event, context):
    raise ValueError("no such luck")

def hold(event, context):
    held = bytearray(os.urandom(1024)) * 1024 * event["mib"]
    time.sleep(5)
    return len(held)

ACTIONS = {
    "count": lambda event, context: {"calls": calls, "pid": os.getpid()},
    "environment": lambda event, context: dict(os.environ),
    "context": lambda event, context: {
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "request_id": context.aws_request_id,
        "remaining": context.get_remaining_time_in_millis(),
        "log_group": context.log_group_name,
    },
    "sleep": lambda event, context: time.sleep(event["seconds"]),
    "who": lambda event, context: boto3.client("sts").get_caller_identity()["Arn"],
    "read": lambda event, context: boto3.client("ssm").get_parameter(Name="p")["Parameter"]["Value"],
    "fail": fail,
    "exit": lambda event, context: sys.exit(3),
    "unserializable": lambda event, context: {1, 2},
    "hold": hold,
    "child": lambda event, context: subprocess.Popen(["sleep", "60"]).pid,
    "path": lambda event, context: sys.path,
    "modules": lambda event, context: sorted(sys.modules),
}
"""


Invoke = Callable[..., Any]


def package(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return buffer.getvalue()


def create(
    iam: Any,
    functions: Any,
    code: bytes | None = None,
    *,
    permissions: tuple[str, ...] = (*LOGS, "sts:*"),
    **configuration: Any,
) -> str:
    """Create a function with a role of its own; by default the one of `PYTHON`."""
    name = f"f-{uuid4().hex[:20]}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    if permissions:
        allow = {"Effect": "Allow", "Action": list(permissions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document)
    settings = {"Runtime": "python3.13", "Handler": "index.handler", "Timeout": 10, "MemorySize": 256}
    functions.create_function(
        FunctionName=name,
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code or package(index__py=PYTHON)},
        **{**settings, **configuration},
    )
    return name


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().split()[2] != "Z"


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"it did not happen within {seconds} s")
        time.sleep(0.05)


def messages(aws: Callable[..., Any], group: str) -> list[str]:
    streams = aws("logs").describe_log_streams(logGroupName=group)["logStreams"]
    return [
        event["message"]
        for stream in streams
        for event in aws("logs").get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    ]
