"""Routes, bodies, logs: the HTTP side of the function."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import invoke_shim
from invoke_shim import handler as entry
from invoke_shim.backends.containers import TGI
from invoke_shim.backends.sagemaker import SageMakerEndpoint
from invoke_shim.routes import Api
from invoke_shim.settings import Settings, SettingsError
from tests.invoke_shim.shim_client import ENDPOINT_NAME, MODEL_NAME, Deploy, Reply, Runtime, Shim

POST_ROUTES = ("/v1/chat/completions", "/v1/completions", "/invocations")


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/embeddings", "/invocations/x", "/V1/models", "//v1/models"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_route_is_not_found_and_the_known_ones_are_named(method: str, path: str, shim: Shim) -> None:
    answer = shim.request(method, path, "{}")
    assert (answer.status, answer.error["type"]) == (404, "not_found_error")
    assert "/v1/chat/completions" in answer.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        *[("GET", path, "POST") for path in POST_ROUTES],
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/the-model", "GET"),
        ("PUT", "/invocations", "POST"),
    ],
)
def test_a_wrong_method_is_refused_with_the_right_one(method: str, path: str, allowed: str, shim: Shim) -> None:
    answer = shim.request(method, path, "{}")
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert answer.error["type"] == "invalid_request_error"


def test_a_trailing_slash_changes_nothing(shim: Shim) -> None:
    assert shim.request("GET", "/v1/models/").json["object"] == "list"
    assert shim.post("/v1/completions/", {"model": MODEL_NAME, "prompt": "x"}).status == 200


BAD_BODIES = {
    "none": (None, "is empty"),
    "empty": ("", "is empty"),
    "empty in base64": (b"", "is empty"),
    "malformed": ('{"a": ', "not valid JSON: Expecting value at line 1, column 7"),
    "two objects": ("{}{}", "not valid JSON: Extra data"),
    "a list": ("[]", "not a JSON object"),
    "a string": ('"x"', "not a JSON object"),
    "null": ("null", "not a JSON object"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8 (at byte 7)"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    "NaN": ('{"temperature": NaN}', "NaN is not a JSON number"),
    "Infinity": ('{"temperature": -Infinity}', "-Infinity is not a JSON number"),
    "nested without end": ("[" * 200_000, "nested too deeply"),
    "a number of many digits": ("1" * 10_000, "not valid JSON"),
}


@pytest.mark.parametrize(("body", "message"), BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize("path", POST_ROUTES)
def test_a_body_that_is_no_object_is_refused(
    path: str, body: str | bytes | None, message: str, shim: Shim, runtime: Runtime
) -> None:
    answer = shim.request("POST", path, body)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert message in answer.error["message"]
    assert not runtime.bodies


def test_a_body_that_is_not_the_base64_it_should_be_is_refused(shim: Shim) -> None:
    event = {"httpMethod": "POST", "path": "/invocations", "body": "{}", "isBase64Encoded": True}
    answer = entry.handler(event, SimpleNamespace(aws_request_id="from-lambda"))
    assert answer["statusCode"] == 400
    assert "not valid base64" in answer["body"]
    assert answer["headers"]["x-request-id"] == "from-lambda"


def test_takes_a_body_in_base64(shim: Shim, runtime: Runtime) -> None:
    body = json.dumps({"model": MODEL_NAME, "prompt": "Où ?"}, ensure_ascii=False).encode()
    assert shim.request("POST", "/v1/completions", body).status == 200
    assert runtime.payload["inputs"] == "Où ?"


def test_sends_to_the_endpoint_of_its_environment(shim: Shim, runtime: Runtime) -> None:
    shim.complete()
    assert runtime.paths == [f"/endpoints/{ENDPOINT_NAME}/invocations"]


def test_an_invocation_passes_payload_and_answer_unchanged(shim: Shim, runtime: Runtime) -> None:
    payload = '{ "inputs": "Hi",\n "parameters": {"top_k": 50, "watermark": true} , "stream": false}'
    reply = b'[ {"generated_text":"\xc3\xa9","extra": 1.50} ]'
    runtime.reply = Reply(body=reply, headers={"content-type": "application/json; charset=utf-8"})
    answer = shim.request("POST", "/invocations", payload)
    assert runtime.bodies == [payload.encode()]
    assert (answer.status, answer.text) == (200, reply.decode())
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_an_invocations_answer_that_is_no_text_is_sent_in_base64(deploy: Deploy, runtime: Runtime) -> None:
    runtime.reply = Reply(body=b"\xff\x00", headers={"content-type": "application/octet-stream"})
    deploy()
    event = {"httpMethod": "POST", "path": "/invocations", "body": '{"inputs": "Hi"}'}
    answer = entry.handler(event, SimpleNamespace(aws_request_id="x"))
    assert (answer["body"], answer["isBase64Encoded"]) == ("/wA=", True)


@pytest.mark.parametrize(
    ("payload", "param", "message"),
    [
        ({}, "inputs", "inputs is null, expected a non-empty string"),
        ({"inputs": ["a"]}, "inputs", "inputs is a list"),
        ({"inputs": ""}, "inputs", "inputs is ''"),
        ({"inputs": "a", "parameters": None}, "parameters", "parameters is null, expected an object"),
        ({"inputs": "a", "stream": True}, "stream", "does not stream yet"),
        ({"inputs": "a", "stream": "no"}, "stream", "stream is 'no', expected false"),
        ({"inputs": "a", "options": {}}, "options", "unknown field 'options', expected inputs and parameters"),
    ],
)
def test_an_invocations_outline_is_checked(
    payload: object, param: str, message: str, shim: Shim, runtime: Runtime
) -> None:
    answer = shim.post("/invocations", payload)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert message in answer.error["message"]
    assert not runtime.bodies


def test_an_invocations_errors_are_openais_too(shim: Shim, runtime: Runtime) -> None:
    runtime.model_fails(422, '{"error": "`top_p` must be > 0.0 and < 1.0", "error_type": "validation"}')
    answer = shim.post("/invocations", {"inputs": "a", "parameters": {"top_p": 1}})
    assert (answer.status, answer.error["message"]) == (422, "`top_p` must be > 0.0 and < 1.0")


def logged(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_logs_one_line_of_json_a_request_without_its_text(
    shim: Shim, runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime.answers(
        [
            {
                "generated_text": "ANSWER",
                "details": {"finish_reason": "length", "generated_tokens": 1, "prefill": [{}, {}]},
            }
        ]
    )
    shim.chat(("user", "PROMPT"), decoder_input_details=True, user="USER")
    shim.chat(("PROMPT", "PROMPT"), user="USER")
    runtime.model_fails(422, "the PROMPT is too long")
    shim.chat(("user", "PROMPT"), user="USER")
    output = capsys.readouterr().out
    answered, refused, failed = logged(output)
    assert not any(text in output for text in ("PROMPT", "ANSWER", "USER"))
    assert answered.pop("timestamp").endswith("Z")
    assert answered.pop("duration_ms") >= 0
    assert answered == {
        "level": "INFO",
        "message": "request",
        "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "prompt_tokens": 2,
        "completion_tokens": 1,
    }
    assert (refused["status"], refused["error_type"]) == (400, "invalid_request_error")
    assert (failed["status"], failed["upstream"]) == (422, "ModelError 422")


def test_logs_nothing_below_its_level(deploy: Deploy, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(LOG_LEVEL="WARNING").chat(("user", "Hi"))
    assert capsys.readouterr().out == ""


def test_a_bug_tells_the_client_nothing_and_the_log_where(shim: Shim, capsys: pytest.CaptureFixture[str]) -> None:
    with patch("invoke_shim.routes.read_prompt", side_effect=RuntimeError("the PROMPT was odd")):
        answer = shim.complete()
    assert (answer.status, answer.error["type"]) == (500, "server_error")
    output = capsys.readouterr().out
    [line] = logged(output)
    assert (line["level"], line["status"], line["crash"]) == ("ERROR", 500, "RuntimeError")
    assert any(place.endswith("_complete") for place in line["where"])
    assert "PROMPT" not in output + answer.text
    assert line["request_id"] in answer.error["message"]


def test_a_bad_environment_names_its_problems(deploy: Deploy) -> None:
    shim = deploy(ENDPOINT_NAME=None, CONTAINER="vllm")
    with pytest.raises(SettingsError, match="ENDPOINT_NAME is not set\nCONTAINER is 'vllm'"):
        shim.complete()


@pytest.mark.parametrize("endpoint_name", ["an-endpoint", ""])
def test_lambdas_init_phase_makes_the_client_and_fails_on_a_bad_environment(endpoint_name: str) -> None:
    code = "from invoke_shim import handler; print(handler.api.cache_info().currsize)"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(invoke_shim.__file__).parents[1]),
        "AWS_LAMBDA_FUNCTION_NAME": "shim",
        "AWS_DEFAULT_REGION": "us-east-1",
        "ENDPOINT_NAME": endpoint_name,
        "MODEL_NAME": "a-model",
        "CONTAINER": "tgi",
        "PROMPT_FORMAT": "none",
        "INVOKE_TIMEOUT_SECONDS": "29",
    }
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    if endpoint_name:
        assert run.stdout == "1\n", run.stderr
    else:
        assert run.returncode == 1
        assert "SettingsError: ENDPOINT_NAME is not set" in run.stderr


class Echo:
    """A SageMaker runtime client that repeats the prompt, for many requests in little time."""

    def close(self) -> None:
        pass

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        inputs = json.loads(request["Body"])["inputs"]
        reply = json.dumps([{"generated_text": inputs}]).encode()
        return {"Body": io.BytesIO(reply), "ContentType": "application/json"}


def echo_api(prompt_format: str) -> Api:
    settings = Settings.from_environment(
        {
            "ENDPOINT_NAME": ENDPOINT_NAME,
            "MODEL_NAME": MODEL_NAME,
            "CONTAINER": "tgi",
            "PROMPT_FORMAT": prompt_format,
            "MAX_TOTAL_TOKENS": "2048",
            "INVOKE_TIMEOUT_SECONDS": "29",
            "LOG_LEVEL": "CRITICAL",
        }
    )
    return Api(settings=settings, backend=SageMakerEndpoint(client=Echo(), container=TGI, settings=settings))


FALCON = echo_api("falcon-chat")
MISTRAL = echo_api("mistral-instruct")

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["system", "user", "assistant", "tool"]) | JSON,
        "content": st.text() | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": JSON})) | JSON,
        "refusal": JSON,
    },
)
FIELD = st.sampled_from(
    [
        "best_of",
        "decoder_input_details",
        "echo",
        "frequency_penalty",
        "inputs",
        "logit_bias",
        "max_completion_tokens",
        "max_tokens",
        "n",
        "parameters",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tools",
        "top_p",
    ]
)
BODY = st.builds(
    lambda base, extra: {**base, **extra},
    st.fixed_dictionaries(
        {"model": st.just(MODEL_NAME)},
        optional={"messages": st.lists(MESSAGE, max_size=3) | JSON, "prompt": JSON},
    ),
    st.dictionaries(FIELD, JSON, max_size=3),
)


def call(api: Api, path: str, body: str | bytes) -> tuple[int, Any]:
    """The answer, which must be JSON, and OpenAI's error if it is one."""
    with patch.object(entry, "api", lambda: api):
        answer = Shim().request("POST", path, body)
    if answer.status >= 400:
        assert answer.error["message"]
    return answer.status, answer.json


