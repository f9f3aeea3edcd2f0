"""Answers to chats, as each version of a container writes them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import ToolCall
from invoke_shim.generation.types import Usage, collect, pieces_of
from tests.invoke_shim.backends.containers.chats import chat, chunk, container, streamed, whole

COUNTS = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("TGI 2.4.0", {"city": "Köln"}), ("TGI 3.2", '{"city":"Köln"}'), ("vLLM", '{"city":"Köln"}')],
)
def test_a_call_is_read_whatever_its_arguments_are_written_as(name: str, arguments: Any) -> None:
    call = {"id": "0", "type": "function", "function": {"description": None, "name": "weather", "arguments": arguments}}
    answer = whole(name, {"tool_calls": [call]}, usage=COUNTS)
    [completion] = answer.completions
    assert (completion.text, completion.finish_reason) == ("", "tool_calls")
    [found] = completion.tool_calls
    assert (found.name, json.loads(found.arguments)) == ("weather", {"city": "Köln"})
    assert "Köln" in found.arguments
    assert answer.usage == Usage(5, 3)


def test_an_answer_that_was_cut_within_a_call_says_so() -> None:
    call = {"id": "1", "function": {"name": "f", "arguments": '{"a'}}
    assert whole("vLLM", {"content": None, "tool_calls": [call]}, "length").completions[0].finish_reason == "length"


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    calls = [{"function": {"name": "f", "arguments": None}}, {"id": "", "function": {"name": "g", "arguments": "{}"}}]
    found = whole("LMI 14", {"content": "", "tool_calls": calls}).completions[0].tool_calls
    assert [call.arguments for call in found] == ["{}", "{}"]
    assert len({call.id for call in found}) == 2
    assert all(call.id.startswith("call_") for call in found)


@pytest.mark.parametrize("fields", [("reasoning_content",), ("reasoning",), ("reasoning_content", "reasoning")])
def test_reasoning_is_read_by_both_of_its_names_and_once(fields: tuple[str, ...]) -> None:
    reasoning = dict.fromkeys(fields, "hm")
    [completion] = whole("vLLM", {"content": "Hi", **reasoning}).completions
    assert (completion.text, completion.reasoning) == ("Hi", "hm")
    pieces = streamed("vLLM", chunk({"content": None, **reasoning}), chunk({"content": "Hi"}, "stop"))
    assert collect(pieces).completions == (completion,)


def test_details_of_the_usage_are_passed_on() -> None:
    counts = {
        **COUNTS,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert whole("vLLM", {"content": "Hi"}, usage=counts).usage == Usage(5, 3, 2, 4)
    assert whole("vLLM", {"content": "Hi"}, usage={**COUNTS, "prompt_tokens_details": None}).usage == Usage(5, 3)


def test_calls_are_streamed_in_parallel() -> None:
    def call(index: int, **function: Any) -> dict[str, Any]:
        return {"index": index, "id": f"call-{index}", "type": "function", "function": function}

    pieces = streamed(
        "vLLM",
        chunk({"role": "assistant", "content": ""}),
        chunk({"tool_calls": [call(0, name="f", arguments="")]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a": "ü'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"}'}}, call(1, name="g", arguments="{")]}),
        chunk({"tool_calls": [{"index": 1, "function": {"arguments": "}"}}]}),
        chunk({}, "tool_calls"),
        {"choices": [], "usage": COUNTS},
    )
    answer = collect(pieces)
    assert answer.completions[0].tool_calls == (ToolCall("call-0", "f", '{"a": "ü"}'), ToolCall("call-1", "g", "{}"))
    assert (answer.completions[0].finish_reason, answer.usage) == ("tool_calls", Usage(5, 3))


def test_a_name_and_an_id_that_are_repeated_at_every_step_count_once() -> None:
    steps = [
        chunk({"tool_calls": [{"index": 0, "id": f"id-{step}", "function": {"name": "f", "arguments": text}}]})
        for step, text in enumerate(["{", "}"])
    ]
    pieces = streamed("vLLM", *steps, chunk({}, "stop"))
    [completion] = collect(pieces).completions
    assert completion.tool_calls == (ToolCall("id-0", "f", "{}"),)
    assert completion.finish_reason == "tool_calls"
    assert [call.name for piece in pieces for call in piece.tool_calls] == ["f", None]


def test_a_call_that_is_streamed_as_an_object_and_not_in_a_list_is_read() -> None:
    steps = [
        chunk(
            {"role": "assistant", "tool_calls": {"index": 0, "id": "", "function": {"name": None, "arguments": text}}}
        )
        for text in ('{"', "a", '": 1}')
    ]
    assert (
        collect(streamed("TGI 2.4.0", *steps, chunk({}, "stop"))).completions[0].tool_calls[0].arguments == '{"a": 1}'
    )


def test_text_after_the_finish_reason_is_no_less_a_part_of_lmis_answer() -> None:
    pieces = streamed(
        "LMI 11", chunk({"content": "Hi", "role": "assistant"}, "stop"), chunk({"content": " you"}, "stop")
    )
    assert [(piece.text, piece.finish_reason) for piece in pieces] == [("Hi", None), (" you", None), ("", "stop")]


def test_lmis_log_probabilities_are_read_in_a_list_of_one_too() -> None:
    told = {"content": [{"token": "Hi", "logprob": -0.5, "top_logprobs": [{"token": -0.5, "logprob": -0.5}]}]}
    step = chunk({"content": "Hi"}, "stop")
    step["choices"][0]["logprobs"] = [told]
    [completion] = collect(streamed("LMI 11", step, logprobs=True)).completions
    assert [(token.token, token.logprob) for token in completion.logprobs] == [("Hi", -0.5)]


def test_a_stream_without_a_finish_reason_broke_off() -> None:
    with pytest.raises(ApiError, match="broke off"):
        streamed("TGI 3.2", chunk({"content": "Hi"}))


@pytest.mark.parametrize("calls", [["x"], [{"function": "f"}], [3]])
def test_calls_of_no_known_form_are_not_understood(calls: list[Any]) -> None:
    with pytest.raises(ApiError, match="does not understand"):
        whole("vLLM", {"content": None, "tool_calls": calls})


@given(arguments=st.lists(st.text(max_size=4), max_size=6), reasoning=st.text(max_size=8), text=st.text(max_size=8))
def test_nothing_of_a_stream_is_lost_or_doubled(arguments: list[str], reasoning: str, text: str) -> None:
    steps = [chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]})]
    steps += [chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}) for part in arguments]
    body = "".join(
        f"data: {json.dumps(step)}\n\n"
        for step in [chunk({"reasoning": reasoning}), chunk({"content": text}), *steps, chunk({}, "tool_calls")]
    ).encode()
    answer = collect(container("vLLM").read_stream([body], chat()))
    [completion] = answer.completions
    assert (completion.text, completion.reasoning) == (text, reasoning)
    assert completion.tool_calls[0].arguments == "".join(arguments)
    assert collect(pieces_of(answer)) == answer
