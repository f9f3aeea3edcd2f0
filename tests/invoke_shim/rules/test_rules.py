"""Payloads of the containers' own form: what each container takes, checked before it is asked."""

from typing import Any

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim import rules
from invoke_shim.errors import ENOUGH_PROBLEMS
from invoke_shim.rules import bedrock, limits, vllm
from invoke_shim.rules.base import ContainerRules
from invoke_shim.rules.refused import REASONS

CHAT = [{"role": "user", "content": "Hi"}]


def refused(container: ContainerRules, body: dict[str, Any], **limits: int) -> dict[str | None, str]:
    """The problems' messages by the field; each field has one."""
    problems = container.native_problems(body, **limits)
    assert problems
    assert len({problem.param for problem in problems}) == len(problems)
    return {problem.param: problem.message for problem in problems}


def tgi(**parameters: Any) -> dict[str, Any]:
    return {"inputs": "Hi", "parameters": parameters}


SOURCES = {
    "S1, Arctic": (
        "LMI",
        {"inputs": "Hi", "parameters": {"temperature": 0.1, "top_p": 0.95, "max_new_tokens": 512, "do_sample": False}},
    ),
    "S1, Arctic's table": (
        "LMI",
        tgi(max_new_tokens=512, top_p=0.95, temperature=0.7, top_k=50),
    ),
    "S2, Falcon 180B": ("TGI", tgi(max_new_tokens=256, top_p=0.9, temperature=0.6)),
    "S2, all parameters": (
        "TGI",
        tgi(
            do_sample=True,
            max_new_tokens=768,
            repetition_penalty=1.03,
            return_full_text=False,
            stop=["<|endoftext|>", "###"],
            temperature=0.8,
            top_k=10,
            top_p=0.95,
            truncate=100,
            typical_p=0.95,
            best_of=2,
            watermark=True,
            details=True,
            decoder_input_details=True,
        ),
    ),
    "S2, a seed": ("TGI", tgi(seed=42)),
    "S3, Mistral": ("TGI", {"inputs": "<s>[INST] Hello! [/INST]"}),
    "S5, an imported model": ("BEDROCK_COMPLETION", {"prompt": "Hi", "max_tokens": 100, "temperature": 0.01}),
}


@pytest.mark.parametrize(("name", "body"), SOURCES.values(), ids=SOURCES)
def test_takes_the_sources_payloads(name: str, body: dict[str, Any]) -> None:
    assert not getattr(rules, name).native_problems(body, max_input_tokens=1024, max_total_tokens=2048)


