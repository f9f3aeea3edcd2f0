"""The function as API Gateway calls it, and what it finds at the other end."""

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from invoke_shim import handler as entry

ENDPOINT_NAME = "falcon-endpoint"
MODEL_NAME = "the-model"
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

Json = Any


@dataclass
class Reply:
    """What the stand-in answers: an HTTP response, nothing at all (hang), or a closed connection (drop)."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drop: bool = False


@dataclass
class Runtime:
    """The stand-in SageMaker runtime: answers as told and remembers what it was asked."""

    url: str
    reply: Reply = field(default_factory=Reply)
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def answers(self, value: Json, *, content_type: str = "application/json") -> None:
        """Answer with the container's JSON."""
        self.reply = Reply(body=json.dumps(value).encode(), headers={"content-type": content_type})

    def fails(self, code: str, *, status: int, **members: Json) -> None:
        """Answer with an AWS error (REST-JSON protocol)."""
        self.reply = Reply(
            status=status,
            body=json.dumps(members).encode(),
            headers={"content-type": "application/json", "x-amzn-errortype": code},
        )

    def model_fails(self, status: int, message: str) -> None:
        """Answer as SageMaker does when the container answered with an error."""
        arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/falcon-endpoint"
        self.fails(
            "ModelError",
            status=424,
            Message=f'Received client error ({status}) from primary with message "{message}". See {arn}',
            OriginalStatusCode=status,
            OriginalMessage=message,
            LogStreamArn=arn,
        )

    @property
    def payload(self) -> Json:
        """The one payload that was sent."""
        assert len(self.bodies) == 1
        return json.loads(self.bodies[0])


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Json:
        return json.loads(self.text)

    @property
    def error(self) -> Json:
        """The error, which has OpenAI's four fields and nothing else."""
        assert list(self.json) == ["error"]
        assert set(self.json["error"]) == {"message", "type", "param", "code"}
        return self.json["error"]


@dataclass
class Shim:
    """The function, called as API Gateway calls it."""

    def request(self, method: str, path: str, body: bytes | str | None = None) -> Answer:
        """Bytes are sent in base64, as API Gateway does with binary media types."""
        is_base64 = isinstance(body, bytes)
        event = {
            "httpMethod": method,
            "path": path,
            "resource": "/{proxy+}",
            "headers": {"content-type": "application/json"},
            "requestContext": {"requestId": REQUEST_ID, "stage": "v1"},
            "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
            "isBase64Encoded": is_base64,
        }
        result = entry.handler(event, SimpleNamespace(aws_request_id="from-lambda"))
        assert set(result) == {"statusCode", "headers", "body", "isBase64Encoded"}
        assert result["headers"]["x-request-id"] == REQUEST_ID
        return Answer(result["statusCode"], result["headers"], result["body"])

    def post(self, path: str, body: Json) -> Answer:
        return self.request("POST", path, json.dumps(body))

    def chat(self, *messages: tuple[str, Json], **parameters: Json) -> Answer:
        body = {
            "model": MODEL_NAME,
            "messages": [{"role": role, "content": content} for role, content in messages],
            **parameters,
        }
        return self.post("/v1/chat/completions", body)

    def complete(self, prompt: Json = "Once", **parameters: Json) -> Answer:
        return self.post("/v1/completions", {"model": MODEL_NAME, "prompt": prompt, **parameters})


Deploy = Callable[..., Shim]
