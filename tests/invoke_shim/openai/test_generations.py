"""The bound on generations of one request, which throttles and quotas count as one."""

from typing import Any

import pytest

from invoke_shim import rules
from invoke_shim.contract import DEFAULT_GENERATIONS
from invoke_shim.generation.types import Piece, Usage
from invoke_shim.rules.base import ContainerRules
from tests.invoke_shim.client import Deploy, Runtime, Shim
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

CHAT = [{"role": "user", "content": "Hi"}]
ANSWER = [Piece(text="Hi", finish_reason="stop"), Piece(usage=Usage(1, 1))]


def test_a_chat_of_more_answers_than_a_request_may_have_is_refused() -> None:
    with serve_scripted(ScriptedBackend([ANSWER])) as shim:
        assert shim.chat(("user", "Hi"), n=DEFAULT_GENERATIONS).status == 200
        answer = shim.chat(("user", "Hi"), n=DEFAULT_GENERATIONS + 1)
    assert (answer.status, answer.error["param"]) == (400, "n")
    assert answer.error["message"] == (
        "n makes 5 generations, but one request may make at most 4: send several requests"
    )


def test_prompts_and_their_answers_are_multiplied() -> None:
    with serve_scripted(ScriptedBackend([ANSWER])) as shim:
        assert shim.complete(["a", "b"], n=2).status == 200
        answer = shim.complete(["a", "b"], n=3)
    assert (answer.status, answer.error["param"]) == (400, "prompt")
    assert answer.error["message"].startswith("prompt and n make 6 generations")


def test_an_environment_may_take_more_or_fewer() -> None:
    with serve_scripted(ScriptedBackend([ANSWER]), max_generations=128) as shim:
        assert shim.complete(["a"] * 128).status == 200
        assert shim.complete(["a"] * 129).status == 400
    with serve_scripted(ScriptedBackend([ANSWER]), max_generations=1) as shim:
        assert shim.chat(("user", "Hi"), n=2).status == 400


def test_the_answers_that_a_container_chooses_from_count_too(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy(MAX_GENERATIONS="3")
    assert shim.complete(["a"], best_of=2, temperature=0.5).status == 200
    sent = len(runtime.bodies)
    answer = shim.complete(["a", "b"], best_of=2, temperature=0.5)
    assert answer.error["message"].startswith("prompt and best_of make 4 generations")
    assert len(runtime.bodies) == sent


def test_a_native_payload_is_bounded_too(shim: Shim, deploy: Deploy, runtime: Runtime) -> None:
    payload = {"inputs": "Hi", "parameters": {"best_of": 2, "do_sample": True}}
    assert shim.post("/invocations", payload).status == 200
    answer = deploy(MAX_GENERATIONS="1").post("/invocations", payload)
    assert (answer.status, answer.error["param"]) == (400, "parameters.best_of")


NATIVE: list[tuple[ContainerRules, dict[str, Any], str | None]] = [
    (rules.VLLM, {"messages": CHAT, "n": 4}, None),
    (rules.VLLM, {"messages": CHAT, "n": 5}, "n"),
    (rules.VLLM, {"messages": CHAT * 9}, None),
    (rules.LMI, {"messages": CHAT, "n": 5}, "n"),
    (rules.VLLM, {"prompt": ["a"] * 4}, None),
    (rules.VLLM, {"prompt": ["a"] * 5}, "prompt"),
    (rules.VLLM, {"prompt": [[1]] * 5}, "prompt"),
    (rules.VLLM, {"prompt": [1, 2, 3, 4, 5]}, None),
    (rules.VLLM, {"prompt": "Hi", "best_of": 5}, "best_of"),
    (rules.VLLM, {"prompt": ["a", "b"], "best_of": 3, "n": 1}, "prompt"),
    (rules.TGI, {"inputs": "Hi", "parameters": None}, "parameters"),
    (rules.BEDROCK_CHAT, {"messages": CHAT, "n": 1}, None),
]


@pytest.mark.parametrize(("container", "body", "param"), NATIVE)
def test_each_containers_own_forms_are_counted(
    container: ContainerRules, body: dict[str, Any], param: str | None
) -> None:
    problems = container.native_problems(body, max_generations=4)
    assert [problem.param for problem in problems] == ([] if param is None else [param])