TGI_REFUSED = {
    "inputs": ({"inputs": ""}, "inputs is '', expected a non-empty string"),
    "inputs list": ({"inputs": ["Hi"]}, "inputs is a list, expected a non-empty string"),
    "inputs surrogate": ({"inputs": "\ud800"}, "inputs is '\\ud800', expected Unicode text"),
    "stream": ({"inputs": "Hi", "stream": None}, "stream is null, expected true or false"),
    "parameters": ({"inputs": "Hi", "parameters": []}, "parameters is a list, expected an object"),
    "a parameter outside": (
        {"inputs": "Hi", "max_new_tokens": 5},
        "unknown parameter 'max_new_tokens', allowed: inputs, parameters, stream",
    ),
    "best_of": (tgi(best_of=3), "parameters.best_of is 3, expected an integer from 1 to 2"),
    "best_of greedy": (tgi(best_of=2), "parameters.best_of is 2, which needs sampling"),
    "best_of seed": (tgi(best_of=2, seed=1, do_sample=True), "parameters.best_of is 2, which cannot go with a seed"),
    "do_sample null": (tgi(do_sample=None), "parameters.do_sample is null, expected true or false"),
    "frequency_penalty": (
        tgi(frequency_penalty=3),
        "parameters.frequency_penalty is 3, expected a number from -2 to 2",
    ),
    "max_new_tokens": (tgi(max_new_tokens=0), "parameters.max_new_tokens is 0, expected an integer from 1"),
    "max_new_tokens float": (tgi(max_new_tokens=5.0), "parameters.max_new_tokens is 5.0, expected an integer"),
    "repetition_penalty": (tgi(repetition_penalty=0), "parameters.repetition_penalty is 0, expected a number above 0"),
    "seed": (tgi(seed=2**64), "parameters.seed is 18446744073709551616, expected an integer from 0"),
    "stop": (tgi(stop="a"), "parameters.stop is 'a', expected a list of at most 4 non-empty strings"),
    "stop five": (tgi(stop=["a"] * 5), "parameters.stop is a list, expected a list of at most 4 non-empty strings"),
    "temperature": (tgi(temperature=0), "parameters.temperature is 0, expected a number above 0"),
    "top_k": (tgi(top_k=-1), "parameters.top_k is -1, expected an integer from 1"),
    "top_n_tokens": (tgi(top_n_tokens=6), "parameters.top_n_tokens is 6, expected an integer from 0 to 5"),
    "top_p": (tgi(top_p=1.0), "parameters.top_p is 1.0, expected a number between 0 and 1, neither of them"),
    "typical_p": (tgi(typical_p=0), "parameters.typical_p is 0, expected a number between 0 and 1"),
    "truncate": (tgi(truncate=0), "parameters.truncate is 0, expected an integer of at least 1"),
    "an unknown one": (tgi(top_q=1), "unknown parameter 'parameters.top_q', did you mean top_p or top_k"),
    "another container's": (
        tgi(stop_sequences=["a"]),
        "parameters.stop_sequences is not taken here: this container's name of it is stop",
    ),
    "decoder_input_details": (
        {**tgi(decoder_input_details=True), "stream": True},
        "parameters.decoder_input_details is true, which cannot be streamed",
    ),
    "best_of stream": (
        {**tgi(best_of=2, do_sample=True), "stream": True},
        "parameters.best_of is 2, which cannot be streamed",
    ),
}


@pytest.mark.parametrize(("body", "expected"), TGI_REFUSED.values(), ids=TGI_REFUSED)
def test_refuses_what_tgi_would_refuse_or_ignore(body: dict[str, Any], expected: str) -> None:
    ((field, message),) = refused(rules.TGI, body).items()
    assert message.startswith(expected)
    assert field is not None
    assert field.split(".")[-1] in message


def test_refuses_a_payload_without_a_prompt() -> None:
    assert refused(rules.TGI, {"parameters": {"top_k": 0}}) == {
        "inputs": "inputs is missing",
        "parameters.top_k": "parameters.top_k is 0, expected an integer from 1 to 2147483647",
    }
    assert refused(rules.LMI, {}) == {"inputs": "inputs or messages or prompt is missing"}


def test_names_every_problem_of_a_payload_at_once() -> None:
    body = {**tgi(top_k=0, best_of=2, seed=1, temperature=1, zzz=1, max_new_tokens=999), "extra": 1}
    assert set(refused(rules.TGI, body, max_total_tokens=100)) == {
        *("extra", "parameters.top_k", "parameters.zzz", "parameters.best_of", "parameters.max_new_tokens"),
    }


def test_refuses_more_tokens_than_the_model_takes() -> None:
    sizes = {"max_input_tokens": 10, "max_total_tokens": 20}
    assert not rules.TGI.native_problems(tgi(max_new_tokens=19, truncate=10), **sizes)
    assert refused(rules.TGI, tgi(max_new_tokens=20, truncate=11), **sizes) == {
        "parameters.max_new_tokens": "parameters.max_new_tokens is 20, but this model takes 20 tokens, prompt and "
        "answer together (at most 10 for the prompt)",
        "parameters.truncate": "parameters.truncate is 11, but this model takes prompts of 10 tokens",
    }
    assert set(refused(rules.BEDROCK_NATIVE, {"prompt": "Hi", "max_gen_len": 20}, **sizes)) == {"max_gen_len"}
    converse = {"messages": CHAT, "inferenceConfig": {"maxTokens": 20}}
    assert set(refused(rules.BEDROCK_CONVERSE, converse, **sizes)) == {"inferenceConfig.maxTokens"}


