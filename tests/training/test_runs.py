"""Finds jobs by what SageMaker and its stand-ins say of those that are not there."""

from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from training.runs import Found, find_job


@cache
def _sagemaker() -> Any:
    session = botocore.session.get_session()
    return session.create_client(
        "sagemaker", region_name="us-west-2", aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def _find(client: Any) -> Found:
    return find_job(client, lambda attempt: f"job-{attempt}", has_model=lambda _: True)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceNotFound", "Requested resource not found."),
        ("ValidationException", "Requested resource not found."),
        ("ValidationException", "Could not find training job 'job-1'."),
    ],
)
def test_takes_a_name_that_no_job_has(code: str, message: str) -> None:
    client = _sagemaker()
    with Stubber(client) as stubber:
        stubber.add_client_error("describe_training_job", code, message)
        assert _find(client) == Found("job-1", is_trained=False)


@pytest.mark.parametrize(
    ("code", "message"),
    [("ThrottlingException", "Rate exceeded"), ("ValidationException", "1 validation error detected: name")],
)
def test_does_not_take_any_error_for_a_free_name(code: str, message: str) -> None:
    client = _sagemaker()
    with Stubber(client) as stubber:
        stubber.add_client_error("describe_training_job", code, message)
        with pytest.raises(ClientError, match=message):
            _find(client)
