import hashlib
import json
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from stacks.models import MISTRAL_7B_DOLLY
from tests.training.dataset.dataset_pieces import (
    TEMPLATE,
    Memory,
    count,
    found,
    good,
    instructions,
    jsonl,
    lines,
    sample,
)
from training.dataset import (
    DataError,
    File,
    Kind,
    LocalFolder,
    Options,
    OptionsError,
    SourceError,
    check,
    options_of,
)

RAW_TEMPLATE = json.dumps(TEMPLATE).encode()
SAMPLES = Path(__file__).resolve().parents[3] / "tools" / "samples"


@pytest.mark.parametrize(
    "name",
    ["notes.md", ".DS_Store", "other.json", "train.jsonl.gz", "validation/train.jsonl", "TRAIN.JSONL", ".a.jsonl"],
)
def test_refuses_files_that_the_job_would_download_and_not_understand(name: str) -> None:
    report = check(Memory({"train.jsonl": good(), "template.json": RAW_TEMPLATE, name: good()}), Options())

    assert not report.ok
    assert [one.file for one in found(report, Kind.UNEXPECTED_FILE)] == [name]


def test_says_when_there_is_no_data_and_only_that() -> None:
    report = check(Memory({"template.json": RAW_TEMPLATE}), Options())

    assert [one.kind for one in report.errors] == [Kind.NO_DATA]


def test_says_when_a_file_is_empty() -> None:
    report = check(Memory({"a.jsonl": b"", "b.jsonl": good(), "template.json": RAW_TEMPLATE}), Options())

    assert [str(one) for one in found(report, Kind.NO_DATA)] == ["train/a.jsonl: the file is empty"]


