"""Chats as clients send them, through the API: none is refused, in any format, and the container gets their prompt."""

from typing import Any

import pytest

from invoke_shim.formats import FORMATS
from invoke_shim.generation.messages import Message, ToolCall
from tests.invoke_shim.client import Deploy, Runtime

CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}


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
    "an answer without content": [ASKED, said("assistant", None), said("user", "again")],
    "replayed reasoning": [ASKED, said("assistant", "12 C", reasoning_content="Hm."), said("user", "again")],
    "calls and results without tools": [
        ASKED,
        said("assistant", "", tool_calls=[CALL]),
        said("tool", "12 C", tool_call_id="call_1"),
    ],
    "a call without content": [
        ASKED,
        said("assistant", None, tool_calls=[CALL]),
        said("tool", "12 C", tool_call_id="call_1"),
        said("assistant", "12 C."),
        said("user", "thanks"),
    ],
}


def _read(message: dict[str, Any]) -> Message:
    calls = tuple(ToolCall(call["id"], *call["function"].values()) for call in message.get("tool_calls", ()))
    return Message(message["role"], message["content"] or "", (), calls, message.get("tool_call_id"))


@pytest.mark.parametrize("chat", REQUESTS.values(), ids=REQUESTS)
def test_every_format_takes_the_chats_that_clients_send(
    chat: list[dict[str, Any]], deploy: Deploy, runtime: Runtime
) -> None:
    for name, prompt_format in FORMATS.items():
        runtime.bodies.clear()
        answer = deploy(PROMPT_FORMAT=name).post("/v1/chat/completions", {"model": "the-model", "messages": chat})
        assert answer.status == 200, f"{name}: {answer.text}"
        assert runtime.payload["inputs"] == prompt_format.render([_read(message) for message in chat])


@pytest.mark.parametrize("name", FORMATS)
def test_half_a_character_in_a_calls_arguments_is_no_error_of_ours(name: str, deploy: Deploy) -> None:
    call = {**CALL, "function": {"name": "f", "arguments": '{"a": "\ud800"}'}}
    chat = [ASKED, said("assistant", "", tool_calls=[call]), said("tool", "12 C", tool_call_id="call_1")]
    answer = deploy(PROMPT_FORMAT=name).post("/v1/chat/completions", {"model": "the-model", "messages": chat})
    assert answer.status == 400, answer.text
