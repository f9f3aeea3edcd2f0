"""The tokens of an answer, whether its container counts them or not."""

import json
from typing import Any

import pytest

from invoke_shim.generation import tokenizer
from invoke_shim.generation.estimate import estimate_tokens
from invoke_shim.generation.types import Piece, ToolCallPiece, Usage
from tests.invoke_shim.client import Deploy, Json, Runtime, Shim, last_token, token
from tests.invoke_shim.openai import objects
from tests.invoke_shim.openai.test_conversations import image
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
QUESTION = "How do I make sourdough bread at home?"
ANSWER = "With flour, water, salt and a week of patience."


def script(usage: Usage | None) -> list[Piece]:
    end = [] if usage is None else [Piece(usage=usage)]
    return [Piece(text=ANSWER), Piece(finish_reason="stop"), *end]


def numbers(prompt: int, completion: int) -> Json:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, numbers(estimate_tokens(QUESTION), estimate_tokens(ANSWER))),
        (Usage(None, 9), numbers(estimate_tokens(QUESTION), 9)),
        (Usage(11, None), numbers(11, estimate_tokens(ANSWER))),
        (Usage(11, 9), numbers(11, 9)),
    ],
)
def test_what_the_container_does_not_tell_is_estimated_and_marked(usage: Usage | None, expected: Json) -> None:
    with serve_scripted(ScriptedBackend([script(usage)], abilities={"streams_usage": False})) as shim:
        whole = shim.complete(QUESTION)
        streamed = shim.complete(QUESTION, **STREAMED)
    objects.is_completion(whole.json)
    assert whole.json["usage"] == streamed.documents[-1]["usage"] == expected
    assert whole.headers.get("x-usage") == ("estimate" if usage != Usage(11, 9) else None)


def test_a_stream_is_marked_where_its_container_is_known_not_to_tell() -> None:
    for tells in (False, True):
        backend = ScriptedBackend([script(None)], abilities={"streams_usage": tells})
        with serve_scripted(backend) as shim:
            assert ("x-usage" in shim.complete(QUESTION, **STREAMED).headers) is not tells
            assert "x-usage" not in shim.complete(QUESTION, stream=True).headers
        with serve_scripted(backend, usage="omit") as shim:
            assert "x-usage" not in shim.complete(QUESTION, **STREAMED).headers


def test_a_chat_is_estimated_with_its_calls_its_tools_and_its_images() -> None:
    backend = ScriptedBackend(
        [
            [
                Piece(reasoning="Hm."),
                Piece(tool_calls=(ToolCallPiece(0, "a", "now", "{}"),)),
                Piece(finish_reason="stop"),
            ]
        ],
        takes_messages=True,
    )
    tools = [{"type": "function", "function": {"name": "now", "description": "The time, as text."}}]
    with serve_scripted(backend) as shim:

        def tokens(*messages: Json, **body: Any) -> tuple[int, int]:
            answer = shim.post("/v1/chat/completions", {"model": "the-model", "messages": messages, **body})
            usage = answer.json["usage"]
            return usage["prompt_tokens"], usage["completion_tokens"]

        bare = tokens({"role": "user", "content": QUESTION})
        assert bare == (estimate_tokens(QUESTION) + 4, estimate_tokens("Hm.{}"))
        assert tokens({"role": "user", "content": QUESTION}, tools=tools)[0] > bare[0] + 10
        assert tokens(image())[0] > 576


def test_a_prompt_of_token_ids_is_counted() -> None:
    with serve_scripted(ScriptedBackend([script(Usage(None, 9))])) as shim:
        assert shim.complete([1, 2, 3]).json["usage"]["prompt_tokens"] == 3


