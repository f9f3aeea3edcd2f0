"""`./jumpstack finetune`: what its commands print, and how they end when they are interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tools import aws, finetune
from tools.cli.main import run
from tools.deployed import DeclaredStack
from tools.finetune import FineTuningError, Release, Rollback, Run, Status, uploading

STACK = "dev/mistral-7b-dolly"
SAMPLES = Path(__file__).resolve().parents[3] / "tools" / "samples" / "dolly"
BEGUN = datetime(2026, 11, 30, 18, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def addressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "address", lambda: None)


def _run(minutes: int, **given: Any) -> Run:
    ended = BEGUN + timedelta(minutes=minutes)
    return Run(**{"arn": "arn:states:x:ef04", "status": "RUNNING", "started": BEGUN, "ended": ended, **given})


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Record what is started."""
    calls: list[tuple[Any, ...]] = []

    def start(stack: DeclaredStack, *, data_prefix: str | None = None) -> str:
        calls.append((stack.path, data_prefix))
        return "arn:one"

    monkeypatch.setattr(finetune, "start", start)
    return calls


def _waiting(monkeypatch: pytest.MonkeyPatch, *runs: Run, end: BaseException | Run) -> None:
    """Have a wait report some runs, and end."""

    def wait(_stack: DeclaredStack, _arn: str, *, report: Callable[[Run], None]) -> Run:
        for one in runs:
            report(one)
        if isinstance(end, BaseException):
            raise end
        return end

    monkeypatch.setattr(finetune, "wait", wait)


def test_start_prints_the_arn_and_waits_only_when_asked(
    started: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["finetune", "start", STACK, "--data", "s3://bucket/data/"]) == 0

    assert capsys.readouterr() == ("arn:one\n", "")
    assert started == [(STACK, "s3://bucket/data/")]


