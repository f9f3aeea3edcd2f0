import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.dataset.dataset_pieces import Memory, count, found, jsonl, lines
from training.dataset import Kind, Options, Report, check


def _check(name: str, content: bytes, *, pieces: tuple[int, ...] = (1 << 16,), **more: Any) -> Report:
    return check(Memory({name: content}, pieces), Options(method="domain", **more))


def _pretty(*records: Any) -> bytes:
    return json.dumps(records, indent=2, ensure_ascii=False).encode()


def test_text_is_read_by_lines_and_blank_ones_part_paragraphs() -> None:
    report = _check("train.txt", "One line.\n\nAnother, with ä.\n".encode())

    assert report.ok
    assert report.train.count == 2
    assert report.train.blank_lines == 1


def test_text_that_is_no_utf8_is_refused_with_its_line() -> None:
    report = _check("train.txt", b"good\ngood\nb\xe4d\n")

    assert [str(one) for one in found(report, Kind.ENCODING)] == ["train/train.txt:3: byte 0xe4 at byte 2 of the line"]


def test_repeated_headings_are_no_repetition_but_repeated_paragraphs_are() -> None:
    paragraph = b"A paragraph that goes on for long enough that nobody would write it twice by chance.\n"

    report = _check("train.txt", (b"PART I\n" + paragraph) * 2)

    assert lines(report, Kind.DUPLICATE) == [4]


def test_warns_of_less_text_than_one_block() -> None:
    assert found(_check("train.txt", b"a\nb\n"), Kind.TOO_LITTLE_TEXT)
    assert not found(_check("train.txt", b"word " * 100 + b"\nb\n", max_input_length=100), Kind.TOO_LITTLE_TEXT)


@pytest.mark.parametrize("names", [["a.txt", "b.txt"], ["a.csv", "b.json"]])
def test_exactly_one_file_is_allowed(names: list[str]) -> None:
    report = check(Memory(dict.fromkeys(names, b"text\na\n")), Options(method="domain"))

    assert found(report, Kind.SEVERAL_FILES)[0].detail == f"'{names[0]}', '{names[1]}'; exactly one is allowed"


def test_json_lines_need_the_name_that_the_recipes_read() -> None:
    report = _check("train.jsonl", jsonl({"text": "a"}))

    assert found(report, Kind.NO_DATA)
    assert found(report, Kind.UNEXPECTED_FILE)[0].detail == "it is no data file; allowed: *.csv, *.json, *.txt"


@pytest.mark.parametrize("render", [jsonl, _pretty])
def test_json_takes_the_text_field(render: Any) -> None:
    report = _check("train.json", render({"id": "x", "text": "abc"}, {"id": "y", "text": "abcdef"}))

    assert report.ok
    assert (report.train.lengths.least, report.train.lengths.most) == (3, 6)
    assert not found(report, Kind.FIRST_COLUMN)


@pytest.mark.parametrize("render", [jsonl, _pretty])
def test_json_without_a_text_field_takes_the_first_and_says_so(render: Any) -> None:
    report = _check("train.json", render({"body": "abc", "id": "x"}, {"body": "d", "id": "y"}))

    assert report.ok
    assert found(report, Kind.FIRST_COLUMN)[0].detail == "'body', the first field, is trained on"
    assert report.train.lengths.total == 4


def test_faults_in_an_array_are_found_on_the_lines_they_are_on() -> None:
    content = '[\n{"text": "ä"},\n{"txt": "b"},\n{"text": 1},\n"c",\n{"text": " "}\n]\n'.encode()

    report = _check("train.json", content, pieces=(1,))

    assert lines(report, Kind.MISSING_FIELD) == [3]
    assert lines(report, Kind.NOT_A_STRING) == [4]
    assert lines(report, Kind.NOT_AN_OBJECT) == [5]
    assert lines(report, Kind.EMPTY_SAMPLE) == [6]


@pytest.mark.parametrize(
    ("content", "kind", "line"),
    [
        (b'[\n{"text": "a"},\n{"text": b},\n{"text": "c"}]', Kind.NOT_JSON, 3),
        (b'[\n{"text": "a"}\n{"text": "b"}]', Kind.NOT_JSON, 3),
        (b'[\n{"text": "a"},\n{"text": "b', Kind.NOT_JSON, 3),
        (b'[\n{"text": "a"}\n', Kind.NOT_JSON, 3),
        (b'[\n{"text": "a"}\n]\nmore', Kind.NOT_JSON, 4),
        (b'[\n{"text": "a"},\n]', Kind.NOT_JSON, 3),
        (b'[\n{"text": "a"},\n\n{"text": "\xff"}]', Kind.ENCODING, 4),
        (b'[\n{"text": "a"},\n{"text": "\xc3', Kind.ENCODING, 3),
    ],
)
@pytest.mark.parametrize("pieces", [(1,), (5,), (1 << 16,)])
def test_an_array_is_read_up_to_what_is_no_json(content: bytes, kind: Kind, line: int, pieces: tuple[int, ...]) -> None:
    report = _check("train.json", content, pieces=pieces)

    assert lines(report, kind) == [line]
    assert report.files[0].size == len(content)


