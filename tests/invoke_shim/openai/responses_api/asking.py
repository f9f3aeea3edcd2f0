"""Ask for responses, and read their events."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from invoke_shim.generation.types import Piece, Usage
from tests.invoke_shim.client import MODEL_NAME, Answer, Json, Shim
from tests.invoke_shim.openai import objects
from tests.invoke_shim.scripted_backend import ScriptedBackend, Step, serve_scripted

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
NOW = {"type": "function", "name": "now"}
HELLO = (Piece(text="Hel"), Piece(text="lo!"), Piece(finish_reason="stop"), Piece(usage=Usage(5, 7)))


@contextmanager
def serving(*scripts: Sequence[Step], **how: Any) -> Iterator[tuple[Shim, ScriptedBackend]]:
    """The function in front of a backend that takes messages and says these things."""
    backend = ScriptedBackend([*scripts] or [HELLO], takes_messages=True, abilities=how)
    with serve_scripted(backend) as shim:
        yield shim, backend


def post(shim: Shim, input_: Json = "Hi", **parameters: Json) -> Answer:
    return shim.post("/v1/responses", {"model": MODEL_NAME, "input": input_, **parameters})


def respond(script: Sequence[Step], **parameters: Json) -> Json:
    """The whole response to a request, which is one by OpenAI's own models."""
    with serving(script) as (shim, _):
        answer = post(shim, **parameters)
    assert answer.status == 200, answer.text
    objects.is_response(answer.json)
    return answer.json


def stream(script: Sequence[Step], **parameters: Json) -> list[Json]:
    """The events of a streamed response, each one by OpenAI's own models."""
    with serving(script) as (shim, _):
        return events_of(post(shim, stream=True, **parameters))


def events_of(answer: Answer) -> list[Json]:
    """Read server-sent events, whose names are those in their data."""
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = []
    for event in answer.text.strip("\n").split("\n\n"):
        name, data = event.split("\n")
        document = json.loads(data.removeprefix("data: "))
        assert name == f"event: {document['type']}"
        objects.is_response_event(document)
        events.append(document)
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    return events
