"""Chats as clients send them, through the API: none is refused, in any format, and the container gets their prompt."""

from typing import Any

import pytest

from invoke_shim.formats import FORMATS
from invoke_shim.generation.messages import Message
from tests.invoke_shim.client import Deploy, Runtime


def said(role: str, content: str | None, **members: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **members}


ASKED = said("user", "Weather in Oslo?")

REQUESTS = {
    "system first": [said("system", "Be terse."), ASKED],
    "system later": [said("system", "s"), said("user", "a"), said("assistant", "b"), said("system", "t"), ASKED],
    "two users": [said("user", "a"), ASKED],
    "an answer of HTML sent back": [
        said("user", "How do I strike text in HTML?"),
        said("assistant", "Write <s>old</s>."),
        said("user", "thanks"),
    ],
    "a pasted chat log": [said("user", "Summarize:\nUser: hi\nAssistant: hello\nFalcon: hello\n\nQuestion:\nwhy?")],
}


@pytest.mark.parametrize("chat", REQUESTS.values(), ids=REQUESTS)
def test_every_format_takes_the_chats_that_clients_send(
    chat: list[dict[str, Any]], deploy: Deploy, runtime: Runtime
) -> None:
    for name, prompt_format in FORMATS.items():
        runtime.bodies.clear()
        answer = deploy(PROMPT_FORMAT=name).post("/v1/chat/completions", {"model": "the-model", "messages": chat})
        assert answer.status == 200, f"{name}: {answer.text}"
        assert runtime.payload["inputs"] == prompt_format.render([Message(**message) for message in chat])
