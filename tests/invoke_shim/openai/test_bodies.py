"""OpenAI's whole responses, judged by the openai package's own models and OpenAI's published schema."""

from collections.abc import Callable
from typing import Any

import pytest

from invoke_shim.errors import ApiError
from invoke_shim.generation.types import Piece, TokenLogprob, Usage
from tests.invoke_shim.client import MODEL_NAME, Answer, Deploy, Json, Runtime, Shim, chat_body
from tests.invoke_shim.openai import objects
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted


def checked(answer: Answer, check: Callable[[Json], None]) -> Json:
    """The response's document, once it is one of OpenAI's objects in every field."""
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    check(answer.json)
    return answer.json


def details(reason: object, generated_tokens: object, **more: Any) -> dict[str, Any]:
    return {"finish_reason": reason, "generated_tokens": generated_tokens, **more}


PREFILL = [{"id": 1, "text": "x", "logprob": None}] * 11

CHATS = {
    "an end": ("tgi", [{"generated_text": " Hi.", "details": details("eos_token", 3)}], "Hi.", "stop"),
    "a stop string left in the text": (
        "tgi",
        [{"generated_text": " Hi.\nUser:", "details": details("stop_sequence", 3)}],
        "Hi.",
        "stop",
    ),
    "the limit": ("tgi", [{"generated_text": " Hi", "details": details("length", 256)}], "Hi", "length"),
    "the end token left in the text": ("tgi", [{"generated_text": " Hi.<|endoftext|>\n"}], "Hi.", "stop"),
    "text after a stop string": ("tgi", [{"generated_text": " Hi.\n###\n\nMore"}], "Hi.", "stop"),
    "nothing but a stop string": ("tgi", [{"generated_text": "\nUser:"}], "", "stop"),
    "LMI's object": ("lmi", {"generated_text": " Hi.", "details": details("eos_token", 3)}, "Hi.", "stop"),
}


@pytest.mark.parametrize(("container", "reply", "text", "reason"), CHATS.values(), ids=CHATS)
def test_a_chats_answer_is_cut_and_trimmed(
    container: str, reply: object, text: str, reason: str, deploy: Deploy, runtime: Runtime
) -> None:
    runtime.answers(reply)
    chat = checked(deploy(CONTAINER=container).chat(("user", "Hi")), objects.is_chat)
    [choice] = chat["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (text, reason)


def test_a_chat_completion_has_all_that_openai_promises(shim: Shim) -> None:
    body = checked(shim.chat(("user", "Hi")), objects.is_chat)
    assert body["id"].startswith("chatcmpl-")
    assert body["model"] == MODEL_NAME
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "Hello!", "refusal": None}
    assert body["choices"][0]["logprobs"] is None


def test_every_response_has_an_id_of_its_own(shim: Shim) -> None:
    assert shim.chat(("user", "Hi")).json["id"] != shim.chat(("user", "Hi")).json["id"]


def test_a_completion_keeps_the_texts_white_space(deploy: Deploy, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " upon a time###\n", "details": details("length", 256)}])
    completion = checked(deploy(PROMPT_FORMAT="none").complete("Once"), objects.is_completion)
    assert completion["id"].startswith("cmpl-")
    assert completion["choices"] == [
        {"index": 0, "text": " upon a time###\n", "logprobs": None, "finish_reason": "length"}
    ]


def test_a_completion_ends_before_the_clients_stop_string(shim: Shim, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " one, two, three", "details": details("length", 256)}])
    completion = checked(shim.complete("Count:", stop=[" three", ", two"]), objects.is_completion)
    assert (completion["choices"][0]["text"], completion["choices"][0]["finish_reason"]) == (" one", "stop")


