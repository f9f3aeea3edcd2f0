"""Answers that call tools or reason: whole and in pieces the same, however a container splits them."""

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoke_shim.generation.messages import ToolCall
from invoke_shim.generation.types import Completion, FinishReason, Piece, ToolCallPiece, Usage
from invoke_shim.telemetry import logs
from tests.invoke_shim.backend_stub import texts
from tests.invoke_shim.client import Answer, Json
from tests.invoke_shim.openai import objects
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

TOOLS = {"tools": [{"type": "function", "function": {"name": name}} for name in ("get_weather", "now")]}
FUNCTIONS = {"functions": [{"name": "get_weather"}, {"name": "now"}]}
ARGUMENTS = '{"city": "Tromsø 🌧"}'


def pieces_of(completion: Completion, cuts: list[int]) -> list[Piece]:
    """An answer as a container streams it: its reasoning, its text, then its calls, each cut anywhere."""
    found: list[Piece] = [Piece(reasoning=part) for part in cut(completion.reasoning, cuts)]
    found += [Piece(text=part) for part in cut(completion.text, cuts)]
    for position, call in enumerate(completion.tool_calls):
        found.append(Piece(tool_calls=(ToolCallPiece(position, call.id, call.name),)))
        found += [Piece(tool_calls=(ToolCallPiece(position, arguments=part),)) for part in cut(call.arguments, cuts)]
    return [*found, Piece(finish_reason=completion.finish_reason), Piece(usage=Usage(5, 7))]


def cut(text: str, cuts: list[int]) -> list[str]:
    borders = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
    return [text[start:end] for start, end in itertools.pairwise(borders)]


def ask(script: list[Piece], *, stream: bool, **body: Json) -> Answer:
    backend = ScriptedBackend([script], takes_messages=True)
    with serve_scripted(backend) as shim:
        answer = shim.chat(("user", "Hi"), stream=stream, **body)
    assert answer.status == 200
    for document in answer.documents if stream else []:
        objects.is_chat_chunk(document)
    if not stream:
        objects.is_chat(answer.json)
    return answer


def collected(answer: Answer) -> tuple[Json, str]:
    """Put a stream's deltas together as clients do: by their index, each name once."""
    message: Json = {"content": "", "reasoning": "", "calls": {}}
    reason = ""
    for document in answer.documents:
        for choice in document["choices"]:
            assert not reason
            delta, reason = choice["delta"], choice["finish_reason"] or ""
            message["content"] += delta.get("content") or ""
            assert delta.get("reasoning") == delta.get("reasoning_content")
            message["reasoning"] += delta.get("reasoning") or ""
            for call in delta.get("tool_calls", ()):
                if call["index"] not in message["calls"]:
                    assert call["type"] == "function"
                    message["calls"][call["index"]] = [call["id"], call["function"]["name"], ""]
                else:
                    assert set(call) == {"index", "function"}
                    assert set(call["function"]) == {"arguments"}
                message["calls"][call["index"]][2] += call["function"]["arguments"]
    return message, reason


calls = st.builds(ToolCall, st.text("abc123", min_size=1, max_size=3), st.sampled_from(["get_weather", "now"]), texts)
answers = st.builds(
    Completion,
    text=texts,
    finish_reason=st.sampled_from(["stop", "length"]),
    reasoning=texts,
    tool_calls=st.lists(calls, max_size=3).map(tuple),
)


@given(answers, st.lists(st.integers(min_value=0, max_value=40), max_size=6))
@example(Completion("", "stop", tool_calls=(ToolCall("1", "now", ARGUMENTS),) * 2), [1, 2, 3, 19, 20])
@example(Completion("", "length", reasoning="First, "), [])
def test_nothing_is_lost_or_doubled_however_it_is_split(completion: Completion, cuts: list[int]) -> None:
    script = pieces_of(completion, cuts)
    whole = ask(script, stream=False, **TOOLS).json["choices"][0]
    message, reason = collected(ask(script, stream=True, **TOOLS))
    made = whole["message"].get("tool_calls", [])
    expected = [list(call) for call in completion.tool_calls]
    assert [[call["id"], call["function"]["name"], call["function"]["arguments"]] for call in made] == expected
    assert [message["calls"][index] for index in range(len(message["calls"]))] == expected
    assert whole["message"]["content"] == (completion.text or (None if expected else ""))
    assert (
        whole["message"].get("reasoning_content", "") == whole["message"].get("reasoning", "") == completion.reasoning
    )
    assert (message["content"], message["reasoning"]) == (completion.text, completion.reasoning)
    assert whole["finish_reason"] == reason
    assert reason == ("tool_calls" if expected and completion.finish_reason == "stop" else completion.finish_reason)


WEATHER = Completion("", "tool_calls", tool_calls=(ToolCall("call_7", "get_weather", ARGUMENTS),))


def test_a_call_is_an_answer_without_content() -> None:
    choice = ask(pieces_of(WEATHER, [4, 9]), stream=False, **TOOLS).json["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {"id": "call_7", "type": "function", "function": {"name": "get_weather", "arguments": ARGUMENTS}}
        ],
    }
    assert choice["finish_reason"] == "tool_calls"


