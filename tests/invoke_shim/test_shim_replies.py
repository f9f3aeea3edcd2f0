"""Containers' answers, and OpenAI's responses made of them, judged by the openai package's own models."""

from typing import Any, TypeVar

import pytest
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ConfigDict

from tests.invoke_shim.shim_client import Answer, Deploy, Runtime, Shim


class ModelList(BaseModel):
    """OpenAI's ListModelsResponse; the SDK has it only as a page of a generic type."""

    model_config = ConfigDict(extra="forbid")
    object: str
    data: list[Model]


T = TypeVar("T", bound=BaseModel)


def strictly(kind: type[T], answer: Answer) -> T:
    """The response as one of OpenAI's objects: every field of the right type, and none that it has not."""
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    parsed = kind.model_validate_json(answer.text, strict=True)
    assert parsed.model_dump(exclude_unset=True) == answer.json
    assert unknown_fields(parsed) == set()
    return parsed


def unknown_fields(value: object) -> set[str]:
    """The names that OpenAI's lenient models took without knowing them."""
    if isinstance(value, list):
        return set().union(*(unknown_fields(item) for item in value))
    if not isinstance(value, BaseModel):
        return set()
    below = [unknown_fields(getattr(value, name)) for name in type(value).model_fields]
    return set(value.model_extra or {}).union(*below)


def details(reason: object, generated_tokens: object, **more: Any) -> dict[str, Any]:
    return {"finish_reason": reason, "generated_tokens": generated_tokens, **more}


PREFILL = [{"id": 1, "text": "x", "logprob": None}] * 11

READ = {
    "TGI": ("tgi", [{"generated_text": " Hi.", "details": details("eos_token", 3)}], "Hi.", "stop"),
    "TGI at a stop string, which it leaves": (
        "tgi",
        [{"generated_text": " Hi.\nUser:", "details": details("stop_sequence", 3)}],
        "Hi.",
        "stop",
    ),
    "TGI at the limit": ("tgi", [{"generated_text": " Hi", "details": details("length", 256)}], "Hi", "length"),
    "TGI without details": ("tgi", [{"generated_text": " Hi"}], "Hi", "stop"),
    "the end token left in the text": ("tgi", [{"generated_text": " Hi.<|endoftext|>"}], "Hi.", "stop"),
    "text after a stop string": ("tgi", [{"generated_text": " Hi.\n###\n\nMore"}], "Hi.", "stop"),
    "nothing but a stop string": ("tgi", [{"generated_text": "\nUser:"}], "", "stop"),
    "LMI": ("lmi", {"generated_text": " Hi.", "details": details("eos_token", 3)}, "Hi.", "stop"),
    "LMI like TGI": ("lmi", [{"generated_text": " Hi", "details": details("length", 9)}], "Hi", "length"),
    "LMI without a reason, below the limit": (
        "lmi",
        {"generated_text": " Hi.", "details": details(None, 3)},
        "Hi.",
        "stop",
    ),
    "LMI without a reason, at the limit": (
        "lmi",
        {"generated_text": " Hi", "details": details(None, 256)},
        "Hi",
        "length",
    ),
    "LMI with a stop string or a token id as the reason": (
        "lmi",
        {"generated_text": " Hi.", "details": details(32007, 3)},
        "Hi.",
        "stop",
    ),
}


@pytest.mark.parametrize(("container", "reply", "text", "reason"), READ.values(), ids=READ)
def test_understands_every_containers_answer(
    container: str, reply: object, text: str, reason: str, deploy: Deploy, runtime: Runtime
) -> None:
    runtime.answers(reply)
    chat = strictly(ChatCompletion, deploy(CONTAINER=container).chat(("user", "Hi")))
    assert chat.choices[0].message.content == text
    assert chat.choices[0].finish_reason == reason


def test_a_chat_completion_has_all_that_openai_promises(shim: Shim) -> None:
    body = shim.chat(("user", "Hi")).json
    assert body["id"].startswith("chatcmpl-")
    assert body["model"] == "the-model"
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "Hello!", "refusal": None}
    assert body["choices"][0]["logprobs"] is None


