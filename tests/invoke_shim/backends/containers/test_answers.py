"""Answers of each container that are not streamed, and their log probabilities."""

import json
import math
from typing import Any

import pytest

from invoke_shim.generation.types import TokenLogprob, Usage, collect
from tests.invoke_shim.backend_stub import prompt_request
from tests.invoke_shim.backends.containers.reading import made, payload, read, stream
from tests.invoke_shim.container_writers import (
    details,
    tgi_events,
)

# ------------------------------------------------------------------ reading whole answers

REASONS = {
    "TGI": ("tgi", [{"generated_text": " Hi.", "details": {"finish_reason": "eos_token"}}], "stop"),
    "TGI at a stop string": ("tgi", [{"generated_text": "", "details": {"finish_reason": "stop_sequence"}}], "stop"),
    "TGI at the limit": ("tgi", [{"generated_text": "Hi", "details": {"finish_reason": "length"}}], "length"),
    "TGI without details": ("tgi", [{"generated_text": "Hi"}], "stop"),
    "LMI without a reason, below the limit": (
        "lmi",
        {"generated_text": "Hi.", "details": {"finish_reason": None, "generated_tokens": 3}},
        "stop",
    ),
    "LMI without a reason, at the limit": (
        "lmi",
        {"generated_text": "Hi", "details": {"finish_reason": None, "generated_tokens": 256}},
        "length",
    ),
    "LMI with a token's id as the reason": (
        "lmi",
        {"generated_text": "Hi.", "details": {"finish_reason": 32007, "generated_tokens": 3}},
        "stop",
    ),
    "vLLM": ("vllm", {"choices": [{"index": 0, "text": "Hi", "finish_reason": "length"}]}, "length"),
    "vLLM filtered": (
        "vllm",
        {"choices": [{"index": 0, "text": "", "finish_reason": "content_filter"}]},
        "content_filter",
    ),
    "vLLM with tools, which nobody asked for": (
        "vllm",
        {"choices": [{"index": 0, "message": {"content": None}, "finish_reason": "tool_calls"}]},
        "stop",
    ),
}


@pytest.mark.parametrize(("container", "reply", "reason"), REASONS.values(), ids=REASONS)
def test_every_reason_to_end_is_one_of_openais(container: str, reply: Any, reason: str) -> None:
    assert read(container, reply).finish_reason == reason


def test_several_answers_of_vllm_are_in_their_order() -> None:
    choices = [{"index": 1, "text": "b", "finish_reason": "stop"}, {"index": 0, "text": "a", "finish_reason": "length"}]
    answer = made("vllm").read(json.dumps({"choices": choices}).encode(), prompt_request(n=2))
    assert [completion.text for completion in answer.completions] == ["a", "b"]
    assert answer.usage == Usage()


def test_the_prompts_tokens_are_counted_from_their_details() -> None:
    reply = [{"generated_text": "Hi", "details": {"generated_tokens": 3, "prefill": [{"id": 1}] * 11}}]
    assert made("tgi").read(json.dumps(reply).encode(), prompt_request()).usage == Usage(11, 3)


@pytest.mark.parametrize(
    "odd",
    [
        {"details": None},
        {"details": []},
        {"details": {"finish_reason": ["x"], "generated_tokens": "3", "tokens": "x"}},
        {"details": {"generated_tokens": -1, "prefill": 5, "tokens": [1, None, {}]}},
        {"details": {"generated_tokens": True, "prefill": [], "top_tokens": 5}},
    ],
)
def test_odd_details_do_not_lose_the_text(odd: dict[str, Any]) -> None:
    asked = prompt_request(logprobs=True)
    answer = made("tgi").read(json.dumps([{"generated_text": "Hi", **odd}]).encode(), asked)
    assert (answer.completions[0].text, answer.usage) == ("Hi", Usage())


