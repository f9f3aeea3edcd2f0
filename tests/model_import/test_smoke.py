"""The smoke test against the stand-in Bedrock: every body, cold and broken models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from model_import import bodies, clients
from model_import.bodies import BodyError
from model_import.contract import BODIES
from model_import.settings import Settings
from model_import.smoke import ModelNotReadyError, SmokeTestError, smoke_test
from tests.support.bedrock_models import REGION, Bedrock, llama, prepared
from tests.support.local_aws import running


@pytest.fixture(scope="module")
def bedrock(local_aws: str, aws: Callable[..., Any]) -> Iterator[Bedrock]:
    bedrock = prepared(local_aws, aws)
    yield bedrock
    bedrock.steer("DELETE")
    bedrock.clean()


@pytest.fixture(scope="module")
def model(bedrock: Bedrock) -> str:
    return bedrock.import_model()


@pytest.fixture(autouse=True)
def _own_clients(bedrock: Bedrock, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    variables = {
        "AWS_DEFAULT_REGION": REGION,
        **running(bedrock.url).environment,
    }
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    clients.client.cache_clear()
    yield
    clients.client.cache_clear()


def _configured(**settings: Any) -> Settings:
    return Settings("m", "/target", "/served", "/previous", **settings)


@pytest.mark.parametrize("body", BODIES)
def test_takes_an_answer_in_every_body(model: str, body: str) -> None:
    answer = smoke_test(_configured(body=body, smoke_prompt="sky"), {"modelArn": model})["answer"]

    assert "sky" in answer


@pytest.mark.parametrize("steered", [True, False], ids=["others", "qwen3"])
def test_refuses_converse_where_bedrock_reports_that_it_does_not_work(bedrock: Bedrock, *, steered: bool) -> None:
    model = bedrock.import_model(llama(architectures=["LlamaForCausalLM" if steered else "Qwen3ForCausalLM"]))
    bedrock.behave(without_converse=["LlamaForCausalLM"] if steered else [])
    before = bedrock.steer("GET", path="/calls")
    with pytest.raises(BodyError, match=r"instructSupported false\); allowed: chat, completion, native; try 'chat'"):
        smoke_test(_configured(body="converse"), {"modelArn": model})
    assert bedrock.steer("GET", path="/calls") == before, "no Converse was tried"
    bedrock.behave(without_converse=[])


def test_sends_a_converse_where_bedrock_does_not_report_whether_it_works(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def get_imported_model(self, **_: Any) -> dict[str, Any]:
            return {"modelName": "m"}

    monkeypatch.setattr(bodies, "client", lambda _: Silent())
    assert smoke_test(_configured(body="converse", smoke_prompt="sky"), {"modelArn": model})["answer"]


def test_refuses_an_answer_without_what_it_must_hold(model: str) -> None:
    settings = _configured(body="native", smoke_prompt="sky", smoke_expect="blue whale")
    with pytest.raises(SmokeTestError, match=r"the answer to 'sky' is '.*', must contain 'blue whale'"):
        smoke_test(settings, {"modelArn": model})


@pytest.mark.parametrize("code", ["ModelNotReadyException", "ThrottlingException", "InternalServerException"])
def test_asks_again_what_passes_by_waiting(bedrock: Bedrock, model: str, code: str) -> None:
    bedrock.behave(faults=[{"code": code, "message": "wait"}])
    with pytest.raises(ModelNotReadyError, match=f"{code}: wait"):
        smoke_test(_configured(), {"modelArn": model})


def test_fails_on_a_model_that_is_broken(bedrock: Bedrock, model: str) -> None:
    bedrock.behave(faults=[{"code": "ModelErrorException", "message": "out of memory"}])
    with pytest.raises(SmokeTestError, match="ModelErrorException: out of memory"):
        smoke_test(_configured(), {"modelArn": model})