def test_every_response_has_an_id_of_its_own(shim: Shim) -> None:
    assert shim.chat(("user", "Hi")).json["id"] != shim.chat(("user", "Hi")).json["id"]


def test_a_completion_keeps_the_texts_white_space(deploy: Deploy, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " upon a time###\n", "details": details("length", 256)}])
    completion = strictly(Completion, deploy(PROMPT_FORMAT="none").complete("Once"))
    assert completion.id.startswith("cmpl-")
    assert completion.choices[0].text == " upon a time###\n"
    assert completion.choices[0].finish_reason == "length"


def test_a_completion_ends_before_the_clients_stop_string(shim: Shim, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " one, two, three", "details": details("length", 256)}])
    completion = strictly(Completion, shim.complete("Count:", stop=[" three", ", two"]))
    assert completion.choices[0].text == " one"
    assert completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("container", ["tgi", "lmi"])
def test_usage_is_what_the_container_counted(container: str, deploy: Deploy, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " Hi.", "details": details("eos_token", 3, prefill=PREFILL)}])
    shim = deploy(CONTAINER=container)
    chat = strictly(ChatCompletion, shim.chat(("user", "Hi"), decoder_input_details=True))
    completion = strictly(Completion, shim.complete("Hi", decoder_input_details=True))
    for usage in (chat.usage, completion.usage):
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (11, 3, 14)


@pytest.mark.parametrize("more", [{}, {"prefill": []}])
def test_usage_is_left_out_rather_than_invented(more: dict[str, Any], shim: Shim, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " Hi.", "details": details("eos_token", 3, **more)}])
    assert "usage" not in shim.chat(("user", "Hi")).json


def test_lists_the_one_model(shim: Shim) -> None:
    models = strictly(ModelList, shim.request("GET", "/v1/models"))
    assert [model.id for model in models.data] == ["the-model"]
    assert models.object == "list"


def test_describes_the_one_model(deploy: Deploy) -> None:
    shim = deploy(MODEL_NAME="falcon 7b/instruct")
    model = strictly(Model, shim.request("GET", "/v1/models/falcon%207b%2Finstruct"))
    assert model.id == "falcon 7b/instruct"
    missing = shim.request("GET", "/v1/models/gpt-4o")
    assert (missing.status, missing.error["code"]) == (404, "model_not_found")


NOT_UNDERSTOOD = {
    "not JSON": b"<html>",
    "not UTF-8": b"\xff\xfe",
    "nothing": b"",
    "another shape": b'{"outputs": ["Hi"]}',
    "text that is none": b'[{"generated_text": null}]',
    "two answers": b'[{"generated_text": "a"}, {"generated_text": "b"}]',
    "no answer": b"[]",
    "a number": b"7",
    "nested out of reach": b"[" * 100_000,
    "an error under status 200": b'{"error": "Input parsing failed", "code": 424}',
    "LMI's failed generation": b'{"generated_text": "", "details": {"finish_reason": "error"}}',
}


def test_a_failure_under_status_200_names_the_likeliest_cause(deploy: Deploy, runtime: Runtime) -> None:
    runtime.answers({"generated_text": "", "details": details("error", None)})
    answer = deploy(CONTAINER="lmi").chat(("user", "Hi"))
    assert answer.status == 502
    assert "a prompt longer than the model takes" in answer.error["message"]


@pytest.mark.parametrize("body", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_an_answer_that_is_not_understood_is_a_bad_gateway(body: bytes, shim: Shim, runtime: Runtime) -> None:
    runtime.reply.body = body
    answer = shim.chat(("user", "Hi"))
    assert (answer.status, answer.error["type"]) == (502, "server_error")


@pytest.mark.parametrize(
    "odd",
    [
        {"details": None},
        {"details": []},
        {"details": {"finish_reason": ["x"], "generated_tokens": "3"}},
        {"details": {"generated_tokens": -1, "prefill": 5}},
        {"details": {"generated_tokens": True, "prefill": [1]}},
    ],
)
def test_odd_details_do_not_lose_the_text(odd: dict[str, Any], shim: Shim, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": "Hi", **odd}])
    chat = strictly(ChatCompletion, shim.chat(("user", "Hi")))
    assert chat.choices[0].message.content == "Hi"
    assert chat.usage is None
