"""A model imported into Bedrock as the backend, by InvokeModel, Converse and their streaming operations."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from invoke_shim import rules
from invoke_shim.backends.base import NativeReply, NativeStream
from invoke_shim.backends.bedrock import converse
from invoke_shim.backends.bedrock.bodies import create_body
from invoke_shim.backends.bedrock.errors import translate
from invoke_shim.backends.bedrock.streams import objects, parse
from invoke_shim.backends.connections import Connections, create_model_client
from invoke_shim.backends.retry import LEAST_RESERVE_SECONDS, answer_seconds, when_ready
from invoke_shim.backends.service_errors import FAILURES, Failure
from invoke_shim.backends.target import Target, create_target, send_to
from invoke_shim.contract import BodyName
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError, Problem
from invoke_shim.generation.types import Answer, GenerationRequest, Piece, collect
from invoke_shim.rules.base import Rules
from invoke_shim.settings import CONNECT_TIMEOUT_SECONDS, START_MARGIN_SECONDS, Settings

JSON_LINES = "application/jsonl"
"""Content type of a native stream: one document a line, since Bedrock puts nothing between them."""

MAX_READ_TIMEOUT_SECONDS = 300
"""The longest wait for Bedrock's next byte, where INVOKE_TIMEOUT_SECONDS allows it; Bedrock documents no limit."""

T = TypeVar("T")
Chunks = Generator[bytes, None, None]
Events = Generator[Any, None, None]


def create(settings: Settings) -> "ImportedModel":
    """Create the backend that the settings describe.

    Raises:
        ValueError: The settings name no body, or neither model nor parameter; `Settings` keeps that from happening.
    """
    if settings.body is None:
        raise ValueError("the settings name no body")
    target = create_target(settings.model_arn, settings.target_parameter, pipeline=settings.pipeline)
    return ImportedModel(target=target, body=settings.body, settings=settings)


