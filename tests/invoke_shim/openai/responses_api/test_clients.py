"""OpenAI's Python client, and LangChain's on top of it, by the Responses API."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx2
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai.types.responses import ResponseInputParam
from pydantic import BaseModel, SecretStr

from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import Message, ToolCall
from invoke_shim.generation.types import Piece, ToolCallPiece, Usage
from tests.invoke_shim.client import MODEL_NAME, Shim
from tests.invoke_shim.openai.responses_api.asking import HELLO, serving
from tests.invoke_shim.openai.test_clients import BASE_URL, transport
from tests.invoke_shim.scripted_backend import ScriptedBackend, Step

ARGUMENTS = '{"city": "Rome"}'
CALLS = (
    Piece(reasoning="Hm."),
    Piece(tool_calls=(ToolCallPiece(0, "call_7", "get_weather"),)),
    Piece(tool_calls=(ToolCallPiece(0, arguments=ARGUMENTS[:6]),)),
    Piece(tool_calls=(ToolCallPiece(0, arguments=ARGUMENTS[6:]),)),
    Piece(finish_reason="tool_calls"),
    Piece(usage=Usage(5, 7)),
)


class Weather(BaseModel):
    """The weather of a city."""

    city: str


@contextmanager
def connected(*scripts: Sequence[Step]) -> Iterator[tuple[openai.OpenAI, ScriptedBackend]]:
    with serving(*scripts) as (shim, backend), httpx2.Client(transport=transport(shim)) as http_client:
        yield openai.OpenAI(api_key="none", base_url=BASE_URL, http_client=http_client, max_retries=0), backend


def test_gets_its_answer() -> None:
    with connected() as (client, _):
        response = client.responses.create(model=MODEL_NAME, input="Hi", instructions="Be brief.")
    assert (response.output_text, response.status, response.error) == ("Hello!", "completed", None)
    assert response.usage is not None
    assert response.usage.total_tokens == 12


def test_reads_a_stream() -> None:
    with connected() as (client, _):
        events = list(client.responses.create(model=MODEL_NAME, input="Hi", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello!"
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "Hello!"


def test_puts_a_stream_together_by_itself() -> None:
    with connected(CALLS) as (client, _):
        tools = [openai.pydantic_function_tool(Weather, name="get_weather")]
        flat = [{"type": "function", **described["function"]} for described in tools]
        with client.responses.stream(model=MODEL_NAME, input="Hi", tools=flat) as stream:  # type: ignore[arg-type]
            snapshots = [event.snapshot for event in stream if event.type == "response.function_call_arguments.delta"]
            response = stream.get_final_response()
    assert snapshots == [ARGUMENTS[:6], ARGUMENTS]
    assert [item.type for item in response.output] == ["reasoning", "function_call"]


def test_calls_a_tool_and_sends_its_result() -> None:
    with connected(CALLS, HELLO) as (client, backend):
        function = {"type": "function", "name": "get_weather", "parameters": Weather.model_json_schema()}
        items: ResponseInputParam = [{"role": "user", "content": "How is it in Rome?"}]
        first = client.responses.create(model=MODEL_NAME, input=items, tools=[function])  # type: ignore[list-item]
        (call,) = (item for item in first.output if item.type == "function_call")
        assert (call.name, call.arguments) == ("get_weather", ARGUMENTS)
        # As OpenAI's guide has it: the output goes back as it is.
        items += first.output  # type: ignore[arg-type]
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."})
        second = client.responses.create(model=MODEL_NAME, input=items, tools=[function])  # type: ignore[list-item]
    assert second.output_text == "Hello!"
    assert backend.requests[1].messages == (
        Message("user", "How is it in Rome?"),
        Message("assistant", "", (), (ToolCall("call_7", "get_weather", ARGUMENTS),)),
        Message("tool", "Sunny.", (), (), "call_7"),
    )


def test_parses_structured_output() -> None:
    script = (Piece(text='{"city":'), Piece(text=' "Rome"}'), Piece(finish_reason="stop"))
    with connected(script) as (client, backend):
        response = client.responses.parse(model=MODEL_NAME, input="Where?", text_format=Weather)
    assert response.output_parsed == Weather(city="Rome")
    form = backend.requests[0].generation.response_format
    assert form is not None
    assert form["json_schema"]["schema"]["required"] == ["city"]


def test_answers_async_clients_too() -> None:
    async def talk(shim: Shim) -> tuple[str, str]:
        http_client = httpx2.AsyncClient(transport=transport(shim))
        async with openai.AsyncOpenAI(api_key="none", base_url=BASE_URL, http_client=http_client) as client:
            whole = await client.responses.create(model=MODEL_NAME, input="Hi")
            stream = await client.responses.create(model=MODEL_NAME, input="Hi", stream=True)
            parts = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        return whole.output_text, "".join(parts)

    with serving() as (shim, _):
        assert asyncio.run(talk(shim)) == ("Hello!", "Hello!")


def test_raises_its_own_errors() -> None:
    with connected() as (client, _):
        with pytest.raises(openai.BadRequestError, match="max_output_tokens is 0") as bad:
            client.responses.create(model=MODEL_NAME, input="Hi", max_output_tokens=0)
        assert bad.value.param == "max_output_tokens"
        with pytest.raises(openai.NotFoundError, match="nothing is stored here"):
            client.responses.retrieve("resp_1")
        with pytest.raises(openai.NotFoundError, match="nothing is stored here"):
            client.responses.delete("resp_1")


def test_raises_an_error_that_comes_within_a_stream() -> None:
    parts: list[str] = []
    with connected((Piece(text="Hel"), ApiError("it broke off", status=500, type="server_error"))) as (client, _):
        stream = client.responses.create(model=MODEL_NAME, input="Hi", stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            parts.extend(event.delta for event in stream if event.type == "response.output_text.delta")
    assert parts == ["Hel"]


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"Sunny in {city}."


@pytest.mark.parametrize("streams", [False, True])
def test_langchain_takes_two_turns_with_a_tool(streams: bool) -> None:
    with serving(CALLS, HELLO) as (shim, backend), httpx2.Client(transport=transport(shim)) as http_client:
        model = ChatOpenAI(
            model=MODEL_NAME,
            base_url=BASE_URL,
            api_key=SecretStr("none"),
            http_client=http_client,
            use_responses_api=True,
            streaming=streams,
        ).bind_tools([get_weather])
        question = HumanMessage("How is it in Rome?")
        first = model.invoke([question])
        assert isinstance(first, AIMessage)
        (call,) = first.tool_calls
        result = get_weather.invoke(call)
        assert isinstance(result, ToolMessage)
        second = model.invoke([question, first, result])
    assert "Hello!" in str(second.content)
    assert [message.role for message in backend.requests[1].messages] == ["user", "assistant", "tool"]
    assert backend.requests[1].messages[-1].content == "Sunny in Rome."
