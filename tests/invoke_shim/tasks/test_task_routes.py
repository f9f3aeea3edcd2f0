"""Every task has its own routes, says so to clients of another, and passes on its container's own payloads."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import invoke_shim
from invoke_shim.http.router import TASK_ROUTES
from invoke_shim.settings import SettingsError
from tests.invoke_shim.backend_stub import whole
from tests.invoke_shim.client import MODEL_NAME, Deploy, Runtime, Shim

Serve = Callable[..., Shim]

CONTAINER = {"text": "tgi", "embedding": "other", "image": "other", "transcription": "other", "rerank": "tei"}


@pytest.mark.parametrize("task", TASK_ROUTES)
def test_a_model_says_to_other_tasks_clients_what_serves_it(task: str, deploy: Deploy) -> None:
    text = task == "text"
    shim = deploy(TASK=task, CONTAINER=CONTAINER.get(task, "other"), PROMPT_FORMAT="none" if text else None)
    for other, paths in TASK_ROUTES.items():
        for path in paths:
            answer = shim.post(path, {"model": MODEL_NAME})
            if other == task:
                assert answer.status == 400
                continue
            assert answer.status == 404
            assert f"{path} is not for this model" in answer.error["message"]
            for way in (*TASK_ROUTES[task], "/invocations"):
                assert way in answer.error["message"]
    assert shim.request("GET", "/v1/models").json["data"][0]["id"] == MODEL_NAME
    assert shim.request("GET", f"/v1/models/{MODEL_NAME}").json["id"] == MODEL_NAME
    assert shim.request("GET", "/v1/models/other").status == 404
    assert shim.request("GET", "/health").json["status"] == "ok"
    assert shim.request("GET", "/nowhere").status == 404


@pytest.mark.parametrize("task", ["embedding", "image", "transcription", "native"])
def test_any_bytes_pass_both_ways_with_their_types(task: str, serve: Serve, runtime: Runtime) -> None:
    reply = bytes(range(256))
    runtime.reply = whole(reply, "image/png")
    body = reply[::-1]
    answer = serve(task).request(
        "POST", "/invocations", body, {"Content-Type": "application/x-image", "Accept": "application/json;verbose"}
    )
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, reply, "image/png")
    assert runtime.bodies == [body]
    assert runtime.headers[0]["content-type"] == "application/x-image"
    assert runtime.headers[0]["accept"] == "application/json;verbose"


def test_text_passes_as_it_is_and_json_where_no_type_is_named(serve: Serve, runtime: Runtime) -> None:
    runtime.answers({"predictions": []})
    shim = serve("native")
    shim.request("POST", "/invocations", "Ångström", {"Content-Type": "application/x-text"})
    shim.request("POST", "/invocations", '{"a": 1, "a": NaN', {"Content-Type": ""})
    assert runtime.bodies == ["Ångström".encode(), b'{"a": 1, "a": NaN']
    assert [headers["content-type"] for headers in runtime.headers] == ["application/x-text", "application/json"]
    assert runtime.headers[1]["accept"] == "application/json"


@pytest.mark.parametrize("name", ["Content-Type", "Accept"])
@pytest.mark.parametrize("value", ["x" * 1025, "text/plain\r\nX-Amz-Target: x", "text/påin"])
def test_a_type_that_sagemaker_does_not_take_is_refused(name: str, value: str, serve: Serve, runtime: Runtime) -> None:
    answer = serve("native").request("POST", "/invocations", b"x", {name: value})
    assert (answer.status, answer.error["param"]) == (400, name.lower())
    assert not runtime.bodies


def test_the_largest_body_passes_and_one_byte_more_is_413(serve: Serve, runtime: Runtime) -> None:
    runtime.answers({})
    shim = serve("native")
    largest = bytes(6 * 1024 * 1024)
    assert shim.request("POST", "/invocations", largest).status == 200
    assert len(runtime.bodies[0]) == 6_291_456
    answer = shim.request("POST", "/invocations", largest + b"x")
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")


def test_a_container_that_answers_too_late_is_named_without_advice_about_tokens(serve: Serve, runtime: Runtime) -> None:
    runtime.model_fails(0, "Your invocation timed out while waiting for a response from container primary.")
    answer = serve("native").request("POST", "/invocations", b"x")
    assert (answer.status, answer.error["code"]) == (504, "timeout")
    assert "ask for less at once" in answer.error["message"]


def test_an_endpoint_that_is_not_ready_is_waited_for(serve: Serve, runtime: Runtime) -> None:
    runtime.fails("ModelNotReadyException", status=429)
    runtime.replies.append(whole({}))
    assert serve("native").request("POST", "/invocations", b"x").status == 200
    assert len(runtime.bodies) == 2


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"TASK": "image", "CONTAINER": "tgi"}, "CONTAINER is 'tgi'.*'image': allowed are other, stability"),
        ({"TASK": "text", "CONTAINER": "other"}, "CONTAINER is 'other'.*'text': allowed are tgi, lmi, vllm"),
        ({"TASK": "rerank", "CONTAINER": "other"}, "allowed are tei, vllm"),
        ({"TASK": "speech", "CONTAINER": "other"}, "TASK is 'speech'"),
    ],
)
def test_a_task_that_its_container_does_not_serve_fails_the_start(
    changes: dict[str, str], problem: str, deploy: Deploy
) -> None:
    with pytest.raises(SettingsError, match=problem):
        deploy(**changes).request("GET", "/health")


def test_bedrock_serves_text_only(deploy: Deploy) -> None:
    shim = deploy(BACKEND="bedrock", TASK="image", CONTAINER=None, ENDPOINT_NAME=None, BODY="chat", MODEL_ARN="arn")
    with pytest.raises(SettingsError, match="bedrock, which serves text only"):
        shim.request("GET", "/health")


LOADED = """
import json, os, sys
for task, environment in json.load(sys.stdin):
    for name in [name for name in sys.modules if name.startswith("invoke_shim")]:
        del sys.modules[name]
    for name in ("TASK", "CONTAINER", "PROMPT_FORMAT"):
        os.environ.pop(name, None)
    os.environ.update(environment)
    from invoke_shim import handler
    handler.api()
    print(task, *[name.removeprefix("invoke_shim.") for name in sys.modules if name.startswith("invoke_shim.")])
