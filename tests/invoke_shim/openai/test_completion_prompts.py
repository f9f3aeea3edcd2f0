"""Completions as editors and test harnesses ask for them: many stop strings, token ids, echoes with their tokens."""

import json
from typing import Any

import pytest

from invoke_shim.generation.types import Piece, TokenLogprob, Usage
from invoke_shim.openai.texts import read_texts
from tests.invoke_shim.client import Deploy, Runtime, Shim
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

Json = Any

# More than four, as editors send them to complete code.
STOPS = [f"<{name}>" for name in ("prefix", "suffix", "middle", "file", "end", "/middle", "/code")] + ["\n\n", "END"]
ENDED = [Piece(text="upon a time", finish_reason="stop"), Piece(usage=Usage(1, 1))]


@pytest.mark.parametrize(("container", "passed"), [("tgi", 4), ("lmi", 9), ("vllm", 9)])
def test_more_stop_strings_than_the_container_takes_are_cut_at_here(
    container: str, passed: int, deploy: Deploy, runtime: Runtime
) -> None:
    text = "one, two END three"
    answer = {"choices": [{"index": 0, "text": text, "finish_reason": "stop"}]}
    runtime.answers(answer if container == "vllm" else [{"generated_text": text}])
    completion = deploy(CONTAINER=container).complete("Count:", stop=STOPS)
    assert completion.json["choices"][0]["text"] == "one, two "
    sent = json.loads(runtime.bodies[-1])
    assert sent.get("parameters", sent)["stop"] == STOPS[:passed]


@pytest.mark.parametrize(
    ("prompt", "expected"), [([1, 2, 3], [(1, 2, 3)]), ([[1, 2], [3]], [(1, 2), (3,)]), ([0], [(0,)])]
)
def test_token_ids_are_prompts_where_the_container_takes_them(prompt: Json, expected: list[tuple[int, ...]]) -> None:
    backend = ScriptedBackend([ENDED])
    with serve_scripted(backend) as shim:
        answer = shim.complete(prompt)
    assert [choice["index"] for choice in answer.json["choices"]] == list(range(len(expected)))
    assert [(request.prompt, request.token_ids) for request in backend.requests] == [("", ids) for ids in expected]


def test_vllm_gets_them_as_they_are(deploy: Deploy, runtime: Runtime) -> None:
    deploy(CONTAINER="vllm").complete([1, 2, 3], echo=True)
    sent = json.loads(runtime.bodies[-1])
    assert (sent["prompt"], sent["echo"]) == ([1, 2, 3], True)


def test_who_does_not_take_them_says_so(shim: Shim) -> None:
    answer = shim.complete([1, 2, 3])
    assert (answer.status, answer.error["param"]) == (400, "prompt")
    assert answer.error["message"] == "prompt holds token ids, expected text: a non-empty string, or a list of them"


@pytest.mark.parametrize("value", [[1, "a"], [[1], 2], [[]], [-1], [True], [[1.5]], [2**31]])
def test_what_is_no_token_id_is_refused(value: Json) -> None:
    (problem,) = read_texts(value, token_ids=True).problems
    assert problem.message.startswith("prompt holds token ids and other things")


def test_an_echo_of_token_ids_needs_a_container_that_knows_their_text() -> None:
    with serve_scripted(ScriptedBackend([ENDED], abilities={"echo_logprobs": False})) as shim:
        answer = shim.complete([1, 2, 3], echo=True)
    assert (answer.status, answer.error["param"]) == (400, "echo")


TOKENS = (TokenLogprob("END", -1.0), TokenLogprob(" of", -0.5), TokenLogprob(" it", -0.25))
ECHOED = [Piece(text="END of it", logprobs=TOKENS, finish_reason="length"), Piece(usage=Usage(1, 2))]


@pytest.mark.parametrize("stream", [False, True])
def test_an_echo_with_log_probabilities_is_the_containers_own(stream: bool) -> None:
    backend = ScriptedBackend([ECHOED])
    with serve_scripted(backend) as shim:
        answer = shim.complete("END", echo=True, logprobs=1, stop="END", stream=stream)
    assert backend.requests[0].generation.echo
    (choice,) = [choice for choice in (answer.documents[0] if stream else answer.json)["choices"] if choice["text"]]
    # Neither twice nor cut at the stop string that the prompt holds.
    assert choice["text"] == "END of it"
    assert choice["logprobs"]["tokens"] == ["END", " of", " it"]


def test_a_plain_echo_is_written_here() -> None:
    backend = ScriptedBackend([ENDED])
    with serve_scripted(backend) as shim:
        assert shim.complete("Once ", echo=True).json["choices"][0]["text"] == "Once upon a time"
    assert not backend.requests[0].generation.echo
