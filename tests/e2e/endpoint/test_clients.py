"""Ask the deployed shim with the field's clients, unchanged: over real HTTP, with a key, on the local AWS."""

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.e2e.deployment import REGION, STACK
from tests.invoke_shim.openai import objects
from tools import keys
from tools.local import LocalAws

pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("e2e")]

MODEL = STACK.model.name
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Which country has the most lakes? 🏞️"}]


@pytest.fixture(scope="module")
def base_url(deployed: dict[str, str], local_aws: LocalAws) -> str:
    """The API's address on the local AWS; on AWS it is the output `InvokeUrl` and `v1`."""
    api = deployed["InvokeUrl"].split("//")[1].split(".")[0]
    return f"{local_aws.apis_url}/_localaws/execute-api/{REGION}/{api}/live/v1"


@pytest.fixture(scope="module")
def key(deployed: dict[str, str]) -> str:
    return keys.create(STACK, "clients")


@pytest.fixture
def client(base_url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
        yield client


@pytest.fixture
def plain(key: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
        yield client


class Endpoint:
    """The behaviour of an endpoint that the local AWS lets tests change."""

    def __init__(self, local_aws: LocalAws) -> None:
        self._local_aws = local_aws
        self._path = f"sagemaker/endpoints/{STACK.stack_name}"

    def set(self, **changes: Any) -> None:
        self._local_aws.steer("PUT", self._path, changes)

    def reset(self) -> None:
        self._local_aws.steer("DELETE", self._path)

    @property
    def invocations(self) -> int:
        return int(self._local_aws.steer("GET", self._path)["invocations"])


@pytest.fixture
def endpoint(deployed: dict[str, str], local_aws: LocalAws) -> Iterator[Endpoint]:
    controls = Endpoint(local_aws)
    controls.reset()
    yield controls
    controls.reset()


def _events(response: httpx2.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in response.iter_lines() if line]


def test_every_answer_is_openais_by_its_own_models_and_schema(client: openai.OpenAI) -> None:
    chat = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=MESSAGES, max_tokens=20, logprobs=True, top_logprobs=2
    )
    objects.is_chat(json.loads(chat.text))
    completion = client.completions.with_raw_response.create(model=MODEL, prompt="Once", max_tokens=5)
    objects.is_completion(json.loads(completion.text))
    models = client.models.with_raw_response.list()
    objects.check("ListModelsResponse", json.loads(models.text))
    assert chat.headers["x-request-id"]


def test_every_chunk_is_openais(plain: httpx2.Client, base_url: str) -> None:
    asked = {"model": MODEL, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 12}

    with plain.stream("POST", f"{base_url}/chat/completions", json={**asked, "messages": MESSAGES}) as response:
        *chunks, done = _events(response)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert done == "[DONE]"
    for chunk in chunks:
        objects.is_chat_chunk(json.loads(chunk))

    with plain.stream("POST", f"{base_url}/completions", json={**asked, "prompt": "Once"}) as response:
        *chunks, done = _events(response)
    assert done == "[DONE]"
    for chunk in chunks:
        objects.is_completion_chunk(json.loads(chunk))


def test_every_error_is_openais(plain: httpx2.Client, base_url: str) -> None:
    path = f"{base_url}/chat/completions"
    refused = [
        plain.post(path, content=b"{"),
        plain.post(path, content=b"\xff\xfe"),
        plain.post(path, json={"model": MODEL}),
        plain.post(path, json={"model": "another", "messages": MESSAGES}),
        plain.post(path, json={"model": MODEL, "messages": MESSAGES, "temperature": "hot"}),
        plain.get(path),
        plain.get(f"{base_url}/nothing"),
        plain.post(path, json={"model": MODEL, "messages": MESSAGES}, headers={"authorization": "Bearer wrong"}),
    ]

    assert [response.status_code for response in refused] == [400, 400, 400, 404, 400, 405, 404, 401]
    for response in refused:
        objects.is_error(response.json())
        assert response.headers["x-request-id"]


def test_a_stream_is_the_same_answer_piece_by_piece(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=0, max_tokens=40)
    stream = client.chat.completions.create(
        model=MODEL,
        messages=MESSAGES,
        temperature=0,
        max_tokens=40,
        stream=True,
        stream_options={"include_usage": True},
    )

    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == whole.choices[0].finish_reason


def test_chunks_come_while_the_model_still_generates(client: openai.OpenAI, endpoint: Endpoint) -> None:
    endpoint.set(pace={"token_seconds": 0.1, "answer_tokens": 20})

    came = []
    for chunk in client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, max_tokens=20):
        if chunk.choices and chunk.choices[0].delta.content:
            came.append(time.monotonic())
    # 20 tokens at a tenth of a second each: an answer sent at once at its end would come within milliseconds.
    assert came[-1] - came[0] > 1


