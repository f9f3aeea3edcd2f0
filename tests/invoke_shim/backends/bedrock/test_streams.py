"""The documents in Bedrock's chunks are found by their braces, wherever the chunks begin and end."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.bedrock import streams
from invoke_shim.backends.bedrock.streams import MeteredStream, ObjectSplitter, objects
from invoke_shim.errors import ApiError
from invoke_shim.generation.types import Usage
from tests.invoke_shim.backend_stub import cut_up
from tests.invoke_shim.backends.bedrock.stub import METRICS

texts = st.text(st.sampled_from('ab{}[]"\\\n\u00e9\U0001f600,:') | st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(texts | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner))
places = st.lists(st.integers(0, 10_000), max_size=12)
between = st.sampled_from([b"", b"\n", b" , ", b"\ndata: ", b'"'])


def split(chunks: Iterable[bytes]) -> list[bytes]:
    splitter = ObjectSplitter()
    return [document for chunk in chunks for document in splitter.feed(chunk)]


@given(
    documents=st.lists(st.dictionaries(texts, values, max_size=3), max_size=4),
    separator=between,
    ascii_only=st.booleans(),
    places=places,
)
def test_finds_every_object_split_anywhere(
    documents: list[dict[str, object]], separator: bytes, ascii_only: bool, places: list[int]
) -> None:
    written = [json.dumps(document, ensure_ascii=ascii_only).encode() for document in documents]
    assert split(cut_up(separator.join(written), places)) == written


@given(documents=st.lists(st.dictionaries(texts, texts, max_size=3), max_size=3))
def test_finds_every_object_byte_by_byte(documents: list[dict[str, str]]) -> None:
    written = [json.dumps(document, ensure_ascii=False).encode() for document in documents]
    stream = b"".join(written)
    assert split(stream[place : place + 1] for place in range(len(stream))) == written


def test_an_object_is_there_as_soon_as_it_is_whole() -> None:
    splitter = ObjectSplitter()
    assert splitter.feed(b'{"a": "}') == []
    assert splitter.feed(b'"}{"b"') == [b'{"a": "}"}']
    assert splitter.feed(b": 1}") == [b'{"b": 1}']


def test_a_stream_that_ends_within_an_object_broke_off() -> None:
    with pytest.raises(ApiError, match="broke off within Bedrock") as error:
        list(objects([b'{"a": 1}', b'{"a": ']))
    assert error.value.status == 502


def test_an_object_without_an_end_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_EVENT_BYTES", 100)
    with pytest.raises(ApiError, match="does not understand"):
        list(objects([b'{"a": "', *[b"x" * 10] * 20]))


def test_the_metrics_are_taken_out_of_the_last_document() -> None:
    last = {"text": "!", METRICS: {"inputTokenCount": 3, "outputTokenCount": 5}}
    metered = MeteredStream([b'{"text": "Hi"}', json.dumps(last).encode()])
    assert [json.loads(document) for document in metered] == [{"text": "Hi"}, {"text": "!"}]
    assert metered.usage == Usage(3, 5)


def test_a_document_of_nothing_but_metrics_is_left_out() -> None:
    metered = MeteredStream([b'{"text": "Hi"}', json.dumps({METRICS: {"inputTokenCount": 3}}).encode()])
    assert list(metered) == [b'{"text": "Hi"}']
    assert metered.usage == Usage(3, None)


def test_a_model_that_writes_the_metrics_name_loses_no_text() -> None:
    document = json.dumps({"text": f'"{METRICS}": {{"inputTokenCount": 9}}'}).encode()
    metered = MeteredStream([document])
    assert list(metered) == [document]
    assert metered.usage is None
