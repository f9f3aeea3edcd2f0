"""OpenAI's parameters, and the container's own beside them, read into what a backend is asked."""

from typing import Any

import pytest

from invoke_shim.generation.types import Generation
from invoke_shim.openai import parameters
from invoke_shim.openai.parameters import Kind
from invoke_shim.rules.base import ContainerRules
from tests.invoke_shim.openai.reading import CONTAINERS, KINDS, accepted, refused

MAPPED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {"max_tokens": None}),
    "max_tokens": ({"max_tokens": 7}, {"max_tokens": 7}),
    "sampling": ({"temperature": 0.6, "top_p": 0.9, "seed": 42}, {"temperature": 0.6, "top_p": 0.9, "seed": 42}),
    "the ends of ranges": ({"temperature": 2, "top_p": 1, "seed": 2**63 - 1}, {"temperature": 2, "top_p": 1}),
    "one stop string": ({"stop": "END"}, {"stop": ("END",)}),
    "stop strings": ({"stop": ["a", "b", "c", "d"]}, {"stop": ("a", "b", "c", "d")}),
    "no stop strings": ({"stop": []}, {"stop": ()}),
    "penalties of 0 ask for nothing": (
        {"presence_penalty": 0, "frequency_penalty": 0.0},
        {"presence_penalty": None, "frequency_penalty": None},
    ),
    "no streaming": ({"stream": False, "n": 1}, {"n": 1}),
    "a stream and its options": (
        {
            "stream": True,
            "stream_options": {
                "include_usage": True,
                "include_obfuscation": False,
                "continuous_usage_stats": True,
            },
        },
        {},
    ),
    "text is the form anyway": ({"response_format": {"type": "text"}}, {"response_format": None}),
    "the container's own": (
        {"top_k": 5, "typical_p": 0.9, "repetition_penalty": 1.03, "watermark": True, "best_of": 2, "truncate": 100},
        {
            "extra": {
                "top_k": 5,
                "typical_p": 0.9,
                "repetition_penalty": 1.03,
                "watermark": True,
                "best_of": 2,
                "truncate": 100,
            }
        },
    ),
    "greedy": ({"do_sample": False}, {"temperature": 0, "extra": {}}),
    # S1 sends both: where nothing is sampled, the temperature has no effect
    "greedy whatever the temperature": ({"do_sample": False, "temperature": 0.1}, {"temperature": 0, "extra": {}}),
    "sampling is what OpenAI does anyway": ({"do_sample": True}, {"temperature": None, "extra": {}}),
    "greedy leaves nothing to narrow": (
        {"temperature": 0, "top_k": 5, "typical_p": 0.5, "repetition_penalty": 1.1},
        {"temperature": 0, "extra": {"repetition_penalty": 1.1}},
    ),
    "details are asked for anyway": ({"details": True, "ignore_eos": True}, {"extra": {}}),
    "details of the prompt": ({"decoder_input_details": True}, {"decoder_input_details": True, "extra": {}}),
    "alternatives by TGI's name": ({"top_n_tokens": 3}, {"logprobs": True, "top_logprobs": 3, "extra": {}}),
    "a grammar": (
        {"grammar": {"type": "regex", "value": "a+"}},
        {"extra": {"grammar": {"type": "regex", "value": "a+"}}},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("body", "expected"), MAPPED.values(), ids=MAPPED)
def test_reads_parameters(body: dict[str, Any], expected: dict[str, Any], kind: Kind) -> None:
    generation = accepted(body, kind=kind)
    assert {name: getattr(generation, name) for name in expected} == expected


def test_reads_the_parameters_of_the_sources_chat_example() -> None:
    # S2: {"max_new_tokens": 256, "top_p": 0.9, "temperature": 0.6} by OpenAI's names, with its four stop strings
    stop = ["\nUser:", "<|endoftext|>", " User:", "###"]
    generation = accepted({"max_tokens": 256, "top_p": 0.9, "temperature": 0.6, "stop": stop})
    assert generation == Generation(max_tokens=256, top_p=0.9, temperature=0.6, stop=tuple(stop))


