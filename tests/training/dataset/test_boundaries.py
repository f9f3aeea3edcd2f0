"""Every limit of the data check: the last accepted value beside the first refused one."""

import json
from typing import Any

import pytest

from tests.training.dataset.dataset_pieces import Memory, count, found, good, instructions, jsonl, lines, sample
from training.dataset import DataError, Kind, Options, OptionsError, Report, SourceError, TemplateError, check
from training.dataset.faults import shown
from training.dataset.lengths import tokens
from training.dataset.template import LARGEST
from training.dataset.template import read as read_template


@pytest.mark.parametrize(
    ("option", "accepted", "refused"),
    [
        ("max_input_length", [None, -1, 1], [0, -2]),
        ("validation_split", [0, 1, 0.5], [-0.01, 1.01]),
        ("keep", [1], [0]),
        ("max_line_bytes", [1], [0]),
        ("remembered_samples", [1], [0]),
    ],
)
def test_an_option_is_in_its_range(option: str, accepted: list[Any], refused: list[Any]) -> None:
    values = [getattr(Options(**{option: value}), option) for value in accepted]
    assert values == accepted
    for value in refused:
        with pytest.raises(OptionsError, match=f"{option} is {value}; allowed: "):
            Options(**{option: value})


@pytest.mark.parametrize(("length", "kept"), [(None, 1024), (-1, 1024), (1, 1), (2, 2)])
def test_the_recipes_keep_1024_tokens_by_default(length: int | None, kept: int) -> None:
    assert Options(max_input_length=length).tokens == kept


def test_only_instruction_data_has_a_template() -> None:
    template = {"prompt": "{a}", "completion": "{b}"}
    assert Options(method="instruction", template=template).template == template
    for method in ("domain", "chat"):
        with pytest.raises(OptionsError, match=f"template is given, but {method} data has none"):
            Options(method=method, template=template)


@pytest.mark.parametrize(("size", "estimate"), [(0, 0), (2, 0), (3, 1), (4, 1), (5, 1), (6, 2), (8, 2)])
def test_a_token_has_four_bytes(size: int, estimate: int) -> None:
    assert tokens(size) == estimate


def test_a_line_has_at_most_so_many_bytes() -> None:
    line = json.dumps(sample(1)).encode()
    assert not found(instructions(line + b"\n", max_line_bytes=len(line)), Kind.LINE_TOO_LONG)
    assert lines(instructions(line + b"\n", max_line_bytes=len(line) - 1), Kind.LINE_TOO_LONG) == [1]


@pytest.mark.parametrize(("bytes_", "over"), [(40, 0), (42, 0), (43, 1)])
def test_a_sample_is_over_long_with_one_token_more_than_is_kept(bytes_: int, over: int) -> None:
    # Of the sample, 10 bytes are the template's: "Q: ", a line break, "A: " and three of the question.
    record = {"question": "qqq", "answer": "a" * (bytes_ - 10)}
    report = instructions(good() + jsonl(record), max_input_length=10)
    assert report.train.lengths.most == bytes_
    assert report.train.over_long == count(report, Kind.OVER_LONG) == over


def _text(content: bytes, **options: Any) -> Report:
    return check(Memory({"train.txt": content}), Options(method="domain", **options))


@pytest.mark.parametrize(("size", "warned"), [(40, False), (38, False), (37, True)])
def test_domain_data_fills_at_least_one_block(size: int, warned: bool) -> None:
    report = _text(b"a" * 10 + b"\n" + b"b" * (size - 10) + b"\n", max_input_length=10)
    assert report.train.lengths.total == size
    assert bool(found(report, Kind.TOO_LITTLE_TEXT)) is warned


@pytest.mark.parametrize(("size", "repeated"), [(79, []), (80, [2])])
def test_repeated_lines_of_80_bytes_are_reported(size: int, repeated: list[int]) -> None:
    assert lines(_text((b"x" * size + b"\n") * 2), Kind.DUPLICATE) == repeated


@pytest.mark.parametrize(("fields", "kept"), [(19, 19), (20, 20), (21, 20)])
def test_names_of_at_most_20_unused_fields_are_kept(fields: int, kept: int) -> None:
    report = instructions(jsonl(*(sample(number, **{f"field{number}": 1}) for number in range(fields))), keep=100)
    assert len(report.train.unused_fields) == count(report, Kind.UNUSED_FIELD) == kept


