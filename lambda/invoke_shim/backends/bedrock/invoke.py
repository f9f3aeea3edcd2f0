"""InvokeModel and InvokeModelWithResponseStream, with the body that the model is declared with."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from invoke_shim.backends.bedrock.bodies import create_body
from invoke_shim.backends.bedrock.exchange import Events, Lines
from invoke_shim.backends.bedrock.streams import objects, parse
from invoke_shim.contract import BodyName
from invoke_shim.generation.types import Answer, GenerationRequest, Piece


class Invoke:
    """InvokeModel, whole and streamed.

    Args:
        name: The body's name in BODY.
    """

    def __init__(self, name: BodyName) -> None:
        self._name = name
        self._body = create_body(name)

    @property
    def takes_messages(self) -> bool:
        """True if the model's side writes a chat's prompt."""
        return self._name == "chat"

    def parameters(self, request: GenerationRequest) -> dict[str, Any]:
        """Return the operation's parameters, without the model."""
        return _parameters(self._body.payload(request))

    def native_parameters(self, body: bytes) -> dict[str, Any]:
        """Return the operation's parameters for a payload; of Bedrock's own, without `stream`, which is no field."""
        if self._name == "native" and b'"stream"' in body:
            document = parse(body)
            document.pop("stream", None)
            body = json.dumps(document).encode("ascii")
        return _parameters(body)

    def call(self, client: Any, parameters: Mapping[str, Any]) -> bytes:
        """Call InvokeModel."""
        # Closed even when the answer breaks off: the connection would stay open otherwise.
        with closing(client.invoke_model(**parameters)["body"]) as stream:
            answer: bytes = stream.read()
        return answer

    def call_stream(self, client: Any, parameters: Mapping[str, Any]) -> Any:
        """Call InvokeModelWithResponseStream."""
        return client.invoke_model_with_response_stream(**parameters)["body"]

    def read(self, reply: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """
        return self._body.read(reply, request)

    def read_stream(self, events: Events, request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer, split anywhere.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """
        return self._body.read_stream(_chunks(events), request)

    def native_reply(self, reply: bytes) -> bytes:
        """Return the answer as it came."""
        return reply

    def native_lines(self, events: Events) -> Lines:
        """Yield the documents, one a line, since Bedrock puts nothing between them."""
        for document in objects(_chunks(events)):
            yield document.replace(b"\n", b" ") + b"\n"


def _parameters(body: bytes) -> dict[str, Any]:
    return {"body": body, "contentType": "application/json", "accept": "application/json"}


def _chunks(events: Events) -> Iterator[bytes]:
    for event in events:
        if part := event.get("chunk", {}).get("bytes"):
            yield part
