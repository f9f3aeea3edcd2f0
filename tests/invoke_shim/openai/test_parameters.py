"""OpenAI's parameters, and the container's own beside them, read into what a backend is asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim import rules
from invoke_shim.errors import ENOUGH_PROBLEMS, Problem
from invoke_shim.generation.types import Generation
from invoke_shim.openai import parameters
from invoke_shim.openai.parameters import Kind
from invoke_shim.rules.base import ContainerRules

KINDS: tuple[Kind, ...] = ("chat", "completion")
CONTAINERS = {
    name: getattr(rules, name)
    for name in (
        "TGI",
        "TGI_GUIDED",
        "LMI",
        "VLLM",
        "BEDROCK_CHAT",
        "BEDROCK_COMPLETION",
        "BEDROCK_NATIVE",
        "BEDROCK_CONVERSE",
    )
}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "car", "schema": {"type": "object", "properties": {}}}}


def read(
    body: dict[str, Any],
    *,
    kind: Kind = "chat",
    container: ContainerRules = rules.TGI,
    max_input_tokens: int | None = None,
    max_total_tokens: int | None = None,
) -> tuple[Generation, list[Problem]]:
    return parameters.read(
        body,
        kind=kind,
        rules=container.rules,
        max_input_tokens=max_input_tokens,
        max_total_tokens=max_total_tokens,
    )


def accepted(body: dict[str, Any], **how: Any) -> Generation:
    generation, problems = read(body, **how)
    assert not problems
    return generation


def refused(body: dict[str, Any], **how: Any) -> dict[str | None, str]:
    """The problems' messages by the parameter; each parameter has one."""
    problems = read(body, **how)[1]
    assert problems
    assert len({problem.param for problem in problems}) == len(problems)
    return {problem.param: problem.message for problem in problems}