def test_tgis_text_that_ends_inside_a_character_is_put_together_from_its_tokens() -> None:
    # TGI's decoder answers with nothing at all when the text would end in a replacement character.
    reply = [{"generated_text": "", "details": details(["Hi", " there", ""])}]
    assert read("tgi", reply).text == "Hi there"


@pytest.mark.parametrize("container", ["tgi", "lmi"])
def test_an_echo_is_the_prompt_before_the_answer(container: str) -> None:
    for asked in (prompt_request("Once", echo=True), prompt_request("Once", extra={"return_full_text": True})):
        assert payload(container, asked)["parameters"]["return_full_text"] is False
        assert read(container, {"generated_text": " upon"}, asked).text == "Once upon"
        assert collect(stream(container, tgi_events([" upon"]), asked)).completions[0].text == "Once upon"


# ------------------------------------------------------------------ log probabilities


def test_tgi_tells_alternatives_the_likeliest_first() -> None:
    top = [{"text": "b", "logprob": -2.0}, {"text": "a", "logprob": -1.0}, {"text": "c", "logprob": -2.0}]
    token = {"text": "a", "logprob": -1.0, "special": False}
    asked = prompt_request(logprobs=True, top_logprobs=2)
    expected = (TokenLogprob("a", -1.0, (("a", -1.0), ("b", -2.0))),)
    reply = [{"generated_text": "a", "details": {"tokens": [token], "top_tokens": [top]}}]
    assert read("tgi", reply, asked).logprobs == expected
    events = [{"token": token, "top_tokens": top, "generated_text": "a", "details": None}]
    assert collect(stream("tgi", events, asked)).completions[0].logprobs == expected


def test_special_tokens_are_neither_text_nor_log_probabilities() -> None:
    tokens = [
        {"text": "a", "logprob": -1, "special": False},
        {"text": "</s>", "logprob": -2, "special": True},
    ]
    reply = [{"generated_text": "a", "details": {"tokens": tokens}}]
    assert [token.token for token in read("tgi", reply, prompt_request(logprobs=True)).logprobs] == ["a"]
    events = [{"token": tokens[0]}, {"token": tokens[1], "generated_text": "a"}]
    completion = collect(stream("tgi", events, prompt_request(logprobs=True))).completions[0]
    assert (completion.text, len(completion.logprobs)) == ("a", 1)


@pytest.mark.parametrize("value", [None, math.nan, -math.inf, "x", True])
def test_a_log_probability_that_json_has_no_number_for_is_openais_unlikely(value: Any) -> None:
    reply = [{"generated_text": "a", "details": {"tokens": [{"text": "a", "logprob": value}]}}]
    assert read("tgi", reply, prompt_request(logprobs=True)).logprobs == (TokenLogprob("a", -9999.0),)


def test_log_probabilities_are_told_only_when_asked_for() -> None:
    assert read("tgi", [{"generated_text": "ab", "details": details(["a", "b"])}]).logprobs == ()


def test_vllms_alternatives_are_those_that_were_asked_for() -> None:
    asked = prompt_request(logprobs=True, top_logprobs=1)
    alternatives = [{"token": "b", "logprob": -2.0}, {"token": "a", "logprob": -1.0}]
    content = [{"token": "b", "logprob": -2.0, "top_logprobs": alternatives}]
    chat = {"choices": [{"message": {"content": "b"}, "logprobs": {"content": content}, "finish_reason": "stop"}]}
    assert read("vllm", chat, asked).logprobs == (TokenLogprob("b", -2.0, (("a", -1.0),)),)
    told = {"tokens": ["x", "b"], "token_logprobs": [None, -2.0], "top_logprobs": [None, {"a": -1.0, "b": -2.0}]}
    text = {"choices": [{"text": "xb", "logprobs": told, "finish_reason": "stop"}]}
    assert read("vllm", text, asked).logprobs == (
        TokenLogprob("x", -9999.0),
        TokenLogprob("b", -2.0, (("a", -1.0),)),
    )
