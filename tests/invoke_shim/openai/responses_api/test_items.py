"""Items of an input that belong to one turn of the assistant."""

from typing import Any

from invoke_shim.openai.responses_api.items import ItemReader
from invoke_shim.openai.responses_api.names import Names

CALL = {"type": "function_call", "call_id": "c1", "name": "now", "arguments": "{}"}


def _said(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def test_a_turn_of_many_items_is_not_copied_for_each() -> None:
    reader = ItemReader(Names(logprobs="top_logprobs"))
    reader.read_input([CALL, _said("a")])
    content = reader.messages[-1]["content"]
    reader.read_input([_said("b")])

    assert reader.messages[-1]["content"] is content
    assert [part["text"] for part in content] == ["a", "b"]