def test_a_stream_may_be_left_in_the_middle(client: openai.OpenAI, endpoint: Endpoint) -> None:
    endpoint.set(pace={"token_seconds": 0.02, "answer_tokens": 200})

    with client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, max_tokens=200) as stream:
        next(iter(stream))
    endpoint.reset()
    assert client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=5).choices[0].message.content


def test_answers_async_clients_at_the_same_time(base_url: str, key: str) -> None:
    async def ask() -> list[str]:
        async with openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as client:

            async def stream(number: int) -> str:
                parts = await client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": f"Count to {number}"}], stream=True
                )
                return "".join([chunk.choices[0].delta.content or "" async for chunk in parts if chunk.choices])

            return await asyncio.gather(*(stream(number) for number in range(4)))

    answers = asyncio.run(ask())
    assert len(set(answers)) == 4
    assert all(f"Count to {number}" in answer for number, answer in enumerate(answers))


def test_is_overloaded_where_the_shim_may_run_no_more_at_a_time(client: openai.OpenAI, local_aws: LocalAws) -> None:
    functions: Any = boto3.client("lambda", region_name=REGION)
    [shim] = [
        function["FunctionName"]
        for function in functions.list_functions()["Functions"]
        if "MODEL_NAME" in function.get("Environment", {}).get("Variables", {})
    ]
    reserved = functions.get_function_concurrency(FunctionName=shim)["ReservedConcurrentExecutions"]
    functions.put_function_concurrency(FunctionName=shim, ReservedConcurrentExecutions=0)
    try:
        with pytest.raises(openai.InternalServerError) as refused:
            client.chat.completions.create(model=MODEL, messages=MESSAGES)
    finally:
        functions.put_function_concurrency(FunctionName=shim, ReservedConcurrentExecutions=reserved)

    assert (refused.value.status_code, refused.value.code) == (503, "overloaded")
    assert refused.value.response.headers["retry-after"] == "1"
    assert client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=5).choices[0].message.content


def test_raises_openais_error_classes(client: openai.OpenAI, base_url: str, endpoint: Endpoint) -> None:
    with pytest.raises(openai.BadRequestError, match="top_p"):
        client.chat.completions.create(model=MODEL, messages=MESSAGES, top_p=3)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="another", messages=MESSAGES)
    stranger = openai.OpenAI(base_url=base_url, api_key="x" * 40, max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    endpoint.set(faults=[{"kind": "throttled", "times": 1}])
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=MODEL, messages=MESSAGES)
    endpoint.set(faults=[{"kind": "internal_failure", "times": 1}])
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model=MODEL, messages=MESSAGES)


def test_an_error_within_a_stream_reaches_the_client(client: openai.OpenAI, endpoint: Endpoint) -> None:
    endpoint.set(faults=[{"kind": "stream_broken", "times": 1}])

    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, max_tokens=64))


