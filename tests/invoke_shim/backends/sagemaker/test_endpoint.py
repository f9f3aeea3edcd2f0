"""The SageMaker backend over real HTTP, with botocore's own decoding of real event streams."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.session import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoke_shim.backends import connections
from invoke_shim.backends.base import Backend
from invoke_shim.backends.sagemaker.endpoint import SageMakerEndpoint
from invoke_shim.errors import ApiError
from invoke_shim.formats import Message
from invoke_shim.generation.cut import cut_stream
from invoke_shim.generation.types import Generation, GenerationRequest, Usage, collect
from localaws import eventstream
from tests.invoke_shim.backend_stub import (
    ENDPOINT_NAME,
    Reply,
    Stub,
    backend,
    cut_up,
    environment,
    fails,
    model_fails,
    part,
    prompt_request,
    soon,
    stream,
    texts,
    whole,
)
from tests.invoke_shim.container_writers import PROMPT_TOKENS, WRITERS, Writer, tgi_events, tgi_stream, tgi_whole

OTHERS_ARN = "arn:aws:sts::123456789012:assumed-role/secret-role/session"
TOO_LONG = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2040 and 256"


@pytest.fixture(scope="module")
def running() -> Iterator[Stub]:
    with Stub().running() as stub:
        yield stub


@pytest.fixture
def stub(running: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    running.reset()
    for name, value in environment(running).items():
        monkeypatch.setenv(name, value)
    # Waiting by the clock is tested with a clock of its own.
    monkeypatch.setattr("invoke_shim.backends.retry.FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("invoke_shim.backends.retry.LONGEST_PAUSE_SECONDS", 0.001)
    yield running
    running.reset()


@pytest.fixture
def endpoint(stub: Stub) -> Iterator[SageMakerEndpoint]:
    made = backend()
    yield made
    made.close()


def question(writer: Writer, **generation: Any) -> GenerationRequest:
    messages = (Message("user", "Hi"),) if writer.chat else ()
    asked = Generation(**{"max_tokens": 256, **generation})
    return GenerationRequest(prompt=None if writer.chat else "Once", messages=messages, generation=asked)


def failure(call: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value


# ------------------------------------------------------------------ answers


def test_is_a_backend(endpoint: SageMakerEndpoint) -> None:
    checked: Backend = endpoint
    assert checked.takes_messages is False
    assert checked.rules.max_stop == 4
    assert [problem.param for problem in checked.native_problems({"inputs": "x", "parameters": {"top_p": 1}})] == [
        "parameters.top_p"
    ]
    assert backend("vllm").takes_messages is True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writer=st.sampled_from(list(WRITERS.values())),
    tokens=st.lists(texts, max_size=5),
    part_places=st.lists(st.integers(0, 10_000), max_size=12),
    chunk_places=st.lists(st.integers(0, 100_000), max_size=12),
)
def test_any_text_comes_through_any_split_of_the_event_stream(
    stub: Stub, writer: Writer, tokens: list[str], part_places: list[int], chunk_places: list[int]
) -> None:
    parts = cut_up(writer.stream(tokens), part_places)
    reply = stream(parts)
    # The events are split over the HTTP chunks once more.
    reply.body = [chunk for chunk in cut_up(b"".join(reply.body), chunk_places) if chunk]  # type: ignore[arg-type]
    stub.replies = [reply]
    made = backend(writer.container)
    answer = collect(made.stream(question(writer), soon()))
    made.close()
    assert answer.completions[0].text == "".join(tokens)
    assert answer.usage == Usage(PROMPT_TOKENS if writer.counts_prompt else None, len(tokens) + 1)


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_an_answer_at_once(stub: Stub, writer: Writer) -> None:
    stub.replies = [whole(writer.whole(["Hé", " \U0001f642"]))]
    made = backend(writer.container)
    answer = made.complete(question(writer), soon())
    made.close()
    assert answer.completions[0].text == "Hé \U0001f642"
    assert stub.paths == [f"/endpoints/{ENDPOINT_NAME}/invocations"]
    assert stub.headers[0]["content-type"] == stub.headers[0]["accept"] == "application/json"
    assert "stream" not in stub.payload


def test_a_stream_is_asked_for_at_its_own_operation(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [stream([tgi_stream(["Hi"])])]
    pieces = endpoint.stream(prompt_request(), soon())
    assert stub.paths == []
    assert [piece.text for piece in pieces] == ["Hi", ""]
    assert stub.paths == [f"/endpoints/{ENDPOINT_NAME}/invocations-response-stream"]
    assert stub.payload["stream"] is True


def test_the_first_token_does_not_wait_for_the_rest(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    events = tgi_events(["One", " two"])
    stub.replies = [stream([f"data:{json.dumps(events[0])}\n\n".encode()], hang=True)]
    pieces = endpoint.stream(prompt_request(), soon())
    assert next(pieces).text == "One"
    pieces.close()  # type: ignore[attr-defined]  # a generator


def test_an_answer_is_gathered_from_the_stream_where_the_settings_say_so(stub: Stub) -> None:
    stub.replies = [stream([tgi_stream(["One", " two"])])]
    made = backend(gather_stream=True)
    answer = made.complete(prompt_request(), soon())
    made.close()
    assert (answer.completions[0].text, answer.usage) == ("One two", Usage(PROMPT_TOKENS, 3))
    assert stub.paths == [f"/endpoints/{ENDPOINT_NAME}/invocations-response-stream"]


def test_a_payload_of_the_containers_own_goes_through_untouched(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    body, answer = b'{"inputs":  "x"}', b"[ 1, \xff ]"
    stub.replies = [whole(answer, "text/x-odd")]
    reply = endpoint.invoke(body, soon())
    assert (reply.body, reply.content_type) == (answer, "text/x-odd")
    assert stub.bodies == [body]


def test_a_stream_of_the_containers_own_goes_through_untouched(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [stream([b"a\xff", b"", b"b\n"], content_type="application/jsonlines")]
    native = endpoint.invoke_stream(b"{}", soon())
    assert native.content_type == "application/jsonlines"
    assert list(native.chunks) == [b"a\xff", b"b\n"]


def test_the_endpoint_is_the_one_that_the_parameter_names(stub: Stub) -> None:
    parameter = {"Parameter": {"Name": "p", "Type": "String", "Value": "blue"}}
    stub.replies = [whole(parameter), whole(tgi_whole(["Hi"]))]
    made = backend(endpoint_name=None, target_parameter="p")
    assert made.complete(prompt_request(), soon()).completions[0].text == "Hi"
    made.close()
    assert stub.paths == ["/", "/endpoints/blue/invocations"]


GONE = fails("ValidationError", 400, Message="Endpoint blue of account 123456789012 not found.")


def named(endpoint_name: str) -> Reply:
    return whole({"Parameter": {"Name": "p", "Type": "String", "Value": endpoint_name}})


@pytest.mark.parametrize("streamed", [False, True])
def test_an_endpoint_that_was_replaced_is_not_asked_for_ten_more_seconds(stub: Stub, streamed: bool) -> None:
    answer = stream([tgi_stream(["Hi"])]) if streamed else whole(tgi_whole(["Hi"]))
    stub.replies = [named("blue"), GONE, named("green"), answer]
    made = backend(endpoint_name=None, target_parameter="p", gather_stream=streamed)
    assert made.complete(prompt_request(), soon()).completions[0].text == "Hi"
    made.close()
    operation = "invocations-response-stream" if streamed else "invocations"
    assert stub.paths == ["/", f"/endpoints/blue/{operation}", "/", f"/endpoints/green/{operation}"]


def test_an_endpoint_that_is_gone_without_a_successor_is_an_error(stub: Stub) -> None:
    stub.replies = [named("blue"), GONE, named("blue")]
    made = backend(endpoint_name=None, target_parameter="p")
    assert "the endpoint blue does not exist" in failure(lambda: made.complete(prompt_request(), soon())).message
    made.close()
    assert len(stub.paths) == 3


def test_a_backend_needs_a_container() -> None:
    with pytest.raises(ValueError, match="no container"):
        backend(None)  # type: ignore[arg-type]  # what is tested


# ------------------------------------------------------------------ connections


def test_reuses_its_connection(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [whole(tgi_whole(["a"])), stream([tgi_stream(["b"])]), whole(tgi_whole(["c"]))]
    endpoint.complete(prompt_request(), soon())
    list(endpoint.stream(prompt_request(), soon()))
    endpoint.complete(prompt_request(), soon())
    assert stub.connections == 1


def test_opens_a_new_connection_after_a_pause(
    endpoint: SageMakerEndpoint, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.replies = [whole(tgi_whole(["a"]))]
    endpoint.complete(prompt_request(), soon())
    monkeypatch.setattr(connections, "MAX_IDLE_SECONDS", -1)
    endpoint.complete(prompt_request(), soon())
    assert stub.connections == 2


def endless() -> Reply:
    """A stream that goes on for longer than any socket's buffer is long."""
    event = json.dumps(tgi_events(["x" * 1000])[0])
    reply = stream([])
    reply.body = [part(f"data:{event}\n\n".encode())] * 20_000
    return reply