def test_takes_a_chats_newer_name_of_the_limit() -> None:
    assert accepted({"max_completion_tokens": 9}).max_tokens == 9
    assert accepted({"max_completion_tokens": 9, "max_tokens": 9}).max_tokens == 9
    both = refused({"max_completion_tokens": 9, "max_tokens": 10})
    assert both == {"max_tokens": "max_tokens and max_completion_tokens differ: send one of them"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_takes_what_openai_clients_send_routinely(container: ContainerRules, kind: Kind) -> None:
    body: dict[str, Any] = {
        "model": "m",
        "user": "ann",
        "store": False,
        "metadata": {"run": "1"},
        "service_tier": "auto",
        "safety_identifier": "x",
        "prompt_cache_key": "y",
        "prompt_cache_retention": "24h",
        "parallel_tool_calls": True,
        "n": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
        "logit_bias": {},
        "response_format": {"type": "text"},
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "max_tokens": 50,
        "temperature": 1,
        "top_p": 1.0,
        "seed": 0,
        "stop": None,
    }
    if kind == "chat":
        body |= {"logprobs": False, "tools": [], "tool_choice": "auto", "modalities": ["text"], "messages": 1}
    else:
        body |= {"logprobs": None, "echo": False, "best_of": 1, "suffix": None, "prompt": 1}
    generation = accepted(body, kind=kind, container=container)
    assert not generation.logprobs


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_takes_null_for_every_parameter(container: ContainerRules) -> None:
    names = {
        *parameters.IGNORED,
        *container.rules.extra,
        *("max_tokens", "temperature", "top_p", "n", "stop", "seed", "stream", "stream_options", "logprobs"),
        *("presence_penalty", "frequency_penalty", "response_format", "logit_bias"),
    }
    assert accepted(dict.fromkeys(names), container=container) == Generation(max_tokens=None)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "max_tokens 0": ({"max_tokens": 0}, "max_tokens is 0, expected an integer of at least 1"),
    "max_tokens 5.0": ({"max_tokens": 5.0}, "max_tokens is 5.0, expected an integer"),
    "max_tokens true": ({"max_tokens": True}, "max_tokens is true, expected an integer"),
    "max_tokens text": ({"max_tokens": "5"}, "max_tokens is '5', expected an integer"),
    "temperature below": ({"temperature": -0.1}, "temperature is -0.1, expected a number from 0 to 2"),
    "temperature above": ({"temperature": 2.1}, "temperature is 2.1, expected a number from 0 to 2"),
    "temperature true": ({"temperature": True}, "temperature is true, expected a number"),
    "temperature huge": ({"temperature": 10**400}, "temperature is an enormous integer, expected"),
    "temperature infinite": ({"temperature": float("inf")}, "temperature is Infinity, expected a number from 0 to 2"),
    "top_p above": ({"top_p": 1.01}, "top_p is 1.01, expected a number from 0 to 1"),
    "top_p list": ({"top_p": [0.5]}, "top_p is a list, expected a number"),
    "seed below": ({"seed": -1}, "seed is -1, expected an integer from 0 to 9223372036854775807"),
    "seed above": ({"seed": 2**63}, "seed is 9223372036854775808, expected"),
    "penalty": ({"presence_penalty": 2.5}, "presence_penalty is 2.5, expected a number from -2 to 2"),
    "stop empty": ({"stop": ""}, "stop is '', expected a non-empty string, or a list of at most 64"),
    "more stops": ({"stop": ["a"] * 65}, "stop is a list, expected"),
    "stop number": ({"stop": ["a", 1]}, "stop is a list, expected"),
    "stop object": ({"stop": {"a": 1}}, "stop is an object, expected"),
    "stop surrogate": ({"stop": "\ud800"}, "stop is '\\ud800', expected a non-empty string"),
    "stop surrogate in list": ({"stop": ["a", "\ud800"]}, "stop is a list, expected a non-empty string"),
    "stream": ({"stream": 1}, "stream is 1, expected true or false"),
    "stream_options alone": (
        {"stream_options": {"include_usage": True}},
        "stream_options is given, which needs stream to be true",
    ),
    "stream_options list": (
        {"stream": True, "stream_options": ["include_usage"]},
        "stream_options is a list, expected an object of include_usage, include_obfuscation, continuous_usage_stats",
    ),
    "stream_options unknown": (
        {"stream": True, "stream_options": {"usage": True}},
        "stream_options is an object, expected one without 'usage', allowed are include_usage",
    ),
    "n 2": ({"n": 2}, "n is 2, but this model gives one answer to a request"),
    "n true": ({"n": True}, "n is true, expected an integer from 1 to 128"),
    "logit_bias": ({"logit_bias": {"50256": -100}}, "logit_bias is not supported by this model: leave it out"),
    "penalty TGI 1.1 would ignore": (
        {"frequency_penalty": 0.5},
        "frequency_penalty is 0.5, but this model's container knows no such penalty: leave it out or send 0, "
        "or use repetition_penalty",
    ),
    "response_format": (
        {"response_format": {"type": "json_object"}},
        "response_format is json_object, but this model answers with text only",
    ),
    "response_format type": (
        {"response_format": {"type": "xml"}},
        "response_format is an object, expected an object whose type is one of text, json_object, json_schema",
    ),
    "response_format without a schema": (
        {"response_format": {"type": "json_schema"}},
        "response_format is an object, expected a json_schema with a name and a schema",
    ),
    "top_k": ({"top_k": 0}, "top_k is 0, expected an integer from 1 to 2147483647"),
    "top_n_tokens": ({"top_n_tokens": 6}, "top_n_tokens is 6, expected an integer from 0 to 5"),
    "typical_p": ({"typical_p": 1.0}, "typical_p is 1.0, expected a number between 0 and 1, neither of them"),
    "repetition_penalty": ({"repetition_penalty": 0}, "repetition_penalty is 0, expected a number above 0"),
    "best_of": ({"best_of": 3}, "best_of is 3, expected an integer from 1 to 2"),
    "best_of greedy": ({"best_of": 2, "temperature": 0}, "best_of is 2, which needs sampling"),
    "best_of seed": ({"best_of": 2, "seed": 1}, "best_of is 2, which cannot go with a seed"),
    "best_of stream": ({"best_of": 2, "stream": True}, "best_of is 2, which cannot be streamed"),
    "details stream": (
        {"decoder_input_details": True, "stream": True},
        "decoder_input_details is true, which cannot be streamed",
    ),
    "greedy sampling": ({"do_sample": True, "temperature": 0}, "do_sample is true, but temperature is 0"),
    "watermark": ({"watermark": "yes"}, "watermark is 'yes', expected true or false"),
    "adapter_id": ({"adapter_id": ""}, "adapter_id is '', expected a non-empty string"),
    "grammar": ({"grammar": "a+"}, 'grammar is \'a+\', expected an object like {"type": "json"'),
    "grammar without properties": (
        {"grammar": {"type": "json", "value": {"type": "string"}}},
        "grammar is an object, expected a grammar whose JSON schema has properties",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("body", "expected"), REFUSED.values(), ids=REFUSED)
def test_refuses_a_parameter_by_name_value_and_what_is_allowed(body: dict[str, Any], expected: str, kind: Kind) -> None:
    problems = refused(body, kind=kind)
    assert len(problems) == 1
    ((name, message),) = problems.items()
    assert name in body
    assert message.startswith(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("modalities", ["text", "audio"]),
        ("reasoning_effort", "high"),
        ("web_search_options", {}),
    ],
)
def test_refuses_in_a_chat_what_no_container_here_can_do(name: str, value: object) -> None:
    assert refused({name: value}) == {name: f"{name} is not supported by this model: leave it out"}


