"""A FastAPI app behind Mangum, for `bench.shim`: what bare boto3 does, as such APIs are written. In its own venv."""

import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
from fastapi import FastAPI  # type: ignore[import-not-found,unused-ignore] # in the peer's venv
from fastapi.responses import StreamingResponse
from mangum import Mangum  # type: ignore[import-not-found,unused-ignore] # likewise
from pydantic import BaseModel  # type: ignore[import-not-found,unused-ignore] # likewise

client = boto3.client("sagemaker-runtime")


class Message(BaseModel):
    """A chat's message."""

    role: str
    content: str


class Chat(BaseModel):
    """A chat request."""

    model: str
    messages: list[Message]
    max_tokens: int = 256
    stream: bool = False


def chat(body: Chat) -> Any:
    """`POST /v1/chat/completions`."""
    prompt = "\n".join([f"{message.role.title()}: {message.content}" for message in body.messages])
    parameters = {"max_new_tokens": body.max_tokens, "details": True, "do_sample": True}
    payload = {"inputs": f"{prompt}\nFalcon:", "parameters": parameters, "stream": body.stream}
    request = {"EndpointName": os.environ["ENDPOINT_NAME"], "ContentType": "application/json"}
    if body.stream:
        stream = client.invoke_endpoint_with_response_stream(Body=json.dumps(payload), **request)["Body"]
        return StreamingResponse(_events(stream), media_type="text/event-stream")
    response = client.invoke_endpoint(Body=json.dumps(payload), **request)
    [answer] = json.loads(response["Body"].read())
    message = {"role": "assistant", "content": answer["generated_text"]}
    return {"choices": [{"index": 0, "message": message}]}


def _events(stream: Any) -> Iterator[str]:
    pending = b""
    for part in stream:
        *lines, pending = (pending + part["PayloadPart"]["Bytes"]).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                delta = {"content": json.loads(line[5:])["token"]["text"]}
                yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n"
    yield "data: [DONE]\n\n"


app = FastAPI()
app.add_api_route("/v1/chat/completions", chat, methods=["POST"], response_model=None)
handler = Mangum(app, lifespan="off")