def test_waiting_says_how_long_it_takes_and_where_the_logs_of_the_job_are(
    started: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = "dev-mistral-7b-dolly-0123456789ab"
    waits = [_run(minutes, state="Look at the training", job=job) for minutes in (1, 61)]
    done = _run(70, status="SUCCEEDED", release="r2")
    _waiting(monkeypatch, _run(0, state="Prepare"), *waits, end=done)

    assert run(["finetune", "start", STACK, "--wait"]) == 0

    printed = capsys.readouterr()
    assert printed.out == "arn:one\n"
    assert printed.err.splitlines() == [
        "  0:00:00  Prepare",
        "  0:01:00  Wait for the training",
        f"           training job {job}",
        "           its logs: CloudWatch's /aws/sagemaker/TrainingJobs, in streams that",
        f"           begin with {job}/",
        "  1:01:00  Wait for the training",
        "  1:10:00  succeeded: serves r2",
    ]
    assert max(map(len, printed.err.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "what"), [(["start", STACK], "training"), (["rollback", STACK, "--to", "r1"], "rollback")]
)
def test_an_interrupt_says_that_it_goes_on_and_how_to_end_it(
    started: list[tuple[Any, ...]],
    words: list[str],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = Rollback(served="r2", to="r1", forward=False, given={})
    monkeypatch.setattr(finetune, "plan_rollback", lambda _stack, to: plan)
    monkeypatch.setattr(finetune, "rollback", lambda _stack, _plan: "arn:two")
    _waiting(monkeypatch, end=KeyboardInterrupt())

    assert run(["finetune", *words, "--wait"]) == 130

    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"interrupted: the {what} goes on: ./jumpstack finetune status {STACK} shows it,",
        f"./jumpstack finetune stop {STACK} ends it",
    ]


def test_a_run_that_fails_ends_the_command_with_its_reason(
    started: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _waiting(monkeypatch, end=FineTuningError("the run failed in 'Prepare' after 0:00:02: bad data:\nline 3"))

    assert run(["finetune", "start", STACK, "--wait"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"error: {STACK}: the run failed in 'Prepare' after 0:00:02: bad data:",
        "line 3",
    ]


def test_start_refuses_a_folder_before_anything_is_asked(
    started: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(aws, "address", lambda: pytest.fail("asked"))

    assert run(["finetune", "start", STACK, "--data", "./foo"]) == 1
    assert "./jumpstack finetune upload dev/mistral-7b-dolly DIR uploads a folder" in capsys.readouterr().err
    assert started == []


@pytest.mark.parametrize(("forward", "lines"), [(False, 1), (True, 2)])
def test_rollback_says_from_what_to_what_it_goes(
    *, forward: bool, lines: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Rollback(served="r2", to="r1", forward=forward, given={"action": "rollback"})
    given: list[str | None] = []

    def plan_rollback(_stack: DeclaredStack, *, to: str | None) -> Rollback:
        given.append(to)
        return plan

    monkeypatch.setattr(finetune, "plan_rollback", plan_rollback)
    monkeypatch.setattr(finetune, "rollback", lambda _stack, made: f"arn:{made.to}")

    assert run(["finetune", "rollback", STACK]) == 0

    printed = capsys.readouterr()
    assert printed.out == "arn:r1\n"
    assert printed.err.splitlines()[0] == "serves r1 in place of r2"
    assert len(printed.err.splitlines()) == lines
    assert given == [None]


@pytest.mark.parametrize(
    ("endpoint", "target", "line"),
    [("InService", "dev-x", "endpoint  InService"), (None, "arn:model", "bedrock   arn:model")],
)
def test_status_prints_what_is_served_and_each_run_with_its_reason(
    endpoint: str | None,
    target: str,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = (
        _run(3, status="FAILED", state="Prepare", data="s3://b/d/", reason="bad data:\nline 3"),
        _run(40, status="SUCCEEDED", state="Succeeded", action="serve", release="a"),
        _run(60, status="SUCCEEDED", state="Succeeded", job="j", release="b"),
    )
    found = Status(served="a", previous="b", target=target, endpoint=endpoint, runs=runs)
    monkeypatch.setattr(finetune, "status", lambda _stack: found)

    assert run(["finetune", "status", STACK]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "served    a",
        "previous  b",
        line,
        "2026-11-30 18:05  FAILED     0:03:00  ef04",
        "    data     s3://b/d/",
        "    state    Prepare",
        "    reason   bad data:",
        "             line 3",
        "2026-11-30 18:05  SUCCEEDED  0:40:00  ef04",
        "    action   serve",
        "    release  a",
        "2026-11-30 18:05  SUCCEEDED  1:00:00  ef04",
        "    job      j",
        "    release  b",
    ]

    assert run(["finetune", "status", STACK, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found.to_dict()


def test_releases_prints_dates_data_and_which_is_served(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new = Release(name="b", created=BEGUN, served=True, previous=False, job="j", data="s3://b/d/")
    old = Release(name="a", created=BEGUN, served=False, previous=False, arn="arn:model")
    monkeypatch.setattr(finetune, "releases", lambda _stack: [new, old])

    assert run(["finetune", "releases", STACK]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-30 18:05  b  served",
        "    job   j",
        "    data  s3://b/d/",
        "2026-11-30 18:05  a",
        "    model arn:model",
    ]
    assert run(["finetune", "releases", STACK, "--json"]) == 0
    assert [one["release"] for one in json.loads(capsys.readouterr().out)] == ["b", "a"]


def test_stop_prints_what_is_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(_stack: DeclaredStack, name: str | None) -> Iterator[str]:
        yield f"stopped {name}"
        yield "serves a, as before"

    monkeypatch.setattr(finetune, "stop", stop)

    assert run(["finetune", "stop", STACK, "ef04"]) == 0
    assert capsys.readouterr().out == "stopped ef04\nserves a, as before\n"


class _Uploads:
    """Uploads that report a file, and end or are interrupted."""

    def __init__(self, end: BaseException | None = None) -> None:
        self.folders: list[tuple[Path, bool]] = []
        self._end = end

    def __call__(
        self, _stack: DeclaredStack, folder: Path, *, replace: bool, report: Callable[[str, int, int], None]
    ) -> str:
        self.folders.append((folder, replace))
        for sent in (0, 10, 2_000_000, 4_000_000):
            report("train.jsonl", sent, 4_000_000)
        if self._end:
            raise self._end
        return "s3://b/training/data/"


def test_upload_checks_the_data_and_says_the_next_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    uploads = _Uploads()
    monkeypatch.setattr(uploading, "upload", uploads)

    assert run(["finetune", "upload", STACK, str(SAMPLES), "--replace"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "s3://b/training/data/\n"
    # In a pipe a line a file; a terminal sees each percent.
    assert printed.err.splitlines() == [
        f"{SAMPLES}: 40 samples can be used",
        "  100% of 4.0 MB  train.jsonl",
        f"next: ./jumpstack finetune start {STACK} --wait",
    ]
    assert uploads.folders == [(SAMPLES, True)]

    assert run(["finetune", "upload", STACK, str(tmp_path)]) == 1
    assert "no data file" in capsys.readouterr().err
    assert len(uploads.folders) == 1


def test_upload_takes_no_data_in_s3_and_names_what_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["finetune", "upload", STACK, "s3://bucket/data/"]) == 2

    assert capsys.readouterr().err.startswith(
        "error: DIR is 's3://bucket/data/': allowed is a folder on this machine; "
        f"./jumpstack finetune start {STACK} --data s3://bucket/data/ trains on data in S3"
    )


def test_an_interrupted_upload_says_how_to_complete_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(uploading, "upload", _Uploads(KeyboardInterrupt()))

    assert run(["finetune", "upload", STACK, str(SAMPLES)]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"interrupted: the upload is not complete: ./jumpstack finetune upload {STACK} {SAMPLES} --replace"
    )
