"""Streamed answers: OpenAI's chunks, the same text in any pieces, and what goes wrong in between."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoke_shim.backends.base import NativeStream
from invoke_shim.errors import ApiError
from invoke_shim.formats import FORMATS
from invoke_shim.generation.trim import trim, trim_stream
from invoke_shim.generation.types import Piece, TokenLogprob, Usage
from invoke_shim.http.proxy import Response
from tests.invoke_shim.client import (
    MODEL_NAME,
    Answer,
    Deploy,
    Json,
    Runtime,
    Shim,
    chat_body,
    error_in,
    last_token,
    read,
    token,
)
from tests.invoke_shim.openai import objects
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted


def told(text: str, *, reason: str = "stop", usage: Usage | None = None) -> list[Piece]:
    """An answer in one piece a character."""
    end = Piece(finish_reason="length" if reason == "length" else "stop")
    return [*(Piece(text=character) for character in text), end, *([Piece(usage=usage)] if usage else [])]


def choices(answer: Answer) -> list[Json]:
    return [choice for document in answer.documents for choice in document["choices"]]


def test_a_chat_is_a_role_its_text_an_end_and_done(shim: Shim, runtime: Runtime) -> None:
    runtime.streams(token(" Hel"), token("lo"), token("!"), last_token("<|endoftext|>", " Hello!", tokens=4))
    answer = shim.chat(("user", "Hi"), stream=True)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    for document in answer.documents:
        objects.is_chat_chunk(document)
    assert [(choice["delta"], choice["finish_reason"]) for choice in choices(answer)] == [
        ({"role": "assistant", "content": "", "refusal": None}, None),
        ({"content": "Hel"}, None),
        ({"content": "lo"}, None),
        ({"content": "!"}, None),
        ({}, "stop"),
    ]
    assert answer.broken is None


def test_all_chunks_of_an_answer_have_its_id_and_its_time(shim: Shim, runtime: Runtime) -> None:
    runtime.streams(token("Hi"), last_token("", "Hi"))
    first, second = shim.chat(("user", "Hi"), stream=True), shim.chat(("user", "Hi"), stream=True)
    heads = [
        {(document["id"], document["created"], document["model"], document["object"]) for document in answer.documents}
        for answer in (first, second)
    ]
    assert [len(head) for head in heads] == [1, 1]
    assert heads[0] != heads[1]


def test_a_completion_is_its_text_and_an_end(shim: Shim, runtime: Runtime) -> None:
    runtime.streams(token(" upon"), token(" a"), last_token(" time", " upon a time", reason="length"))
    answer = shim.complete("Once", stream=True)
    for document in answer.documents:
        objects.is_completion_chunk(document)
        assert document["id"].startswith("cmpl-")
    assert answer.texts() == " upon a time"
    reasons = [choice["finish_reason"] for choice in choices(answer)]
    assert reasons == [None] * (len(reasons) - 1) + ["length"]


@pytest.mark.parametrize("kind", ["chat", "completion"])
@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (None, False),
        ({}, False),
        ({"include_usage": False}, False),
        ({"include_usage": True}, True),
        ({"include_usage": True, "continuous_usage_stats": True}, True),
    ],
)
def test_usage_is_a_chunk_of_its_own_when_asked_for(
    kind: str, options: Json, asked: bool, shim: Shim, runtime: Runtime
) -> None:
    runtime.streams(token("Hi"), last_token("", "Hi", tokens=2, prompt=11))
    request = shim.chat(("user", "Hi"), stream=True, stream_options=options) if kind == "chat" else None
    answer = request or shim.complete("Hi", stream=True, stream_options=options)
    for document in answer.documents:
        (objects.is_chat_chunk if kind == "chat" else objects.is_completion_chunk)(document)
    if not asked:
        assert all("usage" not in document for document in answer.documents)
        return
    *others, last = answer.documents
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
    assert all(document["usage"] is None for document in others)


def test_where_it_is_declared_so_no_usage_is_told_that_nobody_counted() -> None:
    with serve_scripted(ScriptedBackend([told("Hi", usage=Usage(None, 3))]), usage="omit") as shim:
        answer = shim.chat(("user", "Hi"), stream=True, stream_options={"include_usage": True})
    assert all(document["usage"] is None for document in answer.documents)
    assert answer.documents[-1]["choices"][0]["finish_reason"] == "stop"


def test_several_answers_go_on_by_their_index() -> None:
    pieces = [
        Piece(text=" a", index=1),
        Piece(text=" b", index=0),
        Piece(text="c ", index=1, finish_reason="stop"),
        Piece(text="d", index=0, finish_reason="length"),
        Piece(usage=Usage(1, 4)),
    ]
    with serve_scripted(ScriptedBackend([pieces])) as shim:
        answer = shim.chat(("user", "Hi"), n=2, stream=True)
    assert (answer.deltas(0), answer.deltas(1)) == ("bd", "ac")
    roles = [choice["index"] for choice in choices(answer) if "role" in choice["delta"]]
    ends = {choice["index"]: choice["finish_reason"] for choice in choices(answer) if choice["finish_reason"]}
    assert (roles, ends) == ([0, 1], {0: "length", 1: "stop"})


def test_several_prompts_are_streamed_one_after_the_other_behind_their_echo() -> None:
    backend = ScriptedBackend([told("one", usage=Usage(1, 2)), told("two", usage=Usage(10, 20))])
    with serve_scripted(backend) as shim:
        answer = shim.complete(
            ["x ", "y "], stream=True, echo=True, stream_options={"include_usage": True, "continuous_usage_stats": True}
        )
    assert (answer.texts(0), answer.texts(1)) == ("x one", "y two")
    assert answer.documents[-1]["usage"] == {"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33}
    assert backend.closed == 2


def test_an_answer_without_an_end_gets_one() -> None:
    with serve_scripted(ScriptedBackend([[Piece(text="Hi ")]])) as shim:
        answer = shim.chat(("user", "Hi"), stream=True)
    assert answer.deltas() == "Hi"
    assert choices(answer)[-1]["finish_reason"] == "stop"


def test_an_empty_answer_is_one() -> None:
    with serve_scripted(ScriptedBackend([[]])) as shim:
        answer = shim.chat(("user", "Hi"), stream=True)
    assert answer.deltas() == ""
    assert [choice["finish_reason"] for choice in choices(answer)] == [None, "stop"]


@pytest.mark.parametrize("kind", ["chat", "completion"])
def test_log_probabilities_come_with_their_text(kind: str) -> None:
    pieces = [
        Piece(text=" a", logprobs=(TokenLogprob(" a", -0.5),)),
        Piece(text="b", logprobs=(TokenLogprob("b", -1.5),)),
        Piece(text=" ", logprobs=(TokenLogprob(" ", -2.5),)),
        Piece(finish_reason="length"),
    ]
    with serve_scripted(ScriptedBackend([pieces])) as shim:
        if kind == "chat":
            answer = shim.chat(("user", "Hi"), stream=True, logprobs=True)
            whole = shim.chat(("user", "Hi"), logprobs=True).json["choices"][0]["logprobs"]["content"]
            found = [entry for choice in choices(answer) for entry in (choice["logprobs"] or {}).get("content", [])]
        else:
            answer = shim.complete("Hi", stream=True, logprobs=0)
            told_whole = shim.complete("Hi", logprobs=0).json["choices"][0]["logprobs"]
            whole = list(zip(told_whole["tokens"], told_whole["text_offset"], strict=True))
            parts = [choice["logprobs"] for choice in choices(answer) if choice["logprobs"]]
            found = [pair for part in parts for pair in zip(part["tokens"], part["text_offset"], strict=True)]
    for document in answer.documents:
        (objects.is_chat_chunk if kind == "chat" else objects.is_completion_chunk)(document)
    assert found == whole
    assert len(found) == 3


TEXT = st.text(st.characters(codec="utf-8"))
ENDS = sorted({prompt_format.end_of_turn for prompt_format in FORMATS.values()} | {""})
AWKWARD = st.sampled_from([" ", "\n", "\u3000", "<", "<|", "<|im_end|>", "|>", "</s>", "</", "###", "\nUser:", "x"])


@st.composite
def pieces_of(draw: st.DrawFn, text: str) -> list[str]:
    """A text cut anywhere, with empty pieces too."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[start:end] for start, end in itertools.pairwise([0, *cuts, len(text)])]


