"""The length of an answer whose request has no limit."""

import json

import pytest

from invoke_shim.backends.containers.lengths import UNBOUNDED
from invoke_shim.generation.estimate import most_tokens
from invoke_shim.generation.types import Piece, Usage
from tests.invoke_shim.client import Deploy, Runtime
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

ANSWER = [Piece(text="Hi", finish_reason="stop"), Piece(usage=Usage(1, 1))]


@pytest.mark.parametrize("container", ["vllm", "tgi"])
def test_without_a_limit_the_container_fills_the_context(deploy: Deploy, runtime: Runtime, container: str) -> None:
    deploy(CONTAINER=container, CONTAINER_VERSION="2.4.0").complete("Once")
    sent = json.loads(runtime.bodies[-1])
    # Null, as both take a small number of tokens where nothing is said.
    parameters = sent.get("parameters", sent)
    name = "max_new_tokens" if container == "tgi" else "max_tokens"
    assert name in parameters
    assert parameters[name] is None


def test_a_chat_without_a_limit_says_nothing_of_it_to_vllm(deploy: Deploy, runtime: Runtime) -> None:
    deploy(CONTAINER="vllm").chat(("user", "Hi"))
    assert "max_tokens" not in json.loads(runtime.bodies[-1])


def sent_limit(deploy: Deploy, runtime: Runtime, prompt: str, **environment: str) -> int:
    deploy(**environment).complete(prompt)
    limit: int = json.loads(runtime.bodies[-1])["parameters"]["max_new_tokens"]
    return limit


@pytest.mark.parametrize("environment", [{"CONTAINER_VERSION": "1.1.0"}, {}])
def test_a_container_that_must_be_told_is_told_what_fits(
    deploy: Deploy, runtime: Runtime, environment: dict[str, str]
) -> None:
    limits = {"MAX_INPUT_TOKENS": "2047", "MAX_TOTAL_TOKENS": "2048"}
    prompt = "Tell me a story of a lighthouse. " * 20
    assert sent_limit(deploy, runtime, prompt, **environment, **limits) == 2048 - most_tokens(prompt)


def test_the_engine_behind_lmi_ends_an_answer_where_the_context_ends(deploy: Deploy, runtime: Runtime) -> None:
    assert sent_limit(deploy, runtime, "x " * 256, CONTAINER="lmi", MAX_TOTAL_TOKENS="2048") == 2047


def test_a_long_prompt_leaves_what_its_own_limit_leaves(deploy: Deploy, runtime: Runtime) -> None:
    limits = {"MAX_INPUT_TOKENS": "1024", "MAX_TOTAL_TOKENS": "2048"}
    assert sent_limit(deploy, runtime, "word " * 900, **limits) == 1024


def test_a_prompt_that_is_shortened_leaves_the_rest(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy(MAX_TOTAL_TOKENS="2048")
    shim.complete("word " * 5000, truncate=100)
    assert json.loads(runtime.bodies[-1])["parameters"]["max_new_tokens"] == 1948


def test_without_known_limits_the_container_tells_them(deploy: Deploy, runtime: Runtime) -> None:
    assert sent_limit(deploy, runtime, "Once") == UNBOUNDED


def test_each_of_several_prompts_has_its_own_room(deploy: Deploy, runtime: Runtime) -> None:
    deploy(MAX_TOTAL_TOKENS="2048").complete(["word " * 10, "word " * 100])
    short, long = (json.loads(body)["parameters"]["max_new_tokens"] for body in runtime.bodies)
    assert 1024 < long < short < 2048


def test_the_declared_length_and_the_clients_go_before() -> None:
    backend = ScriptedBackend([ANSWER])
    with serve_scripted(backend, default_max_tokens=700) as shim:
        shim.complete("Once")
        shim.complete("Once", max_tokens=5)
    assert [request.generation.max_tokens for request in backend.requests] == [700, 5]


def test_a_long_prompt_is_not_refused_for_a_limit_that_nobody_asked_for(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy(CONTAINER_VERSION="2.4.0", MAX_INPUT_TOKENS="8191", MAX_TOTAL_TOKENS="8192")
    # At least 8100 tokens, whatever the tokenizer.
    prompt = "x" * 256 * 8100
    assert shim.complete(prompt).status == 200
    answer = shim.complete(prompt, max_tokens=100)
    assert answer.error["message"].endswith(
        "this model's maximum context length is 8192 tokens, prompt and 100 of answer together, at most 8191 of prompt"
    )
    assert (answer.error["code"], answer.error["param"]) == ("context_length_exceeded", "prompt")


def test_a_prompt_that_is_shortened_is_never_too_long(deploy: Deploy) -> None:
    shim = deploy(MAX_INPUT_TOKENS="10", MAX_TOTAL_TOKENS="20")
    assert shim.complete("x" * 100_000).status == 400
    assert shim.complete("x" * 100_000, truncate=10).status == 200