def test_tokens_of_reasoning_and_of_the_cache_are_told() -> None:
    with serve_scripted(ScriptedBackend([script(Usage(11, 9, 5, 8))], takes_messages=True)) as shim:
        answer = shim.chat(("user", QUESTION))
        streamed = shim.chat(("user", QUESTION), **STREAMED)
    objects.is_chat(answer.json)
    assert answer.json["usage"] == streamed.documents[-1]["usage"]
    assert answer.json["usage"] == {
        **numbers(11, 9),
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }


def test_a_stream_that_is_cut_short_is_estimated() -> None:
    with serve_scripted(ScriptedBackend([script(Usage(11, 9))])) as shim:
        usage = shim.complete(QUESTION, stop=" salt", **STREAMED).documents[-1]["usage"]
    assert usage == numbers(estimate_tokens(QUESTION), estimate_tokens("With flour, water,"))


def test_metrics_have_only_what_the_container_told(shim: Shim, runtime: Runtime, capsys: Any) -> None:
    runtime.streams(token("Hi"), last_token("", "Hi", tokens=2, prompt=11))
    runtime.answers([{"generated_text": " Hi", "details": {"finish_reason": "eos_token", "generated_tokens": 3}}])
    assert shim.complete(QUESTION).json["usage"]["prompt_tokens"] == estimate_tokens(QUESTION)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["CompletionTokens"] == 3
    assert "PromptTokens" not in line


def test_the_models_card_tells_its_context(deploy: Deploy) -> None:
    shim = deploy(MAX_TOTAL_TOKENS="8192")
    card = shim.request("GET", "/v1/models/the-model").json
    assert card["max_model_len"] == 8192
    assert shim.request("GET", "/v1/models").json["data"] == [card]
    assert "max_model_len" not in deploy(MAX_TOTAL_TOKENS=None).request("GET", "/v1/models/the-model").json


class TestTokenizer:
    """A model whose tokenizer is packed beside the package."""

    @pytest.fixture(autouse=True)
    def _tokenizer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Counts words, and one more for a prompt."""

        def count(text: str, *, as_prompt: bool = False) -> int:
            return len(text.split()) + as_prompt

        monkeypatch.setattr(tokenizer, "count", count)

    @pytest.mark.parametrize("usage", ["estimate", "omit"])
    def test_a_completion_is_counted_exactly(self, usage: str) -> None:
        with serve_scripted(ScriptedBackend([script(None)]), has_tokenizer=True, usage=usage) as shim:
            answer = shim.complete(QUESTION)
            streamed = shim.complete(QUESTION, **STREAMED)
        assert answer.json["usage"] == streamed.documents[-1]["usage"] == numbers(9, 9)
        assert "x-usage" not in {**answer.headers, **streamed.headers}

    def test_a_chat_that_the_models_side_writes_is_an_estimate(self) -> None:
        with serve_scripted(ScriptedBackend([script(None)], takes_messages=True), has_tokenizer=True) as shim:
            answer = shim.chat(("user", QUESTION))
        assert answer.json["usage"] == numbers(12, 9)
        assert answer.headers["x-usage"] == "estimate"

    def test_streams_say_so_likewise(self) -> None:
        backend = ScriptedBackend([script(None)], takes_messages=True, abilities={"streams_usage": False})
        with serve_scripted(backend, has_tokenizer=True) as shim:
            assert "x-usage" in shim.chat(("user", QUESTION), **STREAMED).headers
            assert "x-usage" not in shim.complete(QUESTION, **STREAMED).headers

    def test_one_that_cannot_be_loaded_costs_no_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_text: str, *, as_prompt: bool = False) -> int:
            raise tokenizer.TokenizerError(f"broken {as_prompt}")

        monkeypatch.setattr(tokenizer, "count", fail)
        with serve_scripted(ScriptedBackend([script(None)]), has_tokenizer=True) as shim:
            answer = shim.complete(QUESTION)
        assert answer.json["usage"] == numbers(estimate_tokens(QUESTION), estimate_tokens(ANSWER))
        assert answer.headers["x-usage"] == "estimate"
