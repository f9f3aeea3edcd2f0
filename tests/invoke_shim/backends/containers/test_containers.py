"""Requests to each container, and its answers as they are read."""

import http.client
import json
import math
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.containers import create_container
from invoke_shim.backends.containers.base import Container
from invoke_shim.contract import CONTAINERS, ContainerName
from invoke_shim.errors import ApiError
from invoke_shim.formats import Message
from invoke_shim.generation.types import Completion, Generation, GenerationRequest, Piece, TokenLogprob, Usage, collect
from localaws.containers import ContainerSettings, ModelContainer
from tests.invoke_shim.backend_stub import cut_up, prompt_request, texts
from tests.invoke_shim.container_writers import (
    PROMPT_TOKENS,
    WRITERS,
    Writer,
    details,
    logprob_of,
    tgi_events,
)

MESSAGES = (Message("developer", "Be brief."), Message("user", "Hi"))
writers = st.sampled_from(list(WRITERS.values()))
places = st.lists(st.integers(0, 100_000), max_size=20)


def made(container: str) -> Container:
    return create_container(cast("ContainerName", container))


def ask_of(writer: Writer, **generation: Any) -> GenerationRequest:
    return GenerationRequest(
        prompt=None if writer.chat else "Once",
        messages=MESSAGES if writer.chat else (),
        generation=Generation(**{"max_tokens": 256, **generation}),
    )


def payload(container: str, asked: GenerationRequest, *, stream: bool = False) -> Any:
    return json.loads(made(container).payload(asked, stream=stream))


def read(container: str, reply: Any, asked: GenerationRequest | None = None) -> Completion:
    body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    return made(container).read(body, asked or prompt_request()).completions[0]


def stream(container: str, events: list[Any], asked: GenerationRequest | None = None) -> list[Piece]:
    data = "".join(f"data:{json.dumps(event)}\n\n" for event in events).encode()
    return list(made(container).read_stream([data], asked or prompt_request()))


# ------------------------------------------------------------------ nothing is lost


@given(writer=writers, tokens=st.lists(texts, max_size=6), places=places)
def test_a_stream_is_read_as_it_was_written_wherever_it_is_split(
    writer: Writer, tokens: list[str], places: list[int]
) -> None:
    chunks = cut_up(writer.stream(tokens), places)
    asked = ask_of(writer, logprobs=True)
    answer = collect(made(writer.container).read_stream(chunks, asked))
    assert answer.completions[0].text == "".join(tokens)
    assert answer.completions[0].finish_reason == "stop"
    assert answer.usage == Usage(PROMPT_TOKENS if writer.counts_prompt else None, len(tokens) + 1)
    told = [(token.token, token.logprob) for token in answer.completions[0].logprobs]
    assert told[: len(tokens)] == [(text, logprob_of(position)) for position, text in enumerate(tokens)]


@given(writer=writers, tokens=st.lists(texts, max_size=6))
def test_an_answer_at_once_is_the_same(writer: Writer, tokens: list[str]) -> None:
    body = json.dumps(writer.whole(tokens)).encode()
    answer = made(writer.container).read(body, ask_of(writer, logprobs=True))
    assert answer.completions[0].text == "".join(tokens)
    assert answer.completions[0].finish_reason == "stop"
    assert [token.token for token in answer.completions[0].logprobs] == tokens
    assert answer.usage.completion_tokens == len(tokens) + 1


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_every_token_is_passed_on_when_it_comes(writer: Writer) -> None:
    container = made(writer.container)
    pieces = container.read_stream(iter(cut_up(writer.stream(["One", " two"]), range(1000))), ask_of(writer))
    assert [piece.text for piece in pieces if piece.text] == ["One", " two"]


@pytest.mark.parametrize("rest", [b"", b'data: {"tok'], ids=["after an event", "within an event"])
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_a_stream_that_breaks_off_is_an_error_after_its_text(writer: Writer, rest: bytes) -> None:
    data = writer.stream(["One", " two", " three"])
    up_to_two = data[: data.index(b"\n", data.index(b" two")) + 2].rstrip(b"{d")
    pieces = made(writer.container).read_stream([up_to_two + rest], ask_of(writer))
    assert [next(pieces).text, next(pieces).text] == ["One", " two"]
    with pytest.raises(ApiError, match="broke off") as caught:
        next(pieces)
    assert caught.value.status == 502


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


# ------------------------------------------------------------------ reading streams


