"""OpenAI's Agents SDK, with its model of chats, or of responses (its default) where the command line says so."""

from __future__ import annotations

import sys
from typing import Any

import common
from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from common import Asked, Ran
from openai import AsyncOpenAI
from pydantic import BaseModel

BY_RESPONSES = sys.argv[1:] == ["responses"]


class City(BaseModel):
    """A city."""

    name: str
    population: int


def _agent(asked: Asked, **more: Any) -> Any:
    set_tracing_disabled(disabled=True)
    client = AsyncOpenAI(base_url=asked.base_url, api_key=asked.key, max_retries=0, timeout=60)
    kind: Any = OpenAIResponsesModel if BY_RESPONSES else OpenAIChatCompletionsModel
    return Agent(name="Assistant", model=kind(model=asked.model, openai_client=client), **more)


async def plain(asked: Asked) -> None:
    """Ask a question."""
    common.plain((await Runner.run(_agent(asked), common.QUESTION)).final_output)


async def stream(asked: Asked) -> None:
    """Ask a question, streamed."""
    result = Runner.run_streamed(_agent(asked), common.QUESTION)
    pieces = [
        event.data.delta
        async for event in result.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    common.streamed(pieces)


async def turns(asked: Asked) -> None:
    """Go on with a chat."""
    messages: Any = [{"role": role, "content": text} for role, text in common.TURNS]
    common.said((await Runner.run(_agent(asked), messages)).final_output, common.REMEMBERED)


async def system(asked: Asked) -> None:
    """Ask an agent that has instructions."""
    result = await Runner.run(_agent(asked, instructions=common.SYSTEM), common.QUESTION)
    common.said(result.final_output, common.OBEYED)


async def schema(asked: Asked) -> None:
    """Get an object."""
    result = await Runner.run(_agent(asked, output_type=City), common.JSON_QUESTION)
    common.want(isinstance(result.final_output, City), f"{result.final_output!r} is no city")


async def _tools(asked: Asked, question: str, *names: str) -> tuple[Ran, str]:
    ran = Ran()
    agent = _agent(asked, tools=[function_tool(getattr(ran, name)) for name in names])
    return ran, (await Runner.run(agent, question, max_turns=3)).final_output


async def one_tool(asked: Asked) -> None:
    """Run a tool."""
    common.one_tool(*await _tools(asked, common.ONE_CALL, "get_weather"))


async def two_tools(asked: Asked) -> None:
    """Run two tools of one answer."""
    common.two_tools(*await _tools(asked, common.TWO_CALLS, "get_weather", "get_time"))


async def image(asked: Asked) -> None:
    """Show a picture."""
    parts = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": common.RED_URI, "detail": "auto"},
    ]
    asked_with: Any = [{"role": "user", "content": parts}]
    common.said((await Runner.run(_agent(asked), asked_with)).final_output, asked.picture)


TASKS = {
    "plain": plain,
    "stream": stream,
    "five turns": turns,
    "system": system,
    "JSON schema": schema,
    "one tool": one_tool,
    "two tools": two_tools,
    "image": image,
}

if __name__ == "__main__":
    common.main(TASKS)
