"""Finds what `datasets` refuses to read or reads as something else, by tables of what its versions did when tried."""

import json
from collections.abc import Sequence
from itertools import count as numbers
from typing import Any

import pytest

from tests.training.dataset.dataset_pieces import TEMPLATE, Memory, found, instructions, jsonl, sample
from training.dataset import Findings, Kind, Options, Report, check, jsonlines
from training.dataset.columns import Columns
from training.dataset.faults import Faults, Place
from training.dataset.timestamps import is_timestamp

_ABSENT = object()
_VALUES: dict[str, Any] = {
    "int": 1,
    "float": 1.5,
    "bool": True,
    "str": "a",
    "numstr": "12",
    "date": "2020-01-01",
    "dt": "2020-01-01T10:00:00Z",
    "dtms": "2020-01-01T10:00:00.123Z",
    "obj": {"a": 1},
    "objb": {"b": 1},
    "objs": {"a": "s"},
    "empty_obj": {},
    "list": [1],
    "lists": ["a"],
    "empty_list": [],
    "null": None,
    "absent": _ABSENT,
    "listobj": [{"a": 1}],
    "listobjb": [{"b": 2}],
    "listnull": [None],
    "big": 2**70,
    "u64": 2**63 + 5,
    "objnull": {"a": None},
    "objlist": {"a": []},
    "estr": "",
    "listdate": ["2020-01-01"],
}
_STRINGS = "str numstr date dt dtms null absent estr"
_NUMBERS = "int float null absent big u64"
_OBJECTS = "obj objb empty_obj null absent objnull"
_LISTS = "list lists empty_list null absent listobj listobjb listnull listdate"
_ALL = " ".join(_VALUES)
# What may follow in a file (datasets 2.14.7): each was read after each, on the next line and 18 lines of 20 KB later.
_IN_A_FILE = {
    "int": _NUMBERS,
    "float": _NUMBERS,
    "bool": "bool null absent",
    "str": _STRINGS,
    "numstr": _STRINGS,
    "date": _STRINGS,
    "dt": _STRINGS,
    "dtms": _STRINGS,
    "obj": _OBJECTS,
    "objb": _OBJECTS + " objs objlist",
    "objs": "objb objs empty_obj null absent objnull",
    "empty_obj": _OBJECTS + " objs objlist",
    "list": "list empty_list null absent listnull",
    "lists": "lists empty_list null absent listnull listdate",
    "empty_list": _LISTS,
    "null": _ALL,
    "absent": _ALL,
    "listobj": "empty_list null absent listobj listobjb listnull",
    "listobjb": "empty_list null absent listobj listobjb listnull",
    "listnull": _LISTS,
    "big": _NUMBERS,
    "u64": _NUMBERS,
    "objnull": _OBJECTS + " objs objlist",
    "objlist": "objb empty_obj null absent objnull objlist",
    "estr": _STRINGS,
    "listdate": "lists empty_list null absent listnull listdate",
}
_SCALARS = "int float bool str numstr date dt dtms null big u64 estr"
# What may follow in the next file (datasets 2.14.7).
_IN_THE_NEXT = {
    "int": "int bool numstr date dt null",
    "float": "int float bool numstr null big u64",
    "bool": "int float bool null big u64",
    "str": _SCALARS,
    "numstr": _SCALARS,
    "date": "int date dt null",
    "dt": "int date dt null",
    "dtms": _SCALARS,
    "obj": "obj null objnull",
    "objb": "objb null",
    "objs": "obj objs null objnull",
    "empty_obj": "empty_obj null",
    "list": "list empty_list null listnull listdate",
    "lists": "list lists empty_list null listnull listdate",
    "empty_list": "empty_list null listnull",
    "null": "null",
    "absent": "absent",
    "listobj": "empty_list null listobj listnull",
    "listobjb": "empty_list null listobjb listnull",
    "listnull": "empty_list null listnull",
    "big": "int float bool numstr null big u64",
    "u64": "int float bool numstr null big u64",
    "objnull": "null objnull",
    "objlist": "null objnull objlist",
    "estr": _SCALARS,
    "listdate": "list empty_list null listnull listdate",
}


def _findings(*parts: Sequence[Any], array: bool = False) -> tuple[Findings, ...]:
    """Return the findings about a field `x` that has these values in parts of the data."""
    faults = Faults(keep=5)
    columns = Columns(faults)
    for number, values in enumerate(parts):
        columns.start(Place("train", f"{number}.jsonl"), 1, array=array)
        for line, value in zip(numbers(1), values, strict=False):
            columns.add(line, {"text": "t"} if value is _ABSENT else {"text": "t", "x": value})
    columns.finish()
    return faults.sorted()


def _details(*parts: Sequence[Any]) -> list[str]:
    return [str(one) for findings in _findings(*parts) for one in findings.first]


@pytest.mark.parametrize("first", _VALUES)
def test_takes_in_a_file_what_datasets_takes(first: str) -> None:
    values = [(name, [_VALUES[first], _VALUES[first], value]) for name, value in _VALUES.items()]

    assert {name for name, part in values if not _findings(part)} == set(_IN_A_FILE[first].split())


