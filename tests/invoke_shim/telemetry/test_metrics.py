"""The line that a request leaves: CloudWatch's embedded metric format, checked rule by rule of its specification."""

import json
import time
from typing import Any

import pytest
from botocore.loaders import Loader

from invoke_shim.telemetry import logs, metrics
from invoke_shim.telemetry.metrics import Outcome

UNITS = set(Loader().load_service_model("cloudwatch", "service-2")["shapes"]["StandardUnit"]["enum"])
MAX_EVENT_BYTES = 256 * 1024


@pytest.fixture(autouse=True)
def _default_log() -> None:
    logs.configure("INFO")


def check_document(line: str) -> dict[str, Any]:
    """Judge a line by the specification "Embedded metric format", and return it parsed."""
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert len(line.encode()) <= MAX_EVENT_BYTES
    root = json.loads(line)
    metadata = root["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(metadata["Timestamp"], int)
    assert abs(metadata["Timestamp"] / 1000 - time.time()) < 3600
    for directive in metadata["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert directive["Namespace"] == "JumpStack/Invoke"
        assert directive["Dimensions"]
        for dimensions in directive["Dimensions"]:
            assert 0 < len(dimensions) <= 30
            assert len(set(dimensions)) == len(dimensions)
            for name in dimensions:
                assert isinstance(root[name], str)
                assert 1 <= len(root[name]) <= 1024
        assert 0 < len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert set(metric) == {"Name", "Unit"}
            assert 1 <= len(metric["Name"]) <= 1024
            assert metric["Unit"] in UNITS
            value = root[metric["Name"]]
            assert isinstance(value, int | float)
            assert not isinstance(value, bool)
    names = [metric["Name"] for directive in metadata["CloudWatchMetrics"] for metric in directive["Metrics"]]
    assert len(set(names)) == len(names)
    return dict(root)


def emitted(capsys: pytest.CaptureFixture[str], outcome: Outcome, **fields: Any) -> dict[str, Any]:
    metrics.emit("falcon", outcome, **fields)
    return check_document(capsys.readouterr().out)


def values(document: dict[str, Any]) -> dict[str, Any]:
    """Each metric's value with its unit."""
    return {
        metric["Name"]: (document[metric["Name"]], metric["Unit"])
        for directive in document["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def test_counts_a_request_that_tells_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    document = emitted(capsys, Outcome(route="/health", status=200, seconds=0.002))
    assert values(document) == {"Requests": (1, "Count")}
    assert document["ModelName"] == "falcon"


def test_measures_a_streamed_answer(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(
        route="/v1/chat/completions",
        status=200,
        stream=True,
        prompt_tokens=12,
        completion_tokens=40,
        first_byte_seconds=3.25,
        seconds=5.0,
        cold_wait_seconds=3.0,
    )
    assert values(emitted(capsys, outcome)) == {
        "Requests": (1, "Count"),
        "PromptTokens": (12, "Count"),
        "CompletionTokens": (40, "Count"),
        "TimeToFirstByte": (3250.0, "Milliseconds"),
        # 40 tokens in the two seconds in which the model was there
        "TokensPerSecond": (20.0, "Count/Second"),
        "ColdWaitSeconds": (3.0, "Seconds"),
    }


@pytest.mark.parametrize("waited", [None, 0.0])
def test_tells_no_cold_wait_where_there_was_none(waited: float | None, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(route="/v1/completions", status=200, seconds=1.0, cold_wait_seconds=waited)
    assert "ColdWaitSeconds" not in values(emitted(capsys, outcome))


def test_tells_no_rate_of_an_answer_without_tokens_or_time(capsys: pytest.CaptureFixture[str]) -> None:
    empty = Outcome(route="/v1/completions", status=200, seconds=1.0, completion_tokens=0)
    assert values(emitted(capsys, empty)) == {"Requests": (1, "Count"), "CompletionTokens": (0, "Count")}
    instant = Outcome(route="/v1/completions", status=200, seconds=2.0, completion_tokens=5, cold_wait_seconds=2.0)
    assert "TokensPerSecond" not in values(emitted(capsys, instant))


def test_counts_an_error_under_its_model_and_under_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(route="/v1/completions", status=429, seconds=0.1, error_kind="rate_limit_error")
    document = emitted(capsys, outcome)
    assert values(document)["Errors"] == (1, "Count")
    assert document["ErrorKind"] == "rate_limit_error"
    requests, errors = document["_aws"]["CloudWatchMetrics"]
    assert requests["Dimensions"] == [["ModelName"]]
    assert errors["Dimensions"] == [["ModelName"], ["ModelName", "ErrorKind"]]


def test_counts_what_one_stack_does_apart_from_others_of_its_models_name(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(route="/v1/completions", status=429, seconds=0.1, error_kind="rate_limit_error")
    document = emitted(capsys, outcome, stack="dev-falcon")
    assert (document["ModelName"], document["StackName"]) == ("falcon", "dev-falcon")
    requests, errors = document["_aws"]["CloudWatchMetrics"]
    # The first of each pair is what alarms from before have.
    assert requests["Dimensions"] == [["ModelName"], ["ModelName", "StackName"]]
    assert errors["Dimensions"] == [
        *(["ModelName"], ["ModelName", "StackName"]),
        *(["ModelName", "ErrorKind"], ["ModelName", "StackName", "ErrorKind"]),
    ]


def test_counts_no_error_of_a_request_that_went_well(capsys: pytest.CaptureFixture[str]) -> None:
    document = emitted(capsys, Outcome(route="/v1/completions", status=200, seconds=0.1))
    assert "Errors" not in document
    assert "ErrorKind" not in document


def test_writes_metrics_and_log_record_as_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(route="/v1/completions", status=200, seconds=1.5, stream=True)
    document = emitted(capsys, outcome, fields={"request_id": "r-1", "trace_id": "Root=1-2", "upstream": None})
    record = {name: value for name, value in document.items() if name != "_aws"}
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "level": "INFO",
        "message": "request",
        "request_id": "r-1",
        "trace_id": "Root=1-2",
        "route": "/v1/completions",
        "status": 200,
        "stream": True,
        "duration_ms": 1500,
        "ModelName": "falcon",
        "Requests": 1,
    }


@pytest.mark.parametrize(
    ("status", "kind", "level"),
    [
        (200, None, "INFO"),
        (400, "invalid_request_error", "INFO"),
        (200, "client_gone", "INFO"),
        (502, "server_error", "ERROR"),
        (500, "crash", "ERROR"),
        (200, "broken_stream", "ERROR"),
        (200, "timeout", "ERROR"),
    ],
)
def test_what_is_not_the_clients_doing_is_an_error_in_the_log(
    status: int, kind: str | None, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = Outcome(route="/v1/completions", status=status, seconds=0.1, error_kind=kind)
    assert emitted(capsys, outcome)["level"] == level


def test_measures_also_what_is_below_the_logs_level(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("ERROR")
    document = emitted(capsys, Outcome(route="/health", status=200, seconds=0.1), fields={"request_id": "r-1"})
    assert set(document) == {"_aws", "ModelName", "Requests"}


def test_stays_below_the_size_of_a_log_event_whatever_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", prompts=True)
    # A character outside the basic plane is twelve in JSON.
    private = dict.fromkeys(("prompt", "answer", "error_message"), "\U0001f600" * 100_000)
    emitted(capsys, Outcome(route="/v1/completions", status=200, seconds=0.1), private=private)