MAPPED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {"max_tokens": 256}),
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
    assert accepted(dict.fromkeys(names), container=container) == Generation(max_tokens=256)


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
    "stop empty": ({"stop": ""}, "stop is '', expected a non-empty string, or a list of at most 4"),
    "stop five": ({"stop": ["a"] * 5}, "stop is a list, expected"),
    "stop number": ({"stop": ["a", 1]}, "stop is a list, expected"),
    "stop object": ({"stop": {"a": 1}}, "stop is an object, expected"),
    "stop surrogate": ({"stop": "\ud800"}, "stop is '\\ud800', expected Unicode text, which a lone surrogate is not"),
    "stop surrogate in list": ({"stop": ["a", "\ud800"]}, "stop is a list, expected Unicode text"),
    "stream": ({"stream": 1}, "stream is 1, expected true or false"),
    "stream_options alone": (
        {"stream_options": {"include_usage": True}},
        "stream_options is given, which needs stream to be true",
    ),
    "stream_options list": (
        {"stream": True, "stream_options": ["include_usage"]},
        "stream_options is a list, expected an object with include_usage, include_obfuscation, continuous_usage_stats",
    ),
    "stream_options unknown": (
        {"stream": True, "stream_options": {"usage": True}},
        "stream_options is an object, expected an object with include_usage",
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
        ("tools", [{"type": "function"}]),
        ("tool_choice", "required"),
        ("functions", [{"name": "f"}]),
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


class TestLogprobs:
    """OpenAI's two ways to ask for log probabilities."""

    def test_reads_a_chats(self) -> None:
        generation = accepted({"logprobs": True, "top_logprobs": 5})
        assert (generation.logprobs, generation.top_logprobs) == (True, 5)
        generation = accepted({"logprobs": True})
        assert (generation.logprobs, generation.top_logprobs) == (True, 0)

    @pytest.mark.parametrize("count", [0, 5])
    def test_reads_a_completions(self, count: int) -> None:
        generation = accepted({"logprobs": count}, kind="completion")
        assert (generation.logprobs, generation.top_logprobs) == (True, count)

    def test_refuses_more_than_the_container_tells(self) -> None:
        assert refused({"logprobs": True, "top_logprobs": 6}) == {
            "top_logprobs": "top_logprobs is 6, but this model's container tells at most 5"
        }
        assert refused({"logprobs": 1}, kind="completion", container=rules.LMI) == {
            "logprobs": "logprobs is 1, but this model's container tells at most 0"
        }

    def test_refuses_them_where_the_container_tells_none(self) -> None:
        for body, kind in (({"logprobs": True}, "chat"), ({"logprobs": 0}, "completion")):
            assert refused(body, kind=kind, container=rules.BEDROCK_CONVERSE) == {
                "logprobs": "logprobs is not supported by this model: leave it out"
            }

    def test_refuses_alternatives_without_the_tokens_themselves(self) -> None:
        assert refused({"top_logprobs": 2}) == {"top_logprobs": "top_logprobs is 2, which needs logprobs to be true"}

    def test_refuses_them_with_an_echo_which_would_need_the_prompts(self) -> None:
        assert set(refused({"logprobs": 1, "echo": True}, kind="completion")) == {"logprobs"}

    @pytest.mark.parametrize(("kind", "value"), [("chat", 1), ("completion", True), ("completion", 6)])
    def test_refuses_the_other_routes_form(self, kind: Kind, value: object) -> None:
        assert set(refused({"logprobs": value}, kind=kind)) == {"logprobs"}


class TestEcho:
    """The prompt before the answer."""

    @pytest.mark.parametrize("name", ["echo", "return_full_text"])
    def test_is_for_completions_by_either_name(self, name: str) -> None:
        generation = accepted({name: True}, kind="completion")
        assert generation.echo
        assert not generation.extra

    def test_is_refused_in_a_chat(self) -> None:
        assert refused({"return_full_text": True}) == {
            "return_full_text": "return_full_text is true, which is for /v1/completions only"
        }
        assert set(refused({"echo": True})) == {"echo"}
        assert not accepted({"return_full_text": False}).echo


class TestLimits:
    """The model's limits of tokens."""

    @pytest.mark.parametrize(("total", "expected"), [(8192, 256), (300, 150), (2, 1), (None, 256)])
    def test_the_default_length_leaves_room_for_a_prompt(self, total: int | None, expected: int) -> None:
        assert accepted({}, max_total_tokens=total).max_tokens == expected

    def test_refuses_an_answer_that_leaves_no_room_for_a_prompt(self) -> None:
        limits = {"max_input_tokens": 8191, "max_total_tokens": 8192}
        assert accepted({"max_tokens": 8191}, **limits).max_tokens == 8191
        assert refused({"max_tokens": 8192}, **limits) == {
            "max_tokens": "max_tokens is 8192, but this model takes 8192 tokens, prompt and answer together "
            "(at most 8191 for the prompt)"
        }

    def test_refuses_to_shorten_a_prompt_to_more_than_the_model_takes(self) -> None:
        assert accepted({"truncate": 100}, max_input_tokens=100)
        assert refused({"truncate": 101}, max_input_tokens=100) == {
            "truncate": "truncate is 101, but this model takes prompts of 100 tokens"
        }

    @staticmethod
    def problems(text: str, **body: Any) -> list[Problem]:
        limits = {"max_input_tokens": 10, "max_total_tokens": 20}
        return parameters.prompt_problems("prompt", text, accepted(body, **limits), **limits)

    def test_refuses_a_prompt_that_cannot_fit_however_it_is_cut(self) -> None:
        assert not self.problems("x" * 2560)
        (problem,) = self.problems("x" * 2561)
        assert problem.param == "prompt"
        assert problem.message == (
            "prompt has 2561 characters, which are 11 tokens at the very least; this model takes 20 tokens, "
            "prompt and 10 of answer together, at most 10 of prompt"
        )

    def test_counts_the_answer_that_is_asked_for(self) -> None:
        assert not self.problems("x" * 512, max_tokens=18)
        (problem,) = self.problems("x" * 513, max_tokens=18)
        assert "prompt and 18 of answer together" in problem.message

    def test_counts_no_white_space_which_a_tokenizer_may_drop(self) -> None:
        assert not self.problems("x" * 2560 + " \n\t" * 100_000)

    def test_leaves_a_prompt_that_is_shortened_to_the_container(self) -> None:
        assert not self.problems("x" * 100_000, truncate=10)

    def test_knows_no_limit_where_none_is_declared(self) -> None:
        assert not parameters.prompt_problems(
            "prompt", "x" * 1_000_000, accepted({}), max_input_tokens=None, max_total_tokens=None
        )


class TestContainers:
    """Parameters that one container takes and another does not."""

    @pytest.mark.parametrize("name", ["LMI", "VLLM", "BEDROCK_CHAT", "BEDROCK_COMPLETION"])
    def test_passes_penalties_on_where_they_are_known(self, name: str) -> None:
        generation = accepted({"presence_penalty": 1, "frequency_penalty": -2}, container=CONTAINERS[name])
        assert (generation.presence_penalty, generation.frequency_penalty) == (1, -2)

    def test_newer_tgi_knows_one_penalty(self) -> None:
        assert accepted({"frequency_penalty": 0.5}, container=rules.TGI_GUIDED).frequency_penalty == 0.5
        assert set(refused({"presence_penalty": 0.5}, container=rules.TGI_GUIDED)) == {"presence_penalty"}

    @pytest.mark.parametrize("name", ["TGI_GUIDED", "VLLM", "BEDROCK_CHAT", "BEDROCK_COMPLETION", "BEDROCK_NATIVE"])
    def test_passes_a_schema_on_where_answers_can_be_held_to_it(self, name: str) -> None:
        assert accepted({"response_format": SCHEMA}, container=CONTAINERS[name]).response_format == SCHEMA

    def test_newer_tgi_needs_a_schema_with_properties(self) -> None:
        assert (
            "needs a json_schema"
            in refused({"response_format": {"type": "json_object"}}, container=rules.TGI_GUIDED)["response_format"]
        )
        bare = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "string"}}}
        assert "without properties" in refused({"response_format": bare}, container=rules.TGI_GUIDED)["response_format"]

    def test_newer_tgi_takes_one_form_of_the_answer(self) -> None:
        body = {"response_format": SCHEMA, "grammar": {"type": "regex", "value": "a"}}
        assert set(refused(body, container=rules.TGI_GUIDED)) == {"grammar"}

    def test_vllm_gives_several_answers_but_not_greedily(self) -> None:
        assert accepted({"n": 3}, container=rules.VLLM).n == 3
        assert refused({"n": 3, "temperature": 0}, container=rules.VLLM)["n"].startswith("n is 3, which needs a temp")

    @pytest.mark.parametrize("name", ["LMI", "VLLM"])
    def test_passes_on_what_load_generators_send(self, name: str) -> None:
        body = {"ignore_eos": True, "max_tokens": 100, "max_completion_tokens": 100, "stop": None, "stream": True}
        assert accepted(body, container=CONTAINERS[name]).extra == {"ignore_eos": True}

    def test_takes_what_load_generators_send_where_the_container_cannot_do_it(self) -> None:
        # The answer can then be shorter than was asked for, as any answer can, and its usage says so.
        assert accepted({"ignore_eos": True}, container=rules.TGI).extra == {}

    def test_vllm_takes_its_own_names(self) -> None:
        body = {"top_k": -1, "min_p": 0.05, "min_tokens": 5, "logit_bias": {"5": 1.0}, "stop_token_ids": [1, 2]}
        assert accepted(body, container=rules.VLLM).extra == body
        assert set(refused({"min_tokens": 6, "max_tokens": 5}, container=rules.VLLM)) == {"min_tokens"}
        assert set(refused({"chat_template": "{{x}}"}, container=rules.VLLM)) == {"chat_template"}

    def test_lmi_takes_its_own_names(self) -> None:
        body = {"top_k": 5, "min_p": 0.05, "repetition_penalty": 1.1, "skip_special_tokens": False, "truncate": 9}
        assert accepted(body, container=rules.LMI).extra == body
        assert set(refused({"typical_p": 0.5}, container=rules.LMI)) == {"typical_p"}

    @pytest.mark.parametrize("name", ["BEDROCK_NATIVE", "BEDROCK_CONVERSE"])
    def test_bedrocks_own_apis_take_temperatures_to_one(self, name: str) -> None:
        assert accepted({"temperature": 1}, container=CONTAINERS[name])
        assert refused({"temperature": 1.5}, container=CONTAINERS[name]) == {
            "temperature": "temperature is 1.5, but this model's API takes 0 to 1"
        }

    @pytest.mark.parametrize("name", ["BEDROCK_CHAT", "BEDROCK_COMPLETION"])
    def test_bedrock_takes_structured_outputs(self, name: str) -> None:
        body = {"structured_outputs": {"choice": ["a", "b"]}}
        assert accepted(body, container=CONTAINERS[name]).extra == body
        both = {**body, "response_format": SCHEMA}
        assert set(refused(both, container=CONTAINERS[name])) == {"structured_outputs"}


