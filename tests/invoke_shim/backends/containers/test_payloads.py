"""Requests to each container."""

from typing import Any

import pytest
from hypothesis import given

from invoke_shim.contract import CONTAINERS
from invoke_shim.generation.types import Generation, GenerationRequest
from tests.invoke_shim.backend_stub import prompt_request, texts
from tests.invoke_shim.backends.containers.reading import MESSAGES, made, payload

# ------------------------------------------------------------------ what is sent


def test_tgi_is_told_all_that_it_would_otherwise_decide_by_itself() -> None:
    assert payload("tgi", prompt_request(temperature=0.7, top_p=0.9, stop=("a",), seed=3)) == {
        "inputs": "Once",
        "parameters": {
            "max_new_tokens": 256,
            "details": True,
            "return_full_text": False,
            "do_sample": True,
            "temperature": 0.7,
            "top_p": 0.9,
            "stop": ["a"],
            "seed": 3,
        },
    }


@pytest.mark.parametrize("container", ["tgi", "lmi"])
@pytest.mark.parametrize("generation", [{"temperature": 0}, {"top_p": 0}, {"temperature": 0, "top_p": 0.5}])
def test_greedy_is_no_sampling_parameter_at_all(container: str, generation: dict[str, Any]) -> None:
    sent = payload(container, prompt_request(**generation))["parameters"]
    assert sent["do_sample"] is False
    assert not {"temperature", "top_p"} & set(sent)


@pytest.mark.parametrize("container", ["tgi", "lmi"])
def test_a_top_p_of_1_says_nothing_and_is_not_sent(container: str) -> None:
    sent = payload(container, prompt_request(top_p=1, temperature=1))["parameters"]
    assert (sent["do_sample"], "top_p" in sent) == (True, False)


def test_tgi_gets_as_many_stop_strings_as_it_takes() -> None:
    stop = ("a", "b", "c", "d", "e")
    assert payload("tgi", prompt_request(stop=stop))["parameters"]["stop"] == ["a", "b", "c", "d"]
    assert payload("lmi", prompt_request(stop=stop))["parameters"]["stop"] == list(stop)
    assert payload("vllm", prompt_request(stop=stop))["stop"] == list(stop)


def test_penalties_go_only_where_they_are_known() -> None:
    asked = prompt_request(presence_penalty=0.5, frequency_penalty=-0.5)
    sent = payload("tgi", asked)["parameters"]
    assert (sent["frequency_penalty"], "presence_penalty" in sent) == (-0.5, False)
    for sent in (payload("lmi", asked)["parameters"], payload("vllm", asked)):
        assert (sent["presence_penalty"], sent["frequency_penalty"]) == (0.5, -0.5)


def test_streams_are_asked_for_in_each_containers_way() -> None:
    assert payload("tgi", prompt_request(), stream=True)["stream"] is True
    assert payload("lmi", prompt_request(), stream=True)["stream"] is True
    sent = payload("vllm", prompt_request(), stream=True)
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})


def test_the_prompts_details_are_not_asked_for_in_a_stream_which_tgi_refuses() -> None:
    asked = prompt_request(decoder_input_details=True)
    assert payload("tgi", asked)["parameters"]["decoder_input_details"] is True
    assert "decoder_input_details" not in payload("tgi", asked, stream=True)["parameters"]


def test_alternatives_are_asked_of_tgi_but_never_of_lmi_which_takes_them_for_more_answers() -> None:
    asked = prompt_request(logprobs=True, top_logprobs=3)
    assert payload("tgi", asked)["parameters"]["top_n_tokens"] == 3
    assert "top_n_tokens" not in payload("lmi", asked)["parameters"]
    assert "top_n_tokens" not in payload("tgi", prompt_request(logprobs=True))["parameters"]


def test_a_containers_own_parameters_are_passed_on() -> None:
    extra = {"repetition_penalty": 1.2, "top_k": 40}
    for container in ("tgi", "lmi"):
        sent = payload(container, prompt_request(extra=extra))["parameters"]
        assert (sent["repetition_penalty"], sent["top_k"]) == (1.2, 40)
    assert payload("vllm", prompt_request(extra=extra))["top_k"] == 40


def test_vllm_gets_a_chat_as_messages_and_a_completion_as_a_prompt() -> None:
    chat = GenerationRequest(
        messages=MESSAGES, generation=Generation(max_tokens=9, n=2, logprobs=True, top_logprobs=2, top_p=0.5)
    )
    assert payload("vllm", chat) == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        "top_p": 0.5,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 2,
    }
    assert payload("vllm", prompt_request(max_tokens=9, temperature=0, echo=True, logprobs=True, top_logprobs=2)) == {
        "prompt": "Once",
        "max_tokens": 9,
        "temperature": 0,
        "echo": True,
        "logprobs": 2,
    }


def test_tgi_gets_the_form_of_the_answer_as_a_grammar() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    sent = payload("tgi", prompt_request(response_format=form))["parameters"]
    assert sent["grammar"] == {"type": "json", "value": schema}


def test_vllm_gets_the_form_of_the_answer() -> None:
    assert payload("vllm", prompt_request(response_format={"type": "json_object"}))["response_format"] == {
        "type": "json_object"
    }


@pytest.mark.parametrize("container", CONTAINERS)
def test_only_vllm_takes_messages(container: str) -> None:
    assert made(container).takes_messages is (container == "vllm")


@given(prompt=texts)
def test_a_prompt_is_sent_as_it_is(prompt: str) -> None:
    assert payload("tgi", prompt_request(prompt))["inputs"] == prompt