def test_refuses_a_prompt_that_cannot_fit_however_it_is_cut() -> None:
    sizes = {"max_input_tokens": 10, "max_total_tokens": 20}
    prompt = "x" * 10 * limits.LONGEST_TOKEN
    long = {"inputs": prompt, "parameters": {"max_new_tokens": 10}}
    assert not rules.TGI.native_problems(long, **sizes)
    longer = {**long, "inputs": f"{prompt}x"}
    assert refused(rules.TGI, longer, **sizes)["inputs"].startswith("inputs has 2561 characters, which are 11 tokens")
    assert not rules.TGI.native_problems({**longer, "parameters": {"truncate": 5}}, **sizes)
    assert set(refused(rules.BEDROCK_NATIVE, {"prompt": f"{prompt}x", "max_gen_len": 10}, **sizes)) == {"prompt"}


def test_stops_checking_a_payload_with_a_million_mistakes() -> None:
    body = tgi(**{f"unknown{number}": 1 for number in range(200_000)})
    assert len(rules.TGI.native_problems(body)) == ENOUGH_PROBLEMS


def test_does_not_trip_over_what_was_not_checked_any_more() -> None:
    body = tgi(**{f"unknown{number}": 1 for number in range(ENOUGH_PROBLEMS)}, best_of="two", max_new_tokens="many")
    assert rules.TGI.native_problems(body, max_total_tokens=10)


@pytest.mark.parametrize("value", ["a", ["a"], ["a"] * 64, []])
def test_takes_a_stop_string_or_a_list_of_them(value: str | list[str]) -> None:
    assert not rules.LMI.native_problems(tgi(stop=value))
    assert not rules.VLLM.native_problems({"prompt": "Hi", "stop": value})
    assert not rules.BEDROCK_CHAT.native_problems({"messages": CHAT, "stop": value})


@pytest.mark.parametrize("value", ["", ["a", ""], 1, [["a"]], ["a"] * 65])
def test_refuses_a_stop_that_is_no_string_and_no_short_list_of_them(value: object) -> None:
    expected = "expected a non-empty string, or a list of at most 64 of them"
    assert expected in refused(rules.LMI, tgi(stop=value))["parameters.stop"]
    assert expected in refused(rules.VLLM, {"prompt": "Hi", "stop": value})["stop"]
    assert expected in refused(rules.BEDROCK_CHAT, {"messages": CHAT, "stop": value})["stop"]


def test_refuses_more_token_ids_to_stop_at_than_a_container_should_look_for() -> None:
    expected = "stop_token_ids is a list, expected a list of at most 64 integers of at least 0"
    for name, container, body in (
        ("stop_token_ids", rules.VLLM, {"prompt": "Hi"}),
        ("stop_token_ids", rules.LMI, {"messages": CHAT}),
    ):
        assert not container.native_problems({**body, "stop_token_ids": [1] * 64})
        assert refused(container, {**body, "stop_token_ids": [1] * 65}) == {name: expected}
    assert not rules.LMI.native_problems(tgi(stop_token_ids=[1] * 64))
    assert set(refused(rules.LMI, tgi(stop_token_ids=[1] * 65))) == {"parameters.stop_token_ids"}