@given(text=TEXT | st.lists(AWKWARD).map("".join), end=st.sampled_from(ENDS), data=st.data())
@example(text="a<|im_end|><|im_end|> ", end="<|im_end|>", data=None)
@example(text=" <|im_end|> <|im_end|>", end="<|im_end|>", data=None)
def test_trimming_a_stream_is_trimming_the_whole(text: str, end: str, data: st.DataObject | None) -> None:
    parts = list(text) if data is None else data.draw(pieces_of(text))
    with_end = [*(Piece(text=part) for part in parts), Piece(finish_reason="stop")]
    assert "".join(piece.text for piece in trim_stream(iter(with_end), end)) == trim(text, end)


@pytest.mark.parametrize("end", ENDS)
def test_trimming_holds_back_no_more_than_it_must(end: str) -> None:
    given_out = [piece.text for piece in trim_stream(iter([Piece(text="Hello"), Piece(text=" you")]), end)]
    assert "".join(given_out) == "Hello you"


@given(text=TEXT | st.lists(AWKWARD).map("".join), stop=st.none() | AWKWARD, data=st.data())
def test_a_stream_says_what_the_whole_answer_says(text: str, stop: str | None, data: st.DataObject) -> None:
    script = [Piece(text=part) for part in data.draw(pieces_of(text))]
    with serve_scripted(ScriptedBackend([[*script, Piece(finish_reason="length"), Piece(usage=Usage(3, 4))]])) as shim:
        options = {"stop": stop, "stream_options": {"include_usage": True}}
        chat, streamed_chat = shim.chat(("user", "x"), stop=stop), shim.chat(("user", "x"), stream=True, **options)
        text_, streamed_text = shim.complete("x", stop=stop), shim.complete("x", stream=True, **options)
    [chat_choice], [text_choice] = chat.json["choices"], text_.json["choices"]
    assert streamed_chat.deltas() == chat_choice["message"]["content"]
    assert streamed_text.texts() == text_choice["text"]
    assert choices(streamed_chat)[-1]["finish_reason"] == chat_choice["finish_reason"]
    assert choices(streamed_text)[-1]["finish_reason"] == text_choice["finish_reason"]
    if stop is None:
        assert text_choice["text"] == text
        assert streamed_text.documents[-1]["usage"]["total_tokens"] == 7