def test_an_object_that_is_too_long_is_refused_without_holding_it() -> None:
    content = b'[{"text": "' + b"x" * 10_000 + b'"}]'

    report = _check("train.json", content, pieces=(100,), max_line_bytes=1000)

    assert lines(report, Kind.LINE_TOO_LONG) == [1]


@given(
    st.lists(
        st.fixed_dictionaries({"text": st.text(st.characters(exclude_categories=["Cs"]), min_size=1)}), max_size=6
    ),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.sampled_from([None, 1]),
)
def test_any_array_is_read_the_same_in_any_pieces(records: Any, pieces: list[int], indent: int | None) -> None:
    content = json.dumps(records, indent=indent, ensure_ascii=False).encode()

    whole = _check("train.json", content)
    pieced = _check("train.json", content, pieces=tuple(pieces))

    assert pieced.to_dict() == whole.to_dict()
    assert whole.train.count + count(whole, Kind.EMPTY_SAMPLE) == len(records)


def test_csv_takes_the_text_column_with_quotes_and_lines_within() -> None:
    report = _check("train.csv", b'id,text\n1,"a ""b""\nc"\n2,d\n')

    assert report.ok
    assert report.train.count == 2
    assert report.train.lengths.most == len('a "b"\nc')


def test_csv_without_a_text_column_takes_the_first_and_says_so() -> None:
    report = _check("train.csv", b"body,id\na,1\nb,2\n")

    assert report.ok
    assert found(report, Kind.FIRST_COLUMN)[0].detail == "'body', the first, is trained on"


def test_faults_in_csv_are_found_on_the_lines_their_rows_begin_on() -> None:
    content = b'text,id\n"two\nlines",1\na,2,3\n,4\nNA,5\nb\xff,6\n"c" d,7\ngood,8\n"never closed,9\n'

    report = _check("train.csv", content)

    assert lines(report, Kind.ROW) == [4, 8, 10]
    assert lines(report, Kind.EMPTY_SAMPLE) == [5, 6]
    assert lines(report, Kind.ENCODING) == [7]


def test_csv_without_a_header_is_refused() -> None:
    assert lines(_check("train.csv", b"\n\na\n"), Kind.ROW) == [1]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_names_a_separator_that_is_no_comma(mark: str) -> None:
    report = _check("train.csv", f"id{mark}text\n1{mark}some\n2{mark}more\n".encode())

    [named] = found(report, Kind.FIRST_COLUMN)
    assert named.detail.endswith("is trained on; only commas separate columns")


@pytest.mark.parametrize("content", [b"id,text\r1,some\r2,more\r", b"id,text\n1,so\rme\n"])
def test_says_which_line_ends_a_csv_has_to_have(content: bytes) -> None:
    [row] = found(_check("train.csv", content), Kind.ROW)

    assert row.detail.endswith("a carriage return outside of quotes; end lines with a line feed")


def test_a_long_cell_is_read_up_to_the_limit_of_a_line() -> None:
    long = b"x" * 200_000

    assert _check("train.csv", b"text\n" + long + b"\nb\n").train.count == 2
    assert lines(_check("train.csv", b"text\na\n" + long + b"\nb\n", max_line_bytes=1000), Kind.LINE_TOO_LONG) == [3]


def test_a_byte_order_mark_stays_in_plain_text_and_is_dropped_from_csv() -> None:
    text, table = (_check(name, b"\xef\xbb\xbftext\nOne.\nTwo.\n") for name in ("train.txt", "train.csv"))

    assert lines(text, Kind.ENCODING) == [1]
    assert "stays in the text" in found(text, Kind.ENCODING)[0].detail
    assert table.ok
    assert lines(table, Kind.BYTE_ORDER_MARK) == [1]


def test_a_byte_order_mark_before_an_array_is_refused() -> None:
    report = _check("train.json", b"\xef\xbb\xbf" + _pretty({"text": "a"}, {"text": "b"}))

    assert [one.kind for one in report.errors] == [Kind.ENCODING]


@pytest.mark.parametrize("pieces", [(1,), (7, 2), (1 << 16,)])
def test_a_book_in_one_line_is_read_in_bounded_pieces(pieces: tuple[int, ...]) -> None:
    line = "ä€😀a".encode() * 100

    report = _check("train.txt", line + b"\nshort\n", pieces=pieces, max_line_bytes=50)

    assert report.ok
    assert [str(one) for one in found(report, Kind.LONG_LINE)] == ["train/train.txt:1: 1000 bytes"]
    assert (report.train.count, report.train.lengths.most) == (2, 1000)


@pytest.mark.parametrize("pieces", [(1,), (7, 2), (1 << 16,)])
def test_a_bad_byte_of_a_long_line_has_its_place(pieces: tuple[int, ...]) -> None:
    line = "ä€".encode() * 100 + b"\xe2\x82" + b"a" * 100

    report = _check("train.txt", line + b"\n" + line, pieces=pieces, max_line_bytes=50)

    assert [one.detail for one in found(report, Kind.ENCODING)] == ["byte 0xe2 at byte 501 of the line"] * 2


def test_text_in_one_line_is_told_how_to_become_samples() -> None:
    detail = found(_check("train.txt", b"x" * 100), Kind.TOO_FEW_SAMPLES)[0].detail

    assert "break the text into lines" in detail