class TestLmi:
    """DJL-LMI, whose two modes take different names."""

    def test_refuses_the_names_that_one_mode_ignores_and_says_which_works(self) -> None:
        message = refused(rules.LMI, tgi(stop_sequences=["a"]))["parameters.stop_sequences"]
        assert message.endswith("the container ignores it since its version 17, stop works in all")
        message = refused(rules.LMI, tgi(ignore_eos_token=True))["parameters.ignore_eos_token"]
        assert message.endswith("ignore_eos works in all")

    def test_refuses_what_it_would_take_for_something_else(self) -> None:
        message = refused(rules.LMI, tgi(top_n_tokens=3))["parameters.top_n_tokens"]
        assert "takes it for the number of answers" in message

    def test_takes_a_top_p_of_1_and_a_temperature_of_0(self) -> None:
        assert not rules.LMI.native_problems(tgi(top_p=1.0, temperature=0, top_k=-1, stop="a", min_p=0))

    def test_refuses_a_top_k_that_older_ones_refuse(self) -> None:
        assert "expected -1 for all tokens" in refused(rules.LMI, tgi(top_k=0))["parameters.top_k"]

    def test_takes_vllms_own_payloads(self) -> None:
        assert not rules.LMI.native_problems({"messages": CHAT, "max_tokens": 5})
        assert not rules.LMI.native_problems({"prompt": "Hi", "max_tokens": 5})


class TestVllm:
    """vLLM, by its OpenAI-compatible payloads."""

    def test_takes_chats_and_completions(self) -> None:
        chat = {"messages": CHAT, "tools": [{"type": "function"}], "tool_choice": "auto", "n": 2, "guided_regex": "a"}
        assert not rules.VLLM.native_problems({**chat, "stream": True, "stream_options": {"include_usage": True}})
        for prompt in ("Hi", ["Hi", "Ho"], [1, 2], [[1, 2], [3]]):
            assert not rules.VLLM.native_problems({"prompt": prompt, "logprobs": 5, "echo": True})

    @pytest.mark.parametrize("prompt", ["", [], [""], ["a", 1], [[]], [1.5], {}, None, [[1], ["a"]]])
    def test_refuses_a_prompt_that_is_neither_text_nor_tokens(self, prompt: object) -> None:
        assert set(refused(rules.VLLM, {"prompt": prompt})) == {"prompt"}

    @pytest.mark.parametrize(
        "messages", [[], "Hi", [1], [{"content": "Hi"}], [{"role": ""}], [{"role": "user", "content": 5}], None]
    )
    def test_refuses_messages_that_are_none(self, messages: object) -> None:
        assert set(refused(rules.VLLM, {"messages": messages})) == {"messages"}

    @pytest.mark.parametrize("container", [rules.VLLM, rules.LMI])
    @pytest.mark.parametrize("name", sorted(REASONS))
    def test_refuses_what_would_run_on_the_models_side_with_its_reason(
        self, name: str, container: ContainerRules
    ) -> None:
        expected = f"{name} is not taken here: {REASONS[name]}"
        assert refused(container, {"messages": CHAT, name: "x"}) == {name: expected}
        assert refused(container, {"prompt": "Hi", name: "x"}) == {name: expected}

    def test_takes_documents_that_are_flat_texts_only(self) -> None:
        documents = [{"title": "a", "text": "b"}]
        assert not rules.VLLM.native_problems({"messages": CHAT, "documents": documents})
        assert set(refused(rules.VLLM, {"messages": CHAT, "documents": [{"a": {"b": "c"}}]})) == {"documents"}

    def test_bounds_the_number_and_the_size_of_documents(self) -> None:
        half = vllm.MAX_DOCUMENTS_TEXT // 2
        for most, documents in (
            ([{"a": ""}] * vllm.MAX_DOCUMENTS, [{"a": ""}] * (vllm.MAX_DOCUMENTS + 1)),
            ([{"a": "x" * (half - 1)}] * 2, [{"a": "x" * half}, {"a": "x" * (half - 1)}]),
        ):
            assert not rules.VLLM.native_problems({"messages": CHAT, "documents": most})
            message = refused(rules.VLLM, {"messages": CHAT, "documents": documents})["documents"]
            assert "expected a list of 1 to 128 objects" in message
            assert "of at most 262144 characters in all" in message

    @pytest.mark.parametrize("value", [{"5": 101}, {"5": "1"}, dict.fromkeys(map(str, range(1025)), 1), [1]])
    def test_bounds_the_bias_of_tokens(self, value: object) -> None:
        assert not rules.VLLM.native_problems({"prompt": "Hi", "logit_bias": {"5": -100, "6": 0.5}})
        assert set(refused(rules.VLLM, {"prompt": "Hi", "logit_bias": value})) == {"logit_bias"}

    @pytest.mark.parametrize("container", [rules.VLLM, rules.BEDROCK_CHAT])
    def test_refuses_what_cannot_go_together(self, container: ContainerRules) -> None:
        body = {"messages": CHAT, "stream_options": {"include_usage": True}, "top_logprobs": 2}
        assert set(refused(container, body)) == {"stream_options", "top_logprobs"}
        assert not container.native_problems({**body, "stream": True, "logprobs": True})
        long = {"messages": CHAT, "max_completion_tokens": 20}
        assert set(refused(container, long, max_total_tokens=20)) == {"max_completion_tokens"}

    def test_refuses_two_forms_of_one_answer(self) -> None:
        body = {"messages": CHAT, "guided_regex": "a", "response_format": {"type": "json_object"}}
        assert set(refused(rules.VLLM, body)) == {"response_format"}