def test_the_first_text_does_not_wait_for_the_second(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy()
    runtime.streams(token("Hello"), hang=True)
    response = start(shim)
    assert response.chunks is not None
    role, hello = next(response.chunks), next(response.chunks)
    assert b'"role": "assistant"' in role
    assert b'"content": "Hello"' in hello
    runtime.reset()
    response.chunks.close()  # type: ignore[attr-defined]  # handle's chunks can be closed


def start(shim: Shim, **parameters: Json) -> Response:
    """A streamed chat's response, before anything of it was read."""
    return shim.call("POST", "/v1/chat/completions", json.dumps(chat_body(("user", "Hi"), stream=True, **parameters)))


BUSY = ApiError("the model's queue is full", status=429, type="rate_limit_error", headers={"retry-after": "2"})
LOST = ApiError("the model's answer broke off", status=502, type="server_error", upstream="ModelStreamError")


def test_an_error_before_the_first_piece_has_its_true_status() -> None:
    with serve_scripted(ScriptedBackend([[BUSY]])) as shim:
        answers = [shim.chat(("user", "Hi"), stream=True), shim.complete("Hi", stream=True)]
    for answer in answers:
        assert (answer.status, answer.headers["retry-after"]) == (429, "2")
        assert answer.headers["content-type"] == "application/json"
        objects.is_error(answer.json)
        assert answer.broken is None


def test_an_error_after_it_is_the_last_event_and_told_to_the_runtime() -> None:
    with serve_scripted(ScriptedBackend([[Piece(text="Hello SECRET"), LOST]])) as shim:
        answer = shim.chat(("user", "Hi"), stream=True)
    assert answer.status == 200
    *documents, last = [json.loads(event) for event in answer.events]
    assert documents[-1]["choices"][0]["delta"] == {"content": "Hello SECRET"}
    objects.is_error(last)
    assert error_in(last)["message"] == "the model's answer broke off"
    assert answer.broken is not None
    assert answer.broken.error_type == "ModelStreamError"
    assert "ended too early" in answer.broken.message
    assert "SECRET" not in str(answer.broken)


def test_a_bug_in_a_stream_tells_the_client_nothing() -> None:
    with serve_scripted(ScriptedBackend([[Piece(text="Hello"), ValueError("SECRET")]])) as shim:
        answer = shim.complete("Hi", stream=True)
    error = error_in(json.loads(answer.events[-1]))
    assert "unexpected error" in error["message"]
    assert "SECRET" not in answer.text
    assert answer.broken is not None
    assert answer.broken.error_type == "ValueError"
    assert "SECRET" not in str(answer.broken)


NATIVE = {
    "between events": ("text/event-stream", b"data: {}\n\n", "data: "),
    "within an event": ("text/event-stream; charset=utf-8", b'data: {"tok', "\n\ndata: "),
    "between lines": ("application/jsonlines", b"{}\n", ""),
    "within a line": ("application/jsonlines", b'{"tok', "\n\n"),
}


@pytest.mark.parametrize(("content_type", "chunk", "start"), NATIVE.values(), ids=NATIVE)
def test_a_native_stream_that_breaks_off_says_so_in_its_own_form(content_type: str, chunk: bytes, start: str) -> None:
    with serve_scripted(ScriptedBackend([[]], native=[chunk, LOST], native_type=content_type)) as shim:
        answer = shim.post("/invocations", {"prompt": "x", "stream": True})
    assert answer.status == 200
    assert answer.chunks[0] == chunk
    last = answer.chunks[1].decode()
    assert last.startswith(start + '{"error"')
    assert error_in(json.loads(last.removeprefix(start)))["message"] == "the model's answer broke off"
    assert answer.broken is not None


def test_a_native_streams_error_before_its_first_byte_has_its_true_status() -> None:
    with serve_scripted(ScriptedBackend([[]], native=[BUSY])) as shim:
        answer = shim.post("/invocations", {"prompt": "x", "stream": True})
    assert (answer.status, answer.error["message"]) == (429, "the model's queue is full")


def first_only(response: Response) -> None:
    assert response.chunks is not None
    next(response.chunks)


def nothing(_response: Response) -> None:
    pass


@pytest.mark.parametrize("read_some", [first_only, nothing])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", chat_body(("user", "Hi"), stream=True)),
        ("/v1/completions", {"model": MODEL_NAME, "prompt": "Hi", "stream": True}),
        ("/invocations", {"prompt": "Hi", "stream": True}),
    ],
)
def test_a_stream_that_nobody_reads_on_is_closed(path: str, body: Json, read_some: Callable[[Response], None]) -> None:
    backend = ScriptedBackend([[Piece(text="a"), Piece(text="b")]], native=[b"a", b"b"])
    with serve_scripted(backend) as shim:
        response = shim.call("POST", path, json.dumps(body))
        read_some(response)
        assert response.chunks is not None
        assert backend.closed == 0
        response.chunks.close()  # type: ignore[attr-defined]  # handle's chunks can be closed
        del response
    assert backend.closed == 1