def test_refuses_the_other_routes_names() -> None:
    assert set(refused({"suffix": "x"}, kind="chat")) == {"suffix"}
    assert set(refused({"prompt": "Hi"}, kind="chat")) == {"prompt"}
    assert set(refused({"messages": []}, kind="completion")) == {"messages"}
    assert set(refused({"max_completion_tokens": 5}, kind="completion")) == {"max_completion_tokens"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("temprature", "unknown parameter 'temprature', did you mean temperature"),
        ("top-p", "unknown parameter 'top-p', did you mean top_p"),
        ("max_new_tokens", "max_new_tokens is not taken here: OpenAI's name of it is max_tokens"),
        ("stop_sequences", "stop_sequences is not taken here: OpenAI's name of it is stop"),
        ("parameters", "parameters is not taken here: send them beside the prompt, or to /invocations"),
    ],
)
def test_refuses_an_unknown_parameter_with_what_comes_near_it(name: str, expected: str) -> None:
    assert refused({name: 1})[name].startswith(expected)


def test_names_what_is_allowed_where_nothing_comes_near() -> None:
    message = refused({"zzz": 1}, kind="completion")["zzz"]
    assert message.startswith("unknown parameter 'zzz', allowed: adapter_id, best_of, decoder_input_details")
    assert "temperature" in message


def test_names_every_problem_at_once() -> None:
    body = {"temperature": 3, "top_k": 0, "stop": 7, "n": 4, "zzz": 1, "best_of": 2, "seed": 1, "max_tokens": 500}
    assert set(refused(body, max_total_tokens=100)) == {
        *("temperature", "top_k", "stop", "n", "zzz", "best_of", "max_tokens"),
    }