def test_the_client_repeats_a_throttled_request_by_itself(client: openai.OpenAI, endpoint: Endpoint) -> None:
    endpoint.set(faults=[{"kind": "throttled", "times": 1}])

    answer = client.with_options(max_retries=2).chat.completions.create(model=MODEL, messages=MESSAGES)
    assert answer.choices[0].message.content
    assert endpoint.invocations == 2


def test_a_model_that_wakes_in_time_is_waited_for(client: openai.OpenAI, endpoint: Endpoint) -> None:
    endpoint.set(faults=[{"kind": "not_ready", "times": 2}])

    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert answer.choices[0].message.content
    assert endpoint.invocations == 3


# In the sweep, since it waits a quarter of a minute.
def test_the_client_comes_back_by_itself_to_a_model_that_wakes_late(client: openai.OpenAI, endpoint: Endpoint) -> None:
    endpoint.set(faults=[{"kind": "not_ready"}])
    # The client's own patience of 4 s, which its headers tell: half of it for waiting, then 503 and `retry-after`.
    hasty = client.with_options(timeout=4)
    with pytest.raises(openai.InternalServerError) as refused:
        hasty.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert refused.value.status_code == 503
    pause = int(refused.value.response.headers["retry-after"])

    wakes = threading.Timer(pause / 2 + 2, endpoint.reset)
    wakes.start()
    answer = hasty.with_options(max_retries=2).chat.completions.create(model=MODEL, messages=MESSAGES)
    wakes.join()
    assert answer.choices[0].message.content


def test_langchain_asks_and_streams(base_url: str, key: str) -> None:
    # Imported here, since every worker imports every module of tests, and this takes more than a second.
    from langchain_core.messages import AIMessage, HumanMessage  # noqa: PLC0415
    from langchain_openai import ChatOpenAI  # noqa: PLC0415

    model = ChatOpenAI(model=MODEL, base_url=base_url, api_key=lambda: key, temperature=0, max_retries=0)
    conversation = [HumanMessage("Hello"), AIMessage("Hello! How can I help?"), HumanMessage("Name three lakes.")]

    whole = model.invoke(conversation)
    assert whole.content
    streamed = "".join(str(chunk.content) for chunk in model.stream(conversation))
    assert streamed == whole.content


PAGE = "http://localhost:3000"


def test_a_page_of_a_declared_site_asks_without_a_key_and_reads_every_answer(
    base_url: str, plain: httpx2.Client
) -> None:
    asked = httpx2.options(
        f"{base_url}/chat/completions", headers={"origin": PAGE, "access-control-request-method": "POST"}
    )
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == PAGE

    body = {"model": MODEL, "messages": MESSAGES, "max_tokens": 4}
    answers = [
        plain.post(f"{base_url}/chat/completions", json={**body, **more}, headers={"origin": PAGE})
        for more in ({}, {"stream": True}, {"n": -1})
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {PAGE}
    refused = httpx2.post(f"{base_url}/chat/completions", json=body, headers={"origin": PAGE})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")


def test_a_page_of_another_site_may_not(base_url: str, plain: httpx2.Client) -> None:
    headers = {"origin": "https://chat-example.com", "access-control-request-method": "GET"}
    answers = [httpx2.options(f"{base_url}/models", headers=headers), plain.get(f"{base_url}/models", headers=headers)]

    assert [answer.status_code for answer in answers] == [204, 200]
    assert not [answer for answer in answers if "access-control-allow-origin" in answer.headers]


def test_a_compressed_chat_is_answered(base_url: str, plain: httpx2.Client) -> None:
    body = gzip.compress(json.dumps({"model": MODEL, "messages": MESSAGES, "max_tokens": 4}).encode())
    headers = {"content-encoding": "gzip", "content-type": "application/json"}

    assert plain.post(f"{base_url}/chat/completions", content=body, headers=headers).status_code == 200


def test_head_says_whether_the_model_is_there(base_url: str, plain: httpx2.Client) -> None:
    answers = [plain.head(f"{base_url}/models/{name}") for name in (MODEL, "another")]

    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b""), (404, b"")]
