"""A function with a runtime of its own that streams what its request's body asks for, as the shim's runtime does.

It is written apart from the shim, so that a belief is not held by the code that relies on it.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

_METADATA = {
    "statusCode": 201,
    "headers": {"x-from": "function", "content-type": "text/plain"},
    "multiValueHeaders": {"x-many": ["1"]},
    "cookies": ["a=b"],
}
HEAD = json.dumps(_METADATA) + "\0" * 8

_WRAPPER = '#!/bin/sh\ncd "$LAMBDA_TASK_ROOT"\nexec "$1" runtime.py "$@"\n'

_RUNTIME = r"""
import importlib, json, os, socket, sys, time

HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")


def exchange(head, chunks=()):
    with socket.create_connection((HOST, int(PORT))) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        for chunk in chunks:
            connection.sendall(chunk)
        with connection.makefile("rb") as reader:
            reader.readline()
            headers = {}
            while line := reader.readline().strip():
                name, _, value = line.decode().partition(": ")
                headers[name.lower()] = value
            return headers, reader.read(int(headers.get("content-length", 0)))


def version_of(name):
    try:
        return importlib.import_module(name).__version__
    except ImportError as error:
        return str(error)


def framed(text):
    body = text.encode()
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""


def chunks(wish, event):
    if wish.get("facts"):
        facts = {
            "arguments": sys.argv[1:],
            "boto3": version_of("boto3"),
            "version": list(sys.version_info[:2]),
            "headers": event["headers"],
            "bytes": len(event["body"]),
        }
        yield framed(json.dumps({"statusCode": 200}) + "\0" * 8 + json.dumps(facts))
    for part in wish.get("stream", ()):
        yield framed(part)
        time.sleep(wish.get("pause", 0))
    yield b"0\r\n"
    if error := wish.get("error"):
        yield f"Lambda-Runtime-Function-Error-Type: {error}\r\nLambda-Runtime-Function-Error-Body: e30=\r\n".encode()
    yield b"\r\n"


while True:
    headers, body = exchange(f"GET /2018-06-01/runtime/invocation/next HTTP/1.1\nHost: {HOST}:{PORT}\n\n")
    event = json.loads(body)
    wish = json.loads(event["body"])
    exchange(
        f"POST /2018-06-01/runtime/invocation/{headers['lambda-runtime-aws-request-id']}/response HTTP/1.1\n"
        f"Host: {HOST}:{PORT}\nContent-Type: application/vnd.awslambda.http-integration-response\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\nTransfer-Encoding: chunked\n"
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\nConnection: close\n\n",
        chunks(wish, event),
    )
"""

CONFIGURATION: dict[str, Any] = {
    "Handler": "not.used",
    "Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/start"}},
}


def package() -> bytes:
    """Return the deployment package."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        start = zipfile.ZipInfo("start")
        start.external_attr = 0o755 << 16
        archive.writestr(start, _WRAPPER)
        archive.writestr("runtime.py", _RUNTIME)
    return buffer.getvalue()


def module(code: str) -> bytes:
    """Return a package with one module, `index`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", code)
    return buffer.getvalue()
