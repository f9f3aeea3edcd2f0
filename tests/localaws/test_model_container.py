"""The stand-in model container: what its two serving stacks document."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from localaws.containers import ContainerSettings, ContainerStartError, ModelContainer
from localaws.containers.generation import Generation, finished, last_turn, script, steps
from localaws.containers.tokens import encode

REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
TGI_1_1 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
TGI_2_0 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.1.1-tgi2.0.0-gpu-py310-cu121-ubuntu22.04"
LMI = f"{REGISTRY}/djl-inference:0.28.0-lmi10.0.0-cu124"
MODEL = {"HF_MODEL_ID": "/opt/ml/model"}

MISTRAL_PROMPT = "<s>[INST] What is the capital of France? [/INST]"
FALCON_PROMPT = "System: Be brief.\nUser: Who wrote Faust?\nFalcon:"

Post = Callable[[Any], tuple[int, Any]]


def settings(image: str = TGI_1_1, **environment: str) -> ContainerSettings:
    return ContainerSettings.of(image=image, environment={**MODEL, **environment})


@pytest.fixture
def serve() -> Iterator[Callable[[ContainerSettings], Post]]:
    running: list[ModelContainer] = []

    def start(container_settings: ContainerSettings) -> Post:
        container = ModelContainer.start(container_settings)
        running.append(container)

        def post(document: Any) -> tuple[int, Any]:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=10)
            connection.request("POST", "/invocations", body=body, headers={"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode()
            connection.close()
            is_json = response.headers["Content-Type"] == "application/json"
            return response.status, json.loads(text) if is_json else text

        return post

    yield start
    for container in running:
        container.stop()


@pytest.fixture
def tgi(serve: Callable[[ContainerSettings], Post]) -> Post:
    return serve(settings())


@pytest.fixture
def lmi(serve: Callable[[ContainerSettings], Post]) -> Post:
    return serve(settings(LMI))


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


class TestTgi:
    def test_answers_with_a_list(self, tgi: Post) -> None:
        status, answer = tgi({"inputs": MISTRAL_PROMPT, "parameters": {"max_new_tokens": 100}})
        assert status == 200
        assert [list(item) for item in answer] == [["generated_text"]]

    def test_counts_generated_tokens_as_the_length_of_their_list(self, tgi: Post) -> None:
        _, [answer] = tgi({"inputs": MISTRAL_PROMPT, "parameters": {"details": True, "max_new_tokens": 100}})
        details = answer["details"]
        assert details["generated_tokens"] == len(details["tokens"])
        assert (details["finish_reason"], details["prefill"]) == ("eos_token", [])
        visible = "".join(token["text"] for token in details["tokens"] if not token["special"])
        assert answer["generated_text"] == visible

    def test_counts_the_prompt_only_when_asked(self, tgi: Post) -> None:
        _, [answer] = tgi({"inputs": MISTRAL_PROMPT, "parameters": {"decoder_input_details": True}})
        prefill = answer["details"]["prefill"]
        assert "".join(token["text"] for token in prefill) == MISTRAL_PROMPT
        assert prefill[0]["logprob"] is None

    def test_generates_the_default_number_of_tokens(self, tgi: Post) -> None:
        _, [answer] = tgi({"inputs": MISTRAL_PROMPT, "parameters": {"details": True}})
        assert (answer["details"]["finish_reason"], answer["details"]["generated_tokens"]) == ("length", 20)

    def test_samples_with_a_seed_only_when_asked_or_without_parameters(self, tgi: Post) -> None:
        _, [greedy] = tgi({"inputs": "Hi", "parameters": {"details": True}})
        _, [sampled] = tgi({"inputs": "Hi", "parameters": {"details": True, "do_sample": True, "seed": 7}})
        assert (greedy["details"]["seed"], sampled["details"]["seed"]) == (None, 7)
        _, [without] = tgi({"inputs": "Hi"})
        assert without["generated_text"] != greedy["generated_text"]

    def test_keeps_the_stop_sequence_that_was_met(self, tgi: Post) -> None:
        parameters = {"stop": ["\nUser:"], "details": True, "max_new_tokens": 100}
        _, [answer] = tgi({"inputs": FALCON_PROMPT, "parameters": parameters})
        assert answer["generated_text"].endswith("\nUser:")
        assert answer["details"]["finish_reason"] == "stop_sequence"

    def test_returns_the_prompt_too_when_asked(self, tgi: Post) -> None:
        _, [answer] = tgi({"inputs": "Hi", "parameters": {"return_full_text": True}})
        assert answer["generated_text"].startswith("Hi")

    def test_ignores_parameters_that_it_does_not_know(self, tgi: Post) -> None:
        assert tgi({"inputs": "Hi", "parameters": {"max_tokens": 5, "seed": None}})[0] == 200

    @pytest.mark.parametrize(
        ("parameters", "problem"),
        [
            ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
            ({"top_p": 0}, "`top_p` must be > 0.0 and < 1.0"),
            ({"typical_p": 1}, "`typical_p` must be > 0.0 and < 1.0"),
            ({"temperature": 0}, "`temperature` must be strictly positive"),
            ({"top_k": 0}, "`top_k` must be strictly positive"),
            ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
            ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
            ({"best_of": 2}, "you must use sampling when `best_of` is > 1"),
            ({"best_of": 3, "do_sample": True}, "`best_of` must be > 0 and <= 2. Given: 3"),
        ],
    )
    def test_refuses_a_parameter_out_of_its_range(self, tgi: Post, parameters: Any, problem: str) -> None:
        expected = {"error": f"Input validation error: {problem}", "error_type": "validation"}
        assert tgi({"inputs": "Hi", "parameters": parameters}) == (422, expected)

    def test_refuses_an_empty_prompt(self, tgi: Post) -> None:
        assert tgi({"inputs": ""})[1]["error"] == "Input validation error: `inputs` cannot be empty"

    def test_refuses_more_tokens_than_it_has_room_for(self, tgi: Post) -> None:
        status, answer = tgi({"inputs": "a b c", "parameters": {"max_new_tokens": 2046}})
        assert status == 422
        assert answer["error"] == (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. "
            "Given: 3 `inputs` tokens and 2046 `max_new_tokens`"
        )

    def test_refuses_a_prompt_that_is_too_long_unless_it_may_cut_it(self, tgi: Post) -> None:
        prompt = "a" + " b" * 1100
        status, answer = tgi({"inputs": prompt, "parameters": {"max_new_tokens": 1}})
        assert (status, answer["error_type"]) == (422, "validation")
        assert "`inputs` must have less than 1024 tokens. Given: 1101" in answer["error"]
        assert tgi({"inputs": prompt, "parameters": {"max_new_tokens": 1, "truncate": 1000}})[0] == 200

    @pytest.mark.parametrize(
        ("document", "status", "problem"),
        [
            (b"{", 400, "Failed to parse the request body as JSON"),
            ({}, 422, "missing field `inputs`"),
            ({"inputs": ["a"]}, 422, "inputs: invalid type"),
            ({"inputs": "Hi", "parameters": {"top_p": "0.5"}}, 422, "parameters.top_p: invalid type"),
            ({"inputs": "Hi", "parameters": {"do_sample": None}}, 422, "parameters.do_sample: invalid type"),
        ],
    )
    def test_refuses_what_it_cannot_read(self, tgi: Post, document: Any, status: int, problem: str) -> None:
        answered, text = tgi(document)
        assert answered == status
        assert problem in text

    def test_refuses_requests_above_its_concurrency(self, serve: Callable[[ContainerSettings], Post]) -> None:
        post = serve(settings(MAX_CONCURRENT_REQUESTS="1"))
        with ThreadPoolExecutor() as callers:
            answers = list(callers.map(post, [{"inputs": "[[stand-in delay=0.5]]"}] * 2))
        assert sorted(status for status, _ in answers) == [200, 429]
        assert (429, {"error": "Model is overloaded", "error_type": "overloaded"}) in answers


class TestLmi:
    def test_answers_with_an_object(self, lmi: Post) -> None:
        status, answer = lmi({"inputs": MISTRAL_PROMPT})
        assert status == 200
        assert list(answer) == ["generated_text"]

    def test_answers_with_a_list_when_compatible_with_tgi(self, serve: Callable[[ContainerSettings], Post]) -> None:
        post = serve(settings(LMI, OPTION_TGI_COMPAT="true"))
        assert isinstance(post({"inputs": "Hi"})[1], list)

    def test_generates_thirty_tokens_by_default(self, lmi: Post) -> None:
        _, answer = lmi({"inputs": FALCON_PROMPT, "parameters": {"details": True}})
        assert (answer["details"]["generated_tokens"], answer["details"]["finish_reason"]) == (30, "length")
        assert len(answer["details"]["tokens"]) == 30

    def test_stops_at_stop_and_cuts_it_off(self, lmi: Post) -> None:
        _, answer = lmi({"inputs": FALCON_PROMPT, "parameters": {"stop": ["\nUser:"], "max_new_tokens": 200}})
        assert answer["generated_text"].endswith("Who wrote Faust?")

    def test_ignores_stop_sequences(self, lmi: Post) -> None:
        parameters = {"stop_sequences": ["\nUser:"], "max_new_tokens": 200}
        _, answer = lmi({"inputs": FALCON_PROMPT, "parameters": parameters})
        assert "\nUser:" in answer["generated_text"]

    @pytest.mark.parametrize("document", [b"{", {}, {"inputs": 3}, {"inputs": "Hi", "parameters": []}, [1]])
    def test_refuses_what_it_cannot_read(self, lmi: Post, document: Any) -> None:
        if document == {"inputs": "Hi", "parameters": []}:
            document["parameters"] = ["x"]
        status, answer = lmi(document)
        assert (status, answer["code"]) == (424, 424)
        assert answer["error"].startswith("Input parsing failed")

    def test_fails_under_status_200_for_a_bad_parameter(self, lmi: Post) -> None:
        status, answer = lmi({"inputs": "Hi", "parameters": {"top_p": 1.5}})
        assert (status, answer["generated_text"], answer["details"]["finish_reason"]) == (200, "", "error")


def test_fails_with_the_status_that_the_prompt_asks_for(tgi: Post) -> None:
    status, answer = tgi({"inputs": "[[stand-in status=503]]"})
    assert (status, answer["error_type"]) == (503, "generation")


def test_answers_the_health_check() -> None:
    container = ModelContainer.start(settings())
    try:
        connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=10)
        connection.request("GET", "/ping")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        container.stop()


def test_does_not_answer_once_it_is_stopped() -> None:
    container = ModelContainer.start(settings())
    port = container.port
    container.stop()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=2).request("GET", "/ping")
