"""Converse's parameters for a request, and its answers, whole and in events split anywhere."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.bedrock.converse import Converse
from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import Function, Message, ToolCall, Tools
from invoke_shim.generation.types import Generation, GenerationRequest, ToolCallPiece, Usage, collect

CONVERSE = Converse()
QUESTION = (Message("user", "Weather in Oslo?"),)
ANSWERED = (
    *QUESTION,
    Message("assistant", "", tool_calls=(ToolCall("call_1", "get_weather", "{}"),)),
    Message("tool", "12 C", tool_call_id="call_1"),
)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Function("get_weather", description="d", parameters=SCHEMA, strict=True)
REQUEST = GenerationRequest(messages=QUESTION, generation=Generation(max_tokens=9))
SHAPE = botocore.session.get_session().get_service_model("bedrock-runtime").shape_for("ConverseRequest")


def asked(messages: tuple[Message, ...] = QUESTION, **generation: Any) -> dict[str, Any]:
    """The parameters, which botocore takes."""
    wanted = Generation(**{"max_tokens": None, **generation})
    parameters = CONVERSE.parameters(GenerationRequest(messages=messages, generation=wanted))
    report = ParamValidator().validate({"modelId": "m", **parameters}, SHAPE)
    assert not report.has_errors(), report.generate_report()
    return parameters


class TestParameters:
    def test_have_no_limit_of_tokens_where_the_request_has_none(self) -> None:
        assert asked()["inferenceConfig"] == {}
        assert asked(max_tokens=7)["inferenceConfig"] == {"maxTokens": 7}

    def test_have_no_blank_stop_sequences(self) -> None:
        assert asked(stop=("\n\n", "END", " "))["inferenceConfig"] == {"stopSequences": ["END"]}
        assert asked(stop=("\n",))["inferenceConfig"] == {}

    def test_have_beside_the_configuration_what_it_lacks(self) -> None:
        wanted: dict[str, Any] = {"presence_penalty": 0.5, "frequency_penalty": 1.0}
        fields = asked(seed=1, extra={"top_k": 40}, **wanted)["additionalModelRequestFields"]
        assert fields == {**wanted, "top_k": 40}
        assert "additionalModelRequestFields" not in asked(seed=1)

    def test_have_the_tools_without_what_no_imported_model_takes(self) -> None:
        assert asked(tools=Tools((WEATHER,)))["toolConfig"] == {
            "tools": [{"toolSpec": {"name": "get_weather", "description": "d", "inputSchema": {"json": SCHEMA}}}]
        }

    @pytest.mark.parametrize("parameters", [None, {}, {"properties": {}}])
    def test_have_tools_without_arguments(self, parameters: Any) -> None:
        [tool] = asked(tools=Tools((Function("ping", " ", parameters),)))["toolConfig"]["tools"]
        empty = {"type": "object", "properties": {}}
        assert tool == {"toolSpec": {"name": "ping", "inputSchema": {"json": empty}}}

    @pytest.mark.parametrize(
        ("choice", "expected"),
        [
            (Tools((WEATHER,), choice="required"), {"any": {}}),
            (Tools((WEATHER,), choice="named", name="get_weather"), {"tool": {"name": "get_weather"}}),
        ],
    )
    def test_have_the_choice_of_a_tool(self, choice: Tools, expected: Any) -> None:
        assert asked(tools=choice)["toolConfig"]["toolChoice"] == expected

    @pytest.mark.parametrize("tools", [None, Tools((WEATHER,), choice="none")])
    def test_have_neither_tools_nor_their_blocks_where_none_may_be_called(self, tools: Tools | None) -> None:
        parameters = asked(ANSWERED, tools=tools)
        assert "toolConfig" not in parameters
        blocks = [block for message in parameters["messages"] for block in message["content"]]
        assert [set(block) for block in blocks] == [{"text"}] * 3

    def test_have_the_schema_of_the_answer_as_json_in_a_string(self) -> None:
        form = {"name": "city", "description": "d", "strict": True, "schema": SCHEMA}
        found = asked(response_format={"type": "json_schema", "json_schema": form})["outputConfig"]["textFormat"]
        assert found["type"] == "json_schema"
        definition = found["structure"]["jsonSchema"]
        assert (definition["name"], definition["description"]) == ("city", "d")
        assert json.loads(definition["schema"]) == {**SCHEMA, "additionalProperties": False}

    def test_have_a_schema_whose_objects_are_closed_everywhere(self) -> None:
        inner = {"type": "object", "properties": {"type": {"enum": ["object"]}}}
        closed = {**inner, "additionalProperties": False}
        schema = {
            "$defs": {"a": inner},
            "type": "object",
            "properties": {"b": {"type": "array", "items": inner}, "c": {"anyOf": [inner, {"type": "null"}]}},
            "additionalProperties": True,
        }
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        found = asked(response_format=form)["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
        assert json.loads(found["schema"]) == {
            "$defs": {"a": closed},
            "type": "object",
            "properties": {"b": {"type": "array", "items": closed}, "c": {"anyOf": [closed, {"type": "null"}]}},
            "additionalProperties": True,
        }
        assert inner == {"type": "object", "properties": {"type": {"enum": ["object"]}}}


class TestNative:
    def test_images_and_documents_in_base64_become_bytes(self) -> None:
        data = base64.b64encode(b"\x89PNG").decode()
        image = {"image": {"format": "png", "source": {"bytes": data}}}
        use = {"toolUse": {"toolUseId": "x", "name": "f", "input": {"source": {"bytes": data}}}}
        result = {"toolResult": {"toolUseId": "x", "content": [image]}}
        payload = {"messages": [{"role": "user", "content": [image, use, result]}], "stream": True}
        [message] = CONVERSE.native_parameters(json.dumps(payload).encode())["messages"]
        read = {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}
        assert message["content"] == [read, use, {"toolResult": {"toolUseId": "x", "content": [read]}}]

    @pytest.mark.parametrize("messages", [None, [1], [{"content": "bytes"}], [{"content": [{"image": 5}]}], "bytes"])
    def test_what_is_no_chat_is_left_to_bedrock(self, messages: Any) -> None:
        payload = {"messages": messages, "bytes": '"bytes"'}
        assert CONVERSE.native_parameters(json.dumps(payload).encode()) == payload

    def test_bytes_of_answers_become_base64(self) -> None:
        reply = {"output": {"message": {"content": [{"reasoningContent": {"redactedContent": b"\x00\xff"}}]}}}
        [block] = json.loads(CONVERSE.native_reply(reply))["output"]["message"]["content"]
        assert block == {"reasoningContent": {"redactedContent": "AP8="}}
        [line] = CONVERSE.native_lines([{"contentBlockDelta": {"delta": {"reasoningContent": {"x": b"\x00"}}}}])
        assert json.loads(line)["contentBlockDelta"]["delta"] == {"reasoningContent": {"x": "AA=="}}


def whole(*blocks: Any, reason: str = "end_turn", usage: Any = None) -> Any:
    return CONVERSE.read(
        {"output": {"message": {"content": list(blocks)}}, "stopReason": reason, "usage": usage}, REQUEST
    )


class TestWhole:
    def test_has_text_reasoning_and_calls(self) -> None:
        use = {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Tromsø"}}}
        thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}
        hidden = {"reasoningContent": {"redactedContent": b"x"}}
        [completion] = whole(thought, hidden, {"text": "Let me see."}, use, reason="tool_use").completions
        assert completion.text == "Let me see."
        assert completion.reasoning == "Hm."
        assert completion.finish_reason == "tool_calls"
        assert completion.tool_calls == (ToolCall("tooluse_1", "get_weather", '{"city": "Tromsø"}'),)

    @pytest.mark.parametrize(
        ("reason", "calls", "expected"),
        [
            ("end_turn", False, "stop"),
            ("tool_use", False, "stop"),
            ("end_turn", True, "tool_calls"),
            ("max_tokens", True, "length"),
            ("model_context_window_exceeded", False, "length"),
            ("guardrail_intervened", True, "content_filter"),
        ],
    )
    def test_has_the_reason_for_its_end(self, reason: str, calls: bool, expected: str) -> None:
        blocks = [{"toolUse": {"toolUseId": "x", "name": "f", "input": {}}}] if calls else []
        assert whole(*blocks, reason=reason).completions[0].finish_reason == expected
        events: list[Any] = [{"messageStop": {"stopReason": reason}}]
        if calls:
            start = {"start": {"toolUse": {"toolUseId": "x", "name": "f"}}, "contentBlockIndex": 0}
            events.insert(0, {"contentBlockStart": start})
        assert collect(CONVERSE.read_stream(events, REQUEST)).completions[0].finish_reason == expected

    @pytest.mark.parametrize("reason", ["malformed_tool_use", "malformed_model_output"])
    def test_that_failed_is_an_error(self, reason: str) -> None:
        with pytest.raises(ApiError) as error:
            whole({"text": "{"}, reason=reason)
        assert error.value.status == 502

    def test_counts_what_came_out_of_a_cache(self) -> None:
        usage = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 18, "cacheReadInputTokens": 10}
        assert whole({"text": "a"}, usage=usage).usage == Usage(13, 5, cached_tokens=10)


PARTS = st.lists(st.sampled_from(["", "a", "Hé", "\U0001f600", '{"a": ', "}"]), max_size=4)
BLOCKS = st.lists(st.tuples(st.sampled_from(["text", "reasoning", "call"]), PARTS), max_size=4)


@given(blocks=BLOCKS, gap=st.integers(0, 2))
def test_nothing_of_a_stream_is_lost_or_doubled(blocks: list[tuple[str, list[str]]], gap: int) -> None:
    answer = collect(CONVERSE.read_stream(_events(blocks, gap), REQUEST))
    [completion] = answer.completions
    assert completion.text == "".join(part for kind, parts in blocks if kind == "text" for part in parts)
    assert completion.reasoning == "".join(part for kind, parts in blocks if kind == "reasoning" for part in parts)
    assert completion.tool_calls == tuple(
        ToolCall(f"id{number}", f"tool{number}", "".join(parts) or "{}")
        for number, parts in enumerate([parts for kind, parts in blocks if kind == "call"])
    )
    assert answer.usage == Usage(3, 5)


def _events(blocks: list[tuple[str, list[str]]], gap: int) -> Iterator[Any]:
    yield {"messageStart": {"role": "assistant"}}
    number = 0
    for place, (kind, parts) in enumerate(blocks):
        index = place * (gap + 1)
        if kind == "call":
            start = {"toolUse": {"toolUseId": f"id{number}", "name": f"tool{number}"}}
            yield {"contentBlockStart": {"start": start, "contentBlockIndex": index}}
            number += 1
        for part in parts:
            delta = {
                "text": {"text": part},
                "reasoning": {"reasoningContent": {"text": part}},
                "call": {"toolUse": {"input": part}},
            }[kind]
            yield {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": "tool_use" if number else "end_turn"}}
    yield {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}}}


def test_a_call_is_told_as_soon_as_it_begins() -> None:
    pieces = CONVERSE.read_stream(_events([("text", ["a"]), ("call", ['{"a"', ": 1}"])], 0), REQUEST)
    assert [piece.tool_calls for piece in pieces if piece.tool_calls] == [
        (ToolCallPiece(0, id="id0", name="tool0"),),
        (ToolCallPiece(0, arguments='{"a"'),),
        (ToolCallPiece(0, arguments=": 1}"),),
    ]


def test_arguments_of_a_call_that_never_began_are_not_understood() -> None:
    events = [{"contentBlockDelta": {"delta": {"toolUse": {"input": "{"}}, "contentBlockIndex": 3}}]
    with pytest.raises(ApiError) as error:
        list(CONVERSE.read_stream(events, REQUEST))
    assert error.value.status == 502


def test_a_stream_without_an_end_broke_off() -> None:
    with pytest.raises(ApiError, match="broke off"):
        list(CONVERSE.read_stream([{"messageStart": {"role": "assistant"}}], REQUEST))