@pytest.mark.parametrize(
    ("start", "name"),
    [(b"\xff\xfe", "UTF-16"), (b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"), (b"PAR1", "Parquet"), (b"{\x00", "NUL")],
)
def test_a_file_in_another_encoding_is_one_fault_not_one_a_line(start: bytes, name: str) -> None:
    report = instructions(start + b"\n" * 1000)

    assert count(report, Kind.ENCODING) == 1
    assert name in found(report, Kind.ENCODING)[0].detail
    assert not found(report, Kind.BLANK_LINE)


@pytest.mark.parametrize("pieces", [[1], [2, 1], [1 << 16]])
def test_warns_of_a_byte_order_mark_once(pieces: list[int]) -> None:
    report = instructions(b"\xef\xbb\xbf" + good(), pieces=pieces)

    assert report.ok
    assert lines(report, Kind.BYTE_ORDER_MARK) == [1]
    assert report.train.count == 4


def test_warns_of_blank_lines_of_jsons_spaces_alone() -> None:
    blank = instructions(good(2) + b"\n \t\r\n" + good(4) + b"\n")

    assert blank.ok
    assert lines(blank, Kind.BLANK_LINE) == [3, 4, 9]
    assert lines(instructions(good(2) + b"\x0b\n"), Kind.NOT_JSON) == [3]


def test_refuses_a_file_of_blank_lines_alone() -> None:
    assert lines(instructions(b"\n \n"), Kind.NO_DATA) == [None]
    assert not lines(instructions(b"\n" + good(4)), Kind.NO_DATA)


@pytest.mark.parametrize(
    ("samples", "ratio", "parts"), [(2, 0.2, (1, 1)), (10, 0.2, (8, 2)), (11, 0.2, (8, 3)), (10, 0.9, (1, 9))]
)
def test_splits_as_the_job_does(samples: int, ratio: float, parts: tuple[int, int]) -> None:
    report = instructions(good(samples), validation_split=ratio)

    assert report.ok
    assert report.split == parts


@pytest.mark.parametrize(
    ("samples", "ratio", "need"),
    [(1, 0.2, "at least 2"), (9, 0.9, "at least 10"), (5, 0.0, "no number is enough"), (5, 1.0, "no number is enough")],
)
def test_each_part_of_the_split_needs_a_sample(samples: int, ratio: float, need: str) -> None:
    report = instructions(good(samples), validation_split=ratio)

    assert need in found(report, Kind.TOO_FEW_SAMPLES)[0].detail


def test_samples_at_fault_do_not_count_for_the_split() -> None:
    assert found(instructions(good(1) + b"broken\n" * 9), Kind.TOO_FEW_SAMPLES)


def test_a_validation_channel_is_checked_with_the_same_template() -> None:
    train = Memory({"train.jsonl": good(1), "template.json": RAW_TEMPLATE})
    held_out = Memory({"validation.jsonl": jsonl(sample(7)) + b"broken\n"})

    report = check(train, Options(), validation=held_out)

    assert [str(one) for one in found(report, Kind.NOT_JSON)] == [
        "validation/validation.jsonl:2: expecting value at column 1"
    ]
    assert report.validation is not None
    assert report.validation.count == 1
    assert report.split is None
    assert not found(report, Kind.TOO_FEW_SAMPLES)


def test_warns_when_the_validation_channel_repeats_the_training_channel() -> None:
    train = Memory({"train.jsonl": good(3), "template.json": RAW_TEMPLATE})
    held_out = Memory({"validation.jsonl": good(5)})

    report = check(train, Options(), validation=held_out)

    assert report.ok
    assert lines(report, Kind.ALSO_IN_TRAINING) == [1, 2, 3]


def test_an_empty_validation_channel_is_refused() -> None:
    train = Memory({"train.jsonl": good(3), "template.json": RAW_TEMPLATE})

    assert found(check(train, Options(), validation=Memory({})), Kind.NO_DATA)
    broken = check(train, Options(), validation=Memory({"a.jsonl": b"broken\n"}))
    assert [one.channel for one in found(broken, Kind.TOO_FEW_SAMPLES)] == ["validation"]


def test_a_validation_channel_with_another_template_is_refused() -> None:
    train = Memory({"train.jsonl": good(3), "template.json": RAW_TEMPLATE})
    other = json.dumps({**TEMPLATE, "prompt": "{question}"}).encode()

    report = check(train, Options(), validation=Memory({"a.jsonl": jsonl(sample(9)), "template.json": other}))

    assert found(report, Kind.TEMPLATE)[0].detail == "it differs from the training channel's"


def test_the_hash_is_of_all_files_names_and_contents() -> None:
    files = {"b.jsonl": good(3), "a.jsonl": good(2), "template.json": RAW_TEMPLATE}
    report = check(Memory(files), Options())

    described = "".join(
        f"train/{name} {len(content)} {hashlib.sha256(content).hexdigest()}\n"
        for name, content in sorted(files.items())
    )
    assert report.sha256 == hashlib.sha256(described.encode()).hexdigest()


def test_the_hash_knows_nothing_of_pieces_and_follows_every_byte() -> None:
    content = good(3)

    assert instructions(content, pieces=[3]).sha256 == instructions(content).sha256
    assert instructions(content + b"\n").sha256 != instructions(content).sha256


def test_the_hash_covers_what_comes_after_the_readable_part() -> None:
    first, second = (check(Memory({"a.json": b"[x" + end}), Options(method="domain")) for end in (b"1", b"2"))

    assert first.sha256 != second.sha256


def test_the_report_is_json_and_the_same_every_time() -> None:
    first, second = (json.dumps(instructions(good() + b"broken\n").to_dict()) for _ in range(2))

    assert first == second
    report = json.loads(first)
    assert report["samples"] == {"train": 4}
    assert report["tokenEstimate"]["isEstimate"] is True
    assert report["findings"][0] == {
        "kind": "not-json",
        "severity": "error",
        "count": 1,
        "first": [{"channel": "train", "file": "train.jsonl", "line": 5, "detail": "expecting value at column 1"}],
    }


def test_the_report_ends_with_the_files_bytes_and_hash() -> None:
    one = instructions(good())
    content, raw = good(), RAW_TEMPLATE
    assert one.text().splitlines()[-1] == f"{len(content) + len(raw)} bytes in 2 files, sha256 {one.sha256}"


def test_the_error_names_every_kind_and_stays_short_however_much_is_wrong() -> None:
    kinds = [b"broken\n", b"\n", b"[]\n", b"{}\n", b'{"question": 1, "answer": ""}\n', b"\xff\n"]
    name = "x" * 900 + ".jsonl"
    files = {name: b"".join(kinds) * 1000, "y" * 900 + ".txt": b"", "template.json": RAW_TEMPLATE}
    report = check(Memory(files, uri="memory://" + "z" * 1000), Options(keep=100))

    with pytest.raises(DataError) as caught:
        report.raise_for_errors()

    message = str(caught.value)
    assert len(message) < 4096
    assert len(report.errors) > 5
    assert all(f"{one.kind.meaning}: {one.count}" in message for one in report.errors)
    assert caught.value.report is report


def test_the_error_begins_with_the_lines_at_fault() -> None:
    with pytest.raises(DataError, match=r"not JSON: train/train\.jsonl:5: expecting value at column 1"):
        instructions(good() + b"broken\n").raise_for_errors()


def test_good_data_raises_nothing() -> None:
    instructions(good()).raise_for_errors()


def test_stops_in_good_order_when_the_time_runs_out() -> None:
    left = iter([900.0, 1.0, 0.0])

    with pytest.raises(SourceError, match="the time for the check ran out after 200 of"):
        check(Memory({"train.jsonl": good(99)}, [100]), Options(), seconds_left=lambda: next(left))


class _Endless:
    """Lines that are made as they are read."""

    uri = "endless://"

    def __init__(self, megabytes: int) -> None:
        self._megabytes = megabytes

    def files(self) -> Sequence[File]:
        return [File("train.jsonl", self._megabytes << 20)]

    def chunks(self, file: File) -> Iterator[bytes]:
        for turn in range(self._megabytes):
            line = b'{"instruction":"' + b"%08d" % turn + b"i" * 8000 + b'","context":"","response":"r"}\n'
            yield line * (2**20 // len(line))


def test_ten_times_the_data_needs_no_more_memory() -> None:
    def peak(megabytes: int) -> int:
        tracemalloc.start()
        check(_Endless(megabytes), Options())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(30) < peak(3) + 2**20


def test_a_folder_is_read_with_all_that_is_below_it(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(good())
    (tmp_path / "template.json").write_bytes(RAW_TEMPLATE)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "train.jsonl").write_bytes(good())

    report = check(LocalFolder(tmp_path), Options())

    assert [one.file for one in found(report, Kind.UNEXPECTED_FILE)] == ["old/train.jsonl"]
    assert report.train.count == 4


def test_says_when_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SourceError, match="does not exist"):
        LocalFolder(tmp_path / "absent").files()
    with pytest.raises(SourceError, match="is no folder"):
        LocalFolder(tmp_path / "file").files()


def test_options_say_all_that_is_wrong_with_them() -> None:
    with pytest.raises(OptionsError) as caught:
        Options(method="rlhf", max_input_length=0, validation_split=2)

    assert all(name in str(caught.value) for name in ("method", "max_input_length", "validation_split"))


def test_options_come_from_hyperparameters() -> None:
    options = options_of("domain", {"max_input_length": "2048", "validation_split_ratio": "0.1", "epoch": "1"})

    assert (options.tokens, options.validation_split) == (2048, 0.1)
    assert options_of("chat", {}).tokens == 1024
    with pytest.raises(OptionsError, match="max_input_length is 'long'"):
        options_of("chat", {"max_input_length": "long"})


def test_the_sample_data_goes_with_the_model_that_the_app_declares() -> None:
    declared = json.loads(MISTRAL_7B_DOLLY.prompt_template or "")

    assert check(LocalFolder(SAMPLES / "dolly"), Options(template=declared)).ok


@pytest.mark.parametrize(("name", "method"), [("dolly", "instruction"), ("sec", "domain")])
def test_the_sample_data_sets_have_no_findings(name: str, method: str) -> None:
    report = check(LocalFolder(SAMPLES / name), Options(method=method, max_input_length=2048))

    assert report.ok
    assert not report.findings
