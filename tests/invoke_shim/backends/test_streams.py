"""Streams of events are read whole, wherever they are split."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends import streams
from invoke_shim.backends.streams import JsonLinesDecoder, SseDecoder, StreamDecoder, documents
from invoke_shim.errors import ApiError
from tests.invoke_shim.backend_stub import cut_up, texts

places = st.lists(st.integers(0, 10_000), max_size=12)
line_ends = st.sampled_from(["\n", "\r", "\r\n"])

Decoder = JsonLinesDecoder | SseDecoder | StreamDecoder


def decode(decoder: Decoder, chunks: Iterable[bytes]) -> list[str]:
    return [text for chunk in chunks for text in decoder.feed(chunk)] + decoder.end()


@st.composite
def written_sse(draw: st.DrawFn) -> tuple[list[str], bytes]:
    """The data of some events, and a stream of them as any server may write it."""
    end = draw(line_ends)
    data: list[str] = []
    lines: list[str] = []
    for text in draw(st.lists(texts, max_size=5)):
        # A line break in the data is a data line of its own.
        event = text.replace("\r\n", "\n").replace("\r", "\n")
        data.append(event)
        lines += draw(st.lists(st.sampled_from([": ping", ":", "event: token", "id: 1", "retry: 5"]), max_size=2))
        for line in event.split("\n"):
            # One space after the colon is no data, so a line that begins with one needs another.
            space = " " if line.startswith(" ") or draw(st.booleans()) else ""
            lines.append(f"data:{space}{line}")
        lines.append("")
        lines += draw(st.lists(st.just(""), max_size=2))
    return data, "".join(line + end for line in lines).encode()


@given(written=written_sse(), places=places)
def test_reads_server_sent_events_split_anywhere(written: tuple[list[str], bytes], places: list[int]) -> None:
    data, stream = written
    assert decode(SseDecoder(), cut_up(stream, places)) == data


@given(written=written_sse())
def test_reads_server_sent_events_byte_by_byte(written: tuple[list[str], bytes]) -> None:
    data, stream = written
    assert decode(SseDecoder(), (stream[place : place + 1] for place in range(len(stream)))) == data


@given(
    values=st.lists(st.dictionaries(texts, texts, max_size=2), min_size=1, max_size=5),
    end=line_ends,
    blank=st.sampled_from(["", "\n", " \n\n"]),
    is_sse=st.booleans(),
    has_end=st.booleans(),
    places=places,
)
def test_sees_from_the_bytes_how_documents_are_streamed(
    values: list[dict[str, str]], end: str, blank: str, is_sse: bool, has_end: bool, places: list[int]
) -> None:
    before, after = ("data: ", end * 2) if is_sse else ("", end)
    stream = blank + "".join(f"{before}{json.dumps(value, ensure_ascii=False)}{after}" for value in values)
    if not has_end:
        stream = stream.rstrip()
    assert list(documents(cut_up(stream.encode(), places))) == values


def test_an_event_is_there_as_soon_as_its_blank_line_begins() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: 1\r") == []
    # The first byte of CRLF ends a line: waiting for the second could hold back an event for ever.
    assert decoder.feed(b"\n\r") == ["1"]
    assert decoder.feed(b"\ndata: 2\r\n\r\n") == ["2"]


def test_a_line_end_of_two_bytes_may_be_split_within_an_event() -> None:
    # Taken for a line of its own, the second byte would end the event in the middle of its document.
    chunks = [b'data: {"a":\r', b"\ndata: 1}\r\n\r\n"]
    assert decode(SseDecoder(), chunks) == ['{"a":\n1}']
    assert list(documents(chunks)) == [{"a": 1}]


def test_a_last_event_without_its_blank_line_is_not_lost() -> None:
    assert decode(SseDecoder(), [b"data: 1\n\ndata: 2"]) == ["1", "2"]


def test_a_last_line_without_its_end_is_not_lost() -> None:
    assert decode(JsonLinesDecoder(), [b'{"a"', b": 1}"]) == ['{"a": 1}']


def test_one_space_after_the_colon_is_not_data_but_the_second_is() -> None:
    assert decode(SseDecoder(), [b"data:a\n\ndata: b\n\ndata:  c\n\ndata\n\n"]) == ["a", "b", " c", ""]


def test_several_data_lines_are_one_event() -> None:
    stream = b'data: {"a":\ndata: 1}\n\n'
    assert list(documents([stream])) == [{"a": 1}]


def test_documents_without_a_border_are_told_apart() -> None:
    assert list(documents([b'data: {"a": 1}\ndata: {"b": 2}\n\n', b'data: {"c": 3} [DONE]\n\n'])) == [
        {"a": 1},
        {"b": 2},
        {"c": 3},
    ]
    assert list(documents([b'{"a": 1}{"b": 2}\n'])) == [{"a": 1}, {"b": 2}]


def test_a_byte_order_mark_is_not_text() -> None:
    mark = b"\xef\xbb\xbf"
    assert list(documents([mark[:1], mark[1:] + b'data: {"a": 1}\n\n'])) == [{"a": 1}]
    assert list(documents([mark, b'{"a": 1}'])) == [{"a": 1}]


def test_a_byte_that_is_no_utf8_does_not_cost_the_rest() -> None:
    assert list(documents([b'{"a": "x\xffy"}\n', b'{"b": 1}\n'])) == [{"a": "x\ufffdy"}, {"b": 1}]


@pytest.mark.parametrize("stream", [b"", b"\n\n \r\n", b": keep-alive\n\n", b"data: [DONE]\n\n"])
def test_a_stream_without_documents_has_none(stream: bytes) -> None:
    assert list(documents([stream])) == []


@pytest.mark.parametrize(
    "stream",
    [
        b"data: <html>\n\n",
        b'{"a": 1\n',
        b'data: {"a": 1} x\n\n',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}\n",
    ],
)
def test_what_is_no_json_is_a_bad_gateway(stream: bytes) -> None:
    with pytest.raises(ApiError, match="does not understand") as caught:
        list(documents([stream]))
    assert caught.value.status == 502


@pytest.mark.parametrize("start", [b'{"a": "', b"data: "])
def test_a_line_without_an_end_does_not_fill_the_memory(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_EVENT_BYTES", 1000)

    def runaway() -> Iterable[bytes]:
        yield start
        while True:
            yield b"x" * 100

    with pytest.raises(ApiError, match="more than 1000 bytes") as caught:
        list(documents(runaway()))
    assert (caught.value.status, caught.value.upstream) == (502, "runaway event")


def test_an_event_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_EVENT_BYTES", 1000)

    def runaway() -> Iterable[bytes]:
        while True:
            yield b"data: x\n"

    with pytest.raises(ApiError, match="more than 1000 bytes"):
        list(documents(runaway()))


def test_a_long_line_in_many_parts_is_looked_at_once() -> None:
    # Searched anew with each part, this would be 10 ** 12 bytes.
    body = b"x" * 4_000_000
    stream = b'{"a": "' + body + b'"}\n'
    assert list(documents(stream[place : place + 16] for place in range(0, len(stream), 16))) == [{"a": body.decode()}]
