"""The log of a request: one line, when its answer has ended, without a word of prompt or answer."""

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from invoke_shim import handler
from invoke_shim.backends.service_errors import timed_out
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError
from invoke_shim.generation.types import GenerationRequest, Piece, Usage
from tests.invoke_shim.client import (
    EXTENDED_REQUEST_ID,
    MODEL_NAME,
    REQUEST_ID,
    TRACE_ID,
    Context,
    Deploy,
    Runtime,
    Shim,
    chat_body,
    event_of,
    read,
)
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

Capture = pytest.CaptureFixture[str]
LOST = ApiError("the answer SECRET broke off", status=502, type="server_error", upstream="ModelStreamError")


def logged(capture: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capture.readouterr().out.splitlines()]


def script(*extra: Piece | Exception) -> ScriptedBackend:
    return ScriptedBackend([[Piece(text="ANSWER"), *extra, Piece(finish_reason="stop"), Piece(usage=Usage(2, 1))]])


def test_an_answer_leaves_one_line_with_its_numbers(capsys: Capture) -> None:
    with serve_scripted(script()) as shim:
        shim.chat(("user", "PROMPT"), user="USER")
    [line] = logged(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") >= 0
    assert not any(text in json.dumps(line) for text in ("PROMPT", "ANSWER", "USER"))
    assert {name: line[name] for name in ("level", "request_id", "trace_id", "method", "route", "status")} == {
        "level": "INFO",
        "request_id": REQUEST_ID,
        "trace_id": TRACE_ID,
        "method": "POST",
        "route": "/v1/chat/completions",
        "status": 200,
    }
    assert (line["stream"], line["PromptTokens"], line["CompletionTokens"]) == (False, 2, 1)
    assert (line["ModelName"], line["Requests"]) == (MODEL_NAME, 1)
    assert "Errors" not in line
    assert "TimeToFirstByte" not in line


def test_a_line_has_the_id_that_callers_cannot_choose_beside_the_one_that_they_can(shim: Shim, capsys: Capture) -> None:
    shim.complete()
    [line] = logged(capsys)
    assert (line["request_id"], line["extended_request_id"]) == (REQUEST_ID, EXTENDED_REQUEST_ID)


@pytest.mark.parametrize("context", [None, {}, {"extendedRequestId": None}, {"extendedRequestId": {"a": "\n\ud800"}}])
def test_an_event_without_the_extended_id_leaves_a_line_too(context: object, shim: Shim, capsys: Capture) -> None:
    event = event_of("GET", "/health", None)
    assert read(handler.handle({**event, "requestContext": context}, Context())).status == 200
    [line] = logged(capsys)
    assert line["request_id"] == "from-lambda"


def test_a_line_names_the_stack_of_its_metrics(deploy: Deploy, capsys: Capture) -> None:
    deploy(STACK_NAME="dev-the-model").complete()
    [line] = logged(capsys)
    assert line["StackName"] == "dev-the-model"
    assert ["ModelName", "StackName"] in line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]


def test_a_stream_leaves_its_line_when_it_has_ended(capsys: Capture) -> None:
    with serve_scripted(script()) as shim:
        response = shim.call("POST", "/v1/chat/completions", json.dumps(chat_body(("user", "PROMPT"), stream=True)))
        assert response.chunks is not None
        next(response.chunks)
        assert logged(capsys) == []
        list(response.chunks)
    [line] = logged(capsys)
    assert (line["stream"], line["PromptTokens"], line["CompletionTokens"]) == (True, 2, 1)
    assert line["TimeToFirstByte"] >= 0
    assert "Errors" not in line
    assert "ANSWER" not in json.dumps(line)


def test_a_stream_that_is_closed_early_is_a_client_that_is_gone(capsys: Capture) -> None:
    with serve_scripted(script()) as shim:
        response = shim.call("POST", "/v1/completions", '{"model": "the-model", "prompt": "x", "stream": true}')
        assert response.chunks is not None
        next(response.chunks)
        response.chunks.close()  # type: ignore[attr-defined]  # handle's chunks can be closed
        response.chunks.close()  # type: ignore[attr-defined]  # and again
    [line] = logged(capsys)
    assert (line["status"], line["ErrorKind"]) == (200, "client_gone")


def test_a_stream_that_breaks_off_is_an_error_of_its_own_kind(capsys: Capture) -> None:
    with serve_scripted(script(LOST)) as shim:
        shim.chat(("user", "PROMPT"), stream=True)
    [line] = logged(capsys)
    assert (line["level"], line["status"], line["ErrorKind"]) == ("ERROR", 200, "broken_stream")
    assert line["upstream"] == "ModelStreamError"
    assert "SECRET" not in json.dumps(line)


