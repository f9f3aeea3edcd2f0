"""Chats of each version go to its stand-in, and its answers are read: whole, streamed, with tools, images and forms."""

import json
from typing import Any

import pytest

from invoke_shim.generation.messages import Image, Message, ToolCall
from invoke_shim.generation.types import Answer, GenerationRequest, Usage, collect
from localaws.containers import ContainerSettings, lmi, tgi, vllm
from localaws.containers.models import Model
from localaws.containers.serving import Serving
from tests.invoke_shim.backends.containers.chats import TIME, VERSIONS, WEATHER, chat, container, tools

RESPOND = {"tgi": tgi.respond, "lmi": lmi.respond, "vllm": vllm.respond}
NAMES = list(VERSIONS)
WITH_TOOLS = [name for name in NAMES if name not in ("LMI 11", "LMI 14")]
"""LMI 11 has no tools and no forms, and the stand-in does not imitate those of LMI 14."""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def ask(name: str, request: GenerationRequest, *, stream: bool = False) -> Answer:
    family, version = VERSIONS[name]
    settings = ContainerSettings(
        family=family,  # type: ignore[arg-type]  # one of them
        max_input_tokens=4000,
        max_total_tokens=8000,
        default_new_tokens=30 if family == "lmi" else None,
        version=version,  # type: ignore[arg-type]  # of three parts
        is_async=version >= (17,),
        model=("m",),
        loaded=Model("llava vision instruct"),
        auto_tools=True,
    )
    made = container(name, total=8000)
    response = RESPOND[family](made.payload(request, stream=stream), Serving(settings=settings))
    pieces = [response.body] if isinstance(response.body, str) else list(response.body)
    assert response.status == 200, pieces
    if stream:
        # A byte at a time.
        return collect(made.read_stream([bytes([byte]) for byte in "".join(pieces).encode()], request))
    return made.read("".join(pieces).encode(), request)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("max_tokens", [40, None])
def test_a_chat_is_the_same_whole_and_streamed(name: str, max_tokens: int | None) -> None:
    request = chat(Message("system", "Be brief."), Message("user", "Hi"), temperature=0, max_tokens=max_tokens)
    whole, streamed = ask(name, request), ask(name, request, stream=True)
    assert whole.completions == streamed.completions
    assert whole.completions[0].text
    assert None not in whole.usage[:2]
    assert streamed.usage == (Usage() if name in ("LMI 11", "LMI 14") else whole.usage)


@pytest.mark.parametrize("name", WITH_TOOLS)
def test_a_required_tool_is_called_with_arguments_of_its_schema(name: str) -> None:
    answer = ask(name, chat(tools=tools("required"), temperature=0, max_tokens=None))
    [call] = answer.completions[0].tool_calls
    assert answer.completions[0].finish_reason == "tool_calls"
    assert call.name == "weather"
    assert isinstance(json.loads(call.arguments), dict)


@pytest.mark.parametrize("name", WITH_TOOLS)
def test_a_named_tool_of_several_is_called(name: str) -> None:
    answer = ask(name, chat(tools=tools("named", WEATHER, TIME, name="time"), temperature=0, max_tokens=None))
    assert [call.name for call in answer.completions[0].tool_calls] == ["time"]


@pytest.mark.parametrize("name", WITH_TOOLS)
def test_a_chat_with_results_of_tools_goes_on(name: str) -> None:
    request = chat(
        Message("user", "Rain?"),
        Message("assistant", "", tool_calls=(ToolCall("call_1", "weather", '{"city": "Ulm"}'),)),
        Message("tool", "wet", tool_call_id="call_1"),
        tools=tools("none"),
    )
    assert ask(name, request).completions[0].text


@pytest.mark.parametrize("name", WITH_TOOLS)
@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_json_comes_in_the_form_that_was_asked_for(name: str, kind: str) -> None:
    schema = {"type": "object", "properties": {"car": {"type": "string"}}, "required": ["car"]}
    form: dict[str, Any] = {"type": kind}
    if kind == "json_schema":
        form["json_schema"] = {"name": "car", "schema": schema}
    value = json.loads(ask(name, chat(response_format=form, max_tokens=None)).completions[0].text)
    assert isinstance(value, dict)
    assert kind == "json_object" or list(value) == ["car"]


@pytest.mark.parametrize("name", NAMES)
def test_log_probabilities_come_token_by_token(name: str) -> None:
    request = chat(logprobs=True, top_logprobs=2, temperature=0)
    whole, streamed = ask(name, request), ask(name, request, stream=True)
    assert whole.completions[0].logprobs == streamed.completions[0].logprobs
    most = 1 if name in ("LMI 11", "LMI 14") else 2
    assert all(len(token.top) == most for token in whole.completions[0].logprobs)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_taken(name: str) -> None:
    message = Message("user", "What is it?", ("What is it?", Image("image/png", PNG)))
    assert ask(name, chat(message)).completions[0].text
