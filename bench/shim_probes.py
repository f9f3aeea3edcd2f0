"""The same awkward moments for everything that `bench.shim` compares, and what came of each."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.shim_backend import TEXT
from bench.shim_lambda import Function, Reply
from bench.shim_variants import Variant

PROBES: Final = {
    "split": "a stream split anywhere",
    "cold": "a model not ready for 5 s",
    "throttle": "throttled",
    "refuse": "refused by the container (422)",
}


def event(*, stream: bool) -> dict[str, object]:
    """Return API Gateway's event of a chat."""
    body = {
        "model": "falcon-7b-instruct",
        "messages": [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Say words."}],
        "max_tokens": 64,
        "stream": stream,
    }
    return {
        "resource": "/{proxy+}",
        "path": "/v1/chat/completions",
        "httpMethod": "POST",
        "headers": {"content-type": "application/json", "host": "bench"},
        "multiValueHeaders": {"content-type": ["application/json"], "host": ["bench"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "stage": "live", "path": "/"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def probe(variant: Variant, folder: Path, backend: str) -> dict[str, str]:
    """Put a variant through all probes, each with a function of its own.

    Args:
        variant: What is probed.
        folder: Its code.
        backend: The stand-in's address.

    Returns:
        What came of each, by the probe's name.
    """
    found = {}
    for name in PROBES:
        endpoint = f"cold-{variant.handler}" if name == "cold" else name
        environment = variant.environment(backend=backend, endpoint=endpoint.replace(".", "-").replace("_", "-"))
        with Function(variant.command(), folder=folder, environment=environment) as function:
            started = time.perf_counter()
            reply = function.invoke(event(stream=name == "split"))
            seconds = time.perf_counter() - started
        judge: Callable[[Reply], str] = _stream if name == "split" else _whole
        found[name] = f"{judge(reply)}, {seconds:.1f} s" if name == "cold" else judge(reply)
    return found


def _stream(reply: Reply) -> str:
    if reply.status != 200:
        return _failed(reply)
    events = [line[6:] for line in reply.body.decode().split("\n") if line.startswith("data: {")]
    deltas = [choice["delta"].get("content") or "" for data in events for choice in json.loads(data)["choices"]]
    text = "".join(deltas)
    how = f"in {len(events)} chunks"
    if text == TEXT:
        return f"all text, {how}"
    return f"{len(TEXT) - len(text)} of {len(TEXT)} characters lost, {how}" if text in TEXT else f"other text, {how}"


def _whole(reply: Reply) -> str:
    if reply.status != 200:
        return _failed(reply)
    answer = json.loads(reply.body)["choices"][0]["message"]["content"]
    return "200, all text" if answer == TEXT else "200, other text"


def _failed(reply: Reply) -> str:
    """Return the status, `retry-after`, and the author of the message that the client gets."""
    if reply.error is not None:
        return f"the function fails, so API Gateway's 502 ({reply.error.partition(':')[0]})"
    wait = reply.headers.get("retry-after")
    headers = f", retry-after {wait}" if wait else ", no retry-after"
    told = ", the container's words" if b"max_new_tokens" in reply.body else ""
    return f"{reply.status}{headers}{told}"
