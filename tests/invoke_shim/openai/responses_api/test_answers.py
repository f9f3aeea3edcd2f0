"""Responses, whole and by events: the same, however a container splits them."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import ToolCall
from invoke_shim.generation.types import Completion, Piece, TokenLogprob, ToolCallPiece, Usage
from tests.invoke_shim.client import Json
from tests.invoke_shim.openai.responses_api.asking import HELLO, NOW, WEATHER, events_of, post, respond, serving, stream
from tests.invoke_shim.openai.test_tool_answers import ARGUMENTS, answers, pieces_of

TOOLS = [WEATHER, NOW]
ID = re.compile("(resp|msg|rs|fc)_[0-9a-f]{48}")


def put_together(events: list[Json]) -> list[Json]:
    """The output as a client puts it together that reads additions and deltas only, and checks all the rest."""
    items: list[Json] = []
    done: set[int] = set()
    for event in events:
        kind = event["type"].removeprefix("response.")
        index = event.get("output_index")
        assert index not in done
        if kind == "output_item.added":
            assert index == len(items)
            assert event["item"]["status"] == "in_progress"
            items.append(event["item"])
        elif index is not None and kind != "output_item.done":
            item = items[index]
            assert event["item_id"] == item["id"]
            take(item, kind, event)
        elif kind == "output_item.done":
            assert event["item"] == {**items[index], "status": event["item"]["status"]}
            items[index] = event["item"]
            done.add(index)
    assert len(done) == len(items)
    return items


def take(item: Json, kind: str, event: Json) -> None:
    if kind == "function_call_arguments.delta":
        item["arguments"] += event["delta"]
    elif kind == "function_call_arguments.done":
        assert event["arguments"] == item["arguments"]
    elif kind == "content_part.added":
        assert event["content_index"] == len(item["content"])
        item["content"].append(event["part"])
    elif kind == "content_part.done":
        assert event["part"] == item["content"][event["content_index"]]
    elif kind.endswith("_text.delta"):
        assert event["delta"]
        item["content"][event["content_index"]]["text"] += event["delta"]
    else:
        assert kind.endswith("_text.done")
        assert event["text"] == item["content"][event["content_index"]]["text"]


def said(output: list[Json]) -> tuple[str, str, list[Json]]:
    """Reasoning, text and calls of an output."""
    texts: dict[str, str] = {"reasoning": "", "message": ""}
    calls = []
    for item in output:
        assert ID.fullmatch(item["id"])
        if item["type"] == "function_call":
            calls.append([item["call_id"], item["name"], item["arguments"]])
        else:
            (part,) = item["content"]
            texts[item["type"]] += part["text"]
    return texts["reasoning"], texts["message"], calls


def anonymous(output: list[Json]) -> list[Json]:
    return [{name: value for name, value in item.items() if name != "id"} for item in output]


@given(answers, st.lists(st.integers(min_value=0, max_value=40), max_size=6))
@example(Completion("", "stop", tool_calls=(ToolCall("1", "now", ARGUMENTS),) * 2), [1, 2, 3, 19, 20])
@example(Completion("", "length", reasoning="First, "), [])
@example(Completion("", "stop"), [])
def test_nothing_is_lost_or_doubled_however_it_is_split(completion: Completion, cuts: list[int]) -> None:
    script = pieces_of(completion, cuts)
    whole = respond(script, tools=TOOLS)
    events = stream(script, tools=TOOLS)
    last = events[-1]["response"]
    expected = (completion.reasoning, completion.text, [list(call) for call in completion.tool_calls])
    assert said(whole["output"]) == said(last["output"]) == expected
    assert put_together(events) == last["output"]
    assert anonymous(whole["output"]) == anonymous(last["output"])
    ends = {"stop": ("completed", None), "length": ("incomplete", {"reason": "max_output_tokens"})}
    for response in (whole, last):
        assert (response["status"], response["incomplete_details"]) == ends[completion.finish_reason]
        assert {item["type"] for item in response["output"]} & {"message", "function_call"}
    assert events[-1]["type"] == f"response.{last['status']}"


steps = st.one_of(
    st.text("ab ", min_size=1, max_size=3).map(lambda text: Piece(text=text)),
    st.text("cd ", min_size=1, max_size=3).map(lambda text: Piece(reasoning=text)),
    st.tuples(st.integers(min_value=0, max_value=2), st.text("{}e", max_size=3)).map(
        lambda call: Piece(tool_calls=(ToolCallPiece(call[0], f"c{call[0]}", "now", call[1]),))
    ),
)


@given(st.lists(steps, max_size=12))
def test_what_comes_in_any_order_arrives_in_that_order(script: list[Piece]) -> None:
    events = stream([*script, Piece(finish_reason="stop"), Piece(usage=Usage(1, 1))], tools=TOOLS)
    output = events[-1]["response"]["output"]
    assert put_together(events) == output
    reasoning, text, calls = said(output)
    assert reasoning == "".join(piece.reasoning for piece in script)
    assert text == "".join(piece.text for piece in script)
    made: dict[str, str] = {}
    for piece in script:
        for call in piece.tool_calls:
            made[str(call.id)] = made.get(str(call.id), "") + call.arguments
    assert calls == [[name, "now", arguments] for name, arguments in made.items()]
    assert all(item["status"] == "completed" for item in output)


def test_each_item_ends_before_the_next_one_begins() -> None:
    call = ToolCallPiece(0, "c1", "now", "{}")
    script = [Piece(reasoning="Hm."), Piece(text="Well."), Piece(tool_calls=(call,)), Piece(finish_reason="tool_calls")]
    assert [event["type"].removeprefix("response.") for event in stream(script, tools=TOOLS)] == [
        *("created", "in_progress"),
        *("output_item.added", "content_part.added", "reasoning_text.delta"),
        *("reasoning_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
        "completed",
    ]


def test_a_stream_begins_with_the_response_that_will_be_answered() -> None:
    events = stream(HELLO, instructions="Be brief.")
    first, second, last = events[0]["response"], events[1]["response"], events[-1]["response"]
    assert first == second
    assert (first["status"], first["output"], first["usage"], first["completed_at"]) == ("in_progress", [], None, None)
    changed = ("status", "output", "usage", "completed_at")
    assert {**first, **{name: last[name] for name in changed}} == last
    assert last["completed_at"] >= last["created_at"]


@pytest.mark.parametrize(
    ("usage", "details"), [(Usage(5, 7, 2, 4), (4, 2)), (Usage(5, 7), (0, 0))], ids=["told", "not told"]
)
def test_counts_tokens_by_openais_newer_names(usage: Usage, details: tuple[int, int]) -> None:
    script = [Piece(text="Hi", finish_reason="stop"), Piece(usage=usage)]
    for response in (respond(script), stream(script)[-1]["response"]):
        assert response["usage"] == {
            "input_tokens": 5,
            "input_tokens_details": {"cached_tokens": details[0], "cache_write_tokens": 0},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": details[1]},
            "total_tokens": 12,
        }


def test_an_answer_that_a_filter_ended_says_so() -> None:
    script = [Piece(text="I "), Piece(finish_reason="content_filter")]
    for response in (respond(script), stream(script)[-1]["response"]):
        assert response["incomplete_details"] == {"reason": "content_filter"}
        assert [item["status"] for item in response["output"]] == ["incomplete"]
        assert response["completed_at"] is None


def test_only_the_item_that_was_cut_is_incomplete() -> None:
    script = [Piece(reasoning="Hm."), Piece(text="We"), Piece(finish_reason="length")]
    assert [item["status"] for item in respond(script)["output"]] == ["completed", "incomplete"]


@pytest.mark.parametrize(
    "asking", [{"include": ["message.output_text.logprobs"]}, {"top_logprobs": 1}], ids=["included", "top"]
)
def test_tells_log_probabilities_where_they_are_asked_for(asking: dict[str, Any]) -> None:
    token = TokenLogprob("Hé", -0.5, (("Hé", -0.5), ("Ho", -1.0)))
    script = [Piece(text="Hé", logprobs=(token,)), Piece(finish_reason="stop")]
    top = [{"token": "Hé", "logprob": -0.5}, {"token": "Ho", "logprob": -1.0}]
    (part,) = respond(script, **asking)["output"][0]["content"]
    (entry,) = part["logprobs"]
    assert (entry["token"], entry["logprob"], entry["bytes"]) == ("Hé", -0.5, [72, 195, 169])
    assert [{"token": other["token"], "logprob": other["logprob"]} for other in entry["top_logprobs"]] == top
    found = [event["logprobs"] for event in stream(script, **asking) if "output_text." in event["type"]]
    assert found == [[{"token": "Hé", "logprob": -0.5, "top_logprobs": top}]] * 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ApiError("oops", status=500, type="server_error"), "server_error"),
        (ApiError("later", status=429, type="rate_limit_error"), "rate_limit_exceeded"),
        (ApiError("too long", status=400, type="invalid_request_error"), "invalid_prompt"),
    ],
)
def test_a_stream_that_breaks_off_ends_with_the_error_and_what_was_there(error: ApiError, code: str) -> None:
    with serving([Piece(text="Hel"), error]) as (shim, backend):
        answer = post(shim, stream=True)
    assert answer.broken is not None
    *_, failure, last = events_of(answer)
    assert failure["error"] == error.body()["error"]
    assert (failure["type"], failure["message"]) == ("error", error.message)
    response = last["response"]
    assert (last["type"], response["status"]) == ("response.failed", "failed")
    assert response["error"] == {"code": code, "message": error.message}
    assert [(item["status"], item["content"][0]["text"]) for item in response["output"]] == [("incomplete", "Hel")]
    assert backend.closed == 1


def test_what_fails_before_the_first_piece_is_an_error_of_http() -> None:
    with serving([ApiError("later", status=429, type="rate_limit_error")]) as (shim, _):
        answer = post(shim, stream=True)
    assert (answer.status, answer.error["message"]) == (429, "later")


def test_a_client_that_leaves_ends_the_models_answer() -> None:
    with serving(HELLO) as (shim, backend):
        body = '{"model": "the-model", "input": "Hi", "stream": true}'
        chunks = shim.call("POST", "/v1/responses", body).chunks
        assert chunks is not None
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]  # the runtime closes whatever can be closed, and this can
        assert backend.closed == 1
