"""pydantic-ai, with its model of OpenAI's chats, or of OpenAI's responses where the command line says so."""

from __future__ import annotations

import sys
from typing import Any

import common
from common import Asked, Ran
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

BY_RESPONSES = sys.argv[1:] == ["responses"]


class City(BaseModel):
    """A city."""

    name: str
    population: int


def _agent(asked: Asked, **more: Any) -> Any:
    provider = OpenAIProvider(base_url=asked.base_url, api_key=asked.key)
    kind: Any = OpenAIResponsesModel if BY_RESPONSES else OpenAIChatModel
    return Agent(kind(asked.model, provider=provider), retries=0, **more)


def plain(asked: Asked) -> None:
    """Ask a question."""
    common.plain(_agent(asked).run_sync(common.QUESTION).output)


async def stream(asked: Asked) -> None:
    """Ask a question, streamed."""
    async with _agent(asked).run_stream(common.QUESTION) as result:
        common.streamed([piece async for piece in result.stream_text(delta=True, debounce_by=None)])


def turns(asked: Asked) -> None:
    """Go on with a chat."""
    *past, (_, last) = common.TURNS
    history: list[Any] = [
        ModelRequest(parts=[UserPromptPart(text)]) if role == "user" else ModelResponse(parts=[TextPart(text)])
        for role, text in past
    ]
    common.said(_agent(asked).run_sync(last, message_history=history).output, common.REMEMBERED)


def system(asked: Asked) -> None:
    """Ask an agent that has instructions."""
    common.said(_agent(asked, instructions=common.SYSTEM).run_sync(common.QUESTION).output, common.OBEYED)


def schema(asked: Asked) -> None:
    """Get an object by a JSON schema, then by the default way, a tool."""
    made = _agent(asked, output_type=NativeOutput(City)).run_sync(common.JSON_QUESTION).output
    common.want(isinstance(made, City), f"{made!r} is no city")
    made = _agent(asked, output_type=City).run_sync(common.city_call("final_result")).output
    common.want(isinstance(made, City), f"{made!r} is no city")


def one_tool(asked: Asked) -> None:
    """Run a tool."""
    ran = Ran()
    common.one_tool(ran, _agent(asked, tools=[ran.get_weather]).run_sync(common.ONE_CALL).output)


def two_tools(asked: Asked) -> None:
    """Run two tools of one answer."""
    ran = Ran()
    common.two_tools(ran, _agent(asked, tools=[ran.get_weather, ran.get_time]).run_sync(common.TWO_CALLS).output)


def image(asked: Asked) -> None:
    """Show a picture."""
    picture = BinaryContent(data=common.RED, media_type="image/png")
    common.said(_agent(asked).run_sync(["What is it?", picture]).output, asked.picture)


def embeddings(asked: Asked) -> None:
    """Embed two texts."""
    from pydantic_ai import Embedder  # noqa: PLC0415 - the task's own
    from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel  # noqa: PLC0415 - likewise

    provider = OpenAIProvider(base_url=asked.base_url, api_key=asked.key)
    made = Embedder(OpenAIEmbeddingModel(asked.model, provider=provider)).embed_documents_sync([*common.TEXTS])
    common.vectors([list(vector) for vector in made.embeddings])


TASKS = {
    "plain": plain,
    "stream": stream,
    "five turns": turns,
    "system": system,
    "JSON schema": schema,
    "one tool": one_tool,
    "two tools": two_tools,
    "image": image,
    **({} if BY_RESPONSES else {"embeddings": embeddings}),
}

if __name__ == "__main__":
    common.main(TASKS)