def test_the_first_delta_of_a_call_has_its_name_and_the_others_its_arguments() -> None:
    answer = ask(pieces_of(WEATHER, [9]), stream=True, **TOOLS)
    assert [choice["delta"] for document in answer.documents for choice in document["choices"]] == [
        {"role": "assistant", "content": "", "refusal": None},
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "call_7",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": ""},
                }
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": ARGUMENTS[:9]}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ARGUMENTS[9:]}}]},
        {},
    ]


ODD: dict[str, list[ToolCallPiece]] = {
    "arguments before the name": [
        ToolCallPiece(0, arguments="{"),
        ToolCallPiece(0, "a", "now"),
        ToolCallPiece(0, arguments="}"),
    ],
    "the name with the arguments": [ToolCallPiece(0, "a", "now", "{}")],
    "id and name again": [ToolCallPiece(0, "a", "now", "{"), ToolCallPiece(0, "a", "now", "}")],
    "positions from 3 on": [ToolCallPiece(3, "a", "now", "{}")],
}


@pytest.mark.parametrize("calls", ODD.values(), ids=ODD)
def test_odd_pieces_become_openais(calls: list[ToolCallPiece]) -> None:
    script = [*(Piece(tool_calls=(call,)) for call in calls), Piece(finish_reason="stop"), Piece(usage=Usage(1, 1))]
    message, reason = collected(ask(script, stream=True, **TOOLS))
    assert (message["calls"], reason) == ({0: ["a", "now", "{}"]}, "tool_calls")


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_without_an_id_gets_one_of_its_own(stream: bool) -> None:
    nameless = Completion("", "stop", tool_calls=(ToolCall("", "now", "{}"), ToolCall("", "now", "{}")))
    answer = ask(pieces_of(nameless, []), stream=stream, **TOOLS)
    if stream:
        ids = [call[0] for call in collected(answer)[0]["calls"].values()]
    else:
        ids = [call["id"] for call in answer.json["choices"][0]["message"]["tool_calls"]]
    assert len(set(ids)) == 2
    assert all(re.fullmatch("call_[0-9a-f]{24}", found) for found in ids)


@pytest.mark.parametrize("stream", [False, True])
def test_who_wants_one_call_at_a_time_gets_the_first(stream: bool) -> None:
    two = Completion("", "stop", tool_calls=(ToolCall("a", "now", "{}"), ToolCall("b", "get_weather", ARGUMENTS)))
    answer = ask(pieces_of(two, [3]), stream=stream, parallel_tool_calls=False, **TOOLS)
    if stream:
        assert collected(answer)[0]["calls"] == {0: ["a", "now", "{}"]}
    else:
        assert [call["id"] for call in answer.json["choices"][0]["message"]["tool_calls"]] == ["a"]


def test_who_sent_functions_gets_a_function_call() -> None:
    choice = ask(pieces_of(WEATHER, []), stream=False, **FUNCTIONS).json["choices"][0]
    assert choice["message"]["function_call"] == {"name": "get_weather", "arguments": ARGUMENTS}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"
    answer = ask(pieces_of(WEATHER, [5]), stream=True, **FUNCTIONS)
    deltas = [choice["delta"] for document in answer.documents for choice in document["choices"]]
    assert [delta["function_call"] for delta in deltas if "function_call" in delta] == [
        {"name": "get_weather", "arguments": ""},
        {"arguments": ARGUMENTS[:5]},
        {"arguments": ARGUMENTS[5:]},
    ]
    assert answer.documents[-1]["choices"][0]["finish_reason"] == "function_call"


REASONS: list[FinishReason] = ["stop", "length"]


@pytest.mark.parametrize("reason", REASONS)
def test_an_answer_that_only_reasoned_says_what_and_why_it_ended(reason: FinishReason) -> None:
    thought = Completion("", reason, reasoning="Hm, first")
    choice = ask(pieces_of(thought, []), stream=False).json["choices"][0]
    assert choice["message"]["content"] == ""
    assert choice["message"]["reasoning_content"] == choice["message"]["reasoning"] == "Hm, first"
    assert choice["finish_reason"] == reason


def test_a_text_that_ends_at_a_stop_string_calls_nothing_after_it() -> None:
    told = Completion("So END", "tool_calls", tool_calls=WEATHER.tool_calls)
    for stream in (False, True):
        answer = ask(pieces_of(told, [1, 3, 5]), stream=stream, stop="END", **TOOLS)
        if stream:
            message, reason = collected(answer)
            assert (message["content"], message["calls"], reason) == ("So ", {}, "stop")
        else:
            choice = answer.json["choices"][0]
            assert (choice["message"]["content"], choice["finish_reason"]) == ("So ", "stop")
            assert "tool_calls" not in choice["message"]


def test_calls_and_reasoning_are_logged_with_prompts(capsys: pytest.CaptureFixture[str]) -> None:
    for stream in (False, True):
        logs.configure("INFO", prompts=True)
        script = pieces_of(WEATHER._replace(reasoning="Hm."), [])
        with serve_scripted(ScriptedBackend([script], takes_messages=True), log_prompts=True) as shim:
            shim.chat(("user", "Hi"), stream=stream, **TOOLS)
        line: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert line["answer"] == f"Hm.get_weather{ARGUMENTS}"
