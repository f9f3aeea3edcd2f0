"""Aider's requests, sent by LiteLLM as it sends them (Aider-AI/aider, `aider/models.py`, `send_completion`).

They are streamed at temperature 0, with a system message, examples and reminders, also after the user's last message.
"""

from __future__ import annotations

import os
from typing import Any

# It downloads a table of prices otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import common
import litellm
from common import Asked


def _send(asked: Asked, messages: list[dict[str, Any]], *, stream: bool = True, **more: Any) -> Any:
    made: Any = litellm.completion(
        model=f"openai/{asked.model}",
        api_base=asked.base_url,
        api_key=asked.key,
        messages=messages,
        stream=stream,
        temperature=0,
        timeout=60,
        max_retries=0,
        **more,
    )
    if not stream:
        return made.choices[0].message.content
    return [choice.delta.content or "" for chunk in made for choice in chunk.choices]


def plain(asked: Asked) -> None:
    """Ask for a commit message, which is not streamed."""
    common.plain(_send(asked, [{"role": "user", "content": common.QUESTION}], stream=False))


def stream(asked: Asked) -> None:
    """Ask a question."""
    common.streamed(_send(asked, [{"role": "user", "content": common.QUESTION}]))


def turns(asked: Asked) -> None:
    """Go on with a chat."""
    messages = [{"role": role, "content": text} for role, text in common.TURNS]
    common.said("".join(_send(asked, messages)), common.REMEMBERED)


def system(asked: Asked) -> None:
    """Ask with a system message, examples, and a reminder at the end, a system message, too."""
    messages = [
        {"role": "system", "content": common.SYSTEM},
        {"role": "user", "content": "I switched to a new code base."},
        {"role": "assistant", "content": "Ok."},
        {"role": "user", "content": common.QUESTION},
        {"role": "system", "content": "Return edits as blocks."},
    ]
    common.said("".join(_send(asked, messages)), common.OBEYED)


def one_tool(asked: Asked) -> None:
    """Ask for edits by a named function, whose arguments are the answer."""
    made: Any = litellm.completion(
        model=f"openai/{asked.model}",
        api_base=asked.base_url,
        api_key=asked.key,
        messages=[{"role": "user", "content": common.ONE_CALL}],
        temperature=0,
        max_retries=0,
        tools=[common.tool("get_weather")],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )
    [call] = made.choices[0].message.tool_calls
    common.want(call.function.name == "get_weather", f"it called {call.function.name}")
    common.want(common.Ran().run(call.function.name, call.function.arguments), "the tool did not run")


def image(asked: Asked) -> None:
    """Show a picture."""
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": common.RED_URI}},
    ]
    common.said("".join(_send(asked, [{"role": "user", "content": parts}])), asked.picture)


TASKS = {
    "plain": plain,
    "stream": stream,
    "five turns": turns,
    "system": system,
    "one tool": one_tool,
    "image": image,
}

if __name__ == "__main__":
    common.main(TASKS)