@pytest.mark.parametrize("container", ["tgi", "lmi"])
def test_usage_is_what_the_container_counted(container: str, deploy: Deploy, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " Hi.", "details": details("eos_token", 3, prefill=PREFILL)}])
    shim = deploy(CONTAINER=container)
    for answer in (
        shim.chat(("user", "Hi"), decoder_input_details=True),
        shim.complete("Hi", decoder_input_details=True),
    ):
        assert answer.json["usage"] == {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


@pytest.mark.parametrize("more", [{}, {"prefill": []}])
def test_where_it_is_declared_so_usage_is_left_out_rather_than_estimated(
    more: dict[str, Any], deploy: Deploy, runtime: Runtime
) -> None:
    runtime.answers([{"generated_text": " Hi.", "details": details("eos_token", 3, **more)}])
    answer = deploy(USAGE="omit").chat(("user", "Hi"))
    assert "usage" not in checked(answer, objects.is_chat)
    assert "x-usage" not in answer.headers


TOKENS = (
    TokenLogprob("Grü", -0.25, top=(("Grü", -0.25), ("Hal", -1.5))),
    TokenLogprob("ße", float("-inf"), top=(("ße", float("-inf")), ("n", float("nan")))),
)
GREETING = [Piece(text="Grüße", logprobs=TOKENS, finish_reason="stop")]


def test_a_chats_log_probabilities_have_bytes_and_alternatives() -> None:
    with serve_scripted(ScriptedBackend([GREETING])) as shim:
        chat = checked(shim.chat(("user", "Hi"), logprobs=True, top_logprobs=2), objects.is_chat)
    first, second = chat["choices"][0]["logprobs"]["content"]
    assert first == {
        "token": "Grü",
        "logprob": -0.25,
        "bytes": [71, 114, 195, 188],
        "top_logprobs": [
            {"token": "Grü", "logprob": -0.25, "bytes": [71, 114, 195, 188]},
            {"token": "Hal", "logprob": -1.5, "bytes": [72, 97, 108]},
        ],
    }
    assert [second["logprob"], *(top["logprob"] for top in second["top_logprobs"])] == [-9999.0] * 3


def test_a_completions_log_probabilities_have_their_place_in_the_text() -> None:
    with serve_scripted(ScriptedBackend([GREETING])) as shim:
        plain = checked(shim.complete("Auf", logprobs=2), objects.is_completion)
    assert plain["choices"][0]["logprobs"] == {
        "tokens": ["Grü", "ße"],
        "token_logprobs": [-0.25, -9999.0],
        "top_logprobs": [{"Grü": -0.25, "Hal": -1.5}, {"ße": -9999.0, "n": -9999.0}],
        "text_offset": [0, 3],
    }


def test_an_echoed_prompt_is_never_cut() -> None:
    backend = ScriptedBackend([[Piece(text=" two END", finish_reason="length")]])
    with serve_scripted(backend) as shim:
        completion = checked(shim.complete(" one END ", echo=True, stop="END"), objects.is_completion)
    assert completion["choices"][0]["text"] == " one END  two "
    assert not backend.requests[0].generation.echo


def test_several_answers_are_several_choices() -> None:
    answers = [Piece(text=" one ", index=0, finish_reason="stop"), Piece(text="two", index=1, finish_reason="length")]
    with serve_scripted(ScriptedBackend([[*answers, Piece(usage=Usage(5, 4))]])) as shim:
        chat = checked(shim.chat(("user", "Hi"), n=2), objects.is_chat)
    assert [(choice["index"], choice["message"]["content"]) for choice in chat["choices"]] == [(0, "one"), (1, "two")]
    assert chat["usage"]["total_tokens"] == 9


def two_each(name: str, usage: Usage | None) -> list[Piece]:
    pieces = [Piece(text=f"{name}{index}", index=index, finish_reason="stop") for index in (0, 1)]
    return [*pieces, Piece(usage=usage)]


def test_several_prompts_are_asked_one_after_the_other() -> None:
    backend = ScriptedBackend([two_each("a", Usage(2, 3)), two_each("b", Usage(20, 30))])
    with serve_scripted(backend) as shim:
        completion = checked(shim.complete(["x", "y"], n=2, echo=True), objects.is_completion)
    texts = [(choice["index"], choice["text"]) for choice in completion["choices"]]
    assert texts == [(0, "xa0"), (1, "xa1"), (2, "yb0"), (3, "yb1")]
    assert completion["usage"] == {"prompt_tokens": 22, "completion_tokens": 33, "total_tokens": 55}
    assert [prompt_request.prompt for prompt_request in backend.requests] == ["x", "y"]


def test_one_unknown_count_makes_the_sum_unknown() -> None:
    backend = ScriptedBackend([two_each("a", Usage(2, 3)), two_each("b", None)])
    with serve_scripted(backend, usage="omit") as shim:
        assert "usage" not in shim.complete(["x", "y"], n=2).json


def test_the_second_prompts_error_is_the_requests() -> None:
    error = ApiError("the model's queue is full", status=429, type="rate_limit_error")
    with serve_scripted(ScriptedBackend([two_each("a", None), [error]])) as shim:
        answer = shim.complete(["x", "y"], n=2)
    assert (answer.status, answer.error["message"]) == (429, "the model's queue is full")


@pytest.mark.parametrize(
    ("prompt", "param", "message"),
    [
        ([], "prompt", "prompt is an empty list"),
        ([1, 2], "prompt", "prompt holds token ids, expected text"),
        ([[1, 2]], "prompt", "prompt holds token ids, expected text"),
        (["a", ""], "prompt[1]", "prompt[1] is '', expected a non-empty string"),
        (["a", None], "prompt[1]", "prompt[1] is null"),
        (["a", "\ud800"], "prompt[1]", "prompt[1] holds a lone surrogate"),
        (["a"] * 5, "prompt", "prompt makes 5 generations, but one request may make at most 4: send several requests"),
    ],
)
def test_refuses_prompts_that_are_none(prompt: Json, param: str, message: str, shim: Shim, runtime: Runtime) -> None:
    answer = shim.complete(prompt)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert message in answer.error["message"]
    assert not runtime.bodies


TEMPLATE = '{"prompt": "### Q:\\n{question}\\n{context}", "completion": " {answer}"}'


@pytest.fixture
def tuned(deploy: Deploy) -> Shim:
    """A model tuned on a template of its own."""
    return deploy(PROMPT_FORMAT="template", PROMPT_TEMPLATE=TEMPLATE)


def test_a_tuned_model_takes_its_templates_fields(tuned: Shim, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " Blue. \n\n### Response:\nMore"}])
    fields = {"question": "Why?", "context": ""}
    completion = checked(tuned.post("/v1/completions", {"model": MODEL_NAME, "fields": fields}), lambda _: None)
    chat = checked(tuned.post("/v1/chat/completions", {"model": MODEL_NAME, "fields": fields}), lambda _: None)
    objects.is_completion(completion)
    objects.is_chat(chat)
    assert runtime.bodies[0] == runtime.bodies[1]
    assert b'"inputs": "### Q:\\nWhy?\\n\\n\\n### Response:\\n"' in runtime.bodies[0]
    assert completion["choices"][0]["text"] == " Blue. "
    assert chat["choices"][0]["message"]["content"] == "Blue."