def test_a_stream_is_read_piece_by_piece_not_ahead() -> None:
    drawn: list[str] = []

    def pieces() -> Iterator[Piece]:
        for text in "abc":
            drawn.append(text)
            yield Piece(text=text)

    class Lazy(ScriptedBackend):
        def stream(self, *_: object) -> Iterator[Piece]:
            return pieces()

    with serve_scripted(Lazy([[]])) as shim:
        response = start(shim)
        assert response.chunks is not None
        first_only(response)
        assert drawn == ["a"]
        next(response.chunks)
        assert drawn == ["a"]
        assert read(response).broken is None
    assert drawn == ["a", "b", "c"]


def test_a_native_stream_of_nothing_is_an_answer() -> None:
    class Silent(ScriptedBackend):
        def invoke_stream(self, *_: object) -> NativeStream:
            return NativeStream(iter(()), "application/jsonlines")

    with serve_scripted(Silent([[]])) as shim:
        answer = shim.post("/invocations", {"prompt": "x", "stream": True})
    assert (answer.status, answer.body, answer.broken) == (200, b"", None)


def test_a_stop_string_ends_a_stream_and_the_models_work(shim: Shim, runtime: Runtime) -> None:
    parts: Sequence[str] = (" one", ",", " tw", "o", " three")
    runtime.streams(*(token(part) for part in parts), last_token("", "".join(parts)))
    answer = shim.complete("Count:", stream=True, stop=", two")
    assert answer.texts() == " one"
    assert choices(answer)[-1]["finish_reason"] == "stop"
