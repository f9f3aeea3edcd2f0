"""The function as the runtime calls it, and what it finds at the other end."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from invoke_shim import handler
from invoke_shim.http.proxy import BrokenStreamError, Response
from tests.invoke_shim.backend_stub import ENDPOINT_NAME, Reply, Stub, fails, model_fails, stream, whole

MODEL_NAME = "the-model"
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
EXTENDED_REQUEST_ID = "JBt7sGPvIAMESBQ="
TRACE_ID = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"

Json = Any

__all__ = ["ENDPOINT_NAME", "MODEL_NAME", "REQUEST_ID", "Answer", "Deploy", "Reply", "Runtime", "Shim"]


class Runtime(Stub):
    """The stand-in SageMaker runtime: answers as told and remembers what it was asked."""

    def answers(self, value: Json, *, content_type: str = "application/json") -> None:
        """Answer with the container's JSON."""
        self.replies = [whole(value, content_type)]

    def streams(self, *events: Json, **how: Any) -> None:
        """Stream TGI's server-sent events, one a part; bytes are sent as they are."""
        parts = [event if isinstance(event, bytes) else sse(event) for event in events]
        self.replies = [stream(parts, **how)]

    def fails(self, code: str, *, status: int, **members: Json) -> None:
        """Answer with an AWS error (REST-JSON protocol)."""
        self.replies = [fails(code, status, **members)]

    def model_fails(self, status: int, message: str) -> None:
        """Answer as SageMaker does when the container answered with an error."""
        self.replies = [model_fails(status, message)]

    @property
    def reply(self) -> Reply:
        """The one answer."""
        return self.replies[-1]

    @reply.setter
    def reply(self, reply: Reply) -> None:
        self.replies = [reply]


def sse(document: Json) -> bytes:
    """An event as TGI writes it."""
    return b"data:" + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def token(text: str, *, logprob: float = -0.5, special: bool = False) -> Json:
    """TGI's event of a token that is not the last."""
    return {
        "token": {"id": 7, "text": text, "logprob": logprob, "special": special},
        "generated_text": None,
        "details": None,
    }


def last_token(text: str, whole_text: str, *, reason: str = "eos_token", tokens: int = 3, prompt: int = 11) -> Json:
    """TGI's last event."""
    return {
        **token(text, special=reason == "eos_token"),
        "generated_text": whole_text,
        "details": {"finish_reason": reason, "generated_tokens": tokens, "seed": None, "input_length": prompt},
    }


@dataclass
class Context:
    """The context of an invocation."""

    aws_request_id: str = "from-lambda"
    trace_id: str = TRACE_ID
    remaining_seconds: float = 60

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining_seconds * 1000)


@dataclass
class Answer:
    """A response, read to its end.

    Attributes:
        body: All of the body.
        chunks: The body as it came, if it was streamed.
        broken: The error of a stream that broke off.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    chunks: list[bytes] = field(default_factory=list)
    broken: BrokenStreamError | None = None

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Json:
        return json.loads(self.body)

    @property
    def error(self) -> Json:
        """The error, which has OpenAI's four fields and nothing else."""
        return error_in(self.json)

    @property
    def events(self) -> list[str]:
        """The data of the stream's events; each chunk is one event."""
        assert self.headers["content-type"] == "text/event-stream; charset=utf-8"
        for chunk in self.chunks:
            assert chunk.startswith(b"data: ")
            assert chunk.endswith(b"\n\n")
            assert chunk.count(b"\n") == 2
        return [chunk[6:-2].decode() for chunk in self.chunks]

    @property
    def documents(self) -> list[Json]:
        """The stream's documents; it has all of them only with [DONE] at its end."""
        *documents, done = self.events
        assert done == "[DONE]"
        return [json.loads(document) for document in documents]

    def deltas(self, index: int = 0) -> str:
        """A chat's text, put together."""
        choices = [choice for chunk in self.documents for choice in chunk["choices"] if choice["index"] == index]
        return "".join(choice["delta"].get("content", "") for choice in choices)

    def texts(self, index: int = 0) -> str:
        """A completion's text, put together."""
        choices = [choice for chunk in self.documents for choice in chunk["choices"] if choice["index"] == index]
        return "".join(choice["text"] for choice in choices)


def error_in(document: Json) -> Json:
    """The error in a document that is nothing but OpenAI's error."""
    assert list(document) == ["error"]
    assert set(document["error"]) == {"message", "type", "param", "code"}
    return document["error"]


def event_of(method: str, path: str, body: bytes | str | None, headers: dict[str, str] | None = None) -> Json:
    """API Gateway's event; bytes are sent in base64, as it does with binary media types."""
    return {
        "httpMethod": method,
        "path": path,
        "resource": "/{proxy+}",
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "requestContext": {"requestId": REQUEST_ID, "extendedRequestId": EXTENDED_REQUEST_ID, "stage": "v1"},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }


def read(response: Response) -> Answer:
    """Read a response as the runtime does."""
    if response.chunks is None:
        return Answer(response.status, response.all_headers(), response.encoded_body())
    chunks: list[bytes] = []
    broken = None
    try:
        chunks.extend(iterate(response.chunks))
    except BrokenStreamError as error:
        broken = error.with_traceback(None)
    return Answer(response.status, response.all_headers(), b"".join(chunks), chunks, broken)


def iterate(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A stream's chunks, closed in any case."""
    try:
        yield from chunks
    finally:
        chunks.close()  # type: ignore[attr-defined]  # the runtime closes whatever can be closed, and this can


@dataclass
class Shim:
    """The function, called as the runtime calls it."""

    context: Context = field(default_factory=Context)

    def call(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Response:
        """The response before anything of its stream was read."""
        response = handler.handle(event_of(method, path, body, headers), self.context)
        assert response.headers["x-request-id"] == REQUEST_ID
        return response

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        return read(self.call(method, path, body, headers))

    def post(self, path: str, body: Json, headers: dict[str, str] | None = None) -> Answer:
        return self.request("POST", path, json.dumps(body), headers)

    def chat(self, *messages: tuple[str, Json], **parameters: Json) -> Answer:
        return self.post("/v1/chat/completions", chat_body(*messages, **parameters))

    def complete(self, prompt: Json = "Once", **parameters: Json) -> Answer:
        return self.post("/v1/completions", {"model": MODEL_NAME, "prompt": prompt, **parameters})


def chat_body(*messages: tuple[str, Json], **parameters: Json) -> Json:
    """A chat request's body."""
    return {
        "model": MODEL_NAME,
        "messages": [{"role": role, "content": content} for role, content in messages],
        **parameters,
    }


Deploy = Callable[..., Shim]