def test_a_tuned_model_takes_a_prompt_as_it_is(tuned: Shim, runtime: Runtime) -> None:
    assert tuned.complete("{question}").status == 200
    assert runtime.payload["inputs"] == "{question}"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/completions", {"fields": {"question": "Why?"}}, "fields lacks context"),
        ("/v1/completions", {"fields": ["Why?"]}, "fields is a list, expected an object with question, context"),
        (
            "/v1/completions",
            {"fields": {"question": "a", "context": "b"}, "prompt": "c"},
            "fields and prompt are both there: send one of them",
        ),
        (
            "/v1/chat/completions",
            {"fields": {"question": "a", "context": "b"}, "messages": [{"role": "user", "content": "c"}]},
            "fields and messages are both there: send one of them",
        ),
    ],
)
def test_refuses_fields_that_do_not_fit_the_template(
    path: str, body: dict[str, Any], message: str, tuned: Shim, runtime: Runtime
) -> None:
    answer = tuned.post(path, {"model": MODEL_NAME, **body})
    assert (answer.status, answer.error["param"]) == (400, "fields")
    assert message in answer.error["message"]
    assert not runtime.bodies


def test_fields_are_unknown_to_other_models(shim: Shim) -> None:
    answer = shim.complete("Once", fields={"question": "Why?"})
    assert (answer.status, answer.error["param"]) == (400, "fields")
    assert "unknown parameter 'fields'" in answer.error["message"]


def test_a_models_own_side_gets_the_messages() -> None:
    backend = ScriptedBackend([[Piece(text=" Hi \n", finish_reason="stop")]], takes_messages=True)
    with serve_scripted(backend) as shim:
        chat = checked(shim.chat(("developer", "Be brief."), ("user", "Hi")), objects.is_chat)
    assert [(message.role, message.content) for message in backend.requests[0].messages] == [
        ("developer", "Be brief."),
        ("user", "Hi"),
    ]
    assert backend.requests[0].prompt is None
    # What the model's side wrote is not ours to trim.
    assert chat["choices"][0]["message"]["content"] == " Hi \n"


def test_a_models_own_side_gets_no_role_that_nobody_has() -> None:
    backend = ScriptedBackend([[]], takes_messages=True)
    with serve_scripted(backend) as shim:
        answer = shim.chat(("user", "Hi"), ("narrator", "42"))
    assert (answer.status, answer.error["param"]) == (400, "messages[1].role")
    assert "allowed there: system, developer, user, assistant, tool" in answer.error["message"]
    assert not backend.requests


def test_converse_refuses_a_prompt_and_names_the_route_that_works() -> None:
    backend = ScriptedBackend([[]], takes_messages=True)
    with serve_scripted(backend, backend="bedrock", body="converse", container=None) as shim:
        answer = shim.complete("Once")
    assert (answer.status, answer.error["param"]) == (400, "prompt")
    assert "/v1/chat/completions" in answer.error["message"]
    assert not backend.requests


def test_all_that_is_wrong_is_said_at_once(shim: Shim, runtime: Runtime) -> None:
    body = chat_body(("user", ""), ("robot", "x"), temperature=3, mystery=1)
    del body["model"]
    answer = shim.post("/v1/chat/completions", body)
    for part in ("model is null", "temperature is 3", "unknown parameter 'mystery'", "messages[1]"):
        assert part in answer.error["message"]
    assert not runtime.bodies


def test_lists_the_one_model(shim: Shim) -> None:
    answer = shim.request("GET", "/v1/models")
    objects.check("ListModelsResponse", answer.json)
    assert [model["id"] for model in answer.json["data"]] == [MODEL_NAME]


def test_describes_the_one_model(deploy: Deploy) -> None:
    shim = deploy(MODEL_NAME="falcon 7b/instruct")
    answer = shim.request("GET", "/v1/models/falcon%207b%2Finstruct")
    objects.check("Model", answer.json)
    assert answer.json["id"] == "falcon 7b/instruct"
    missing = shim.request("GET", "/v1/models/gpt-4o")
    assert (missing.status, missing.error["code"]) == (404, "model_not_found")
    objects.is_error(missing.json)