@pytest.mark.parametrize("first", _VALUES)
def test_takes_in_the_next_file_what_datasets_converts(first: str) -> None:
    parts = [(name, [_VALUES[first]] * 2, [value] * 2) for name, value in _VALUES.items()]

    taken = {name for name, before, after in parts if not _findings(before, after)}
    assert taken == set(_IN_THE_NEXT[first].split())


@pytest.mark.parametrize(
    ("first", "later", "taken"),
    [
        (1, 1.0, True),
        (1, 2**63, False),
        (1.5, 2**53, True),
        (1.5, 2**53 + 1, False),
        (1, "-3", True),
        (1, "0x1", True),
        (1, "007", True),
        *((1, text, False) for text in (" 12", "+3", "1.0", "", "9" * 20, "9" * 5000)),
        *((1.5, text, True) for text in ("1.5", "1e5", "inf", "NaN", "Infinity", "+1", "-1.5e-3", "1.", ".5")),
        *((1.5, text, False) for text in ("abc", "", " 1", "0x1p3", "1_0")),
        *((True, text, True) for text in ("true", "False", "TRUE", "1", "0")),
        *((True, text, False) for text in ("yes", "t", "", "2020-01-01")),
        (["a"], [1], True),
        ([1], [1.5], False),
        (["2020-01-01"], ["b"], False),
        ({"a": 1, "b": 2}, {"b": 1, "a": 2}, True),
        ({"a": 1, "b": None}, {"a": 1}, False),
    ],
)
def test_converts_the_values_that_datasets_converts(first: object, later: object, taken: bool) -> None:
    assert (not _findings([first], [later])) is taken


@pytest.mark.parametrize(
    "text",
    [
        *("2020-01-01", "2020-01-01 10", "2020-01-01T10:00", "2020-01-01 10:00:00", "2020-01-01T10:00:00Z"),
        *("2020-01-01T10:00:00+02:00", "2020-01-01T10:00:00+0200", "2020-01-01T10:00:00+02", "2020-01-01T10Z"),
        *("2020-01-01T10+02:00", "0001-01-01", "9999-12-31T23:59:59", "2000-02-29", "2020-01-01T10:00:00+23:59"),
    ],
)
def test_knows_what_pyarrow_takes_for_a_timestamp(text: str) -> None:
    assert is_timestamp(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "2020", "2020-01", "20200101", "2020-1-1", " 2020-01-01", "2020-01-01 ", "2020/01/01", "10:00:00"),
        *("2020-02-30", "1900-02-29", "2020-13-01", "0000-00-00", "2020-01-01T24:00:00", "2020-01-01T10:00:60"),
        *("2020-01-01T10:00:00.1", "2020-01-01T10:00:00z", "2020-01-01t10:00:00", "2020-01-01Z", "-2020-01-01"),
        *("2020-01-01T10:00:00+24:00", "2020-01-01T10:00:00 Z", "\u0662020-01-01"),
    ],
)
def test_knows_what_pyarrow_leaves_as_it_is(text: str) -> None:
    assert not is_timestamp(text)


def test_says_where_a_type_changes_and_from_what() -> None:
    assert _details([1, 2, "x2"]) == ["train/0.jsonl:3: 'x' is a string; in line 1 it is a number"]
    assert _details([{"a": [{"b": 1}]}, {"a": [{"b": "s"}]}]) == [
        "train/0.jsonl:2: 'x.a[].b' is a string; in line 1 it is a number"
    ]


def test_names_the_fields_that_only_some_files_have() -> None:
    assert _details([1], [_ABSENT]) == ["train/1.jsonl:1: no 'x' up to line 1, which lines 1 to 1 of '0.jsonl' have"]
    assert _details([_ABSENT], [_ABSENT, 1]) == [
        "train/1.jsonl:2: 'x', which lines 1 to 1 of '0.jsonl' have not; 5.2.0 refuses it, too"
    ]
    assert _details([1], [1, "s"], [1.5]) == [
        "train/1.jsonl:2: 'x' is a string; in line 1 it is a number",
        "train/2.jsonl:1: 'x' is not a whole number of 64 bits; in lines 1 to 1 of '0.jsonl' it is a whole number",
    ]


@pytest.mark.parametrize(("value", "problem"), [(1e999, "beyond 1.8e308"), (None, "nested too deeply")])
def test_refuses_numbers_and_depths_that_no_version_reads(value: Any, problem: str) -> None:
    deepest: Any = 1
    for _ in range(63):
        deepest = [deepest]
    [finding] = _findings([deepest if value is None else value])

    assert finding.kind is Kind.NOT_JSON
    assert problem in finding.first[0].detail
    assert not _findings([deepest[0]])


def test_an_array_is_read_as_a_whole_and_by_other_rules() -> None:
    assert not _findings([1e999], array=True)
    [finding] = _findings([1, 2**63], array=True)
    assert "beyond 64 bits" in finding.first[0].detail


