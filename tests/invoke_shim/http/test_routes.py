"""Routes, bodies, logs: the HTTP side of the function."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import invoke_shim
from invoke_shim import handler
from invoke_shim.http import proxy
from invoke_shim.settings import SettingsError
from tests.invoke_shim.client import (
    ENDPOINT_NAME,
    MODEL_NAME,
    REQUEST_ID,
    Context,
    Deploy,
    Reply,
    Runtime,
    Shim,
    last_token,
    read,
    token,
)

POST_ROUTES = ("/v1/chat/completions", "/v1/completions", "/invocations")


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/embeddings", "/invocations/x", "/V1/models"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_route_is_not_found_and_the_known_ones_are_named(method: str, path: str, shim: Shim) -> None:
    answer = shim.request(method, path, "{}")
    assert (answer.status, answer.error["type"]) == (404, "not_found_error")
    assert "/v1/chat/completions" in answer.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        *[("GET", path, "POST") for path in POST_ROUTES],
        ("HEAD", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/the-model", "GET, HEAD"),
        ("PUT", "/invocations", "POST"),
    ],
)
def test_a_wrong_method_is_refused_with_the_right_one(method: str, path: str, allowed: str, shim: Shim) -> None:
    answer = shim.request(method, path, "{}")
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert method == "HEAD" or answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["/v1/models/", "/v1//models", "//v1/models"])
def test_slashes_too_many_change_nothing(path: str, shim: Shim) -> None:
    assert shim.request("GET", path).json["object"] == "list"
    assert shim.request("GET", path.rstrip("/") + "//the-model/").json["id"] == "the-model"


def test_a_trailing_slash_changes_nothing_for_a_post(shim: Shim) -> None:
    assert shim.post("/v1/completions/", {"model": MODEL_NAME, "prompt": "x"}).status == 200


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/live/v1/models", "/v1/models"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/models", "/v1/models"),
        ("/v1/chat/completion", "/v1/chat/completions"),
        ("/v1/invocations", "/invocations"),
    ],
)
def test_a_wrong_base_url_is_told_the_route_that_it_means(path: str, meant: str, shim: Shim) -> None:
    answer = shim.request("GET", path)
    assert answer.status == 404
    assert f"did you mean {meant}? OpenAI's base URL ends in /v1" in answer.error["message"]


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/v1/models/the-model", "/v1/models/another", "/nothing"])
def test_head_is_get_without_the_body(path: str, shim: Shim) -> None:
    got, asked = shim.request("GET", path), shim.request("HEAD", path)
    assert (asked.status, asked.headers, asked.body) == (got.status, got.headers, b"")


@pytest.mark.parametrize("bom", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_before_the_body_does_not_matter(bom: bytes, shim: Shim, runtime: Runtime) -> None:
    assert shim.request("POST", "/invocations", bom + b'{"inputs": "a"}').status == 200
    assert runtime.bodies == [b'{"inputs": "a"}']


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
    "NaN": ('{"temperature": NaN}', "temperature is NaN, which is not a JSON number"),
    "Infinity": ('{"temperature": -Infinity}', "temperature is -Infinity, which is not a JSON number"),
    "NaN alone": ("NaN", "the request body is NaN, which is not a JSON number"),
    "NaN in what is no JSON": ('{"a": [NaN', "the request body is NaN, which is not a JSON number"),
    "an overflow": ('{"a": [1, {"b": -1e999}], "c": 1e308}', "a[1].b is -1e999, which is not a JSON number"),
    "a long overflow": (f'{{"a": {"9" * 400}.0}}', f"a is {'9' * 40}..., which is not a JSON number"),
    "half a character": (r'{"a": {"b": [{}, "x\ud83d"]}}', "a.b[1] holds a lone surrogate, which is not Unicode text"),
    "half a character, in capitals": (r'{"a": "\uDE00"}', "a holds a lone surrogate"),
    "half a character in a name": (r'{"a": [{"x\udc00": 1}]}', "a[0].x\\udc00 holds a lone surrogate"),
    "a name twice": ('{"a": 1, "b": 2, "a": 3}', "a is there twice in one object: send it once"),
    "a name twice, once escaped": (r'{"n": 128, "\u006e": 1}', "n is there twice"),
    "a name twice within": ('{"a": [1, {"b": {"c": 1, "c": 1}}]}', "a[1].b.c is there twice"),
    "names twice in each other": ('{"a": {"b": 1, "b": 2}, "a": {}}', "a is there twice"),
    "a name twice in what is no JSON": ('{"a": {"b": 1, "b": 2}, ', "b is there twice"),
    "half a character twice": (r'{"\ud800": 1, "\ud800": 2}', "\\ud800 is there twice"),
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


@pytest.mark.parametrize("value", ["1e999", r'"\ud800"'])
@pytest.mark.parametrize("path", POST_ROUTES)
def test_what_is_no_json_is_refused_with_its_place(path: str, value: str, shim: Shim, runtime: Runtime) -> None:
    form = f'{{"type": "json_schema", "json_schema": {{"schema": {{"a": {{"minimum": {value}}}}}}}}}'
    answer = shim.request("POST", path, f'{{"model": "{MODEL_NAME}", "prompt": "x", "response_format": {form}}}')
    assert (answer.status, answer.error["param"]) == (400, "response_format.json_schema.schema.a.minimum")
    assert not runtime.bodies


@pytest.mark.parametrize(
    ("member", "param"),
    [
        ('"parameters": {"best_of": 2, "best_of": 1}', "parameters.best_of"),
        ('"parameters": {"grammar": {}}, "parameters": {}', "parameters"),
    ],
)
def test_what_is_checked_is_what_is_passed_on(member: str, param: str, shim: Shim, runtime: Runtime) -> None:
    answer = shim.request("POST", "/invocations", f'{{"inputs": "x", {member}}}')
    assert (answer.status, answer.error["param"]) == (400, param)
    assert not runtime.bodies


def test_takes_characters_that_json_spells_in_two_halves(shim: Shim, runtime: Runtime) -> None:
    shim.request("POST", "/v1/completions", f'{{"model": "{MODEL_NAME}", "prompt": "\\ud83d\\uDE00"}}')
    assert runtime.payload["inputs"] == "\N{GRINNING FACE}"


def test_a_body_that_is_not_the_base64_it_should_be_is_refused(shim: Shim) -> None:
    event = {"httpMethod": "POST", "path": "/invocations", "body": "{}", "isBase64Encoded": True}
    answer = read(handler.handle(event, Context()))
    assert answer.status == 400
    assert "not valid base64" in answer.error["message"]


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


def test_an_invocations_answer_that_is_no_text_is_passed_on_too(shim: Shim, runtime: Runtime) -> None:
    runtime.reply = Reply(body=b"\xff\x00", headers={"content-type": "application/octet-stream"})
    answer = shim.post("/invocations", {"inputs": "Hi"})
    assert (answer.body, answer.headers["content-type"]) == (b"\xff\x00", "application/octet-stream")


@pytest.mark.parametrize(
    ("payload", "param", "message"),
    [
        ({}, "inputs", "inputs is missing"),
        ({"inputs": ["a"]}, "inputs", "inputs is a list, expected a non-empty string"),
        ({"inputs": "a", "parameters": []}, "parameters", "parameters is a list, expected an object"),
        ({"inputs": "a", "parameters": {"top_p": 1}}, "parameters.top_p", "parameters.top_p is 1, expected"),
        ({"inputs": "a", "stream": "no"}, "stream", "stream is 'no', expected true or false"),
        ({"inputs": "a", "options": {}}, "options", "unknown parameter 'options'"),
    ],
)
def test_an_invocations_payload_is_checked_by_the_containers_rules(
    payload: object, param: str, message: str, shim: Shim, runtime: Runtime
) -> None:
    answer = shim.post("/invocations", payload)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert message in answer.error["message"]
    assert not runtime.bodies


def test_an_invocation_is_streamed_byte_by_byte_when_asked_for(shim: Shim, runtime: Runtime) -> None:
    parts = [b'data:{"token": {"text": "H\xc3', b'\xa9"}}\n', b"\ndata: odd\n\n"]
    runtime.streams(*parts)
    payload = '{"inputs": "Hi", "stream": true }'
    answer = shim.request("POST", "/invocations", payload)
    assert runtime.bodies == [payload.encode()]
    assert runtime.paths == [f"/endpoints/{ENDPOINT_NAME}/invocations-response-stream"]
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.chunks == parts
    assert answer.broken is None


def test_an_invocations_errors_are_openais_too(shim: Shim, runtime: Runtime) -> None:
    runtime.model_fails(422, '{"error": "`inputs` is too long", "error_type": "validation"}')
    for stream in (False, True):
        answer = shim.post("/invocations", {"inputs": "a", "stream": stream})
        assert (answer.status, answer.error["message"]) == (422, "`inputs` is too long")


def test_health_tells_the_model_and_asks_no_endpoint(shim: Shim, runtime: Runtime) -> None:
    answer = shim.request("GET", "/health")
    assert (answer.status, answer.json) == (200, {"status": "ok", "model": MODEL_NAME})
    assert not runtime.paths


def test_a_body_of_more_than_6_mb_is_too_large(shim: Shim, runtime: Runtime) -> None:
    answer = shim.request("POST", "/invocations", b" " * (proxy.MAX_BODY_BYTES + 1))
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert "6291457 bytes, at most 6291456" in answer.error["message"]
    assert shim.request("POST", "/invocations", b" " * proxy.MAX_BODY_BYTES).status == 400
    assert not runtime.bodies


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"httpMethod": None, "path": None, "headers": None, "requestContext": None, "body": None},
        {"httpMethod": 7, "path": ["/"], "headers": "x", "requestContext": "x", "body": {"a": 1}},
        {"rawPath": "/v1/models", "version": "2.0"},
    ],
)
def test_an_event_of_another_form_is_no_crash(event: dict[str, Any], shim: Shim) -> None:
    answer = read(handler.handle(event, Context()))
    assert answer.status == 404
    assert answer.headers["x-request-id"] == "from-lambda"


def test_every_answer_names_its_request(shim: Shim, runtime: Runtime) -> None:
    runtime.streams(token("Hi"), last_token("", "Hi"))
    answers = [
        shim.request("GET", "/v1/models"),
        shim.request("GET", "/nowhere"),
        shim.chat(("user", "Hi"), stream=True),
    ]
    assert [answer.headers["x-request-id"] for answer in answers] == [REQUEST_ID] * 3


def test_a_bad_environment_names_its_problems(deploy: Deploy) -> None:
    shim = deploy(ENDPOINT_NAME=None, CONTAINER="torchserve")
    with pytest.raises(SettingsError, match=r"CONTAINER is 'torchserve'.*\nENDPOINT_NAME is not set"):
        shim.complete()


INITIALIZE = """
import sys
from invoke_shim import handler
backends = [name for name in ("bedrock", "sagemaker") if f"invoke_shim.backends.{name}" in sys.modules]
print(handler.api.cache_info().currsize, *backends, "invoke_shim.formats.template" in sys.modules)
"""


def initialize(**environment: str) -> subprocess.CompletedProcess[str]:
    """Lambda's init phase."""
    surroundings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(invoke_shim.__file__).parents[1]),
        "AWS_LAMBDA_FUNCTION_NAME": "shim",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MODEL_NAME": "a-model",
        "PROMPT_FORMAT": "none",
        "INVOKE_TIMEOUT_SECONDS": "29",
    }
    command = [sys.executable, "-c", INITIALIZE]
    return subprocess.run(command, env={**surroundings, **environment}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("backend", "environment"),
    [
        ("sagemaker", {"CONTAINER": "tgi", "ENDPOINT_NAME": "an-endpoint"}),
        ("bedrock", {"BODY": "native", "MODEL_ARN": "arn:aws:bedrock:us-east-1:123456789012:imported-model/abc"}),
    ],
)
def test_lambdas_init_phase_makes_the_client_and_loads_no_more_than_its_backend(
    backend: str, environment: dict[str, str]
) -> None:
    run = initialize(BACKEND=backend, **environment)
    assert run.stdout == f"1 {backend} False\n", run.stderr


def test_lambdas_init_phase_fails_on_a_bad_environment() -> None:
    run = initialize(CONTAINER="tgi")
    assert run.returncode == 1
    assert "SettingsError: ENDPOINT_NAME is not set" in run.stderr