class TestBedrock:
    """The bodies that Bedrock takes for imported models."""

    def test_tells_openais_completions_from_bedrocks(self) -> None:
        assert refused(rules.BEDROCK_COMPLETION, {"prompt": "Hi", "max_gen_len": 5}) == {
            "max_tokens": "max_tokens is missing",
            "max_gen_len": "max_gen_len is not taken here: this model is declared with OpenAI's body: send max_tokens",
        }
        assert refused(rules.BEDROCK_NATIVE, {"prompt": "Hi", "max_tokens": 5}) == {
            "max_gen_len": "max_gen_len is missing",
            "max_tokens": "max_tokens is not taken here: this model is declared with Bedrock's own body: send "
            "max_gen_len",
        }

    def test_takes_the_documents_examples(self) -> None:
        schema = {"type": "object", "properties": {"brand": {"type": "string"}}}
        bare = {"type": "json_schema", "json_schema": schema}
        named = {"type": "json_schema", "json_schema": {"name": "car", "schema": schema}}
        native = {"prompt": "Hi", "max_gen_len": 5, "return_logprobs": True, "response_format": bare}
        assert not rules.BEDROCK_NATIVE.native_problems(native)
        chat = {"messages": CHAT, "max_tokens": 5, "logprobs": True, "top_logprobs": 2}
        assert not rules.BEDROCK_CHAT.native_problems({**chat, "response_format": named})
        assert not rules.BEDROCK_CHAT.native_problems({**chat, "structured_outputs": {"regex": "[a-z]+"}})

    @pytest.mark.parametrize("value", [{}, {"xml": "a"}, {"json": {}, "regex": "a"}, "a"])
    def test_refuses_structured_outputs_that_are_none(self, value: object) -> None:
        body = {"messages": CHAT, "structured_outputs": value}
        assert set(refused(rules.BEDROCK_CHAT, body)) == {"structured_outputs"}

    def test_knows_converses_fields_and_ranges_as_the_sdk_does(self) -> None:
        shapes = Loader().load_service_model("bedrock-runtime", "service-2")["shapes"]
        (payload,) = rules.BEDROCK_CONVERSE.payloads
        for operation in ("ConverseRequest", "ConverseStreamRequest"):
            names = {*payload.fields, *payload.reasons}
            assert names == {*shapes[operation]["members"], "stream"} - {"modelId"}
        members = shapes["InferenceConfiguration"]["members"]
        assert payload.parameters is not None
        assert set(payload.parameters) == set(members)
        for name in ("temperature", "topP"):
            bounds = shapes[members[name]["shape"]]
            assert payload.parameters[name](bounds["max"] + 0.1) == (
                f"a number from {bounds['min']} to {bounds['max']}"
            )
        assert shapes[members["maxTokens"]["shape"]]["min"] == 1
        assert shapes[members["stopSequences"]["shape"]]["max"] == bedrock.MAX_CONVERSE_STOP
        paths = shapes["ConverseRequest"]["members"]["additionalModelResponseFieldPaths"]["shape"]
        assert shapes[paths]["max"] == bedrock.MAX_FIELD_PATHS

    @pytest.mark.parametrize(
        ("name", "value", "why"),
        [
            ("guardrailConfig", {"guardrailIdentifier": "g", "guardrailVersion": "1"}, "bedrock:ApplyGuardrail"),
            ("performanceConfig", {"latency": "optimized"}, "callers do not choose what a request costs"),
            ("serviceTier", {"type": "priority"}, "callers do not choose what a request costs"),
        ],
    )
    def test_refuses_what_converse_could_not_do_or_would_cost_more(self, name: str, value: object, why: str) -> None:
        message = refused(rules.BEDROCK_CONVERSE, {"messages": CHAT, name: value})[name]
        assert message.startswith(f"{name} is not taken here: ")
        assert why in message

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"guided_regex": "((a{999}){999}){999}"}, "one without 'guided_regex', allowed are frequency_penalty, "),
            ({"top_k": 5, "guided_grammar": "root ::= root"}, "one without 'guided_grammar', "),
            ({"n": 128}, "one without 'n', "),
            ({"best_of": 128}, "one without 'best_of', "),
            ({"max_tokens": 10**9}, "one without 'max_tokens', "),
            ({"chat_template": "x"}, "one without 'chat_template', "),
            ({"top_k": -2}, "one whose top_k is an integer from -1 to 2147483647"),
            ({"top_k": [5]}, "one whose top_k is an integer"),
            ({"seed": 2**63}, "one whose seed is an integer"),
            ({"presence_penalty": "1"}, "one whose presence_penalty is a number from -2 to 2"),
            ([], "an object of frequency_penalty, presence_penalty, seed, top_k"),
        ],
        ids=str,
    )
    def test_converses_other_parameters_are_few_and_within_their_ranges(self, value: object, expected: str) -> None:
        fields: object = {"top_k": 5, "seed": 1, "frequency_penalty": -2, "presence_penalty": 0.5}
        body: dict[str, Any] = {"messages": CHAT, "additionalModelRequestFields": fields}
        assert not rules.BEDROCK_CONVERSE.native_problems(body)
        body["additionalModelRequestFields"] = value
        message = refused(rules.BEDROCK_CONVERSE, body)["additionalModelRequestFields"]
        assert f", expected {expected}" in message


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("tgi", None, rules.TGI),
        ("tgi", (1, 4, 2), rules.TGI),
        ("tgi", (1, 4, 3), rules.TGI_GUIDED),
        ("tgi", (2, 2), rules.TGI_GUIDED),
        ("lmi", (16, 0, 0), rules.LMI),
        ("vllm", None, rules.VLLM),
    ],
)
def test_knows_a_container_by_name_and_version(
    name: str, version: tuple[int, ...] | None, expected: ContainerRules
) -> None:
    assert rules.of_container(name, version) is expected


def test_knows_no_container_of_another_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'SGLANG'"):
        _ = rules.SGLANG


@given(st.text())
def test_no_text_has_fewer_tokens_than_the_lower_bound(text: str) -> None:
    # One token for every character that is not white space is as many as any text has characters.
    assert 0 <= limits.fewest_tokens(text) <= len(text)
    assert limits.fewest_tokens(text * limits.LONGEST_TOKEN) <= max(1, len(text))


# The stand-in containers were written apart from the rules, from the same documents: both must judge alike.