@settings(max_examples=150)
@given(api=st.sampled_from([FALCON, MISTRAL]), path=st.sampled_from(POST_ROUTES), body=BODY | JSON)
@example(api=FALCON, path="/v1/chat/completions", body={"model": "\ud800"})
@example(api=FALCON, path="/v1/chat/completions", body={"model": MODEL_NAME, "messages": [], "\ud800": 1})
def test_no_json_body_is_the_servers_fault(api: Api, path: str, body: object) -> None:
    status, _ = call(api, path, json.dumps(body))
    assert status < 500


@settings(max_examples=50)
@given(path=st.sampled_from(POST_ROUTES), body=st.binary())
def test_no_bytes_are_the_servers_fault(path: str, body: bytes) -> None:
    status, _ = call(FALCON, path, body)
    assert status < 500


@given(text=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_comes_through_a_completion_unchanged(text: str) -> None:
    status, body = call(FALCON, "/v1/completions", json.dumps({"model": MODEL_NAME, "prompt": text}))
    assert (status, body["choices"][0]["text"]) == (200, text)


def test_a_request_of_countless_problems_gets_a_short_answer() -> None:
    body = {f"{'é' * 200}{number}": 1 for number in range(5_000)}
    for path in POST_ROUTES:
        status, answer = call(FALCON, path, json.dumps(body))
        assert status == 400
        assert " more" in answer["error"]["message"]
        assert len(json.dumps(answer)) < 20_000


def test_a_value_nested_as_deeply_as_json_goes_is_refused_by_name() -> None:
    for depth in (100, 900, 990):
        nested = "[" * depth + "]" * depth
        for name in ("temperature", "stop", "messages", "tools", "mystery"):
            body = f'{{"model": "{MODEL_NAME}", "prompt": "x", "{name}": {nested}}}'
            assert call(FALCON, "/v1/chat/completions", body)[0] == 400
