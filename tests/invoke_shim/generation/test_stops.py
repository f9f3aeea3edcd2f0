"""Stop strings cut whole answers and streams the same, wherever the stream is split."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.errors import ApiError
from invoke_shim.generation.cut import cut, cut_answer, cut_stream
from invoke_shim.generation.types import Answer, Completion, Piece, TokenLogprob, Usage, collect

# Few letters, so that stop strings overlap with the text, with each other and with themselves.
letters = st.text("ab\n", max_size=30)
stops = st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=4)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


class Source:
    """A backend's stream that knows how much of it was read, and whether it was closed."""

    def __init__(self, pieces: list[Piece], error: Exception | None = None) -> None:
        self._pieces = pieces
        self._error = error
        self.read = 0
        self.closed = False

    def __iter__(self) -> Iterator[Piece]:
        return self

    def __next__(self) -> Piece:
        if self.read < len(self._pieces):
            self.read += 1
            return self._pieces[self.read - 1]
        if self._error:
            raise self._error
        raise StopIteration

    def close(self) -> None:
        self.closed = True


def tokens(*texts: str) -> list[Piece]:
    """A piece a token, with its log probability, then the end."""
    pieces = [Piece(text=text, logprobs=(TokenLogprob(text, -1.0),)) for text in texts]
    return [*pieces, Piece(finish_reason="length", usage=Usage(1, len(texts)))]