def test_the_first_findings_of_a_kind_are_kept_and_all_are_counted() -> None:
    report = instructions(good() + b"{\n" * 3, keep=2)
    assert lines(report, Kind.NOT_JSON) == [5, 6]
    assert count(report, Kind.NOT_JSON) == 3


@pytest.mark.parametrize(("fields", "text"), [(8, "'f7'"), (9, "'f7', ...")])
def test_a_finding_names_at_most_eight_fields(fields: int, text: str) -> None:
    report = instructions(good() + jsonl({f"f{number}": "" for number in range(fields)}))
    [finding] = found(report, Kind.MISSING_FIELD)
    assert finding.detail.endswith(text)


@pytest.mark.parametrize(("length", "quoted"), [(40, "x" * 40), (41, "x" * 37 + "...")])
def test_a_quoted_name_has_at_most_40_characters(length: int, quoted: str) -> None:
    assert shown("x" * length) == f"'{quoted}'"


def test_a_template_has_at_most_1_mib() -> None:
    raw = json.dumps({"prompt": "{a}", "completion": "{b}"}).encode()
    padded = raw + b" " * (LARGEST - len(raw))
    assert (len(padded), LARGEST) == (2**20, 2**20)
    assert read_template(padded).prompt == "{a}"
    with pytest.raises(TemplateError, match="it is larger than 1048576 bytes"):
        read_template(padded + b" ")


@pytest.mark.parametrize(
    ("remembered", "repeated", "all_compared"), [(6, [5, 7], True), (5, [5, 7], False), (4, [5], False)]
)
def test_so_many_samples_are_remembered(remembered: int, repeated: list[int], all_compared: bool) -> None:
    # Four samples, the last of them again, a fifth and the fifth again. A full memory may have missed some.
    content = good() + jsonl(sample(3), sample(4), sample(4))
    report = instructions(content, remembered_samples=remembered)
    assert lines(report, Kind.DUPLICATE) == repeated
    assert report.train.all_compared is all_compared


@pytest.mark.parametrize(
    ("samples", "split", "refused"), [(2, 0.5, False), (1, 0.5, True), (5, 0.2, False), (1, 0.0, True), (2, 1.0, True)]
)
def test_each_part_of_a_split_has_a_sample(samples: int, split: float, refused: bool) -> None:
    report = instructions(good(samples), validation_split=split)
    assert bool(found(report, Kind.TOO_FEW_SAMPLES)) is refused


def test_a_channel_without_good_samples_has_no_lengths() -> None:
    lengths = instructions(b"{\n").train.lengths
    assert (lengths.count, lengths.total, lengths.least, lengths.most, lengths.mean) == (0, 0, 0, 0, 0)


def _nested(depth: int) -> bytes:
    return b'{"question": "q", "answer": "\\ud83d\\ude00", "deep": ' + b"[" * depth + b"]" * depth + b"}\n"


@pytest.mark.parametrize("depth", [*range(900, 1000, 7), 985, 986, 987, 988])
def test_nesting_of_any_depth_is_a_finding_or_an_unused_field(depth: int) -> None:
    report = instructions(good() + _nested(depth))
    assert {one.kind for one in report.findings} <= {Kind.NOT_JSON, Kind.UNUSED_FIELD, Kind.NOT_A_STRING}


FORGED = "a\x1b[31mRED\nerror: forged line.txt"


def test_a_files_name_forges_no_line_of_a_report() -> None:
    report = check(Memory({"train.jsonl": b"no json\n", FORGED: b""}, uri="s3://b/d\n/"), Options())
    with pytest.raises(DataError) as caught:
        report.raise_for_errors()
    for text in (report.text(), str(caught.value)):
        assert r"/a\x1b[31mRED\nerror: forged line.txt: it is no data file" in text
        assert not [line for line in text.splitlines() if line.startswith("error: forged")]
        assert "\x1b" not in text
    # The report for programs has the name itself.
    assert found(report, Kind.UNEXPECTED_FILE)[0].file == FORGED


def test_an_error_about_a_file_has_its_name_on_one_line() -> None:
    assert str(SourceError(f"{FORGED} cannot be read")) == r"a\x1b[31mRED\nerror: forged line.txt cannot be read"