@pytest.mark.parametrize(("stream", "status"), [(False, 504), (True, 200)])
def test_an_answer_that_takes_too_long_is_a_timeout_before_the_first_byte_and_after_it(
    stream: bool, status: int, capsys: Capture
) -> None:
    late = timed_out("ModelStreamError ModelInvocationTimeExceeded", waiting="x", stream=stream)
    backend = script(late) if stream else ScriptedBackend([[late]])
    with serve_scripted(backend) as shim:
        answer = shim.chat(("user", "PROMPT"), stream=stream)
    [line] = logged(capsys)
    assert (line["level"], line["status"], line["ErrorKind"]) == ("ERROR", status, "timeout")
    assert '"code": "timeout"' in answer.text


def test_a_refused_and_a_failed_request_tell_their_kinds_without_their_messages(
    shim: Shim, runtime: Runtime, capsys: Capture
) -> None:
    shim.chat(("PROMPT", "PROMPT"))
    runtime.model_fails(422, "the PROMPT is too long")
    shim.chat(("user", "PROMPT"))
    shim.request("GET", "/PROMPT")
    refused, failed, lost = logged(capsys)
    assert (refused["status"], refused["ErrorKind"]) == (400, "invalid_request_error")
    assert (failed["status"], failed["upstream"]) == (422, "ModelError 422")
    assert (lost["status"], lost["route"]) == (404, "unknown")
    assert "PROMPT" not in json.dumps([refused, failed, lost])


def test_a_wrong_method_is_logged_with_its_route(shim: Shim, capsys: Capture) -> None:
    shim.request("GET", "/invocations")
    [line] = logged(capsys)
    assert (line["status"], line["route"], line["method"]) == (405, "/invocations", "GET")


def test_a_bug_tells_the_client_nothing_and_the_log_where(shim: Shim, capsys: Capture) -> None:
    with patch("invoke_shim.openai.prompts.read_texts", side_effect=RuntimeError("the PROMPT was odd")):
        answer = shim.complete()
    assert (answer.status, answer.error["type"]) == (500, "server_error")
    [line] = logged(capsys)
    assert (line["level"], line["status"], line["crash"], line["ErrorKind"]) == ("ERROR", 500, "RuntimeError", "crash")
    assert any(place.endswith("_complete") for place in line["where"])
    assert "PROMPT" not in json.dumps(line) + answer.text
    assert line["request_id"] in answer.error["message"]


def test_a_bug_in_a_stream_is_logged_with_its_place(capsys: Capture) -> None:
    with serve_scripted(script(RuntimeError("the PROMPT was odd"))) as shim:
        shim.complete(stream=True)
    [line] = logged(capsys)
    assert (line["level"], line["crash"], line["ErrorKind"]) == ("ERROR", "RuntimeError", "crash")
    assert line["where"]
    assert "PROMPT" not in json.dumps(line)


def test_time_spent_on_a_cold_model_is_told(capsys: Capture) -> None:
    class Cold(ScriptedBackend):
        def stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Piece]:
            deadline.cold_wait.seconds += 1.5
            return super().stream(request, deadline)

    with serve_scripted(Cold([[Piece(text="Hi", finish_reason="stop")]])) as shim:
        shim.complete()
    [line] = logged(capsys)
    assert line["ColdWaitSeconds"] == 1.5


def test_below_its_level_a_request_leaves_only_metrics(deploy: Deploy, capsys: Capture) -> None:
    deploy(LOG_LEVEL="WARN").chat(("user", "Hi"))
    [line] = logged(capsys)
    assert line["Requests"] == 1
    assert "request_id" not in line


@pytest.mark.parametrize("stream", [False, True])
def test_prompts_and_answers_are_logged_where_the_environment_opted_in(
    stream: bool, deploy: Deploy, runtime: Runtime, capsys: Capture
) -> None:
    shim = deploy(LOG_PROMPTS="true")
    if stream:
        runtime.streams(
            {"token": {"id": 1, "text": " Grü", "logprob": 0, "special": False}}, b'data:{"error": "x"}\n\n'
        )
    shim.chat(("user", "PROMPT"), stream=stream)
    [line] = logged(capsys)
    assert "PROMPT" in line["prompt"]
    assert line["answer"] == ("Grü" if stream else "Hello!")


def test_a_native_answer_is_logged_whole_however_it_was_split(
    deploy: Deploy, runtime: Runtime, capsys: Capture
) -> None:
    shim = deploy(LOG_PROMPTS="true")
    runtime.streams("é".encode()[:1], "é".encode()[1:])
    shim.post("/invocations", {"inputs": "PROMPT", "stream": True})
    runtime.answers([{"generated_text": "x"}])
    shim.post("/invocations", {"inputs": "PROMPT"})
    streamed, whole = logged(capsys)
    assert (streamed["answer"], whole["answer"]) == ("é", '[{"generated_text": "x"}]')
    assert json.loads(whole["prompt"]) == {"inputs": "PROMPT"}


def test_an_errors_message_is_logged_where_the_environment_opted_in(
    deploy: Deploy, runtime: Runtime, capsys: Capture
) -> None:
    runtime.model_fails(422, "the PROMPT is too long")
    deploy(LOG_PROMPTS="true").chat(("user", "PROMPT"))
    [line] = logged(capsys)
    assert line["error_message"] == "the PROMPT is too long"
