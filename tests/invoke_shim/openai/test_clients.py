"""OpenAI's own Python client, and LangChain's on top of it, unchanged in front of the function."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator

import httpx2
import openai
import pytest
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import SecretStr

from invoke_shim.http.proxy import BrokenStreamError
from localaws import eventstream
from tests.invoke_shim.backend_stub import fails
from tests.invoke_shim.client import MODEL_NAME, Deploy, Reply, Runtime, Shim, last_token, token

BASE_URL = "https://abc.execute-api.us-east-1.amazonaws.com/v1"
TOO_LONG = "`inputs` tokens + `max_new_tokens` must be <= 2048"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A response's body as API Gateway passes it on: a stream that broke off just ends."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except BrokenStreamError:
            return

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self._chunks.close()  # type: ignore[attr-defined]  # handle's chunks can be closed

    async def aclose(self) -> None:
        self.close()


def transport(shim: Shim) -> httpx2.MockTransport:
    """Answers HTTP requests by the function."""

    def send(request: httpx2.Request) -> httpx2.Response:
        response = shim.call(request.method, request.url.path, request.content, dict(request.headers))
        if response.chunks is not None:
            return httpx2.Response(response.status, headers=response.all_headers(), stream=Body(response.chunks))
        return httpx2.Response(response.status, headers=response.all_headers(), content=response.encoded_body())

    return httpx2.MockTransport(send)


@pytest.fixture
def client(shim: Shim) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="none", base_url=BASE_URL, http_client=httpx2.Client(transport=transport(shim))
    ) as client:
        yield client


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that OpenAI's client waits between tries, without the waiting."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def prompt_request(client: openai.OpenAI) -> str | None:
    return client.chat.completions.create(model=MODEL_NAME, messages=MESSAGES).choices[0].message.content


def stream_hello(runtime: Runtime) -> None:
    runtime.streams(token(" Hel"), token("lo!"), last_token("<|endoftext|>", " Hello!", tokens=3, prompt=8))


def test_gets_its_answers(client: openai.OpenAI) -> None:
    assert prompt_request(client) == "Hello!"
    assert [model.id for model in client.models.list()] == [MODEL_NAME]
    assert client.models.retrieve(MODEL_NAME).id == MODEL_NAME
    assert client.completions.create(model=MODEL_NAME, prompt="Once").choices[0].text == " Hello!"


def test_reads_a_streamed_chat(client: openai.OpenAI, runtime: Runtime) -> None:
    stream_hello(runtime)
    stream = client.chat.completions.create(
        model=MODEL_NAME, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello!"
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (8, 3)


def test_puts_a_streamed_chat_together_by_itself(client: openai.OpenAI, runtime: Runtime) -> None:
    stream_hello(runtime)
    with client.chat.completions.stream(model=MODEL_NAME, messages=MESSAGES) as stream:
        completion = stream.get_final_completion()
    assert completion.choices[0].message.content == "Hello!"
    assert completion.choices[0].finish_reason == "stop"


def test_reads_a_streamed_completion(client: openai.OpenAI, runtime: Runtime) -> None:
    stream_hello(runtime)
    stream = client.completions.create(model=MODEL_NAME, prompt="Once", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == " Hello!"


def test_may_leave_a_stream_in_the_middle(client: openai.OpenAI, runtime: Runtime) -> None:
    stream_hello(runtime)
    with client.chat.completions.create(model=MODEL_NAME, messages=MESSAGES, stream=True) as stream:
        assert next(stream).choices[0].delta.role == "assistant"
    assert ask_again(client, runtime) == "Hello!"


def ask_again(client: openai.OpenAI, runtime: Runtime) -> str | None:
    runtime.answers([{"generated_text": " Hello!"}])
    return prompt_request(client)


def test_answers_async_clients_too(shim: Shim, runtime: Runtime) -> None:
    async def talk() -> tuple[str | None, str]:
        http_client = httpx2.AsyncClient(transport=transport(shim))
        async with openai.AsyncOpenAI(api_key="none", base_url=BASE_URL, http_client=http_client) as client:
            whole = await client.chat.completions.create(model=MODEL_NAME, messages=MESSAGES)
            stream_hello(runtime)
            stream = await client.chat.completions.create(model=MODEL_NAME, messages=MESSAGES, stream=True)
            parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return whole.choices[0].message.content, "".join(parts)

    assert asyncio.run(talk()) == ("Hello!", "Hello!")


def test_raises_its_own_errors(client: openai.OpenAI, runtime: Runtime) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("gpt-4o")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="temperature is 3") as bad:
        client.completions.create(model=MODEL_NAME, prompt="Once", temperature=3)
    assert (bad.value.param, bad.value.type) == ("temperature", "invalid_request_error")
    assert bad.value.request_id is not None
    runtime.model_fails(422, json.dumps({"error": TOO_LONG, "error_type": "validation"}))
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match="must be <= 2048") as too_long:
            client.chat.completions.create(model=MODEL_NAME, messages=MESSAGES, stream=stream)
        assert too_long.value.code == "context_length_exceeded"


def test_raises_an_error_that_comes_within_a_stream(client: openai.OpenAI, runtime: Runtime) -> None:
    broken = eventstream.exception("InternalStreamFailure", {"Message": "oops"})
    runtime.streams(token(" Hello"), last=broken)
    stream = client.chat.completions.create(model=MODEL_NAME, messages=MESSAGES, stream=True)
    parts: list[str] = []
    with pytest.raises(openai.APIError, match="broke off"):
        parts.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "".join(parts) == "Hello"


def test_repeats_a_throttled_request_when_it_is_told_to(
    client: openai.OpenAI, runtime: Runtime, pauses: list[float]
) -> None:
    runtime.fails("ThrottlingException", status=400, Message=None)
    with pytest.raises(openai.RateLimitError):
        prompt_request(client.with_options(max_retries=1))
    assert (len(runtime.bodies), pauses) == (2, [1])


@pytest.mark.parametrize("stream", [False, True])
def test_asks_a_cold_model_again_when_it_is_told_to(
    stream: bool, client: openai.OpenAI, runtime: Runtime, pauses: list[float]
) -> None:
    stream_hello(runtime)
    ready = runtime.reply if stream else backend_answer()
    runtime.replies = [fails("ModelNotReadyException", 429, Message="x"), ready]
    # Too little patience for the function to wait itself.
    answer = client.with_options(timeout=1).chat.completions.create(model=MODEL_NAME, messages=MESSAGES, stream=stream)
    if isinstance(answer, openai.Stream):
        assert "".join(chunk.choices[0].delta.content or "" for chunk in answer) == "Hello!"
    else:
        assert answer.choices[0].message.content == "Hello!"
    assert (len(runtime.bodies), pauses) == (2, [10])


def backend_answer() -> Reply:
    return Reply(body=b'[{"generated_text": " Hello!"}]', headers={"content-type": "application/json"})


def test_does_not_repeat_what_may_have_been_answered(
    client: openai.OpenAI, runtime: Runtime, pauses: list[float]
) -> None:
    runtime.reply = Reply(drop=True)
    with pytest.raises(openai.InternalServerError):
        prompt_request(client)
    assert (len(runtime.bodies), pauses) == (1, [])


@pytest.fixture
def langchain(shim: Shim) -> Iterator[ChatOpenAI]:
    with httpx2.Client(transport=transport(shim)) as http_client:
        yield ChatOpenAI(
            model=MODEL_NAME,
            base_url=BASE_URL,
            api_key=SecretStr("none"),
            http_client=http_client,
            temperature=0.5,
            stream_usage=True,
        )


def test_langchain_asks(langchain: ChatOpenAI, runtime: Runtime) -> None:
    conversation = [SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Hello."), HumanMessage("And now?")]
    answer = langchain.invoke(conversation, stop=["END"])
    assert answer.content == "Hello!"
    assert answer.response_metadata["finish_reason"] == "stop"
    assert runtime.payload["inputs"] == "System: Be brief.\nUser: Hi\nFalcon: Hello.\nUser: And now?\nFalcon:"
    assert runtime.payload["parameters"]["stop"][0] == "END"


def test_langchain_streams_with_its_usage(langchain: ChatOpenAI, runtime: Runtime) -> None:
    stream_hello(runtime)
    *_, last = chunks = list(langchain.stream("Hi"))
    assert "".join(str(chunk.content) for chunk in chunks) == "Hello!"
    totals = [chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata]
    assert totals == [11]
    assert last is not None


def test_langchain_gets_openais_errors(langchain: ChatOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="allowed there: system, developer, user"):
        langchain.invoke([ChatMessage(content="Be brief.", role="narrator")])


def test_a_base_model_tells_its_clients_what_it_takes(deploy: Deploy) -> None:
    with openai.OpenAI(
        api_key="none",
        base_url=BASE_URL,
        http_client=httpx2.Client(transport=transport(deploy(PROMPT_FORMAT="none"))),
    ) as client:
        with pytest.raises(openai.BadRequestError, match="/v1/completions"):
            prompt_request(client)
        assert client.completions.create(model=MODEL_NAME, prompt="Once", n=1).choices[0].text == " Hello!"
