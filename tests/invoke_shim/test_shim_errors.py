"""What goes wrong at the endpoint, as OpenAI's clients see it."""

import json
import socket

import boto3
import httpx2
import openai
import pytest

from invoke_shim.backends import sagemaker
from tests.invoke_shim.shim_client import MODEL_NAME, Deploy, Reply, Runtime, Shim

TOO_LONG = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2040 and 256"
OTHERS_ARN = "arn:aws:sts::123456789012:assumed-role/secret-role/session"


def tgi(message: str, kind: str) -> str:
    return json.dumps({"error": message, "error_type": kind})


MODEL_ERRORS = {
    "TGI: validation": ("tgi", 422, tgi(TOO_LONG, "validation"), 422, "invalid_request_error", TOO_LONG),
    "TGI: too large": ("tgi", 413, "length limit exceeded", 413, "invalid_request_error", "length limit exceeded"),
    "TGI: overloaded": ("tgi", 429, tgi("Model is overloaded", "overloaded"), 429, "rate_limit_error", "queue"),
    "TGI: generation": (
        "tgi",
        424,
        tgi("Request failed during generation: CUDA out of memory", "generation"),
        502,
        "server_error",
        "failed to generate",
    ),
    "TGI: incomplete": ("tgi", 500, tgi("Incomplete generation", "x"), 502, "server_error", "failed to generate"),
    "LMI: payload": (
        "lmi",
        424,
        '{"error": "Input parsing failed", "code": 424}',
        400,
        "invalid_request_error",
        "Input parsing failed",
    ),
    "LMI: message": (
        "lmi",
        400,
        '{"code": 400, "type": "BadRequest", "message": "bad input"}',
        400,
        "invalid_request_error",
        "bad input",
    ),
    "no message": ("tgi", 400, "", 400, "invalid_request_error", "refused the request"),
    "an object without a message": ("tgi", 400, "[1]", 400, "invalid_request_error", "[1]"),
    "not ready": ("tgi", 503, "Service Unavailable", 503, "server_error", "not ready"),
    "gateway": ("lmi", 504, "gateway timeout", 502, "server_error", "failed to generate"),
}


@pytest.mark.parametrize(
    ("container", "original", "body", "status", "kind", "message"), MODEL_ERRORS.values(), ids=MODEL_ERRORS
)
def test_a_containers_error_keeps_its_meaning(
    container: str,
    original: int,
    body: str,
    status: int,
    kind: str,
    message: str,
    deploy: Deploy,
    runtime: Runtime,
) -> None:
    runtime.model_fails(original, body)
    answer = deploy(CONTAINER=container).chat(("user", "Hi"))
    assert (answer.status, answer.error["type"]) == (status, kind)
    assert message in answer.error["message"]
    assert "123456789012" not in answer.text
    assert ("retry-after" in answer.headers) == (status in (429, 503))


def test_a_containers_long_error_is_cut(shim: Shim, runtime: Runtime) -> None:
    runtime.model_fails(422, "x" * 5000)
    assert len(shim.chat(("user", "Hi")).error["message"]) == 1000


SERVICE_ERRORS = {
    "throttled": ("ThrottlingException", 400, "Rate exceeded", 429, "rate_limit_error", "1", "too many"),
    "throttled without a message": ("ThrottlingException", 400, None, 429, "rate_limit_error", "1", "too many"),
    "not ready": ("ModelNotReadyException", 429, "try later", 503, "server_error", "10", "not ready yet"),
    "unavailable": ("ServiceUnavailable", 503, "try later", 503, "server_error", "10", "not ready yet"),
    "scaled to zero": (
        "ValidationError",
        400,
        "Inference Component ic has no capacity to process this request",
        503,
        "server_error",
        "60",
        "scaled to zero",
    ),
    "endpoint gone": (
        "ValidationError",
        400,
        "Endpoint falcon-endpoint of account 123456789012 not found.",
        503,
        "server_error",
        None,
        "the endpoint falcon-endpoint does not exist or is not in service",
    ),
    "payload": (
        "ValidationError",
        400,
        f"Member must have length less than or equal to 6291456 ({OTHERS_ARN})",
        400,
        "invalid_request_error",
        None,
        "less than or equal to 6291456",
    ),
    "denied": (
        "AccessDeniedException",
        403,
        f"User: {OTHERS_ARN} is not authorized to perform: sagemaker:InvokeEndpoint on resource: arn:aws:x",
        500,
        "server_error",
        None,
        "lacks the permission sagemaker:InvokeEndpoint for the endpoint falcon-endpoint",
    ),
    "denied for another action": (
        "AccessDeniedException",
        400,
        f"User: {OTHERS_ARN} is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:x",
        500,
        "server_error",
        None,
        "kms:Decrypt",
    ),
    "denied without a reason": (
        "AccessDeniedException",
        403,
        None,
        500,
        "server_error",
        None,
        "sagemaker:InvokeEndpoint",
    ),
    "internal": ("InternalFailure", 500, "oops", 502, "server_error", None, "SageMaker failed"),
    "dependency": ("InternalDependencyException", 530, "oops", 502, "server_error", None, "SageMaker failed"),
    "unheard of": ("SomethingNew", 418, "oops", 502, "server_error", None, "SageMaker failed"),
}


