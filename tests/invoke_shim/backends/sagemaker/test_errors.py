"""Errors of a SageMaker endpoint as OpenAI's clients see them, before the first byte and within a stream."""

import json

import pytest
from botocore.session import Session

from invoke_shim.backends import connections
from invoke_shim.backends.sagemaker.endpoint import SageMakerEndpoint
from localaws import eventstream
from tests.invoke_shim.backend_stub import (
    Reply,
    Stub,
    backend,
    fails,
    failure,
    model_fails,
    prompt_request,
    soon,
    stream,
    whole,
)
from tests.invoke_shim.container_writers import tgi_events, tgi_whole

OTHERS_ARN = "arn:aws:sts::123456789012:assumed-role/secret-role/session"
TOO_LONG = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2040 and 256"


# ------------------------------------------------------------------ errors


def tgi(message: str, kind: str) -> str:
    return json.dumps({"error": message, "error_type": kind})


REFUSAL = """the model's parser is missing:
"auto" needs it"""
MODEL_ERRORS = {
    "TGI: validation": ("tgi", 422, tgi(TOO_LONG, "validation"), 400, "invalid_request_error", "must be <= 2048"),
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
    "LMI: vLLM's refusal": (
        "lmi",
        500,
        json.dumps({"error": f"error=ErrorInfo(message={REFUSAL!r}, type='BadRequestError', param=None, code=400)"}),
        400,
        "invalid_request_error",
        REFUSAL,
    ),
    "LMI: vLLM's failure": (
        "lmi",
        500,
        json.dumps({"error": "error=ErrorInfo(message='CUDA', type='InternalServerError', param=None, code=500)"}),
        502,
        "server_error",
        "failed to generate",
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


def test_the_containers_60_seconds_are_seen_where_only_the_services_message_tells_of_them(
    endpoint: SageMakerEndpoint, stub: Stub
) -> None:
    waiting = "Your invocation timed out while waiting for a response from container model."
    message = f'Received server error (0) from model with message "{waiting}"'
    stub.replies = [fails("ModelError", 424, Message=message)]
    assert failure(lambda: endpoint.complete(prompt_request(), soon())).code == "timeout"
    assert failure(lambda: next(endpoint.stream(prompt_request(), soon()))).code == "timeout"


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
    **{
        f"too long: {sentence[:20]}": (broken("ModelStreamError", Message=sentence), 504, "in time")
        for sentence in (
            "Your model primary did not complete sending the inference response in the allotted time.",
            "The model failed to finish sending the response within the timeout period allowed by Amazon SageMaker.",
            "The model timed out",
        )
    },
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
    assert (error.status, error.code, error.message) == (400, "context_length_exceeded", TOO_LONG)


def test_an_error_in_a_native_stream_comes_after_its_bytes(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [IN_STREAM["broken"][0]]
    chunks = endpoint.invoke_stream(b"{}", soon()).chunks
    assert [next(chunks), next(chunks)] == TEXT
    assert failure(lambda: next(chunks)).status == 502
