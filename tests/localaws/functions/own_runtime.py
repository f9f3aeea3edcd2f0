"""A function in Python that brings its own runtime, which does what its events say, right or wrong.

It is written anew here, with sockets, so that the local AWS's Runtime API is not tried by the app's own client alone.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

WRAPPER = '#!/bin/sh\necho "wrapper of" "$2"\nexec "$1" runtime.py "$@"\n'

RUNTIME = r"""
import base64, json, os, socket, sys, time

HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
calls = 0


class Connection:
    def __init__(self):
        self.socket = socket.create_connection((HOST, int(PORT)))
        self.reader = self.socket.makefile("rb")

    def send(self, verb, path, body=b"", **headers):
        lines = [f"{verb} /2018-06-01/runtime/{path} HTTP/1.1", f"Host: {HOST}:{PORT}"]
        if "Transfer-Encoding" not in headers:
            headers["Content-Length"] = len(body)
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def receive(self):
        status = int(self.reader.readline().split()[1])
        headers = {}
        while (line := self.reader.readline().strip()):
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, self.reader.read(int(headers["content-length"]))

    def close(self):
        self.reader.close()
        self.socket.close()


def post(path, body=b"", **headers):
    connection = Connection()
    connection.send("POST", path, body, **headers)
    status = connection.receive()[0]
    connection.close()
    return status


def stream(request_id, event):
    connection = Connection()
    headers = {"Content-Type": event.get("type", "text/plain"), "Transfer-Encoding": "chunked"}
    headers["Lambda-Runtime-Function-Response-Mode"] = event.get("mode", "streaming")
    connection.send("POST", f"invocation/{request_id}/response", **headers)
    try:
        for chunk in event["stream"]:
            if "wait" in chunk:
                while not os.path.exists(chunk["wait"]):
                    time.sleep(0.005)
            elif "exit" in chunk:
                os._exit(chunk["exit"])
            elif "truncate" in chunk:
                connection.socket.sendall(b"ff\r\nhalf")
                return connection.close()
            elif "sleep" in chunk:
                time.sleep(chunk["sleep"])
            else:
                data = chunk["text"].encode() * chunk.get("times", 1)
                connection.socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))
        trailers = b""
        if "error" in event:
            body = base64.b64encode(json.dumps(event["error"]).encode()).decode()
            trailers = f"Lambda-Runtime-Function-Error-Type: {event['error']['errorType']}\r\n".encode()
            trailers += f"Lambda-Runtime-Function-Error-Body: {body}\r\n".encode()
        connection.socket.sendall(b"0\r\n" + trailers + b"\r\n")
        print("answered with", connection.receive()[0], flush=True)
    except ConnectionError as error:
        print("hung up:", type(error).__name__, flush=True)
    connection.close()


def main():
    global calls
    if os.environ.get("BREAK_INIT"):
        status = post("init/error", json.dumps({"errorType": "Function.Broken", "errorMessage": "no"}).encode())
        sys.exit(0 if status == 202 else status)
    connection = Connection()
    while True:
        connection.send("GET", "invocation/next")
        _, headers, body = connection.receive()
        calls += 1
        request_id, event = headers["lambda-runtime-aws-request-id"], json.loads(body)
        if "body" in event and "requestContext" in event:
            event = json.loads(event["body"])
        print("a line")
        sys.stdout.flush()
        if "exit" in event:
            os._exit(event["exit"])
        if "sleep" in event:
            time.sleep(event["sleep"])
        if "stream" in event:
            stream(request_id, event)
        elif "fail" in event:
            error = json.dumps({"errorType": event["fail"], "errorMessage": "no such luck"}).encode()
            post(f"invocation/{request_id}/error", error)
        elif "out_of_turn" in event:
            other = Connection()
            other.send("GET", "invocation/next")
            statuses = [other.receive()[0], post("invocation/other/response"), post("init/error"), post("nowhere")]
            other.close()
            answer(request_id, statuses)
            print("again:", post(f"invocation/{request_id}/response"), flush=True)
        else:
            facts = {"calls": calls, "pid": os.getpid(), "arguments": sys.argv[1:], "headers": headers}
            answer(request_id, {**facts, "variables": dict(os.environ)})
        sys.stdout.write("half a line")
        sys.stdout.flush()
        if "then_sleep" in event:
            time.sleep(event["then_sleep"])


def answer(request_id, document):
    post(f"invocation/{request_id}/response", json.dumps(document).encode(), **{"Content-Type": "application/json"})


main()
"""


def package(*, wrapper: str = WRAPPER, mode: int = 0o755, runtime: str = RUNTIME) -> bytes:
    """Return a deployment package with the wrapper's permissions in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        start = zipfile.ZipInfo("start")
        start.external_attr = mode << 16
        archive.writestr(start, wrapper)
        archive.writestr("runtime.py", runtime)
    return buffer.getvalue()


def create(aws: Callable[..., Any], code: bytes | None = None, **configuration: Any) -> str:
    """Create a function with the package and a role of its own that may write logs; return its name."""
    name = f"o-{uuid4().hex[:20]}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    allow = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    aws("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy)
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/start", **configuration.pop("variables", {})}
    settings = {"Runtime": "python3.13", "Handler": "a.b", "Timeout": 20, "MemorySize": 256}
    aws("lambda").create_function(
        FunctionName=name,
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code or package()},
        Environment={"Variables": variables},
        **{**settings, **configuration},
    )
    return name


def text(*parts: str) -> list[dict[str, str]]:
    """Return the chunks of a stream for an event."""
    return [{"text": part} for part in parts]


def gate(path: os.PathLike[str]) -> dict[str, str]:
    """Return what makes a stream wait for a file."""
    return {"wait": os.fspath(path)}
