"""Requests that clients send, in front of an imported model: each is answered, or refused with what to do instead."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.invoke_shim.backend_stub import Reply, whole
from tests.invoke_shim.backends.bedrock import stub
from tests.invoke_shim.client import Deploy, Runtime, Shim

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": SCHEMA}}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
QUESTION = {"role": "user", "content": "Weather in Oslo?"}
ANSWERED = [
    QUESTION,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "12 C"},
]
USE = {"toolUse": {"toolUseId": "call_1", "name": "get_weather", "input": {"city": "Oslo"}}}
RESULT = {"toolResult": {"toolUseId": "call_1", "content": [{"text": "12 C"}]}}


@pytest.fixture
def ask(deploy: Deploy, runtime: Runtime) -> Callable[..., Any]:
    def start(body: str, messages: Any, **parameters: Any) -> Any:
        shim: Shim = deploy(
            BACKEND="bedrock",
            BODY=body,
            MODEL_ARN=stub.ARN,
            PROMPT_FORMAT=None,
            ENDPOINT_NAME=None,
            CONTAINER=None,
            **stub.environment(runtime),
        )
        runtime.replies = [_answer(body)]
        return shim.post("/v1/chat/completions", {"model": "the-model", "messages": messages, **parameters})

    return start


def _answer(body: str) -> Reply:
    if body == "chat":
        message: Any = {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [CALL]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return whole({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 5}})
    thought: Any = {"reasoningContent": {"reasoningText": {"text": "Hm."}}}
    usage = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}
    message = {"role": "assistant", "content": [thought, USE]}
    reply = {"output": {"message": message}, "stopReason": "tool_use", "usage": usage, "metrics": {"latencyMs": 1}}
    return whole(reply)


def taken(answer: Any, runtime: Runtime) -> Any:
    """The payload that the model's side got."""
    assert answer.status == 200, answer.text
    return json.loads(runtime.bodies[-1])


@pytest.mark.parametrize("body", ["chat", "converse"])
def test_a_call_of_a_tool_is_answered_with_its_reasoning(ask: Callable[..., Any], runtime: Runtime, body: str) -> None:
    answer = ask(body, [QUESTION], tools=TOOLS)
    assert "get_weather" in json.dumps(taken(answer, runtime))
    [choice] = answer.json["choices"]
    assert choice["finish_reason"] == "tool_calls"
    [call] = choice["message"]["tool_calls"]
    assert (call["id"], call["type"], call["function"]["name"]) == ("call_1", "function", "get_weather")
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}
    assert choice["message"]["content"] is None
    assert choice["message"]["reasoning_content"] == "Hm."
    assert answer.json["usage"]["total_tokens"] == 8


def test_earlier_calls_and_results_go_on_in_each_form(ask: Callable[..., Any], runtime: Runtime) -> None:
    chat = taken(ask("chat", ANSWERED, tools=TOOLS), runtime)["messages"]
    assert chat[1]["tool_calls"] == [CALL]
    assert (chat[2]["role"], chat[2]["tool_call_id"], chat[2]["content"]) == ("tool", "call_1", "12 C")
    converse = taken(ask("converse", ANSWERED, tools=TOOLS), runtime)
    assert [message["content"] for message in converse["messages"][1:]] == [[USE], [RESULT]]
    assert "toolConfig" in converse


@pytest.mark.parametrize("parameters", [{}, {"tools": TOOLS, "tool_choice": "none"}])
def test_earlier_calls_are_text_for_converse_where_there_is_no_call(
    ask: Callable[..., Any], runtime: Runtime, parameters: Any
) -> None:
    payload = taken(ask("converse", ANSWERED, **parameters), runtime)
    assert "toolConfig" not in payload
    assert "12 C" in payload["messages"][2]["content"][0]["text"]


@pytest.mark.parametrize(
    ("choice", "chat", "converse"),
    [
        ("required", "required", {"any": {}}),
        (
            {"type": "function", "function": {"name": "get_weather"}},
            {"type": "function", "function": {"name": "get_weather"}},
            {"tool": {"name": "get_weather"}},
        ),
    ],
)
def test_the_choice_of_a_tool_is_passed_on(
    ask: Callable[..., Any], runtime: Runtime, choice: Any, chat: Any, converse: Any
) -> None:
    assert taken(ask("chat", [QUESTION], tools=TOOLS, tool_choice=choice), runtime)["tool_choice"] == chat
    asked = taken(ask("converse", [QUESTION], tools=TOOLS, tool_choice=choice), runtime)
    assert asked["toolConfig"]["toolChoice"] == converse


def test_an_image_goes_on_in_each_form(ask: Callable[..., Any], runtime: Runtime) -> None:
    parts = [
        {"type": "text", "text": "what is it"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    chat = taken(ask("chat", [{"role": "user", "content": parts}]), runtime)
    assert chat["messages"][0]["content"][1]["image_url"]["url"] == f"data:image/png;base64,{PNG}"
    converse = taken(ask("converse", [{"role": "user", "content": parts}]), runtime)
    text, image = converse["messages"][0]["content"]
    assert text == {"text": "what is it"}
    assert image == {"image": {"format": "png", "source": {"bytes": PNG}}}


def test_any_json_is_for_the_chat_body_alone(ask: Callable[..., Any], runtime: Runtime) -> None:
    form = {"type": "json_object"}
    assert taken(ask("chat", [QUESTION], response_format=form), runtime)["response_format"] == form
    refused = ask("converse", [QUESTION], response_format=form)
    assert refused.status == 400
    assert "json_schema" in refused.error["message"]
    assert refused.error["param"] == "response_format"


def test_json_by_a_schema_goes_on_in_each_form(ask: Callable[..., Any], runtime: Runtime) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMA}}
    assert taken(ask("chat", [QUESTION], response_format=form), runtime)["response_format"] == form
    output = taken(ask("converse", [QUESTION], response_format=form), runtime)["outputConfig"]["textFormat"]
    assert json.loads(output["structure"]["jsonSchema"]["schema"]) == SCHEMA


def test_no_limit_is_none_at_bedrock(ask: Callable[..., Any], runtime: Runtime) -> None:
    assert "max_tokens" not in taken(ask("chat", [QUESTION]), runtime)
    assert taken(ask("converse", [QUESTION]), runtime)["inferenceConfig"] == {}
    assert taken(ask("converse", [QUESTION], max_tokens=7), runtime)["inferenceConfig"] == {"maxTokens": 7}


def test_the_chat_body_takes_on_each_route_what_it_takes_natively(ask: Callable[..., Any], runtime: Runtime) -> None:
    more = {"top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1, "reasoning_effort": "low"}
    assert more.items() <= taken(ask("chat", [QUESTION], **more), runtime).items()
    fields = taken(ask("converse", [QUESTION], top_k=40), runtime)["additionalModelRequestFields"]
    assert fields == {"top_k": 40}


def test_two_users_in_a_row_are_one_to_converse(ask: Callable[..., Any], runtime: Runtime) -> None:
    chat = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    assert taken(ask("converse", chat), runtime)["messages"] == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]}
    ]


def test_a_later_system_message_keeps_its_place_before_converse(ask: Callable[..., Any], runtime: Runtime) -> None:
    roles = ("system", "user", "assistant", "system", "user")
    payload = taken(
        ask("converse", [{"role": role, "content": text} for role, text in zip(roles, "sabtc", strict=True)]), runtime
    )
    assert payload["system"] == [{"text": "s"}]
    assert payload["messages"][2] == {"role": "user", "content": [{"text": "t"}, {"text": "c"}]}