def test_text_that_tgi_held_back_comes_with_the_end() -> None:
    events = [
        {"token": {"text": "Hi", "logprob": -1}},
        {"token": {"text": "", "logprob": -1}},
        {"token": {"text": "", "logprob": -1}, "generated_text": "Hi \ufffd", "details": {"finish_reason": "length"}},
    ]
    pieces = stream("tgi", events)
    assert [piece.text for piece in pieces] == ["Hi", " \ufffd"]
    assert pieces[-1].finish_reason == "length"


@pytest.mark.parametrize(
    ("whole", "text"),
    [
        ("", " a b"),
        (" a b", " a b"),
        ("a b", " a b"),
        ("a b c", " a b c"),
        ("something else", " a b"),
        (" a b</s>", " a b"),
    ],
    ids=["nothing", "the same", "no first space", "no first space, and more", "another text", "with its end token"],
)
def test_the_tokens_texts_are_never_repeated_by_the_whole_text(whole: str, text: str) -> None:
    events = [
        {"token": {"text": " a", "special": False}},
        {"token": {"text": " b", "special": False}},
        {"token": {"text": "</s>", "special": True}, "generated_text": whole},
    ]
    assert collect(stream("tgi", events)).completions[0].text == text


def test_a_container_that_does_not_stream_though_asked_to_is_understood() -> None:
    reply = [{"generated_text": " Hi", "details": details([" Hi"])}]
    pieces = list(made("tgi").read_stream([json.dumps(reply).encode()], prompt_request(logprobs=True)))
    assert collect(pieces).completions == (
        Completion(text=" Hi", finish_reason="stop", logprobs=(TokenLogprob(" Hi", logprob_of(0)),)),
    )


def test_old_versions_of_tgi_do_not_count_the_prompt_in_a_stream() -> None:
    events = tgi_events(["a"])
    del events[-1]["details"]["input_length"]
    assert collect(stream("tgi", events)).usage == Usage(None, 2)


def test_vllms_usage_comes_once_even_if_it_is_told_with_each_chunk() -> None:
    counts = [{"prompt_tokens": 7, "completion_tokens": count} for count in (1, 2)]
    chunks: list[Any] = [
        {"choices": [{"index": 0, "text": "a", "finish_reason": None}], "usage": counts[0]},
        {"choices": [{"index": 0, "text": "b", "finish_reason": "stop"}], "usage": counts[1]},
    ]
    pieces = stream("vllm", chunks)
    assert [piece.usage for piece in pieces if piece.usage] == [Usage(7, 2)]


def test_vllms_reasoning_is_no_text() -> None:
    chunks: list[Any] = [
        {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]},
    ]
    assert collect(stream("vllm", chunks)).completions[0].text == "Hi"


def test_an_answer_of_several_that_never_ended_is_a_stream_that_broke_off() -> None:
    chunks: list[Any] = [{"choices": [{"index": 0, "text": "a", "finish_reason": "stop"}]}]
    with pytest.raises(ApiError, match="broke off"):
        stream("vllm", chunks, prompt_request(n=2))


# ------------------------------------------------------------------ errors under status 200

ERRORS = {
    "TGI: validation": ("tgi", {"error": "top_p is wrong", "error_type": "validation"}, 422, "top_p is wrong"),
    "TGI: overloaded": ("tgi", {"error": "Model is overloaded", "error_type": "overloaded"}, 429, "queue is full"),
    "TGI: generation": ("tgi", {"error": "CUDA out of memory", "error_type": "generation"}, 502, "failed to generate"),
    "TGI: incomplete": ("tgi", {"error": "x", "error_type": "incomplete_generation"}, 502, "failed to generate"),
    "TGI: a new kind": ("tgi", {"error": "x", "error_type": ["y"]}, 502, "failed to generate"),
    "LMI: payload": ("lmi", {"error": "Input parsing failed", "code": 424}, 400, "Input parsing failed"),
    "LMI: a broken generation": ("lmi", {"error": "KeyError: 'x'"}, 502, "failed to generate"),
    "LMI: refused parameters": (
        "lmi",
        {
            "token": {"id": -1, "text": "", "log_prob": -1, "special_token": True},
            "generated_text": "",
            "details": {"finish_reason": "error", "generated_tokens": None, "inputs": None},
        },
        502,
        "a prompt longer than the model takes",
    ),
    "vLLM": ("vllm", {"error": {"message": "too long", "type": "BadRequest", "code": 400}}, 400, "too long"),
    "vLLM: without words": ("vllm", {"error": {"code": 404}}, 404, "refused the request"),
    "vLLM: internal": ("vllm", {"error": {"message": "assert", "code": 500}}, 502, "failed to generate"),
    "vLLM, older": ("vllm", {"object": "error", "message": "too long", "code": 400}, 400, "too long"),
    "vLLM: aborted": ("vllm", {"choices": [{"text": "", "finish_reason": "abort"}]}, 502, "failed to generate"),
    "vLLM: broken": ("vllm", {"choices": [{"text": "", "finish_reason": "error"}]}, 502, "failed to generate"),
}


