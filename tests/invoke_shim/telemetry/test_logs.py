"""The log: one line of JSON a record, and what never gets into it."""

import json
import re
from typing import Any

import pytest

from invoke_shim.telemetry import logs


@pytest.fixture(autouse=True)
def _default_log() -> None:
    logs.configure("INFO")


def written(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line that was written."""
    line = capsys.readouterr().out
    assert line.endswith("\n")
    assert line.count("\n") == 1
    return dict(json.loads(line))


def test_writes_a_record_as_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.write("WARN", "retry", {"request_id": "r-1", "attempt": 2, "note": "two\nlines"})
    record = written(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
    assert record == {
        "level": "WARN",
        "message": "retry",
        "request_id": "r-1",
        "attempt": 2,
        "note": "two\nlines",
    }


def test_leaves_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    logs.write("INFO", "request", {"upstream": None, "status": 200})
    assert "upstream" not in written(capsys)


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 0), ("INFO", 0), ("WARN", 1), ("ERROR", 1), ("FATAL", 1)])
def test_writes_nothing_below_its_level(level: str, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARN")
    logs.write(level, "note", {})
    assert capsys.readouterr().out.count("\n") == lines


def test_keeps_prompts_answers_and_error_messages_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.write("ERROR", "request", {"status": 400}, {"prompt": "my secret", "error_message": "bad 'my secret'"})
    assert "secret" not in json.dumps(written(capsys))


def test_logs_prompts_and_answers_where_the_environment_opted_in(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", prompts=True)
    logs.write("INFO", "request", {}, {"prompt": [["user", "Olá"]], "answer": "Hello", "error_message": None})
    record = written(capsys)
    assert (record["prompt"], record["answer"]) == ('[["user", "Olá"]]', "Hello")
    assert "error_message" not in record


def test_shortens_a_long_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", prompts=True)
    logs.write("INFO", "request", {}, {"prompt": "x" * 20_000})
    assert written(capsys)["prompt"] == f"{'x' * 6_000}... (20000 characters)"


def test_does_not_fail_on_a_value_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", prompts=True)
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    logs.write("INFO", "request", {}, {"prompt": nested, "answer": "half \ud800"})
    record = written(capsys)
    assert record["prompt"] == "(nested too deeply to log)"
    assert record["answer"] == "half \ud800"


def test_tells_where_a_crash_was_without_its_message() -> None:
    def crash() -> None:
        raise ValueError("my secret")

    try:
        crash()
    except ValueError as error:
        lines = logs.frames_of(error.__traceback__)
    assert lines[-1].endswith(" crash")
    assert "test_logs.py:" in lines[-1]
    assert not any("secret" in line for line in lines)