def test_finds_a_type_that_changes_in_fields_that_the_template_does_not_use() -> None:
    report = instructions(jsonl(sample(1, meta={}), sample(2, meta={}), sample(3, meta=[])))

    assert not report.ok
    assert [one.line for one in found(report, Kind.FIELD_TYPE)] == [3]


def test_finds_files_with_other_fields() -> None:
    files = {
        "a.jsonl": jsonl(sample(1), sample(2)),
        "b.jsonl": jsonl(sample(3, source="s")),
        "template.json": json.dumps(TEMPLATE).encode(),
    }

    assert [one.kind for one in check(Memory(files), Options()).errors] == [Kind.OTHER_FIELDS]


def test_the_validation_channel_may_have_other_fields() -> None:
    train = Memory({"a.jsonl": jsonl(sample(1)), "template.json": json.dumps(TEMPLATE).encode()})
    held_out = Memory({"b.jsonl": jsonl(sample(3, source="s"))})

    assert check(train, Options(), validation=held_out).ok


def test_a_field_that_begins_in_a_later_part_of_a_large_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = jsonl(*(sample(number) for number in range(9)), sample(9, source="s"))
    assert instructions(lines).ok

    # The line in which the 100th byte lies belongs to the first part.
    monkeypatch.setattr(jsonlines, "PART_BYTES", 100)
    [finding] = found(instructions(lines), Kind.OTHER_FIELDS)
    assert finding.line == 10
    assert "which lines 1 to 2 of 'train.jsonl' have not" in finding.detail


def test_the_line_that_begins_where_a_part_ends_belongs_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = jsonl(sample(1))
    monkeypatch.setattr(jsonlines, "PART_BYTES", len(first))

    report = instructions(first + jsonl(sample(2, source="s"), sample(3)))

    assert [one.line for one in found(report, Kind.OTHER_FIELDS)] == [3]


@pytest.mark.parametrize(("second", "ok"), [("2020-01-02T10:00:00Z", False), ("on 2020-01-02", True)])
def test_refuses_answers_that_would_be_read_as_timestamps(second: str, ok: bool) -> None:
    dates = [sample(1) | {"answer": "2020-01-01"}, sample(2) | {"answer": second}]
    report = instructions(jsonl(*dates))

    assert report.ok is ok
    assert len(found(report, Kind.DATES)) == (not ok)


def test_dates_in_fields_that_are_not_trained_on_are_no_fault() -> None:
    assert instructions(jsonl(sample(1, day="2020-01-01"), sample(2, day="2020-01-02"))).ok


def test_chats_and_texts_of_dates_alone_are_refused() -> None:
    turns = [{"role": role, "content": "2020-01-01"} for role in ("user", "assistant")]
    chats = check(Memory({"a.jsonl": jsonl({"messages": turns}, {"messages": turns})}), Options(method="chat"))
    texts = check(Memory({"a.json": jsonl({"text": "2020-01-01"}, {"text": "2020-01-02"})}), Options(method="domain"))

    assert found(chats, Kind.DATES)[0].detail.startswith("'messages[].content' has dates alone")
    assert found(texts, Kind.DATES)


def test_an_array_of_dates_alone_is_refused_which_datasets_5_turns_into_timestamps() -> None:
    body = json.dumps([{"text": "2024-01-31"}, {"text": "2024-02-01"}]).encode()
    report = check(Memory({"train.json": body}), Options(method="domain"))

    assert found(report, Kind.DATES)


@pytest.mark.parametrize("line", ['{"question": "q", "answer": "a", "answer": "b"}', '{"x": {"a": 1, "a": 2}}'])
def test_refuses_fields_that_an_object_has_twice(line: str) -> None:
    report = instructions(jsonl(sample(1), sample(2)) + line.encode())

    assert [one.line for one in found(report, Kind.REPEATED_FIELD)] == [3]


def _report_of_many_fields(lines: int) -> Report:
    return instructions(jsonl(*(sample(n, **{f"{n:0500}": n}) for n in range(lines))), remembered_samples=10)


def test_ever_new_fields_take_no_more_memory_than_there_is_room_for() -> None:
    few, many = _report_of_many_fields(1_000), _report_of_many_fields(3_000)

    assert few.ok
    assert not found(few, Kind.MANY_FIELDS)
    assert many.ok
    assert len(found(many, Kind.MANY_FIELDS)) == 1


def test_long_arrays_and_many_forms_of_objects_are_still_looked_at() -> None:
    assert not _findings([[1.5] * 20, [1.5] * 20])
    assert _findings([[1.5] * 20, [1.5] * 20 + ["a"]])
    assert _findings([["a"] * 20, ["a"] * 20 + [1]])
    assert not _findings([[1.5], [1.5], [], [2]])
    assert _findings([[1], [1], [True]])
    forms = [{f"f{n}": 1} for n in range(100)]
    assert _findings([*forms, *forms, {"f99": "s"}])
