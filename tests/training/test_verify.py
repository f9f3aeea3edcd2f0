"""Verifying the live endpoint: its config, and the form of its container's answer."""

import io
import json
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from training import verify
from training.environment import SettingsError
from training.errors import VerifyError

ENDPOINT = "dev-mistral-7b-dolly"
CONFIG = f"{ENDPOINT}-0123456789ab-c0ffee"


@cache
def _client(service: str) -> Any:
    session = botocore.session.get_session()
    return session.create_client(
        service, region_name="us-west-2", aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def _described(**changed: object) -> dict[str, Any]:
    moment = "2026-01-01T00:00:00Z"
    return {
        "EndpointName": ENDPOINT,
        "EndpointArn": f"arn:aws:sagemaker:us-west-2:123456789012:endpoint/{ENDPOINT}",
        "EndpointConfigName": CONFIG,
        "EndpointStatus": "InService",
        "CreationTime": moment,
        "LastModifiedTime": moment,
        **changed,
    }


def _check(**changed: object) -> None:
    client = _client("sagemaker")
    with Stubber(client) as stubber:
        stubber.add_response("describe_endpoint", _described(**changed), {"EndpointName": ENDPOINT})
        verify.check_live(client, ENDPOINT, config=CONFIG)


def _ask(answer: object, *, container: str = "tgi") -> str:
    client = _client("sagemaker-runtime")
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    body = (
        {"prompt": "Hello", "max_tokens": 16}
        if container == "vllm"
        else {"inputs": "Hello", "parameters": {"max_new_tokens": 16}}
    )
    with Stubber(client) as stubber:
        stubber.add_response(
            "invoke_endpoint",
            {"Body": StreamingBody(io.BytesIO(raw), len(raw))},
            {"EndpointName": ENDPOINT, "ContentType": "application/json", "Body": json.dumps(body).encode()},
        )
        return verify.ask(client, ENDPOINT, container=container, prompt="Hello")


def test_accepts_an_endpoint_that_serves_with_the_config() -> None:
    _check()


def test_reports_an_update_that_was_rolled_back() -> None:
    with pytest.raises(VerifyError, match=f"serves with older, not with {CONFIG}: .* rolled the update back: alarm"):
        _check(EndpointConfigName="older", FailureReason="alarm")


def test_reports_an_endpoint_that_is_not_in_service_with_its_reason() -> None:
    with pytest.raises(VerifyError, match="is Failed, not InService: no capacity"):
        _check(EndpointStatus="Failed", FailureReason="no capacity")


@pytest.mark.parametrize(
    ("container", "answer"),
    [
        ("tgi", [{"generated_text": "Hi."}]),
        ("tgi", {"generated_text": "Hi."}),
        ("lmi", {"generated_text": "Hi."}),
        ("vllm", {"choices": [{"text": "Hi."}]}),
    ],
)
def test_returns_the_models_answer(container: str, answer: object) -> None:
    assert _ask(answer, container=container) == "Hi."


def test_accepts_an_empty_answer() -> None:
    assert _ask([{"generated_text": ""}]) == ""


def test_returns_the_beginning_of_a_long_answer() -> None:
    assert _ask([{"generated_text": "x" * 1000}]) == "x" * 200


@pytest.mark.parametrize("answer", [b"<html>", b"[]", {"choices": [{"text": "Hi."}]}, {"generated_text": None}])
def test_refuses_what_the_container_never_says(answer: object) -> None:
    with pytest.raises(VerifyError, match="does not answer in the form of a tgi container"):
        _ask(answer)


def test_reports_an_endpoint_that_gives_an_error() -> None:
    client = _client("sagemaker-runtime")
    with Stubber(client) as stubber:
        stubber.add_client_error("invoke_endpoint", "ModelError", "out of memory", http_status_code=424)
        with pytest.raises(VerifyError, match=r"does not answer: .*out of memory"):
            verify.ask(client, ENDPOINT, container="tgi", prompt="Hello")


def test_refuses_a_container_that_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINER", "ollama")
    with pytest.raises(SettingsError, match="CONTAINER is 'ollama', must be one of tgi, lmi, vllm"):
        verify.handler({}, None)
