"""OpenAI's client for Python."""

from __future__ import annotations

from typing import Any

import common
from common import Asked, Ran
from openai import OpenAI


def _client(asked: Asked) -> Any:
    return OpenAI(base_url=asked.base_url, api_key=asked.key, max_retries=0, timeout=60)


def _messages(*turns: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in turns]


def _chat(asked: Asked, *turns: tuple[str, Any], **more: Any) -> str | None:
    made = _client(asked).chat.completions.create(model=asked.model, messages=_messages(*turns), **more)
    common.want(made.usage is not None and made.usage.total_tokens > 0, "no usage")
    text: str | None = made.choices[0].message.content
    return text


def plain(asked: Asked) -> None:
    """Ask a question."""
    common.plain(_chat(asked, ("user", common.QUESTION)))


def stream(asked: Asked) -> None:
    """Ask a question, streamed with usage."""
    chunks = list(
        _client(asked).chat.completions.create(
            model=asked.model,
            messages=_messages(("user", common.QUESTION)),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    common.streamed([choice.delta.content or "" for chunk in chunks for choice in chunk.choices])
    common.want(chunks[-1].usage is not None, "no usage at the end")


def turns(asked: Asked) -> None:
    """Go on with a chat."""
    common.said(_chat(asked, *common.TURNS), common.REMEMBERED)


def system(asked: Asked) -> None:
    """Ask with a system message."""
    common.said(_chat(asked, ("system", common.SYSTEM), ("user", common.QUESTION)), common.OBEYED)


def schema(asked: Asked) -> None:
    """Parse an answer into a model of pydantic's."""
    from pydantic import BaseModel  # noqa: PLC0415 - the task's own

    class City(BaseModel):
        name: str
        population: int

    made = _client(asked).chat.completions.parse(
        model=asked.model, messages=_messages(("user", common.JSON_QUESTION)), response_format=City
    )
    common.want(isinstance(made.choices[0].message.parsed, City), "nothing was parsed")


def _tools(asked: Asked, question: str, *names: str) -> tuple[Ran, str | None]:
    ran, messages = Ran(), _messages(("user", question))
    client = _client(asked)
    for _ in range(3):
        made = client.chat.completions.create(model=asked.model, messages=messages, tools=[*map(common.tool, names)])
        message = made.choices[0].message
        if not message.tool_calls:
            return ran, message.content
        common.want(made.choices[0].finish_reason == "tool_calls", made.choices[0].finish_reason)
        messages.append(message)
        for call in message.tool_calls:
            output = ran.run(call.function.name, call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": output})
    return ran, None


def one_tool(asked: Asked) -> None:
    """Run a tool."""
    common.one_tool(*_tools(asked, common.ONE_CALL, "get_weather"))


def two_tools(asked: Asked) -> None:
    """Run two tools of one answer."""
    common.two_tools(*_tools(asked, common.TWO_CALLS, "get_weather", "get_time"))


def image(asked: Asked) -> None:
    """Show a picture."""
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": common.RED_URI}},
    ]
    common.said(_chat(asked, ("user", parts)), asked.picture)


def completion(asked: Asked) -> None:
    """Complete a text."""
    made = _client(asked).completions.create(model=asked.model, prompt=common.PROMPT, max_tokens=40)
    common.said(made.choices[0].text)
    common.want(made.usage is not None, "no usage")


def embeddings(asked: Asked) -> None:
    """Embed two texts."""
    made = _client(asked).embeddings.create(model=asked.model, input=[*common.TEXTS])
    common.vectors([one.embedding for one in made.data])


def models(asked: Asked) -> None:
    """List the models."""
    common.want([model.id for model in _client(asked).models.list()] == [asked.model], "the model is not listed")


TASKS = {
    "plain": plain,
    "stream": stream,
    "five turns": turns,
    "system": system,
    "JSON schema": schema,
    "one tool": one_tool,
    "two tools": two_tools,
    "image": image,
    "completion": completion,
    "embeddings": embeddings,
    "models": models,
}

if __name__ == "__main__":
    common.main(TASKS)
