"""A SageMaker endpoint as the backend, by InvokeEndpoint and InvokeEndpointWithResponseStream."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from invoke_shim import rules
from invoke_shim.backends.base import NativeReply, NativeStream
from invoke_shim.backends.connections import Connections
from invoke_shim.backends.containers import create_container
from invoke_shim.backends.containers.base import Container
from invoke_shim.backends.containers.lengths import fitted
from invoke_shim.backends.retry import answer_seconds, when_ready
from invoke_shim.backends.sagemaker.errors import Call, translate
from invoke_shim.backends.sagemaker.runtime import SageMakerRuntime
from invoke_shim.backends.service_errors import FAILURES, Failure
from invoke_shim.backends.target import Target, create_target, send_to
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError, Problem
from invoke_shim.generation.types import Answer, GenerationRequest, Piece, collect, pieces_of
from invoke_shim.rules.base import Rules
from invoke_shim.rules.limits import Limits
from invoke_shim.settings import Settings


def create(settings: Settings) -> "SageMakerEndpoint":
    """Create the backend that the settings describe.

    Raises:
        ValueError: The settings name no container, or neither endpoint nor parameter; `Settings` keeps that from
            happening.
    """
    if settings.container is None:
        raise ValueError("the settings name no container")
    return SageMakerEndpoint(
        target=create_target(settings.endpoint_name, settings.target_parameter, pipeline=settings.pipeline),
        container=create_container(
            settings.container,
            settings.container_version,
            prompt_format=settings.prompt_format,
            limits=Limits(settings.max_input_tokens, settings.max_total_tokens),
        ),
        settings=settings,
    )


class SageMakerEndpoint:
    """Sends prompts to one endpoint at a time.

    Args:
        target: Holds the endpoint's name.
        container: The kind of container behind the endpoint.
        settings: The function's settings.
    """

    def __init__(self, *, target: Target, container: Container, settings: Settings) -> None:
        self._target = target
        self._container = container
        self._settings = settings
        self._rules = rules.of_container(
            container.name, settings.container_version, chats=settings.prompt_format == "container"
        )
        self._connections = Connections(SageMakerRuntime, read_timeout=settings.read_timeout_seconds)

    @property
    def takes_messages(self) -> bool:
        """True if the container writes a chat's prompt by itself."""
        return self._container.takes_messages

    @property
    def rules(self) -> Rules:
        """The parameters that the container takes."""
        return self._rules.rules

    @property
    def chat_rules(self) -> Rules:
        """The parameters that the container takes beside a chat."""
        return self._rules.chat_rules or self._rules.rules

    def complete(self, request: GenerationRequest, deadline: Deadline) -> Answer:
        """Answer at once; from the container's stream, where the settings say so.

        Raises:
            ApiError: The endpoint or its container answered with an error, not in time, or with something
                that is not understood.
        """
        if self._settings.gather_stream and self._container.streams(request):
            return collect(self.stream(request, deadline))
        try:
            return self._whole(request, deadline)
        except ApiError as error:
            shorter = fitted(request, error)
            if shorter is None:
                raise
        return self._whole(shorter, deadline)

    def _whole(self, request: GenerationRequest, deadline: Deadline) -> Answer:
        reply = self.invoke(self._container.payload(request, stream=False), deadline)
        return self._container.read(reply.body, request)

    def stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Piece]:
        """Answer piece by piece; the request is sent for the first one.

        Raises:
            ApiError: As `complete`; from a later piece, that the answer broke off.
        """
        if not self._container.streams(request):
            yield from pieces_of(self.complete(request, deadline))
            return
        begun = False
        try:
            for piece in self._pieces(request, deadline):
                begun = True
                yield piece
        except ApiError as error:
            # TGI refuses a stream for its length within the stream, too.
            shorter = None if begun else fitted(request, error)
            if shorter is None:
                raise
        else:
            return
        yield from self._pieces(shorter, deadline)

    def _pieces(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Piece]:
        native = self.invoke_stream(self._container.payload(request, stream=True), deadline)
        with closing(native.chunks):  # type: ignore[type-var]  # a generator
            yield from self._container.read_stream(native.chunks, request)

    def native_problems(self, body: Mapping[str, Any]) -> list[Problem]:
        """List the problems of a payload of the container's own form, by the container's rules."""
        return self._rules.native_problems(
            body,
            max_input_tokens=self._settings.max_input_tokens,
            max_total_tokens=self._settings.max_total_tokens,
            max_generations=self._settings.max_generations,
        )

    def invoke(self, body: bytes, deadline: Deadline) -> NativeReply:
        """Send a payload to the container unchanged.

        Raises:
            ApiError: The endpoint or its container answered with an error, or not in time.
        """

        def send(endpoint_name: str) -> NativeReply:
            return self._invoke(endpoint_name, body, deadline)

        return when_ready(lambda: send_to(self._target, send), deadline, reserve=answer_seconds(deadline))

    def invoke_stream(self, body: bytes, deadline: Deadline) -> NativeStream:
        """Send a payload to the container unchanged, and stream the answer.

        Returns:
            The stream; its `chunks` is a generator, to be closed when it is not read to its end.

        Raises:
            ApiError: The endpoint or its container answered with an error, or not in time; from the stream's
                chunks, that it broke off.
        """

        def send(endpoint_name: str) -> NativeStream:
            return self._invoke_stream(endpoint_name, body, deadline)

        return when_ready(lambda: send_to(self._target, send), deadline)

    def _invoke(self, endpoint_name: str, body: bytes, deadline: Deadline) -> NativeReply:
        client = self._connections.client(deadline.remaining())
        try:
            return client.invoke(endpoint_name, body)
        except FAILURES as error:
            raise self._translate(error, endpoint_name, stream=False) from error

    def _invoke_stream(self, endpoint_name: str, body: bytes, deadline: Deadline) -> NativeStream:
        client = self._connections.client(deadline.remaining(), stream=True)
        try:
            response = client.invoke_stream(endpoint_name, body)
        except FAILURES as error:
            raise self._translate(error, endpoint_name, stream=True) from error
        chunks = self._chunks(response["Body"], endpoint_name)
        # Started, so that it closes the connection even if nothing of it is ever read.
        next(chunks)
        return NativeStream(chunks, response.get("ContentType") or "text/event-stream")

    def _chunks(self, events: Any, endpoint_name: str) -> Iterator[bytes]:
        with closing(events):
            yield b""
            try:
                for event in events:
                    if part := event.get("PayloadPart", {}).get("Bytes"):
                        yield part
            except FAILURES as error:
                raise self._translate(error, endpoint_name, stream=True) from error
            finally:
                self._connections.used()

    def _translate(self, error: Failure, endpoint_name: str, *, stream: bool) -> ApiError:
        call = Call(
            endpoint_name=endpoint_name,
            refuses_with_424=self._container.refuses_with_424,
            timeout_seconds=self._settings.invoke_timeout_seconds,
            stream=stream,
        )
        return translate(error, call)

    def close(self) -> None:
        """Close all connections that are not in use; the next request opens new ones."""
        self._connections.close()
