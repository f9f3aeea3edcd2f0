"""Bare boto3, for `bench.shim`: the least that turns a chat into InvokeEndpoint and back. Runs in a venv of its own.

A stream is read by lines, as AWS's samples do; Lambda's runtime for Python returns it when it is whole.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import boto3

client = boto3.client("sagemaker-runtime")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an API Gateway proxy event."""
    body = json.loads(event["body"])
    prompt = "\n".join([f"{message['role'].title()}: {message['content']}" for message in body["messages"]])
    parameters = {"max_new_tokens": body.get("max_tokens", 256), "details": True, "do_sample": True}
    payload = {"inputs": f"{prompt}\nFalcon:", "parameters": parameters, "stream": bool(body.get("stream"))}
    request = {"EndpointName": os.environ["ENDPOINT_NAME"], "ContentType": "application/json"}
    if body.get("stream"):
        stream = client.invoke_endpoint_with_response_stream(Body=json.dumps(payload), **request)["Body"]
        chunks = [_chunk(json.loads(line[5:])["token"]["text"]) for line in _lines(stream) if line.startswith(b"data:")]
        return _reply("text/event-stream", "".join(chunks) + "data: [DONE]\n\n")
    response = client.invoke_endpoint(Body=json.dumps(payload), **request)
    [answer] = json.loads(response["Body"].read())
    message = {"role": "assistant", "content": answer["generated_text"]}
    return _reply("application/json", json.dumps({"choices": [{"index": 0, "message": message}]}))


def _lines(stream: Any) -> Iterator[bytes]:
    pending = b""
    for part in stream:
        *lines, pending = (pending + part["PayloadPart"]["Bytes"]).split(b"\n")
        yield from lines


def _chunk(text: str) -> str:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': text}}]})}\n\n"


def _reply(content_type: str, body: str) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"content-type": content_type}, "body": body}