@pytest.mark.parametrize(
    ("code", "http", "message", "status", "kind", "wait", "text"), SERVICE_ERRORS.values(), ids=SERVICE_ERRORS
)
def test_a_sagemaker_error_becomes_openais(
    code: str,
    http: int,
    message: str | None,
    status: int,
    kind: str,
    wait: str | None,
    text: str,
    shim: Shim,
    runtime: Runtime,
) -> None:
    runtime.fails(code, status=http, Message=message)
    answer = shim.chat(("user", "Hi"))
    assert (answer.status, answer.error["type"]) == (status, kind)
    assert answer.headers.get("retry-after") == wait
    assert text in answer.error["message"]
    assert "123456789012" not in answer.text
    assert "secret-role" not in answer.text


def test_never_sends_a_request_twice_by_itself(shim: Shim, runtime: Runtime) -> None:
    for code, status in (("ServiceUnavailable", 503), ("InternalFailure", 500), ("ThrottlingException", 400)):
        runtime.bodies.clear()
        runtime.fails(code, status=status, Message="x")
        shim.chat(("user", "Hi"))
        assert len(runtime.bodies) == 1


def test_a_late_answer_is_a_timeout_that_names_the_limits(deploy: Deploy, runtime: Runtime) -> None:
    runtime.reply = Reply(hang=True)
    answer = deploy(INVOKE_TIMEOUT_SECONDS="5").chat(("user", "Hi"))
    assert (answer.status, answer.error["type"], answer.error["code"]) == (504, "server_error", "timeout")
    assert "60 s" in answer.error["message"]
    assert "5 s (INVOKE_TIMEOUT_SECONDS)" in answer.error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert len(runtime.bodies) == 1


def test_the_containers_own_60_seconds_are_the_same_timeout(shim: Shim, runtime: Runtime) -> None:
    runtime.model_fails(0, "Your invocation timed out while waiting for a response from container primary.")
    answer = shim.chat(("user", "Hi"))
    assert (answer.status, answer.error["code"]) == (504, "timeout")


def test_a_lost_connection_is_not_repeated(shim: Shim, runtime: Runtime) -> None:
    runtime.reply = Reply(drop=True)
    answer = shim.chat(("user", "Hi"))
    assert (answer.status, answer.error["type"]) == (502, "server_error")
    assert "the connection to the model was lost" in answer.error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert len(runtime.bodies) == 1


def test_an_answer_that_breaks_off_is_a_lost_connection(shim: Shim, runtime: Runtime) -> None:
    runtime.reply = Reply(body=b"[{", headers={"content-length": "100", "connection": "close"})
    answer = shim.chat(("user", "Hi"))
    assert (answer.status, len(runtime.bodies)) == (502, 1)


def test_no_connection_at_all_may_be_repeated(deploy: Deploy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    answer = deploy(AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=closed).chat(("user", "Hi"))
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert "cannot be reached" in answer.error["message"]


def test_a_request_that_cannot_be_signed_is_the_apis_own_error(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    answer = deploy(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None).chat(("user", "Hi"))
    assert (answer.status, answer.error["message"]) == (500, "the request could not be sent to the model")


def test_reuses_its_connection_but_not_after_a_pause(
    shim: Shim, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim.chat(("user", "Hi"))
    shim.chat(("user", "Hi"))
    assert runtime.connections == 1
    monkeypatch.setattr(sagemaker, "MAX_IDLE_SECONDS", -1)
    assert shim.chat(("user", "Hi")).status == 200
    assert runtime.connections == 2


def client_of(shim: Shim) -> openai.OpenAI:
    """OpenAI's SDK, its HTTP requests answered by the function."""

    def send(request: httpx2.Request) -> httpx2.Response:
        answer = shim.request(request.method, request.url.path, request.content)
        return httpx2.Response(answer.status, headers=answer.headers, text=answer.text)

    return openai.OpenAI(
        api_key="none",
        base_url="https://abc.execute-api.us-east-1.amazonaws.com/v1",
        http_client=httpx2.Client(transport=httpx2.MockTransport(send)),
    )


def ask(client: openai.OpenAI) -> str | None:
    completion = client.chat.completions.create(model=MODEL_NAME, messages=[{"role": "user", "content": "Hi"}])
    return completion.choices[0].message.content


def test_the_openai_sdk_gets_its_answer(shim: Shim) -> None:
    with client_of(shim) as client:
        assert ask(client) == "Hello!"
        assert [model.id for model in client.models.list()] == [MODEL_NAME]
        assert client.completions.create(model=MODEL_NAME, prompt="Once").choices[0].text == " Hello!"


def test_the_openai_sdk_raises_its_own_errors(shim: Shim, runtime: Runtime) -> None:
    with client_of(shim) as client:
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("gpt-4o")
        with pytest.raises(openai.BadRequestError, match="this API does not stream yet"):
            client.completions.create(model=MODEL_NAME, prompt="Once", stream=True)
        runtime.model_fails(422, tgi(TOO_LONG, "validation"))
        with pytest.raises(openai.UnprocessableEntityError, match="must be <= 2048"):
            ask(client)


def test_the_openai_sdk_does_not_repeat_what_may_have_been_answered(shim: Shim, runtime: Runtime) -> None:
    runtime.reply = Reply(drop=True)
    with client_of(shim) as client, pytest.raises(openai.InternalServerError):
        ask(client)
    assert len(runtime.bodies) == 1


def test_the_openai_sdk_repeats_a_throttled_request(shim: Shim, runtime: Runtime) -> None:
    runtime.fails("ThrottlingException", status=400, Message=None)
    with client_of(shim) as client, pytest.raises(openai.RateLimitError):
        ask(client.with_options(max_retries=1))
    assert len(runtime.bodies) == 2