def test_a_stream_that_nobody_wants_any_more_is_closed(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [endless()]
    pieces = endpoint.stream(prompt_request(), soon())
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert stub.closed_early.wait(5)


def test_a_stop_string_ends_the_containers_work(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [endless()]
    pieces = list(cut_stream(endpoint.stream(prompt_request(), soon()), ["xxx"]))
    assert [(piece.text, piece.finish_reason) for piece in pieces] == [("", "stop")]
    assert stub.closed_early.wait(5)


def test_a_native_stream_that_is_never_read_is_closed(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [endless()]
    native = endpoint.invoke_stream(b"{}", soon())
    native.chunks.close()  # type: ignore[attr-defined]  # a generator
    assert stub.closed_early.wait(5)


# ------------------------------------------------------------------ cold models

COLD = {
    "not ready": fails("ModelNotReadyException", 429, Message="try later"),
    "unavailable": fails("ServiceUnavailable", 503, Message="try later"),
    "a gateway's 503": Reply(status=503, body=b"<html>"),
    "scaled to zero": fails("ValidationError", 400, Message="Inference Component ic has no capacity to process this"),
    "the container is not ready": model_fails(503, "no worker is available to serve request"),
}


@pytest.mark.parametrize("cold", COLD.values(), ids=COLD)
def test_a_cold_model_is_waited_for(endpoint: SageMakerEndpoint, stub: Stub, cold: Reply) -> None:
    stub.replies = [cold, cold, whole(tgi_whole(["Hi"]))]
    deadline = soon()
    assert endpoint.complete(prompt_request(), deadline).completions[0].text == "Hi"
    assert len(stub.bodies) == 3
    assert 0 < deadline.cold_wait.seconds < 1


@pytest.mark.parametrize("cold", COLD.values(), ids=COLD)
def test_a_cold_model_is_waited_for_before_a_stream(endpoint: SageMakerEndpoint, stub: Stub, cold: Reply) -> None:
    stub.replies = [cold, cold, stream([tgi_stream(["Hi"])])]
    assert collect(endpoint.stream(prompt_request(), soon())).completions[0].text == "Hi"
    assert len(stub.bodies) == 3


@pytest.mark.parametrize("call", ["invoke", "invoke_stream"])
def test_the_containers_own_payloads_wait_as_well(endpoint: SageMakerEndpoint, stub: Stub, call: str) -> None:
    reply = whole(b"[]") if call == "invoke" else stream([b"x"])
    stub.replies = [COLD["not ready"], reply]
    native = getattr(endpoint, call)(b"{}", soon())
    if call == "invoke_stream":
        assert list(native.chunks) == [b"x"]
    assert len(stub.bodies) == 2


WAITS = {"scaled to zero": "60"}


@pytest.mark.parametrize("name", COLD)
def test_a_model_that_stays_cold_is_unavailable(endpoint: SageMakerEndpoint, stub: Stub, name: str) -> None:
    stub.replies = [COLD[name]]
    for call in (endpoint.complete, lambda *args: next(endpoint.stream(*args))):
        stub.bodies.clear()
        error = failure(lambda call=call: call(prompt_request(), soon(0)))
        assert (error.status, error.type) == (503, "server_error")
        assert error.headers == {"retry-after": WAITS.get(name, "10")}
        assert len(stub.bodies) == 1


def test_no_connection_at_all_is_waited_for(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", closed)
    deadline = soon(2.1)
    made = backend()
    error = failure(lambda: next(made.stream(prompt_request(), deadline)))
    assert (error.status, error.headers["retry-after"]) == (503, "10")
    assert "cannot be reached" in error.message
    assert deadline.cold_wait.seconds > 0


NOT_REPEATED = {
    "throttled": fails("ThrottlingException", 400, Message=None),
    "internal": fails("InternalFailure", 500, Message="x"),
    "generation": model_fails(424, '{"error": "x", "error_type": "generation"}'),
    "overloaded": model_fails(429, '{"error": "x", "error_type": "overloaded"}'),
    "lost": Reply(drop=True),
    "broken off": Reply(body=b"[{", headers={"content-length": "100"}, cut=True),
}


@pytest.mark.parametrize("reply", NOT_REPEATED.values(), ids=NOT_REPEATED)
def test_what_the_model_may_have_seen_is_never_sent_twice(
    endpoint: SageMakerEndpoint, stub: Stub, reply: Reply
) -> None:
    stub.replies = [reply, whole(tgi_whole(["Hi"]))]
    failure(lambda: endpoint.complete(prompt_request(), soon()))
    assert len(stub.bodies) == 1


# ------------------------------------------------------------------ errors


def tgi(message: str, kind: str) -> str:
    return json.dumps({"error": message, "error_type": kind})


MODEL_ERRORS = {
    "TGI: validation": ("tgi", 422, tgi(TOO_LONG, "validation"), 422, "invalid_request_error", "must be <= 2048"),
    "TGI: too large": ("tgi", 413, "length limit exceeded", 413, "invalid_request_error", "length limit exceeded"),
    "TGI: overloaded": ("tgi", 429, tgi("Model is overloaded", "overloaded"), 429, "rate_limit_error", "queue"),
    "TGI: generation": ("tgi", 424, tgi("CUDA out of memory", "generation"), 502, "server_error", "failed to generate"),
    "TGI: incomplete": ("tgi", 500, tgi("Incomplete", "x"), 502, "server_error", "failed to generate"),
    "LMI: payload": (
        "lmi",
        424,
        '{"error": "Input parsing failed", "code": 424}',
        400,
        "invalid_request_error",
        "Input parsing failed",
    ),
    "LMI: message": ("lmi", 400, '{"code": 400, "message": "bad input"}', 400, "invalid_request_error", "bad input"),
    "vLLM": ("vllm", 400, '{"error": {"message": "too long", "code": 400}}', 400, "invalid_request_error", "too long"),
    "vLLM, older": ("vllm", 404, '{"object": "error", "message": "x y"}', 404, "invalid_request_error", "x y"),
    "no message": ("tgi", 400, "", 400, "invalid_request_error", "refused the request"),
    "an object without a message": ("tgi", 400, "[1]", 400, "invalid_request_error", "[1]"),
    "gateway": ("lmi", 504, "gateway timeout", 502, "server_error", "failed to generate"),
    "no status": ("lmi", 0, "connection reset", 502, "server_error", "failed to generate"),
}


@pytest.mark.parametrize(
    ("container", "original", "body", "status", "kind", "message"), MODEL_ERRORS.values(), ids=MODEL_ERRORS
)
def test_a_containers_error_keeps_its_meaning(
    container: str, original: int, body: str, status: int, kind: str, message: str, stub: Stub
) -> None:
    stub.replies = [model_fails(original, body)]
    made = backend(container)
    for call in (made.complete, lambda *args: next(made.stream(*args))):
        error = failure(lambda call=call: call(prompt_request(), soon()))
        assert (error.status, error.type) == (status, kind)
        assert message in error.message
        assert "CUDA" not in error.message
        assert ("retry-after" in error.headers) == (status == 429)
        assert error.upstream == f"ModelError {original}"
    made.close()


SERVICE_ERRORS: dict[str, tuple[str, int, str | None, int, str, dict[str, str], str]] = {
    "throttled": ("ThrottlingException", 400, "Rate", 429, "rate_limit_error", {"retry-after": "1"}, "too many"),
    "throttled without a message": (
        "ThrottlingException",
        400,
        None,
        429,
        "rate_limit_error",
        {"retry-after": "1"},
        "too many",
    ),
    "endpoint gone": (
        "ValidationError",
        400,
        "Endpoint falcon-endpoint of account 123456789012 not found.",
        503,
        "server_error",
        {"x-should-retry": "false"},
        "the endpoint falcon-endpoint does not exist or is not in service",
    ),
    "payload": (
        "ValidationError",
        400,
        f"Member must have length less than or equal to 6291456 ({OTHERS_ARN})",
        400,
        "invalid_request_error",
        {},
        "less than or equal to 6291456",
    ),
    "denied": (
        "AccessDeniedException",
        403,
        f"User: {OTHERS_ARN} is not authorized to perform: sagemaker:InvokeEndpointWithResponseStream on resource: x",
        500,
        "server_error",
        {"x-should-retry": "false"},
        "lacks the permission sagemaker:InvokeEndpointWithResponseStream for the endpoint falcon-endpoint",
    ),
    "denied without a reason": (
        "AccessDeniedException",
        403,
        None,
        500,
        "server_error",
        {"x-should-retry": "false"},
        "sagemaker:InvokeEndpoint",
    ),
    "internal": ("InternalFailure", 500, "oops", 502, "server_error", {}, "SageMaker failed"),
    "dependency": ("InternalDependencyException", 530, "oops", 502, "server_error", {}, "SageMaker failed"),
    "unheard of": ("SomethingNew", 418, "oops", 502, "server_error", {}, "SageMaker failed"),
}


@pytest.mark.parametrize(
    ("code", "http", "message", "status", "kind", "headers", "text"), SERVICE_ERRORS.values(), ids=SERVICE_ERRORS
)
def test_a_sagemaker_error_becomes_openais(
    code: str,
    http: int,
    message: str | None,
    status: int,
    kind: str,
    headers: dict[str, str],
    text: str,
    endpoint: SageMakerEndpoint,
    stub: Stub,
) -> None:
    stub.replies = [fails(code, http, Message=message)]
    for call in (endpoint.complete, lambda *args: next(endpoint.stream(*args))):
        error = failure(lambda call=call: call(prompt_request(), soon()))
        assert (error.status, error.type, error.headers) == (status, kind, headers)
        assert text in error.message
        assert "123456789012" not in error.message
        assert "secret-role" not in error.message


def test_the_containers_60_seconds_are_explained_and_streaming_is_suggested(
    endpoint: SageMakerEndpoint, stub: Stub
) -> None:
    stub.replies = [model_fails(0, "Your invocation timed out while waiting for a response from container primary.")]
    error = failure(lambda: endpoint.complete(prompt_request(), soon()))
    assert (error.status, error.code, error.headers) == (504, "timeout", {"x-should-retry": "false"})
    for words in ("60 s", "29 s (INVOKE_TIMEOUT_SECONDS)", "stream: true", "max_tokens"):
        assert words in error.message


def test_a_caller_with_less_patience_is_answered_in_time(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [whole(tgi_whole(["Hi"])), Reply(hang=True)]
    endpoint.complete(prompt_request(), soon(1.5))
    error = failure(lambda: endpoint.complete(prompt_request(), soon(1.5)))
    assert (error.status, error.code) == (504, "timeout")
    # The next one has another second of patience, the same timeout's client is used again, the usual one is not lost.
    stub.replies = [whole(tgi_whole(["Hi"]))]
    assert endpoint.complete(prompt_request(), soon(2.5)).completions[0].text == "Hi"
    assert endpoint.complete(prompt_request(), soon(27)).completions[0].text == "Hi"


def test_a_lost_connection_is_not_to_be_repeated(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [Reply(drop=True)]
    error = failure(lambda: endpoint.complete(prompt_request(), soon()))
    assert (error.status, error.headers) == (502, {"x-should-retry": "false"})
    assert "the connection to the model was lost" in error.message


def test_an_answer_that_breaks_off_is_a_lost_connection(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [Reply(body=b"[{", headers={"content-length": "100"}, cut=True)]
    assert failure(lambda: endpoint.complete(prompt_request(), soon())).status == 502


def test_a_request_that_cannot_be_signed_is_the_apis_own_error(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "session", Session)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = failure(lambda: backend().complete(prompt_request(), soon()))
    assert (error.status, error.message) == (500, "the request could not be sent to the model")


# ------------------------------------------------------------------ errors within a stream

TEXT = [f"data:{json.dumps(event)}\n\n".encode() for event in tgi_events(["One", " two"])[:-1]]


def broken(code: str, **members: str) -> Reply:
    return stream(TEXT, last=eventstream.exception(code, members))


IN_STREAM = {
    "too long": (broken("ModelStreamError", Message="The model timed out", ErrorCode="x"), 504, "in time"),
    "too long, by its code": (broken("ModelStreamError", Message="ModelInvocationTimeExceeded"), 504, "in time"),
    "broken": (broken("ModelStreamError", Message="x", ErrorCode="StreamBroken"), 502, "broke off within SageMaker"),
    "failed": (broken("InternalStreamFailure", Message="x"), 502, "broke off within SageMaker"),
    "unheard of": (stream(TEXT, last=eventstream.error("Odd", "x")), 502, "SageMaker failed to answer"),
    "the connection ends": (stream(TEXT, cut=True), 502, "connection to the model was lost"),
    "the stream ends": (stream(TEXT), 502, "broke off: its container ended the stream"),
    "no event stream": (stream(TEXT, last=b"\0" * 40), 502, "connection to the model was lost"),
}


@pytest.mark.parametrize(("reply", "status", "message"), IN_STREAM.values(), ids=IN_STREAM)
def test_what_goes_wrong_within_a_stream_comes_after_its_text_and_is_not_repeated(
    endpoint: SageMakerEndpoint, stub: Stub, reply: Reply, status: int, message: str
) -> None:
    stub.replies = [reply]
    pieces = endpoint.stream(prompt_request(), soon())
    assert [next(pieces).text, next(pieces).text] == ["One", " two"]
    error = failure(lambda: next(pieces))
    assert error.status == status
    assert message in error.message
    assert len(stub.bodies) == 1


def test_a_stream_that_takes_too_long_to_begin_tells_its_code(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [fails("ModelStreamError", 400, Message="x", ErrorCode="ModelInvocationTimeExceeded")]
    error = failure(lambda: next(endpoint.stream(prompt_request(), soon())))
    assert (error.status, error.code, error.upstream) == (
        504,
        "timeout",
        "ModelStreamError ModelInvocationTimeExceeded",
    )


def test_a_stream_that_falls_silent_is_a_timeout(
    endpoint: SageMakerEndpoint, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LEAST_STREAM_TIMEOUT_SECONDS", 1)
    stub.replies = [stream(TEXT, hang=True)]
    pieces = endpoint.stream(prompt_request(), soon(1))
    assert [next(pieces).text, next(pieces).text] == ["One", " two"]
    error = failure(lambda: next(pieces))
    assert (error.status, error.code) == (504, "timeout")


@pytest.mark.parametrize(
    ("last", "status"),
    [(eventstream.exception("InternalStreamFailure", {"Message": "x"}), 502), (b"", 502)],
    ids=["an error", "nothing"],
)
def test_an_error_before_the_first_part_is_not_repeated_either(
    endpoint: SageMakerEndpoint, stub: Stub, last: bytes, status: int
) -> None:
    stub.replies = [stream([], last=last)]
    assert failure(lambda: next(endpoint.stream(prompt_request(), soon()))).status == status
    assert len(stub.bodies) == 1


def test_refused_parameters_in_a_stream_have_their_status_before_the_first_byte(
    endpoint: SageMakerEndpoint, stub: Stub
) -> None:
    # TGI streams even its refusals, under status 200.
    stub.replies = [stream([f"data:{tgi(TOO_LONG, 'validation')}\n\n".encode()])]
    error = failure(lambda: next(endpoint.stream(prompt_request(), soon())))
    assert (error.status, error.message) == (422, TOO_LONG)


def test_an_error_in_a_native_stream_comes_after_its_bytes(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [IN_STREAM["broken"][0]]
    chunks = endpoint.invoke_stream(b"{}", soon()).chunks
    assert [next(chunks), next(chunks)] == TEXT
    assert failure(lambda: next(chunks)).status == 502