"""

OF_TASKS = {"openai.embeddings", "openai.images", "openai.audio", "openai.rerank"}
OF_TEXT = {"http.routes", "openai.requests", "openai.answers", "openai.chunks", "backends.sagemaker.endpoint"}


OWN: dict[str, set[str]] = {
    "text": set(),
    "embedding": {"openai.embeddings"},
    "image": {"openai.images"},
    "transcription": {"openai.audio"},
    "rerank": {"openai.rerank"},
    "native": set(),
}


@pytest.mark.parametrize(
    "tasks", [pytest.param(["text", "embedding"], id="two"), pytest.param([*OWN], id="all", marks=pytest.mark.sweep)]
)
def test_a_function_loads_its_own_task_and_no_other(tasks: list[str]) -> None:
    own = {task: OWN[task] for task in tasks}
    environments = [
        (
            task,
            {
                "TASK": task,
                "CONTAINER": CONTAINER.get(task, "other"),
                **({"PROMPT_FORMAT": "none"} if task == "text" else {}),
            },
        )
        for task in own
    ]
    run = subprocess.run(
        [sys.executable, "-c", LOADED],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(invoke_shim.__file__).parents[1]),
            "AWS_DEFAULT_REGION": "us-east-1",
            "MODEL_NAME": "a-model",
            "INVOKE_TIMEOUT_SECONDS": "29",
            "ENDPOINT_NAME": "an-endpoint",
        },
        input=json.dumps(environments),
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = {task: set(modules) for task, *modules in map(str.split, run.stdout.splitlines())}
    assert set(loaded) == set(own), run.stderr
    assert {task: modules & OF_TASKS for task, modules in loaded.items()} == own
    assert loaded["text"] >= OF_TEXT
    assert not {name for name in loaded["text"] if "task" in name}
    assert not any(modules & OF_TEXT for task, modules in loaded.items() if task != "text")
