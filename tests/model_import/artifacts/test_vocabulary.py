"""The token ids of `tokenizer.json`, read piece by piece: as json reads them, and refused where json refuses."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from model_import.artifacts import vocabulary
from model_import.artifacts.vocabulary import Ids, NotJsonError, read_ids


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def _read(document: Any, *, size: int = 7, indent: int | None = None) -> Ids:
    return read_ids(_pieces(json.dumps(document, indent=indent, ensure_ascii=False).encode(), size))


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("vocabulary", "largest"),
    [
        ({}, None),
        ({"a": 0, '"b": 99, "': 2, "c\\": 1}, 2),
        ({"a": 5, "b": 7.5, "c": None, "d": "99", "e": {"f": 99}}, 5),
        ([], None),
        ([["a", -1.5], ["]", -2], ["\u0120,", 0.0]], 2),
        ([{"a": 1}, ["b", [1]], "c"], 2),
    ],
)
def test_reads_the_largest_id_of_a_vocabulary(
    vocabulary: Any, largest: int | None, size: int, indent: int | None
) -> None:
    document = {"model": {"type": "x", "merges": [["a", "b"], "a b"], "vocab": vocabulary}, "vocab": {"x": 99}}

    assert _read(document, size=size, indent=indent) == Ids(True, largest, None)


@pytest.mark.parametrize(
    "added", [[{"id": 3, "content": '"id": 9,'}, {"content": "x", "id": 5}, {"x": {"id": 7}}, [8]]]
)
def test_reads_the_largest_id_of_added_tokens(added: Any) -> None:
    assert _read({"added_tokens": added, "model": {"vocab": {"a": 1}}}) == Ids(True, 1, 5)


@pytest.mark.parametrize("document", [{}, {"model": 1}, {"model": {"vocab": "a"}}, {"x": {"model": {"vocab": {}}}}])
def test_tells_where_there_is_no_vocabulary(document: Any) -> None:
    assert not _read(document).has_vocabulary


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{", b'{"a"}', b'{"a":1,}', b'{"a":[1,]}', b'{"a" 1}', b"{1:2}", b'{"a":1}x', b'{"a":1]'),
        *(b'{"a":01}', b'{"a":+1}', b'{"a":nul}', b'{"a":NaN}', b'{"a":"\n"}', b'{"a":"\\u12 4"}', b'{"a":"\xff"}'),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_refuses_what_is_no_json_object(body: bytes, size: int) -> None:
    with pytest.raises(NotJsonError):
        read_ids(_pieces(body, size))


def test_refuses_what_no_tokenizer_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotJsonError, match="nested deeper than 100"):
        read_ids(_pieces(b'{"a":' * 101, 100))
    monkeypatch.setattr(vocabulary, "PIECE", 100)
    with pytest.raises(NotJsonError, match="a text is longer than 200 bytes at byte 5"):
        read_ids(_pieces(b'{"a":"' + b"x" * 400 + b'"}', 100))
    monkeypatch.setattr(vocabulary, "_MOST_CONTAINERS", 10)
    assert _read({"a": [[1]] * 20, "b": [{}] * 5}, size=1000) == Ids(False, None, None)
    with pytest.raises(NotJsonError, match="it has more than 10 objects"):
        _read({"a": [{}] * 10})


def _document(depth: int, source: random.Random) -> Any:
    kind = source.random()
    if depth > 3 or kind < 0.5:
        return source.choice([1, -2, 0, 3.5, 1e9, "a", 'é"\\,[]{}:', True, None, "", 12345678901234567890123])
    if kind < 0.75:
        return [_document(depth + 1, source) for _ in range(source.randrange(4))]
    keys = ["id", "a", "model", "vocab", "added_tokens"]
    return {source.choice(keys): _document(depth + 1, source) for _ in range(source.randrange(4))}


def test_takes_what_json_takes() -> None:
    source = random.Random(5)
    for _ in range(300):
        body = bytearray(json.dumps({"a": _document(0, source)}, ensure_ascii=False).encode())
        body[source.randrange(len(body))] = source.choice(b'{}[],:"0aE \\')
        try:
            is_object = isinstance(json.loads(body.decode()), dict)
        except ValueError:
            is_object = False
        try:
            read_ids(_pieces(bytes(body), source.choice([1, 3, 1000])))
        except NotJsonError:
            assert not is_object, bytes(body)
        else:
            assert is_object, bytes(body)
