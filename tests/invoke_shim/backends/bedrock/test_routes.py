"""The whole function in front of an imported model: OpenAI's routes, each body of Bedrock's behind them."""

import json
from collections.abc import Callable

import pytest

from invoke_shim.backends import retry
from tests.invoke_shim.backend_stub import Reply, fails, whole
from tests.invoke_shim.backends.bedrock import stub
from tests.invoke_shim.client import MODEL_NAME, Deploy, Runtime, Shim

FORMATS = {"chat": None, "converse": None, "completion": "llama-3-instruct", "native": "llama-3-instruct"}


@pytest.fixture
def deploy_model(deploy: Deploy, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Shim]:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.001)

    def start(body: str) -> Shim:
        return deploy(
            BACKEND="bedrock",
            BODY=body,
            MODEL_ARN=stub.ARN,
            PROMPT_FORMAT=FORMATS[body],
            ENDPOINT_NAME=None,
            CONTAINER=None,
            **stub.environment(runtime),
        )

    return start


def streamed(body: str, *texts: str) -> Reply:
    """A stream in such a body's form, with 3 tokens of prompt and 5 of answer."""
    if body == "converse":
        tokens = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}
        deltas = [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}) for text in texts]
        stop = ("messageStop", {"stopReason": "end_turn"})
        return stub.converse_stream([*deltas, stop, ("metadata", {"usage": tokens, "metrics": {"latencyMs": 1}})])
    made = stub.documents(body, texts, usage=(3, 5))
    return stub.stream(list(map(stub.written, made)))


@pytest.mark.parametrize("body", FORMATS)
def test_streams_a_chat_from_every_body_after_the_model_was_loaded(
    deploy_model: Callable[[str], Shim], runtime: Runtime, body: str
) -> None:
    shim = deploy_model(body)
    runtime.replies = [fails("ModelNotReadyException", 429, message="not yet"), streamed(body, "Hel", "lo!")]
    answer = shim.chat(("user", "Hi"), stream=True, stream_options={"include_usage": True})
    assert answer.status == 200
    assert answer.deltas() == "Hello!"
    assert answer.documents[-1]["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert answer.events[-1] == "[DONE]"


@pytest.mark.parametrize("body", ["completion", "native"])
def test_writes_the_prompt_for_the_bodies_that_take_one(
    deploy_model: Callable[[str], Shim], runtime: Runtime, body: str
) -> None:
    shim = deploy_model(body)
    runtime.replies = [streamed(body, "Hello!")]
    shim.chat(("user", "Hi"), stream=True)
    assert "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>" in runtime.payload["prompt"]


def test_ends_an_answer_at_stop_strings_that_bedrocks_own_body_cannot_be_told(
    deploy_model: Callable[[str], Shim], runtime: Runtime
) -> None:
    shim = deploy_model("native")
    runtime.replies = [streamed("native", "One, t", "wo, thr", "ee")]
    assert shim.chat(("user", "Hi"), stream=True, stop=["two"]).deltas() == "One,"
    assert "stop" not in runtime.payload


def test_passes_native_payloads_through_whole_and_streamed(
    deploy_model: Callable[[str], Shim], runtime: Runtime
) -> None:
    shim = deploy_model("native")
    reply = {"generation": "Hello!", "prompt_token_count": 3, "generation_token_count": 5, "stop_reason": "stop"}
    payload = {"prompt": "Hi", "max_gen_len": 9}
    runtime.replies = [whole(reply), streamed("native", "Hello!")]
    assert shim.post("/invocations", payload).json == reply
    answer = shim.post("/invocations", {**payload, "stream": True})
    assert [json.loads(line)["generation"] for line in answer.text.splitlines()] == ["Hello!", ""]
    assert [json.loads(sent) for sent in runtime.bodies] == [payload, payload]


def test_refuses_a_native_payload_of_another_body(deploy_model: Callable[[str], Shim], runtime: Runtime) -> None:
    answer = deploy_model("native").post("/invocations", {"prompt": "Hi", "max_tokens": 9})
    assert answer.status == 400
    assert "send max_gen_len" in answer.error["message"]
    assert runtime.bodies == []


def test_tells_of_a_model_that_is_gone_in_openais_shape(deploy_model: Callable[[str], Shim], runtime: Runtime) -> None:
    shim = deploy_model("chat")
    runtime.replies = [fails("ResourceNotFoundException", 404, message=f"no {stub.ARN}")]
    answer = shim.chat(("user", "Hi"))
    assert answer.status == 503
    assert "imported model does not exist" in answer.error["message"]
    assert "123456789012" not in answer.text


def test_lists_its_one_model(deploy_model: Callable[[str], Shim]) -> None:
    listed = deploy_model("converse").request("GET", "/v1/models").json
    assert [model["id"] for model in listed["data"]] == [MODEL_NAME]
