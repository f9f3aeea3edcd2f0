"""Parameters judged by what a model and its container are able to do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim import rules
from invoke_shim.errors import ENOUGH_PROBLEMS, Problem
from invoke_shim.openai.parameters import Kind
from invoke_shim.rules.limits import Limits
from tests.invoke_shim.openai.reading import CONTAINERS, KINDS, SCHEMA, accepted, read, refused


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

    def test_assumes_no_length_of_answer_that_nobody_asked_for(self) -> None:
        assert accepted({}, max_total_tokens=8192).max_tokens is None

    def test_takes_the_length_that_the_model_is_declared_with(self) -> None:
        assert accepted({}, default_max_tokens=700).max_tokens == 700
        assert accepted({"max_tokens": 9}, default_max_tokens=700).max_tokens == 9
        assert accepted({"max_completion_tokens": 9}, default_max_tokens=700).max_tokens == 9

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
        generation = accepted(body, **limits)
        problem = Limits(**limits).prompt_problem("prompt", text, max_tokens=generation.max_tokens)
        return [] if problem is None else [problem]

    def test_refuses_a_prompt_that_cannot_fit_however_it_is_cut(self) -> None:
        assert not self.problems("x" * 2560)
        (problem,) = self.problems("x" * 2561)
        assert problem.param == "prompt"
        assert problem.message == (
            "prompt has 2561 characters, which are 11 tokens at the very least; this model's maximum context length is "
            "20 tokens, prompt and answer together, at most 10 of prompt"
        )

    def test_counts_the_answer_that_is_asked_for(self) -> None:
        assert not self.problems("x" * 512, max_tokens=18)
        (problem,) = self.problems("x" * 513, max_tokens=18)
        assert "prompt and 18 of answer together" in problem.message

    def test_counts_no_white_space_which_a_tokenizer_may_drop(self) -> None:
        assert not self.problems("x" * 2560 + " \n\t" * 100_000)

    def test_knows_no_limit_where_none_is_declared(self) -> None:
        assert Limits().prompt_problem("prompt", "x" * 1_000_000, max_tokens=None) is None
        assert Limits().tokens_problem("prompt", 1_000_000, max_tokens=None) is None


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
        assert generation.max_tokens is None or generation.max_tokens >= 1
        assert total is None or (generation.max_tokens or 0) < total
        assert set(generation.extra) <= set(CONTAINERS[name].rules.extra) & set(body)
        for value in (generation.temperature, generation.top_p):
            assert value is None or 0 <= value <= 2
