"""LiteLLM as a client, with its provider of OpenAI's API."""

from __future__ import annotations

import os
from typing import Any

# It downloads a table of prices otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import common
import litellm
from common import Asked, Ran


def _given(asked: Asked) -> dict[str, Any]:
    return {"model": f"openai/{asked.model}", "api_base": asked.base_url, "api_key": asked.key, "max_retries": 0}


def _ask(asked: Asked, *turns: tuple[str, Any], **more: Any) -> Any:
    messages = [{"role": role, "content": content} for role, content in turns]
    return litellm.completion(messages=messages, **_given(asked), **more)


def plain(asked: Asked) -> None:
    """Ask a question."""
    made = _ask(asked, ("user", common.QUESTION))
    common.plain(made.choices[0].message.content)
    common.want(made.usage.total_tokens > 0, "no usage")


def stream(asked: Asked) -> None:
    """Ask a question, streamed."""
    chunks = _ask(asked, ("user", common.QUESTION), stream=True)
    common.streamed([choice.delta.content or "" for chunk in chunks for choice in chunk.choices])


def turns(asked: Asked) -> None:
    """Go on with a chat."""
    common.said(_ask(asked, *common.TURNS).choices[0].message.content, common.REMEMBERED)


def system(asked: Asked) -> None:
    """Ask with a system message."""
    made = _ask(asked, ("system", common.SYSTEM), ("user", common.QUESTION))
    common.said(made.choices[0].message.content, common.OBEYED)


def schema(asked: Asked) -> None:
    """Get an answer in a JSON schema, and validate it by a model of pydantic's."""
    from pydantic import BaseModel  # noqa: PLC0415 - the task's own

    class City(BaseModel):
        name: str
        population: int

    made = _ask(asked, ("user", common.JSON_QUESTION), response_format=City)
    City.model_validate_json(made.choices[0].message.content)


def _tools(asked: Asked, question: str, *names: str) -> tuple[Ran, str | None]:
    ran, messages = Ran(), [{"role": "user", "content": question}]
    for _ in range(3):
        made = litellm.completion(messages=messages, tools=[*map(common.tool, names)], **_given(asked))
        message: Any = made.choices[0].message
        if not message.tool_calls:
            return ran, message.content
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
    common.said(_ask(asked, ("user", parts)).choices[0].message.content, asked.picture)


def completion(asked: Asked) -> None:
    """Complete a text."""
    given = {**_given(asked), "model": f"text-completion-openai/{asked.model}"}
    made: Any = litellm.text_completion(prompt=common.PROMPT, max_tokens=40, **given)
    common.said(made.choices[0].text)


def embeddings(asked: Asked) -> None:
    """Embed two texts."""
    made: Any = litellm.embedding(input=[*common.TEXTS], **_given(asked))
    common.vectors([one["embedding"] for one in made.data])


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
}

if __name__ == "__main__":
    common.main(TASKS)
