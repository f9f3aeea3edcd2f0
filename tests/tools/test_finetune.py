"""The reason of a run that failed, in words for people."""

import json

import pytest

from tools.finetune import reason


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("the release before is gone", "the release before is gone"),
        (
            json.dumps({"errorMessage": "bad data:\n- a", "errorType": "DataError", "stackTrace": ["  File"]}),
            "bad data:\n- a",
        ),
        (json.dumps({"TrainingJobName": "j", "FailureReason": "AlgorithmError: no"}), "AlgorithmError: no"),
        # What has neither is said whole: better too much than nothing.
        (json.dumps({"errorMessage": ""}), '{"errorMessage": ""}'),
        (json.dumps({"errorMessage": {"a": 1}}), '{"errorMessage": {"a": 1}}'),
        ('["a"]', '["a"]'),
        ("{", "{"),
        ("", ""),
    ],
)
def test_says_the_reason_without_json_and_stack_trace(cause: str, said: str) -> None:
    assert reason(cause) == said
