"""The stand-in model container: tokens, generation, settings, pace and faults, whatever the serving stack."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.containers import ContainerSettings, ContainerStartError, ModelContainer, Pace
from localaws.containers.detokenizer import outputs
from localaws.containers.generation import Generation, finished, last_turn, script, steps
from localaws.containers.schemas import example_of, schema_problem
from localaws.containers.tokens import alternatives, encode
from tests.localaws.containers.container_client import (
    FALCON_PROMPT,
    LMI,
    LMI_18,
    MISTRAL_PROMPT,
    REGISTRY,
    TGI_1_1,
    TGI_2_0,
    VLLM,
    ContainerClient,
    settings,
)

Serve = Callable[[ContainerSettings], ContainerClient]


def generate(prompt: str, *, max_new_tokens: int, stop: Sequence[str] = ()) -> Generation:
    return finished(steps(script(prompt), max_new_tokens=max_new_tokens, stop=stop))


class TestTokens:
    @pytest.mark.parametrize("text", ["", "Hello, world!", MISTRAL_PROMPT, "naïve 12 €\n\ttab", "日本語 🙂"])
    def test_join_back_to_the_text(self, text: str) -> None:
        assert "".join(token.text for token in encode(text)) == text

    def test_are_some_four_characters_of_english_each(self) -> None:
        text = "The quick brown fox jumps over the lazy dog while the sun sets behind the distant hills. " * 20
        assert 3 < len(text) / len(encode(text)) < 6

    def test_make_one_token_of_a_marker(self) -> None:
        assert [token.special for token in encode("<|im_start|>user")] == [True, False]

    def test_take_four_for_an_emoji_and_give_its_text_with_the_last(self) -> None:
        assert [token.text for token in encode("🙂")] == ["", "", "", "🙂"]

    def test_have_less_likely_alternatives(self) -> None:
        [token] = encode(" the")
        others = alternatives(token, 20)
        assert others[0] == token
        assert len({other.text for other in others}) == len(others) == 20
        assert [other.logprob for other in others] == sorted((other.logprob for other in others), reverse=True)


class TestGeneration:
    def test_is_the_same_for_the_same_prompt_and_another_for_another(self) -> None:
        first, again, other = (generate(prompt, max_new_tokens=99).text for prompt in ("a b", "a b", "a c"))
        assert first == again != other

    def test_answers_the_last_turn(self) -> None:
        assert "What is the capital of France?" in generate(MISTRAL_PROMPT, max_new_tokens=99).text
        assert last_turn("<|im_start|>system\nHi<|im_end|>\n<|im_start|>user\nCode?<|im_end|>\n") == "Code?"
        assert last_turn(FALCON_PROMPT) == "Who wrote Faust?"

    def test_ends_by_itself_with_the_end_of_sequence(self) -> None:
        generation = generate(MISTRAL_PROMPT, max_new_tokens=500)
        assert generation.finish_reason == "eos_token"
        assert generation.tokens[-1].special
        assert "</s>" not in generation.text

    def test_ends_at_the_number_of_tokens_asked_for(self) -> None:
        generation = generate(MISTRAL_PROMPT, max_new_tokens=5)
        assert (generation.finish_reason, len(generation.tokens)) == ("length", 5)

    def test_goes_on_with_the_users_turn_as_falcon_does_unless_stopped(self) -> None:
        assert "\nUser:" in generate(FALCON_PROMPT, max_new_tokens=500).text
        stopped = generate(FALCON_PROMPT, max_new_tokens=500, stop=["\nUser:"])
        assert stopped.finish_reason == "stop_sequence"
        assert stopped.text.endswith("\nUser:")

    def test_comes_token_by_token_with_one_finish_reason_at_the_end(self) -> None:
        made = list(steps(script(MISTRAL_PROMPT), max_new_tokens=500))
        assert [step.finish_reason for step in made[:-1]] == [None] * (len(made) - 1)
        assert made[-1].finish_reason == "eos_token"

    @pytest.mark.parametrize("length", [1, 40, 500])
    def test_is_as_long_as_asked_for(self, length: int) -> None:
        generation = finished(steps(script("Hi", length=length), max_new_tokens=1000))
        assert (generation.finish_reason, len(generation.tokens)) == ("eos_token", length + 1)

    def test_goes_on_without_an_end_where_the_end_is_ignored(self) -> None:
        assert not any(token.special for token in islice(script("Hi", endless=True), 1000))


class TestGenerationOfVllm:
    def test_holds_back_what_may_become_a_stop_sequence(self) -> None:
        made = list(outputs(encode("one two STOP three"), max_tokens=99, stop=["STOP"]))
        assert "".join(output.text for output in made) == "one two "
        assert (made[-1].finish_reason, made[-1].stop_reason) == ("stop", "STOP")
        assert [output.text for output in made[:-1]] != [output.token.text for output in made[:-1]]

    def test_gives_what_it_held_back_with_the_last_token(self) -> None:
        made = list(outputs(script("Hi"), max_tokens=4, stop=["never said by anyone"]))
        assert [output.text for output in made[:-1]] == ["", "", ""]
        assert made[-1].text == "".join(output.token.text for output in made)

    def test_ends_after_the_stop_sequence_where_it_is_included(self) -> None:
        made = list(outputs(encode("one two STOP three"), max_tokens=99, stop=["STOP"], include_stop=True))
        assert "".join(output.text for output in made) == "one two STOP"

    @given(text=st.text(min_size=1, max_size=60), stop=st.lists(st.text(min_size=1, max_size=4), max_size=3))
    def test_is_the_text_before_the_stop_sequence_that_is_complete_first(self, text: str, stop: list[str]) -> None:
        visible = "".join(token.text for token in encode(text) if not token.special)
        made = list(outputs([*encode(text), *script("", text="")], max_tokens=10_000, stop=stop))
        said = "".join(output.text for output in made)
        assert not any(sequence in said for sequence in stop)
        assert visible.startswith(said)
        if made[-1].stop_reason is not None:
            assert visible.startswith(said + made[-1].stop_reason)


class TestPrescribedText:
    def test_has_every_property_of_its_schema(self) -> None:
        schema = {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "age": {"type": "integer", "minimum": 18},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
                "address": {"anyOf": [{"properties": {"city": {"const": "Rome"}}}, {"type": "null"}]},
                "adult": {"type": ["boolean", "null"]},
            },
        }
        assert example_of(schema) == {
            "name": "stand-in",
            "age": 18,
            "tags": ["a", "a"],
            "address": {"city": "Rome"},
            "adult": True,
        }

    @given(
        schema=st.recursive(
            st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["object", "array", "string", "number"]),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "type",
                            "properties",
                            "items",
                            "minItems",
                            "enum",
                            "const",
                            "minimum",
                            "anyOf",
                            "oneOf",
                            "city",
                        ]
                    ),
                    inner,
                    max_size=3,
                )
            ),
        )
    )
    def test_is_made_of_every_schema_that_is_valid(self, schema: Any) -> None:
        if schema_problem(schema) is None:
            json.dumps(example_of(schema))


class TestSettings:
    def test_come_from_the_environment(self) -> None:
        read = settings(MAX_INPUT_LENGTH="8191", MAX_TOTAL_TOKENS="8192", MAX_CONCURRENT_REQUESTS="64")
        assert (read.max_input_tokens, read.max_total_tokens, read.max_concurrent_requests) == (8191, 8192, 64)

    def test_default_to_those_of_the_version(self) -> None:
        assert settings(TGI_1_1).default_new_tokens == 20
        assert settings(TGI_2_0).default_new_tokens == 100
        assert settings(LMI).default_new_tokens == 30

    @pytest.mark.parametrize("value", ["bitsandbytes", "bitsandbytes-nf4", "gptq", "awq", "eetq"])
    def test_accept_a_documented_quantization(self, value: str) -> None:
        assert settings(HF_MODEL_QUANTIZE=value).family == "tgi"

    def test_refuse_all_that_is_wrong_at_once(self) -> None:
        with pytest.raises(ContainerStartError) as refused:
            ContainerSettings.of(
                image=TGI_1_1,
                environment={"HF_MODEL_QUANTIZE": "int3", "MAX_INPUT_LENGTH": "4096", "SM_NUM_GPUS": "all"},
            )
        assert "HF_MODEL_ID must be set" in str(refused.value)
        assert "HF_MODEL_QUANTIZE='int3' is none of awq, bitsandbytes" in str(refused.value)
        assert "MAX_INPUT_LENGTH=4096 must be below MAX_TOTAL_TOKENS=2048" in str(refused.value)
        assert "SM_NUM_GPUS='all' is not a positive integer" in str(refused.value)

    def test_refuse_an_image_that_the_stand_in_does_not_know(self) -> None:
        with pytest.raises(ContainerStartError, match="does not know the repository 'xgboost'"):
            ContainerSettings.of(image=f"{REGISTRY}/xgboost:1", environment={})

    def test_know_the_pace(self) -> None:
        read = settings(LOCALAWS_TOKEN_SECONDS="0.02", LOCALAWS_ANSWER_TOKENS="128")
        assert read.pace == Pace(token_seconds=0.02, answer_tokens=128)

    def test_refuse_a_pace_that_is_none(self) -> None:
        with pytest.raises(ContainerStartError) as refused:
            settings(LOCALAWS_TOKEN_SECONDS="-1", LOCALAWS_ANSWER_TOKENS="many", LOCALAWS_KEEP_ALIVE_SECONDS="0")
        assert str(refused.value).splitlines() == [
            "LOCALAWS_TOKEN_SECONDS='-1' is not allowed: a number of at least 0",
            "LOCALAWS_ANSWER_TOKENS='many' is not allowed: a whole number above 0, or null for its own answer",
            "LOCALAWS_KEEP_ALIVE_SECONDS='0' is not allowed: a number above 0",
        ]

    def test_know_lmis_serving_mode_by_its_version(self) -> None:
        assert not settings(LMI).is_async
        assert settings(LMI_18).is_async
        assert not settings(LMI_18, OPTION_ASYNC_MODE="false").is_async

    def test_know_vllms_names_of_the_model(self) -> None:
        assert settings(VLLM, SM_VLLM_MODEL="org/model").model == ("org/model",)
        assert settings(VLLM, SM_VLLM_SERVED_MODEL_NAME="a b").model == ("a", "b")

    @pytest.mark.parametrize("tag", ["server-cuda-v1", "0.22.0-gpu-py312-cu130-ubuntu22.04-ec2"])
    def test_refuse_a_vllm_image_that_is_not_for_sagemaker(self, tag: str) -> None:
        with pytest.raises(ContainerStartError, match="is for EC2"):
            settings(f"{REGISTRY}/vllm:{tag}")


class TestPace:
    def test_changes_one_knob_and_leaves_the_others(self) -> None:
        changed = Pace(token_seconds=1).changed({"answer_tokens": 5})
        assert (changed.token_seconds, changed.answer_tokens) == (1, 5)

    def test_refuses_all_that_is_wrong_at_once(self) -> None:
        with pytest.raises(ValueError, match="speed is not allowed: token_seconds") as refused:
            Pace().changed({"speed": 1, "token_seconds": True, "answer_tokens": 0})
        assert len(str(refused.value).splitlines()) == 3


class TestFaults:
    def test_tokens_arrive_while_the_rest_is_still_to_come(self, serve: Serve) -> None:
        client = serve(settings(TGI_2_0))
        pieces = client.pieces({"inputs": "[[stand-in stall=3]]", "parameters": {"max_new_tokens": 50}})
        assert next(pieces).count(b"data:") == 3
        pieces.close()

    def test_a_broken_stream_ends_before_its_end(self, serve: Serve) -> None:
        with pytest.raises(http.client.IncompleteRead) as broken:
            serve(settings(TGI_2_0)).stream({"inputs": "[[stand-in break=2]]"})
        assert broken.value.partial.count(b"data:") == 2

    def test_a_broken_answer_that_is_not_streamed_is_none(self, serve: Serve) -> None:
        with pytest.raises(http.client.RemoteDisconnected):
            serve(settings(TGI_2_0))({"inputs": "[[stand-in break=2]]"})

    def test_a_caller_that_goes_away_frees_its_place(self, serve: Serve) -> None:
        client = serve(settings(TGI_2_0, MAX_CONCURRENT_REQUESTS="1", LOCALAWS_TOKEN_SECONDS="0.01"))
        pieces = client.pieces({"inputs": "a", "parameters": {"max_new_tokens": 1900}})
        next(pieces)
        assert client({"inputs": "b"})[0] == 429
        pieces.close()
        while client({"inputs": "b"})[0] == 429:
            pass


def test_fails_with_the_status_that_the_prompt_asks_for(serve: Serve) -> None:
    status, answer = serve(settings())({"inputs": "[[stand-in status=503]]"})
    assert (status, answer["error_type"]) == (503, "generation")


def test_answers_the_health_check() -> None:
    container = ModelContainer.start(settings())
    try:
        connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=10)
        connection.request("GET", "/ping", headers=container.credential)
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        container.stop()


@pytest.mark.parametrize(("method", "path"), [("GET", "/ping"), ("POST", "/invocations"), ("GET", "/")])
@pytest.mark.parametrize("headers", [{}, {"X-Localaws-Credential": "another's"}], ids=["none", "wrong"])
def test_answers_nobody_but_sagemaker(method: str, path: str, headers: dict[str, str]) -> None:
    container = ModelContainer.start(settings())
    try:
        connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=10)
        connection.request(method, path, body=b"{}" if method == "POST" else None, headers=headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (403, b"")
        connection.close()
    finally:
        container.stop()


def test_does_not_answer_once_it_is_stopped() -> None:
    container = ModelContainer.start(settings())
    port = container.port
    container.stop()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=2).request("GET", "/ping")