class ImportedModel:
    """Sends chats and prompts to one imported model at a time.

    Args:
        target: Holds the model's ARN.
        body: The form of request that the model is declared with.
        settings: The function's settings.
    """

    def __init__(self, *, target: Target, body: BodyName, settings: Settings) -> None:
        self._target = target
        self._name = body
        self._body = create_body(body)
        self._settings = settings
        self._rules = getattr(rules, f"BEDROCK_{body.upper()}")
        left = settings.invoke_timeout_seconds - CONNECT_TIMEOUT_SECONDS - START_MARGIN_SECONDS
        create = partial(create_model_client, "bedrock-runtime")
        self._connections = Connections(create, read_timeout=min(left, MAX_READ_TIMEOUT_SECONDS))

    @property
    def takes_messages(self) -> bool:
        """True if the model's side writes a chat's prompt."""
        return self._name in ("chat", "converse")

    @property
    def rules(self) -> Rules:
        """The parameters that the body takes."""
        found: Rules = self._rules.rules
        return found

    def complete(self, request: GenerationRequest, deadline: Deadline) -> Answer:
        """Answer at once; from the model's stream, where the settings say so.

        Raises:
            ApiError: Bedrock or the model answered with an error, not in time, or with something that is not
                understood.
        """
        if self._settings.gather_stream:
            return collect(self.stream(request, deadline))
        if self._name == "converse":
            return converse.read(self._call(converse.parameters(request), deadline, _converse))
        return self._body.read(self._call(_invoke_parameters(self._body.payload(request)), deadline, _invoke), request)

    def stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Piece]:
        """Answer piece by piece; the request is sent for the first one.

        Raises:
            ApiError: As `complete`; from a later piece, that the answer broke off.
        """
        if self._name == "converse":
            events = self._stream_events(converse.parameters(request), deadline, _converse_stream)
            with closing(events):
                yield from converse.read_stream(events)
            return
        chunks = self._chunks(self._body.payload(request), deadline)
        with closing(chunks):
            yield from self._body.read_stream(chunks, request)

    def native_problems(self, body: Mapping[str, Any]) -> list[Problem]:
        """List the problems of a payload of Bedrock's form, by the body's rules."""
        problems: list[Problem] = self._rules.native_problems(
            body,
            max_input_tokens=self._settings.max_input_tokens,
            max_total_tokens=self._settings.max_total_tokens,
            max_generations=self._settings.max_generations,
        )
        return problems

    def invoke(self, body: bytes, deadline: Deadline) -> NativeReply:
        """Send a payload to the model unchanged; with Converse, the operation's parameters without the model.

        Raises:
            ApiError: Bedrock or the model answered with an error, or not in time.
        """
        if self._name == "converse":
            reply = self._call(_native_converse(body), deadline, _converse)
            return NativeReply(json.dumps(reply).encode("ascii"), "application/json")
        return NativeReply(self._call(_invoke_parameters(self._native(body)), deadline, _invoke), "application/json")

    def invoke_stream(self, body: bytes, deadline: Deadline) -> NativeStream:
        """Send a payload to the model unchanged, and stream the answer as JSON lines.

        Returns:
            The stream; its `chunks` is a generator, to be closed when it is not read to its end.

        Raises:
            ApiError: Bedrock or the model answered with an error, or not in time; from the stream's chunks, that
                it broke off.
        """
        if self._name == "converse":
            events = self._stream_events(_native_converse(body), deadline, _converse_stream)
            return NativeStream(_start(_event_lines(events)), JSON_LINES)
        return NativeStream(_start(_document_lines(self._chunks(self._native(body), deadline))), JSON_LINES)

    def close(self) -> None:
        """Close all connections that are not in use; the next request opens new ones."""
        self._connections.close()

    def _native(self, body: bytes) -> bytes:
        """Remove `stream` from Bedrock's own body: the operation selects it."""
        if self._name != "native" or b'"stream"' not in body:
            return body
        document = parse(body)
        document.pop("stream", None)
        return json.dumps(document).encode("ascii")

    def _chunks(self, body: bytes, deadline: Deadline) -> Chunks:
        events = self._stream_events(_invoke_parameters(body), deadline, _invoke_stream)
        with closing(events):
            for event in events:
                if part := event.get("chunk", {}).get("bytes"):
                    yield part

    def _call(self, parameters: Mapping[str, Any], deadline: Deadline, call: Callable[..., T]) -> T:
        def send(arn: str) -> T:
            client = self._connections.client(deadline.remaining())
            try:
                return call(client, modelId=arn, **parameters)
            except FAILURES as error:
                raise self._translate(error, stream=False) from error

        return self._when_ready(send, deadline, reserve=answer_seconds(deadline))

    def _stream_events(self, parameters: Mapping[str, Any], deadline: Deadline, call: Callable[..., Any]) -> Events:
        """Yield the events of a stream; the request is sent for the first one."""

        def send(arn: str) -> Any:
            client = self._connections.client(deadline.remaining(), stream=True)
            try:
                return call(client, modelId=arn, **parameters)
            except FAILURES as error:
                raise self._translate(error, stream=True) from error

        with closing(self._when_ready(send, deadline, reserve=LEAST_RESERVE_SECONDS)) as events:
            try:
                yield from events
            except FAILURES as error:
                raise self._translate(error, stream=True) from error
            finally:
                self._connections.used()

    def _when_ready(self, send: Callable[[str], T], deadline: Deadline, *, reserve: float) -> T:
        """Send, and retry while the model is not ready; to its successor, if it was replaced meanwhile."""
        return when_ready(lambda: send_to(self._target, send), deadline, reserve=reserve)

    def _translate(self, error: Failure, *, stream: bool) -> ApiError:
        return translate(error, timeout_seconds=self._settings.invoke_timeout_seconds, stream=stream)


def _invoke_parameters(body: bytes) -> dict[str, Any]:
    return {"body": body, "contentType": "application/json", "accept": "application/json"}


def _invoke(client: Any, **parameters: Any) -> bytes:
    # Closed even when the answer breaks off: the connection would stay open otherwise.
    with closing(client.invoke_model(**parameters)["body"]) as stream:
        answer: bytes = stream.read()
    return answer


def _invoke_stream(client: Any, **parameters: Any) -> Any:
    return client.invoke_model_with_response_stream(**parameters)["body"]


def _converse(client: Any, **parameters: Any) -> dict[str, Any]:
    reply: dict[str, Any] = client.converse(**parameters)
    reply.pop("ResponseMetadata", None)
    return reply


def _converse_stream(client: Any, **parameters: Any) -> Any:
    return client.converse_stream(**parameters)["stream"]


def _native_converse(body: bytes) -> dict[str, Any]:
    """Read the operation's parameters; `stream`, which the route has read, is not one of them."""
    parameters = parse(body)
    parameters.pop("stream", None)
    return parameters


def _start(lines: Chunks) -> Chunks:
    """Start a stream: send its request and wait for its first line, so that errors until then have a status."""
    first = next(lines, None)

    def chunks() -> Chunks:
        with closing(lines):
            yield b""
            if first is not None:
                yield first
                yield from lines

    started = chunks()
    # Started, so that it closes the connection even if nothing of it is ever read.
    next(started)
    return started


def _event_lines(events: Events) -> Chunks:
    with closing(events):
        for event in events:
            yield json.dumps(event).encode("ascii") + b"\n"


def _document_lines(chunks: Chunks) -> Chunks:
    with closing(chunks):
        for document in objects(chunks):
            yield document.replace(b"\n", b" ") + b"\n"
