"""Errors as OpenAI's clients see them, and the time that a request waits before one."""

import socket
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.deadline import Deadline, seconds_to_wait
from invoke_shim.errors import MAX_PARAM, ApiError, Problem, refuse, show
from invoke_shim.generation.types import GenerationRequest, Piece
from tests.invoke_shim.backend_stub import fails, model_fails
from tests.invoke_shim.client import Context, Deploy, Reply, Runtime, Shim
from tests.invoke_shim.openai import objects
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

IMPATIENT = {"X-Stainless-Read-Timeout": "1"}
"""With a second of patience a cold model is not waited for."""

ERRORS = {
    "the container's own": (
        model_fails(422, '{"error": "`inputs` tokens + `max_new_tokens` must be <= 2048", "error_type": "validation"}'),
        (400, "invalid_request_error", None),
        "must be <= 2048",
    ),
    "a failed generation": (
        model_fails(424, '{"error": "Request failed during generation: CUDA", "error_type": "generation"}'),
        (502, "server_error", None),
        "failed to generate",
    ),
    "throttled": (
        fails("ThrottlingException", 400, Message=None),
        (429, "rate_limit_error", "1"),
        "too many requests",
    ),
    "cold": (fails("ModelNotReadyException", 429, Message="x"), (503, "server_error", "10"), "not ready yet"),
    "scaled to zero": (
        fails("ValidationError", 400, Message="Inference Component ic has no capacity to process this request"),
        (503, "server_error", "60"),
        "scaled to zero",
    ),
}


@pytest.mark.parametrize(("reply", "expected", "message"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_models_error_has_a_status_openais_clients_know(
    stream: bool, reply: Reply, expected: tuple[int, str, str | None], message: str, shim: Shim, runtime: Runtime
) -> None:
    runtime.reply = reply
    body = {"model": "the-model", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    answer = shim.post("/v1/chat/completions", body, IMPATIENT)
    objects.is_error(answer.json)
    assert (answer.status, answer.error["type"], answer.headers.get("retry-after")) == expected
    assert message in answer.error["message"]
    assert "123456789012" not in answer.text
    assert len(runtime.bodies) == 1


def test_a_late_answer_is_a_timeout_that_names_the_limits(deploy: Deploy, runtime: Runtime) -> None:
    runtime.reply = Reply(hang=True)
    shim = deploy(INVOKE_TIMEOUT_SECONDS="5")
    shim.context.remaining_seconds = 2
    answer = shim.chat(("user", "Hi"))
    assert (answer.status, answer.error["type"], answer.error["code"]) == (504, "server_error", "timeout")
    assert "60 s" in answer.error["message"]
    assert "5 s (INVOKE_TIMEOUT_SECONDS)" in answer.error["message"]
    assert "stream: true" in answer.error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert len(runtime.bodies) == 1


def test_a_lost_connection_is_not_repeated(shim: Shim, runtime: Runtime) -> None:
    runtime.reply = Reply(drop=True)
    answer = shim.chat(("user", "Hi"))
    assert (answer.status, answer.error["type"]) == (502, "server_error")
    assert answer.headers["x-should-retry"] == "false"
    assert len(runtime.bodies) == 1


def test_no_connection_at_all_may_be_repeated(deploy: Deploy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    shim = deploy(AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=closed)
    answer = shim.post("/v1/completions", {"model": "the-model", "prompt": "Hi"}, IMPATIENT)
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert "cannot be reached" in answer.error["message"]


PATIENCE: dict[str, tuple[Mapping[str, str], float, float, float]] = {
    "the API's": ({}, 29, 900, 27),
    "the function's": ({}, 900, 30, 29),
    "the caller's": ({"x-stainless-read-timeout": "5"}, 29, 900, 4.5),
    "a patient caller's": ({"x-stainless-read-timeout": "20"}, 29, 900, 19),
    "that of OpenAI's other clients": ({"x-stainless-timeout": "10"}, 29, 900, 9),
    "the shorter of two": ({"x-stainless-timeout": "10", "x-stainless-read-timeout": "4"}, 29, 900, 3.6),
    "without end": ({"x-stainless-read-timeout": "600"}, 900, 900, 599),
    "none told": ({"x-stainless-read-timeout": "None"}, 29, 900, 27),
    "no number": ({"x-stainless-read-timeout": "NaN"}, 29, 900, 27),
    "zero, which says nothing": ({"x-stainless-read-timeout": "0"}, 29, 900, 27),
    "below zero": ({"x-stainless-read-timeout": "-5"}, 29, 900, 27),
    "infinite": ({"x-stainless-read-timeout": "inf"}, 29, 900, 27),
    "over already": ({}, 29, 0.5, 0),
}


@pytest.mark.parametrize(("headers", "timeout", "remaining", "expected"), PATIENCE.values(), ids=PATIENCE)
def test_waits_as_long_as_the_least_patient(
    headers: Mapping[str, str], timeout: float, remaining: float, expected: float
) -> None:
    assert seconds_to_wait(headers, timeout_seconds=timeout, remaining_seconds=remaining) == pytest.approx(expected)


def test_the_deadline_is_the_callers() -> None:
    backend = ScriptedBackend([[Piece(text="Hi", finish_reason="stop")]])
    with serve_scripted(backend) as shim:
        shim.post("/v1/completions", {"model": "the-model", "prompt": "x"}, IMPATIENT)
        shim.post("/v1/completions", {"model": "the-model", "prompt": "x", "stream": True}, IMPATIENT)
        shim.post("/invocations", {"prompt": "x"}, IMPATIENT)
        shim.post("/v1/completions", {"model": "the-model", "prompt": "x"})
    *hurried, usual = [deadline.remaining() for deadline in backend.deadlines]
    assert len(hurried) == 3
    assert all(remaining <= 0.9 for remaining in hurried)
    assert usual > 0.9


def test_the_functions_own_time_ends_the_waiting() -> None:
    backend = ScriptedBackend([[Piece(text="Hi", finish_reason="stop")]])
    with serve_scripted(backend) as shim:
        shim.context = Context(remaining_seconds=1)
        assert shim.complete().status == 200
    assert backend.deadlines[0].remaining() == 0


def test_an_errors_headers_are_sent_along() -> None:
    class Failing(ScriptedBackend):
        def stream(self, _ask: GenerationRequest, _deadline: Deadline) -> Iterator[Piece]:
            raise ApiError("no", status=418, type="server_error", code="teapot", param="x", headers={"x-a": "b"})

    with serve_scripted(Failing([[]])) as shim:
        for answer in (shim.complete(), shim.complete(stream=True)):
            assert (answer.status, answer.headers["x-a"]) == (418, "b")
            assert answer.error == {"message": "no", "type": "server_error", "code": "teapot", "param": "x"}


@given(problems=st.lists(st.builds(Problem, st.none() | st.text(), st.text(max_size=50)), min_size=1, max_size=60))
def test_one_error_for_all_problems_is_short_and_names_the_first(problems: list[Problem]) -> None:
    error = refuse(problems)
    objects.is_error(error.body())
    assert error.status == 400
    assert (error.param or "") == (problems[0].param or "")[:MAX_PARAM]
    assert problems[0].message in error.message
    assert ("more" in error.message[-20:]) or len(problems) <= 20


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        ([1], "a list"),
        ({"a": 1}, "an object"),
        ("é" * 100, f"'{'é' * 40}...'"),
        (10**20, "an enormous integer"),
        (1.5, "1.5"),
        ("\ud800", "'\\ud800'"),
    ],
)
def test_shows_a_value_in_short(value: object, shown: str) -> None:
    assert show(value) == shown
