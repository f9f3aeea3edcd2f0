"""The clients of the import's functions, and the requests of the smoke test."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from model_import import bodies, clients, smoke
from model_import.settings import Settings
from model_import.smoke import ModelNotReadyError, SmokeTestError, smoke_test
from tests.model_import.test_settings import REQUIRED

ARN = "arn:aws:bedrock:us-west-2:123456789012:imported-model/abcdefghijkl"


@pytest.mark.parametrize(
    ("service", "attempts", "read_timeout"),
    [("bedrock", 5, 60), ("ssm", 5, 60), ("stepfunctions", 5, 60), ("bedrock-runtime", 1, 120)],
)
def test_every_call_but_that_of_the_model_is_retried(
    monkeypatch: pytest.MonkeyPatch, service: str, attempts: int, read_timeout: int
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    clients.client.cache_clear()
    config = clients.client(service).meta.config
    assert config.retries["total_max_attempts"] == attempts
    assert (config.connect_timeout, config.read_timeout) == (5, read_timeout)
    assert clients.client(service) is clients.client(service)
    clients.client.cache_clear()


class Runtime:
    """Bedrock's runtime with one answer; records the request."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.request: dict[str, Any] = {}

    def invoke_model(self, **request: Any) -> dict[str, Any]:
        self.request = {"modelId": request["modelId"], **json.loads(request["body"])}
        return {"body": io.BytesIO(json.dumps(self._answer).encode())}

    def get_imported_model(self, **_: Any) -> dict[str, Any]:
        return {"modelName": "m", "instructSupported": True}

    def converse(self, **request: Any) -> Any:
        self.request = request
        return self._answer


def _smoke(monkeypatch: pytest.MonkeyPatch, body: str, answer: Any, *, expect: str = "") -> tuple[str, dict[str, Any]]:
    runtime = Runtime(answer)
    for module in (bodies, smoke):
        monkeypatch.setattr(module, "client", lambda _: runtime)
    settings = Settings.from_environment({**REQUIRED, "BODY": body, "SMOKE_PROMPT": "sky?", "SMOKE_EXPECT": expect})
    return smoke_test(settings, {"modelArn": ARN})["answer"], runtime.request


_ANSWERS: dict[str, Any] = {
    "chat": {"choices": [{"message": {"content": "Blue."}}]},
    "completion": {"choices": [{"text": "Blue."}]},
    "native": {"generation": "Blue."},
    "converse": {"output": {"message": {"content": [{"text": "Bl"}, {"reasoningContent": {}}, {"text": "ue."}]}}},
}


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        ("chat", {"messages": [{"role": "user", "content": "sky?"}], "max_tokens": 64}),
        ("completion", {"prompt": "sky?", "max_tokens": 64}),
        ("native", {"prompt": "sky?", "max_gen_len": 64}),
        (
            "converse",
            {
                "messages": [{"role": "user", "content": [{"text": "sky?"}]}],
                "inferenceConfig": {"maxTokens": 64},
            },
        ),
    ],
)
def test_sends_the_prompt_in_every_body(monkeypatch: pytest.MonkeyPatch, body: str, request_: dict[str, Any]) -> None:
    assert _smoke(monkeypatch, body, _ANSWERS[body]) == ("Blue.", {"modelId": ARN, **request_})


@pytest.mark.parametrize("expect", ["", "blue", "BLUE."])
def test_accepts_an_answer_that_contains_the_expected_text_in_any_case(
    monkeypatch: pytest.MonkeyPatch, expect: str
) -> None:
    assert _smoke(monkeypatch, "native", _ANSWERS["native"], expect=expect)[0] == "Blue."


@pytest.mark.parametrize(
    ("answer", "expect", "problem"),
    [
        ({"generation": "Blue."}, "green", "the answer to 'sky\\?' is 'Blue.', must contain 'green'"),
        ({"generation": " \n"}, "", "the answer to 'sky\\?' is empty"),
        ({"text": "Blue."}, "", "the answer is not in the form of native: KeyError"),
        ([], "", "the answer is not in the form of native: TypeError"),
    ],
)
def test_refuses_any_other_answer(monkeypatch: pytest.MonkeyPatch, answer: Any, expect: str, problem: str) -> None:
    with pytest.raises(SmokeTestError, match=problem):
        _smoke(monkeypatch, "native", answer, expect=expect)


def test_returns_the_first_200_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    for length in (199, 200, 201):
        answer, _ = _smoke(monkeypatch, "native", {"generation": "x" * length})
        assert answer == "x" * min(length, 200)


def test_a_model_that_is_not_reached_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> str:
        raise EndpointConnectionError(endpoint_url="https://bedrock")

    monkeypatch.setitem(smoke._ASK, "chat", refuse)
    with pytest.raises(ModelNotReadyError, match="Could not connect"):
        smoke_test(Settings.from_environment(REQUIRED), {"modelArn": ARN})
