"""The reason of a run that failed, in words for people, for every way in which a run may fail."""

import json

import pytest

from tools.finetune.reasons import failure, reason

_JOB = {"TrainingJobName": "j", "TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("the release before is gone", "the release before is gone"),
        (
            json.dumps({"errorMessage": "bad data:\n- a", "errorType": "DataError", "stackTrace": ["  File"]}),
            "bad data:\n- a",
        ),
        # A function that Lambda ended.
        (
            '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1 Error: Task timed out"}',
            "RequestId: 1 Error: Task timed out",
        ),
        (
            json.dumps({"errorMessage": "", "errorType": "ValueError", "stackTrace": ["  File"]}),
            "ValueError, without a message",
        ),
        # Cut by a limit, in the trace, in the message, and in one of its escapes.
        ('{"errorMessage": "bad \\"data\\"", "stackTrace": ["  Fi', 'bad "data"'),
        ('{"errorMessage": "bad da', "bad da… (Step Functions keeps no more of it)"),
        ('{"errorMessage": "bad \\u00e', "bad … (Step Functions keeps no more of it)"),
        # Jobs, as SageMaker and Bedrock describe them.
        (json.dumps({"TrainingJobName": "j", "FailureReason": "AlgorithmError: no"}), "AlgorithmError: no"),
        (json.dumps(_JOB), "the training job j is Stopped: MaxRuntimeExceeded"),
        (json.dumps({"jobArn": "a", "failureMessage": "unsupported architecture"}), "unsupported architecture"),
        # Another state machine.
        (json.dumps({"Status": "FAILED", "Cause": json.dumps({"errorMessage": "no room"})}), "no room"),
        # What has none of these is said whole, but for its trace: better too much than nothing.
        (json.dumps({"errorMessage": ""}), '{"errorMessage": ""}'),
        (json.dumps({"errorMessage": {"a": 1}, "stackTrace": ["  File"]}), '{"errorMessage": {"a": 1}}'),
        ('["a"]', '["a"]'),
        ("{", "{"),
        ("", ""),
    ],
)
def test_says_the_reason_without_json_and_stack_trace(cause: str, said: str) -> None:
    assert reason(cause) == said


def test_cuts_no_reason() -> None:
    long = "a line of a report\n" * 2000

    assert reason(json.dumps({"errorMessage": long})) == long.strip()


@pytest.mark.parametrize(
    ("status", "error", "cause", "said"),
    [
        ("FAILED", "DataError", "bad data", "bad data"),
        ("FAILED", "States.Timeout", "", "a step took longer than it may"),
        ("FAILED", "Some.Error", "", "Some.Error, without a word of the reason"),
        ("FAILED", "", "", "no reason was given"),
        ("ABORTED", "", "", "it was stopped by hand"),
        ("ABORTED", "StackDeleted", "the stack is being deleted", "it was stopped: the stack is being deleted"),
        ("ABORTED", "StackDeleted", "", "it was stopped: StackDeleted"),
        ("TIMED_OUT", "States.Timeout", "", "it took longer than a run may"),
    ],
)
def test_says_how_a_run_ended_that_gave_no_reason(status: str, error: str, cause: str, said: str) -> None:
    assert failure(status, error=error, cause=cause) == said
