"""A model imported into Bedrock as the backend, by InvokeModel, Converse and their streaming operations."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from invoke_shim import rules
from invoke_shim.backends.base import NativeReply, NativeStream
from invoke_shim.backends.bedrock.errors import translate
from invoke_shim.backends.bedrock.exchange import Lines, create_exchange
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
        self._exchange = create_exchange(body)
        self._settings = settings
        self._rules = getattr(rules, f"BEDROCK_{body.upper()}")
        left = settings.invoke_timeout_seconds - CONNECT_TIMEOUT_SECONDS - START_MARGIN_SECONDS
        create = partial(create_model_client, "bedrock-runtime")
        self._connections = Connections(create, read_timeout=min(left, MAX_READ_TIMEOUT_SECONDS))

    @property
    def takes_messages(self) -> bool:
        """True if the model's side writes a chat's prompt."""
        return self._exchange.takes_messages

    @property
    def rules(self) -> Rules:
        """The parameters that the body takes."""
        found: Rules = self._rules.rules
        return found

    @property
    def chat_rules(self) -> Rules:
        """The parameters that the body takes beside a chat."""
        return self.rules

    def complete(self, request: GenerationRequest, deadline: Deadline) -> Answer:
        """Answer at once; from the model's stream, where the settings say so.

        Raises:
            ApiError: Bedrock or the model answered with an error, not in time, or with something that is not
                understood.
        """
        if self._settings.gather_stream:
            return collect(self.stream(request, deadline))
        return self._exchange.read(self._call(self._exchange.parameters(request), deadline), request)

    def stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Piece]:
        """Answer piece by piece; the request is sent for the first one.

        Raises:
            ApiError: As `complete`; from a later piece, that the answer broke off.
        """
        with closing(self._events(self._exchange.parameters(request), deadline)) as events:
            yield from self._exchange.read_stream(events, request)

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
        reply = self._call(self._exchange.native_parameters(body), deadline)
        return NativeReply(self._exchange.native_reply(reply), "application/json")

    def invoke_stream(self, body: bytes, deadline: Deadline) -> NativeStream:
        """Send a payload to the model unchanged, and stream the answer as JSON lines.

        Returns:
            The stream; its `chunks` is a generator, to be closed when it is not read to its end.

        Raises:
            ApiError: Bedrock or the model answered with an error, or not in time; from the stream's chunks, that
                it broke off.
        """
        return NativeStream(_start(self._native_lines(body, deadline)), JSON_LINES)

    def close(self) -> None:
        """Close all connections that are not in use; the next request opens new ones."""
        self._connections.close()

    def _native_lines(self, body: bytes, deadline: Deadline) -> Lines:
        with closing(self._events(self._exchange.native_parameters(body), deadline)) as events:
            yield from self._exchange.native_lines(events)

    def _call(self, parameters: Mapping[str, Any], deadline: Deadline) -> Any:
        def send(arn: str) -> Any:
            client = self._connections.client(deadline.remaining())
            try:
                return self._exchange.call(client, {"modelId": arn, **parameters})
            except FAILURES as error:
                raise self._translate(error, stream=False) from error

        return self._when_ready(send, deadline, reserve=answer_seconds(deadline))

    def _events(self, parameters: Mapping[str, Any], deadline: Deadline) -> Generator[Any, None, None]:
        """Yield the events of a stream; the request is sent for the first one."""

        def send(arn: str) -> Any:
            client = self._connections.client(deadline.remaining(), stream=True)
            try:
                return self._exchange.call_stream(client, {"modelId": arn, **parameters})
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


def _start(lines: Lines) -> Lines:
    """Start a stream: send its request and wait for its first line, so that errors until then have a status."""
    first = next(lines, None)

    def chunks() -> Lines:
        with closing(lines):
            yield b""
            if first is not None:
                yield first
                yield from lines

    started = chunks()
    # Started, so that it closes the connection even if nothing of it is ever read.
    next(started)
    return started