@pytest.mark.parametrize(("container", "document", "status", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_in_an_answer_is_one(container: str, document: Any, status: int, message: str) -> None:
    with pytest.raises(ApiError, match=message) as caught:
        read(container, document)
    assert caught.value.status == status
    with pytest.raises(ApiError, match=message) as caught:
        stream(container, [document])
    assert caught.value.status == status


def test_an_error_within_a_stream_comes_after_the_text_before_it() -> None:
    events = [*tgi_events(["a"])[:-1], {"error": "CUDA out of memory", "error_type": "generation"}]
    data = "".join(f"data:{json.dumps(event)}\n\n" for event in events).encode()
    pieces = made("tgi").read_stream([data], prompt_request())
    assert next(pieces).text == "a"
    with pytest.raises(ApiError, match="failed to generate") as caught:
        next(pieces)
    assert "CUDA" not in caught.value.message


def test_a_containers_long_message_is_cut() -> None:
    with pytest.raises(ApiError) as caught:
        read("tgi", {"error": "x" * 5000, "error_type": "validation"})
    assert len(caught.value.message) == 1000


NOT_UNDERSTOOD = {
    "not JSON": b"<html>",
    "another shape": b'{"outputs": ["Hi"]}',
    "text that is none": b'[{"generated_text": null}]',
    "two answers": b'[{"generated_text": "a"}, {"generated_text": "b"}]',
    "no answer": b"[]",
    "a number": b"7",
    "nested out of reach": b"[" * 100_000,
    "choices that are none": b'{"choices": 7}',
    "a choice that is none": b'{"choices": [7]}',
    "text of another type": b'{"choices": [{"index": 0, "text": 7, "finish_reason": "stop"}]}',
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("body", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_what_is_not_understood_is_a_bad_gateway(body: bytes, container: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(container, body)
    assert caught.value.status == 502
    with pytest.raises(ApiError) as caught:
        list(made(container).read_stream([body], prompt_request()))
    assert caught.value.status == 502


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b'{"choices": []}'])
def test_no_answer_at_all_is_a_bad_gateway(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        read("vllm", body)
    assert caught.value.status == 502


# ------------------------------------------------------------------ the local AWS's stand-in containers

REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
IMAGES = {
    "TGI 1.1": ("tgi", "huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04", {}),
    "TGI 2.4": ("tgi", "huggingface-pytorch-tgi-inference:2.4.0-tgi2.4.0-gpu-py311-cu124-ubuntu22.04", {}),
    "LMI": ("lmi", "djl-inference:0.28.0-lmi10.0.0-cu124", {}),
    "LMI with TGI_COMPAT": ("lmi", "djl-inference:0.28.0-lmi10.0.0-cu124", {"OPTION_TGI_COMPAT": "true"}),
    "LMI, asynchronous": ("lmi", "djl-inference:0.36.0-lmi18.0.0-cu128", {}),
    "vLLM": ("vllm", "vllm:server-sagemaker-cuda-v1", {}),
}


@pytest.mark.parametrize(("name", "image", "variables"), IMAGES.values(), ids=IMAGES)
def test_a_stand_in_container_answers_the_same_at_once_and_in_a_stream(
    name: str, image: str, variables: dict[str, str]
) -> None:
    settings = ContainerSettings.of(
        image=f"{REGISTRY}/{image}", environment={"HF_MODEL_ID": "/opt/ml/model", **variables}
    )
    container = made(name)
    asked = prompt_request("Who wrote Faust? \U0001f642", temperature=0, logprobs=True)
    stand_in = ModelContainer.start(settings)
    try:
        whole_body, streamed_body = (
            _post(stand_in.port, container.payload(asked, stream=flag)) for flag in (False, True)
        )
    finally:
        stand_in.stop()
    whole = container.read(whole_body, asked)
    streamed = collect(container.read_stream(cut_up(streamed_body, range(0, 9999, 7)), asked))
    assert whole.completions[0].text
    assert streamed.completions[0].text == whole.completions[0].text
    assert streamed.completions[0].finish_reason == whole.completions[0].finish_reason == "stop"
    assert streamed.completions[0].logprobs
    assert streamed.usage.completion_tokens


def _post(port: int, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/invocations", body, {"content-type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 200, answer
    return answer