class TestHugeRequests:
    """Bodies with a million of something end in no time and no memory."""

    def test_a_million_unknown_names(self) -> None:
        body = {f"unknown{number}": number for number in range(300_000)}
        assert len(read(body)[1]) == ENOUGH_PROBLEMS

    def test_a_name_of_a_megabyte(self) -> None:
        (problem,) = read({"temperatur" * 100_000: 1})[1]
        assert len(problem.message) < 2000

    def test_a_million_stop_strings(self) -> None:
        assert set(refused({"stop": ["a"] * 1_000_000})) == {"stop"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)
NAMES = sorted(
    {
        *("max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "seed", "n", "stream", "echo"),
        *("stream_options", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "response_format"),
        *(name for container in CONTAINERS.values() for name in container.rules.extra),
    }
)
LIKELY = (
    JSON
    | st.sampled_from([0, 1, 2, 0.5, True, False, "text", ["a"], SCHEMA, {"include_usage": True}])
    | st.integers(min_value=0, max_value=10)
)


@given(
    body=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=12), LIKELY, max_size=6),
    kind=st.sampled_from(KINDS),
    name=st.sampled_from(sorted(CONTAINERS)),
    total=st.none() | st.integers(min_value=2, max_value=100),
)
def test_whatever_is_sent_is_read_or_refused_by_name(
    body: dict[str, Any], kind: Kind, name: str, total: int | None
) -> None:
    generation, problems = read(body, kind=kind, container=CONTAINERS[name], max_total_tokens=total)
    for problem in problems:
        assert problem.param in body
        assert problem.message
    if not problems:
        assert generation.max_tokens >= 1
        assert total is None or generation.max_tokens < total
        assert set(generation.extra) <= set(CONTAINERS[name].rules.extra) & set(body)
        for value in (generation.temperature, generation.top_p):
            assert value is None or 0 <= value <= 2
