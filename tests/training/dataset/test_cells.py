"""Finds what `datasets` refuses of a CSV file, by what pandas infers in parts of its rows."""

import pytest

from tests.training.dataset.dataset_pieces import Memory, found
from training.dataset import Kind, Options, Report, cells, check


def _check(*rows: str, header: str = "text,x") -> Report:
    content = "".join(f"{row}\n" for row in (header, *rows)).encode()
    return check(Memory({"train.csv": content}), Options(method="domain"))


@pytest.fixture
def two_rows_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "PART_ROWS", 2)


@pytest.mark.usefixtures("two_rows_a_part")
@pytest.mark.parametrize(
    ("first", "later"),
    [
        (["z", "z"], ["1", "2"]),
        (["z", "z"], ["", ""]),
        (["1", "z"], ["y", "x"]),
        (["1", "1"], ["2", ""]),
        (["1", "1"], ["True", "False"]),
        (["1", ""], ["1.5", "2"]),
        (["", ""], ["1", "1.5"]),
        (["1.5", "2"], ["3", "4"]),
        (["True", "False"], ["true", ""]),
        (["True", ""], ["1", "0"]),
    ],
)
def test_takes_parts_that_datasets_converts(first: list[str], later: list[str]) -> None:
    assert _check(*(f"a {n},{cell}" for n, cell in enumerate(first + later))).ok


@pytest.mark.usefixtures("two_rows_a_part")
@pytest.mark.parametrize(
    ("first", "later", "detail"),
    [
        (
            ["1", "1"],
            ["2", "z"],
            "'x' is a string that is not a whole number; in the first 2 rows it is a whole",
        ),
        (["1", "1"], ["1", "1.5"], "'x' is not a whole number of 64 bits; in the first 2 rows it is a whole number"),
        (["1.5", "1"], ["1", "z"], "'x' is a string that is not a number; in the first 2 rows it is a number"),
        (["", ""], ["1", "z"], "'x' is a string that is not a number; in the first 2 rows it is a number"),
        (["", "True"], ["False", "z"], "'x' is a string that is not a boolean; in the first 2 rows it is a boolean"),
    ],
)
def test_refuses_columns_whose_type_changes_after_a_part(first: list[str], later: list[str], detail: str) -> None:
    report = _check(*(f"a {n},{cell}" for n, cell in enumerate(first + later)))

    [finding] = found(report, Kind.FIELD_TYPE)
    assert finding.line == 5
    assert finding.detail.startswith(detail)


def test_a_column_may_change_its_type_within_a_part() -> None:
    assert _check("a,1", "b,z", "c,1.5", "d", "e,True").ok


@pytest.mark.parametrize(("rows", "what"), [(["1", "2.5"], "numbers"), (["True", "False"], "booleans")])
def test_refuses_a_text_column_without_text(rows: list[str], what: str) -> None:
    report = _check(*(f"{row},z" for row in rows), header="id,x")

    assert [str(one) for one in found(report, Kind.NOT_A_STRING)] == [f"train/train.csv:2: 'id' has {what} alone"]


def test_columns_of_one_name_have_types_of_their_own() -> None:
    assert _check("a,1", "b,2", header="text,text").ok


def test_a_header_of_any_width_needs_little_memory() -> None:
    width = 100_000
    report = _check("a" + "," * (width - 1), "b", header="text" + "".join(f",{n}" for n in range(width - 1)))

    assert report.ok
