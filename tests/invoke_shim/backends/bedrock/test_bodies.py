"""OpenAI's chat body of InvokeModel: calls, reasoning and text, in documents that are split anywhere."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.bedrock.bodies import OpenAiBody
from invoke_shim.generation.messages import Function, Image, Message, ToolCall, Tools
from invoke_shim.generation.types import Generation, GenerationRequest, Usage, collect
from tests.invoke_shim.backend_stub import cut_up
from tests.invoke_shim.backends.bedrock.stub import METRICS

BODY = OpenAiBody()
REQUEST = GenerationRequest(Generation(max_tokens=None), messages=(Message("user", "Hi"),))
PARTS = st.lists(st.sampled_from(["", "a", "Hé", "\U0001f600", '{"outputs": "', '"}', "}{"]), max_size=3)
PLACES = st.lists(st.integers(0, 5000), max_size=20)


def _deltas(kind: str, number: int, parts: list[str]) -> list[dict[str, Any]]:
    if kind != "call":
        return [{{"text": "content", "reasoning": "reasoning_content"}[kind]: part} for part in parts]
    first: dict[str, Any] = {
        "index": number,
        "id": f"id{number}",
        "type": "function",
        "function": {"name": "f", "arguments": ""},
    }
    rest: list[dict[str, Any]] = [{"index": number, "function": {"arguments": part}} for part in parts]
    return [{"tool_calls": [call]} for call in [first, *rest]]


@given(
    blocks=st.lists(st.tuples(st.sampled_from(["reasoning", "text", "call"]), PARTS), max_size=4),
    places=PLACES,
    ascii_only=st.booleans(),
)
def test_nothing_of_a_stream_is_lost_or_doubled(
    blocks: list[tuple[str, list[str]]], places: list[int], ascii_only: bool
) -> None:
    calls = [parts for kind, parts in blocks if kind == "call"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    number = 0
    for kind, parts in blocks:
        deltas += _deltas(kind, number, parts)
        number += kind == "call"
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"})
    documents: list[dict[str, Any]] = [{"choices": [choice]} for choice in choices]
    documents[-1][METRICS] = {"inputTokenCount": 3, "outputTokenCount": 5}
    stream = "".join(json.dumps(document, ensure_ascii=ascii_only) for document in documents).encode()
    answer = collect(BODY.read_stream(cut_up(stream, places), REQUEST))
    [completion] = answer.completions
    assert completion.text == "".join(part for kind, parts in blocks if kind == "text" for part in parts)
    assert completion.reasoning == "".join(part for kind, parts in blocks if kind == "reasoning" for part in parts)
    assert [(call.id, call.name) for call in completion.tool_calls] == [(f"id{at}", "f") for at in range(len(calls))]
    assert [call.arguments for call in completion.tool_calls] == ["".join(parts) for parts in calls]
    assert completion.finish_reason == ("tool_calls" if calls else "stop")
    assert answer.usage == Usage(3, 5)


def test_a_request_has_tools_turns_and_images_and_no_limit_that_nobody_asked_for() -> None:
    messages = (
        Message("user", "what", parts=("what", Image("image/png", "AAAA"))),
        Message("assistant", "", tool_calls=(ToolCall("x", "f", '{"a": 1}'),)),
        Message("tool", "12 C", tool_call_id="x"),
    )
    tools = Tools((Function("f", parameters={"type": "object"}),), choice="required")
    generation = Generation(max_tokens=None, tools=tools, extra={"top_k": 40, "reasoning_effort": "low"})
    payload = json.loads(BODY.payload(GenerationRequest(generation, messages=messages)))
    assert "max_tokens" not in payload
    assert payload["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in payload["tools"]] == ["f"]
    assert (payload["top_k"], payload["reasoning_effort"]) == (40, "low")
    seen, called, result = payload["messages"]
    assert seen["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert called["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": 1}'}
    assert (result["role"], result["tool_call_id"]) == ("tool", "x")


@pytest.mark.parametrize("name", ["stream", "stream_options"])
def test_a_request_leaves_the_stream_to_the_operation(name: str) -> None:
    assert name not in json.loads(BODY.payload(REQUEST))
