"""Prompts that are too long: known by their code, and no refusal for a length of answer that only a declaration set."""

import json

import pytest

from tests.invoke_shim.backend_stub import model_fails, stream, whole
from tests.invoke_shim.client import Deploy, Runtime, last_token, sse, token

COMPLAINT = (
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8192. Given: 7955 `inputs` tokens and 256 "
    "`max_new_tokens`"
)
BODY = json.dumps({"error": COMPLAINT, "error_type": "validation"})


def limits(runtime: Runtime) -> list[int | None]:
    return [json.loads(body)["parameters"]["max_new_tokens"] for body in runtime.bodies]


@pytest.mark.parametrize("environment", [{}, {"DEFAULT_MAX_TOKENS": "256"}])
def test_a_client_that_asks_for_more_than_fits_learns_it_by_the_code(
    deploy: Deploy, runtime: Runtime, environment: dict[str, str]
) -> None:
    runtime.model_fails(422, BODY)
    answer = deploy(CONTAINER_VERSION="2.4.0", **environment).complete("Once", max_tokens=256)
    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert limits(runtime) == [256]


def test_a_declared_length_that_does_not_fit_becomes_what_fits(deploy: Deploy, runtime: Runtime) -> None:
    runtime.replies = [model_fails(422, BODY), whole([{"generated_text": " Hi"}])]
    assert deploy(CONTAINER_VERSION="2.4.0", DEFAULT_MAX_TOKENS="256").complete("Once").status == 200
    assert limits(runtime) == [256, None]


def test_likewise_in_a_stream(deploy: Deploy, runtime: Runtime) -> None:
    runtime.replies = [stream([sse(json.loads(BODY))]), stream([sse(token("Hi")), sse(last_token("", "Hi"))])]
    answer = deploy(CONTAINER_VERSION="2.4.0", DEFAULT_MAX_TOKENS="256").complete("Once", stream=True)
    assert answer.texts() == "Hi"
    assert limits(runtime) == [256, None]


def test_a_prompt_that_is_too_long_by_itself_is_refused(deploy: Deploy, runtime: Runtime) -> None:
    runtime.model_fails(422, json.dumps({"error": "`inputs` must have less than 4095 tokens. Given: 5000"}))
    answer = deploy(CONTAINER_VERSION="2.4.0", DEFAULT_MAX_TOKENS="256").complete("Once")
    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert limits(runtime) == [256, None]


def test_prompts_of_token_ids_are_measured_before_they_are_sent(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy(CONTAINER="vllm", MAX_INPUT_TOKENS="3", MAX_TOTAL_TOKENS="8")
    sent = len(runtime.bodies)
    answer = shim.complete([1, 2, 3, 4])
    assert (answer.error["code"], answer.error["param"]) == ("context_length_exceeded", "prompt")
    assert answer.error["message"].startswith("prompt has 4 tokens; this model's maximum context length is 8 tokens")
    assert len(runtime.bodies) == sent
