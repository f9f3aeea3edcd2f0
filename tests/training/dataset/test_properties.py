"""Any data in any chunks: every fault is reported on its line, and nothing else."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.training.dataset.dataset_pieces import Memory, instructions
from training.dataset import File, Kind, Options
from training.dataset.repeats import Fingerprints
from training.dataset.streams import split

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_words = _texts.map(lambda text: f"w{text}")
_good = st.builds(lambda question, answer: {"question": question, "answer": answer}, _words, _words)


def _encoded(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda value, ascii_only: json.dumps(value, ensure_ascii=ascii_only).encode(), strategy, st.booleans()
    )


_LINES = {
    None: _encoded(_good),
    Kind.BLANK_LINE: st.sampled_from([b"", b" ", b"\t", b"\r"]),
    Kind.NOT_AN_OBJECT: _encoded(st.none() | st.integers() | _texts | st.lists(_good, max_size=2)),
    Kind.MISSING_FIELD: _encoded(st.dictionaries(_words, _texts, max_size=3)),
    Kind.NOT_A_STRING: _encoded(
        st.builds(
            lambda bad, answer: {"question": bad, "answer": answer},
            st.none() | st.integers() | st.lists(_texts),
            _words,
        )
    ),
    Kind.EMPTY_SAMPLE: _encoded(st.builds(lambda answer: {"question": " ", "answer": answer}, _words)),
    # No object of `_good` is one with its end cut off, or with a byte that never is UTF-8 in its first string.
    Kind.NOT_JSON: _encoded(_good).map(lambda line: line[:-1]),
    Kind.ENCODING: _encoded(_good).map(lambda line: line.replace(b'"w', b'"\xff', 1)),
    Kind.LINE_TOO_LONG: st.just(json.dumps({"question": "q", "answer": "x" * 2000}).encode()),
}
_line = st.sampled_from(list(_LINES)).flatmap(lambda kind: st.tuples(st.just(kind), _LINES[kind]))
_pieces = st.lists(st.integers(1, 300), min_size=1, max_size=5)


@given(st.lists(_line, max_size=25), _pieces, st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_every_fault_is_found_on_its_line_in_any_pieces(
    content: list[tuple[Kind | None, bytes]], pieces: list[int], end: bytes, ended: bool
) -> None:
    raw = end.join(line for _, line in content)
    # A last line that is blank is one only when it ends.
    raw += end if content and (ended or not content[-1][1].strip()) else b""

    report = instructions(raw, pieces=pieces, keep=100, max_line_bytes=1500)

    expected = {
        kind: [number for number, (had, _) in enumerate(content, start=1) if had is kind] for kind in _LINES if kind
    }
    found = {one.kind: [place.line for place in one.first] for one in report.findings}
    assert {kind: numbers for kind, numbers in found.items() if kind in expected} == {
        kind: numbers for kind, numbers in expected.items() if numbers
    }
    assert report.train.count == sum(kind is None for kind, _ in content)


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    _pieces,
    st.integers(1, 20),
)
def test_lines_are_the_same_in_any_pieces(content: list[bytes], pieces: list[int], limit: int) -> None:
    source = Memory({"a": b"\n".join(content)}, pieces)

    lines = [line for batch in split(source.chunks(File("a", 0)), limit=limit) for line in batch]

    while content and not content[-1]:
        # An end of line after which nothing comes is no line; one before it is.
        content = content[:-1]
        assert len(lines) >= len(content)
    assert lines[: len(content)] == [line if len(line) <= limit else None for line in content]


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), max_size=60), st.integers(1, 30))
def test_repetitions_are_those_of_a_set_as_far_as_the_table_goes(values: list[str], capacity: int) -> None:
    table = Fingerprints(capacity=capacity)
    known: set[str] = set()

    for value in values:
        assert table.knows(value) == (value in known)
        assert table.seen(value) == (value in known)
        if len(known) < capacity:
            known.add(value)
    assert table.full == (len(known) == capacity)


@given(st.lists(_good, min_size=2, max_size=10), _pieces)
def test_the_whole_report_is_the_same_in_any_pieces(records: list[dict[str, str]], pieces: list[int]) -> None:
    raw = "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()

    assert instructions(raw, pieces=pieces).to_dict() == instructions(raw).to_dict()


def test_the_table_for_the_default_number_of_samples_has_128_mib() -> None:
    table = Fingerprints(capacity=Options().remembered_samples)

    assert table.size == 128 * 2**20