@st.composite
def split(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> list[str]:
    text = draw(texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def by_definition(text: str, stop: list[str]) -> tuple[str, bool]:
    """The text before the stop string that is complete first, looked for character by character."""
    for end in range(1, len(text) + 1):
        ended = [string for string in stop if text[:end].endswith(string)]
        if ended:
            return text[: end - max(map(len, ended))], True
    return text, False


@given(text=letters, stop=stops)
def test_a_text_is_cut_before_the_stop_string_that_is_complete_first(text: str, stop: list[str]) -> None:
    assert cut(text, stop) == by_definition(text, stop)


@given(texts=split(letters) | split(anything), stop=stops)
def test_a_stream_is_cut_as_the_whole_text_is(texts: list[str], stop: list[str]) -> None:
    pieces = tokens(*texts)
    answer = collect(cut_stream(iter(pieces), stop))
    assert answer.completions == cut_answer(collect(pieces), stop).completions
    assert answer.completions[0].text == cut("".join(texts), stop)[0]


@given(texts=split(letters), stop=stops)
def test_the_tokens_of_a_cut_answer_are_those_that_its_text_is_made_of(texts: list[str], stop: list[str]) -> None:
    texts = [text for text in texts if text]
    completion = collect(cut_stream(iter(tokens(*texts)), stop)).completions[0]
    told = "".join(token.token for token in completion.logprobs)
    assert told.startswith(completion.text)
    without_last = "".join(token.token for token in completion.logprobs[:-1])
    assert len(without_last) < len(completion.text) or not completion.text


@given(texts=split(letters), stop=stops)
def test_holds_back_only_what_may_begin_a_stop_string(texts: list[str], stop: list[str]) -> None:
    taken = given_out = ""
    source = iter(tokens(*texts))

    def watched() -> Iterator[Piece]:
        nonlocal taken
        for piece in source:
            held = taken[len(given_out) :]
            assert not held or any(string.startswith(held) for string in stop)
            taken += piece.text
            yield piece

    for piece in cut_stream(watched(), stop):
        given_out += piece.text


def test_a_stream_without_stop_strings_goes_through_as_it_is() -> None:
    pieces = [Piece(), *tokens("a", "", "b")]
    assert list(cut_stream(iter(pieces), ())) == pieces


def test_nothing_that_cannot_begin_a_stop_string_waits() -> None:
    source = Source(tokens("one", " two\n", "three"))
    stream = cut_stream(source, ["\nUser:"])
    assert next(stream).text == "one"
    assert source.read == 1
    assert next(stream).text == " two"
    assert next(stream).text == "\nthree"
    assert [piece.finish_reason for piece in stream] == ["length"]


def test_closes_the_stream_at_a_stop_string_which_saves_tokens() -> None:
    source = Source(tokens("one\nUs", "er: mo", "re", "and more"))
    pieces = list(cut_stream(source, ["\nUser:"]))
    assert [(piece.text, piece.finish_reason) for piece in pieces] == [("one", None), ("", "stop")]
    assert (source.read, source.closed) == (2, True)


def test_reads_on_for_the_count_when_the_container_stopped_as_well() -> None:
    end = [Piece(text="one\n#", finish_reason="stop"), Piece(usage=Usage(5, 2))]
    source = Source(end)
    pieces = list(cut_stream(source, ["\n#"]))
    assert pieces == [Piece(text="one", finish_reason="stop"), Piece(usage=Usage(5, 2))]
    assert source.closed


def test_an_answer_that_a_stop_string_ends_has_the_reason_stop_though_the_container_ended_at_its_limit() -> None:
    pieces = [Piece(text="one\n#", finish_reason="length"), Piece(usage=Usage(5, 2))]
    assert next(cut_stream(iter(pieces), ["\n#"])) == Piece(text="one", finish_reason="stop")
    assert cut_answer(collect(pieces), ["\n#"]).completions[0].finish_reason == "stop"


def test_gives_out_what_it_held_back_when_the_container_ends() -> None:
    pieces = [Piece(text="a\nUse", finish_reason="length")]
    assert collect(cut_stream(iter(pieces), ["\nUser:"])).completions == (
        Completion(text="a\nUse", finish_reason="length"),
    )


def test_gives_out_what_it_held_back_when_the_stream_ends_without_a_word() -> None:
    assert [piece.text for piece in cut_stream(iter([Piece(text="a\nUse")]), ["\nUser:"])] == ["a", "\nUse"]


def test_gives_out_what_it_held_back_before_an_error() -> None:
    source = Source([Piece(text="a\nUse")], ApiError("broken", status=502, type="server_error"))
    stream = cut_stream(source, ["\nUser:"])
    assert (next(stream).text, next(stream).text) == ("a", "\nUse")
    with pytest.raises(ApiError, match="broken"):
        next(stream)
    assert source.closed


def test_closes_the_stream_when_the_client_is_gone() -> None:
    source = Source(tokens("one", "two"))
    stream = cut_stream(source, ["#"])
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert (source.read, source.closed) == (1, True)


def test_each_of_several_answers_ends_at_its_own_stop_string() -> None:
    source = Source(
        [
            Piece(text="a#", index=0),
            Piece(text="b", index=1),
            Piece(text="c", index=0),
            Piece(text="d#e", index=1),
            Piece(text="f", index=0),
        ]
    )
    answer = collect(cut_stream(source, ["#"], n=2))
    assert [completion.text for completion in answer.completions] == ["a", "bd"]
    assert {completion.finish_reason for completion in answer.completions} == {"stop"}
    assert (source.read, source.closed) == (4, True)


def test_an_answer_that_has_not_begun_yet_is_waited_for() -> None:
    pieces = [Piece(text="a#", index=0), Piece(text="b", index=1), Piece(index=1, finish_reason="length")]
    answer = collect(cut_stream(iter(pieces), ["#"], n=2))
    assert [completion.text for completion in answer.completions] == ["a", "b"]


def test_a_whole_answer_keeps_its_usage_when_it_is_cut() -> None:
    answer = Answer(completions=(Completion(text="a#b", finish_reason="length"),), usage=Usage(1, 2))
    assert cut_answer(answer, ["#"]) == Answer(
        completions=(Completion(text="a", finish_reason="stop"),), usage=Usage(1, 2)
    )


def test_a_long_stop_string_that_is_nearly_there_costs_no_time() -> None:
    # Quadratic, this would be 10 ** 11 comparisons.
    stop = "a" * 300_000 + "b"
    pieces = [Piece(text="a" * 100_000) for _ in range(4)]
    assert len(collect(cut_stream(iter(pieces), [stop])).completions[0].text) == 400_000
