"""Streamed answers of each container, errors under status 200, and the stand-in containers' answers."""

import http.client
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.contract import CONTAINERS
from invoke_shim.errors import ApiError
from invoke_shim.generation.types import Completion, TokenLogprob, Usage, collect
from localaws.containers import ContainerSettings, ModelContainer
from tests.invoke_shim.backend_stub import cut_up, prompt_request, texts
from tests.invoke_shim.backends.containers.reading import ask_of, made, places, read, stream, writers
from tests.invoke_shim.container_writers import (
    PROMPT_TOKENS,
    WRITERS,
    Writer,
    details,
    logprob_of,
    tgi_events,
)

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
        whole_body, streamed_body = (_post(stand_in, container.payload(asked, stream=flag)) for flag in (False, True))
    finally:
        stand_in.stop()
    whole = container.read(whole_body, asked)
    streamed = collect(container.read_stream(cut_up(streamed_body, range(0, 9999, 7)), asked))
    assert whole.completions[0].text
    assert streamed.completions[0].text == whole.completions[0].text
    assert streamed.completions[0].finish_reason == whole.completions[0].finish_reason == "stop"
    assert streamed.completions[0].logprobs
    assert streamed.usage.completion_tokens


def _post(stand_in: ModelContainer, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", stand_in.port)
    headers = {"content-type": "application/json", **stand_in.credential}
    connection.request("POST", "/invocations", body, headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 200, answer
    return answer
