"""Requests for responses: the chats that they become, and the problems that they have, by their own names."""

import base64
import subprocess
import sys
from typing import Any

import pytest

from invoke_shim.generation.messages import Image, Message, ToolCall, Tools
from invoke_shim.generation.types import GenerationRequest
from tests.invoke_shim.client import MODEL_NAME, Answer, Deploy, Json, Runtime
from tests.invoke_shim.openai.responses_api.asking import HELLO, NOW, WEATHER, post, respond, serving

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes([0, 0, 0, 1] * 4)).decode()
URL = f"data:image/png;base64,{PIXEL}"
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "now", "arguments": "{}", "status": "completed"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "12:00"}


def asked(input_: Json = "Hi", **parameters: Json) -> GenerationRequest:
    """The request that the backend gets."""
    with serving() as (shim, backend):
        answer = post(shim, input_, **parameters)
    assert answer.status == 200, answer.text
    (request,) = backend.requests
    return request


def refused(input_: Json = "Hi", **parameters: Json) -> Json:
    """The error of a request that asks no backend."""
    with serving() as (shim, backend):
        answer = post(shim, input_, **parameters)
    assert (answer.status, backend.requests) == (400, [])
    return answer.error


def test_a_text_is_a_message_of_the_users() -> None:
    assert asked("Hi").messages == (Message("user", "Hi"),)


def test_instructions_come_first() -> None:
    assert asked(instructions="Be brief.").messages == (Message("system", "Be brief."), Message("user", "Hi"))


def test_messages_may_be_of_parts_and_say_what_they_are_or_not() -> None:
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "No", "annotations": [], "logprobs": []},
                {"type": "refusal", "refusal": "thanks."},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "input_image", "detail": "auto", "image_url": URL}],
        },
    ]
    assert asked(items).messages == (
        Message("developer", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "No\nthanks."),
        Message("user", "", (Image("image/png", PIXEL),)),
    )


def test_a_turn_with_its_reasoning_and_its_calls_is_one_message() -> None:
    items = [
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"role": "assistant", "content": "Wait."},
        CALL,
        {**CALL, "call_id": "c2"},
        RESULT,
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "13:00"}]},
    ]
    calls = (ToolCall("c1", "now", "{}"), ToolCall("c2", "now", "{}"))
    assert asked(items, tools=[NOW]).messages == (
        Message("user", "Hi"),
        Message("assistant", "Wait.", (), calls),
        Message("tool", "12:00", (), (), "c1"),
        Message("tool", "13:00", (), (), "c2"),
    )


@pytest.mark.parametrize("content", ["Wait.", [{"type": "output_text", "text": "Wait."}]], ids=["text", "parts"])
def test_a_text_between_a_call_and_its_result_belongs_to_the_call(content: Json) -> None:
    items = [{"role": "user", "content": "Hi"}, CALL, {"role": "assistant", "content": content}, RESULT]
    assert asked(items, tools=[NOW]).messages[1:] == (
        Message("assistant", "Wait.", (), (ToolCall("c1", "now", "{}"),)),
        Message("tool", "12:00", (), (), "c1"),
    )


def test_turns_after_a_result_are_messages_of_their_own() -> None:
    items = [{"role": "user", "content": "Hi"}, CALL, RESULT, {**CALL, "call_id": "c2"}]
    assert [message.role for message in asked(items, tools=[NOW]).messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
    ]


def test_tools_are_those_of_a_chat() -> None:
    choice = {"type": "function", "name": "get_weather"}
    tools = asked(tools=[WEATHER, NOW], tool_choice=choice, parallel_tool_calls=False).generation.tools
    assert isinstance(tools, Tools)
    assert (tools.choice, tools.name, tools.parallel) == ("named", "get_weather", False)
    first, second = tools.functions
    assert (first.name, first.description, first.strict) == ("get_weather", "The weather of a city.", True)
    assert first.parameters == WEATHER["parameters"]
    assert (second.name, second.parameters, second.strict) == ("now", None, None)


def test_parameters_are_those_of_a_chat() -> None:
    schema = {"type": "object", "properties": {}}
    form = {"type": "json_schema", "name": "car", "schema": schema, "strict": True}
    generation = asked(
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.9,
        text={"format": form},
        reasoning={"effort": "low", "summary": "auto"},
        top_k=3,
        stop="END",
    ).generation
    assert (generation.max_tokens, generation.temperature, generation.top_p) == (9, 0.5, 0.9)
    assert generation.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "car", "schema": schema, "strict": True},
    }
    assert generation.extra["top_k"] == 3
    assert "low" in str(generation.extra)
    assert generation.stop == ("END",)


@pytest.mark.parametrize(
    "harmless",
    [
        {"store": True},
        {"background": False, "truncation": "disabled"},
        {"include": ["reasoning.encrypted_content"]},
        {"service_tier": "auto", "safety_identifier": "a", "prompt_cache_key": "b", "user": "c"},
        {"max_tool_calls": 3, "stream_options": None, "previous_response_id": None, "conversation": None},
        {"text": {"format": {"type": "text"}}, "reasoning": {}, "tools": [], "tool_choice": "auto"},
    ],
    ids=str,
)
def test_takes_what_asks_for_nothing_else(harmless: Json) -> None:
    assert asked(**harmless) == asked()


def test_a_response_repeats_its_request() -> None:
    form = {"type": "json_schema", "name": "car", "schema": {"type": "object", "properties": {}}, "strict": True}
    request = {
        "instructions": "Be brief.",
        "max_output_tokens": 9,
        "max_tool_calls": 2,
        "metadata": {"a": "b"},
        "temperature": 0.5,
        "top_p": 0.5,
        "user": "c",
        "safety_identifier": "d",
        "prompt_cache_key": "e",
        "parallel_tool_calls": False,
        "text": {"format": form},
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "name": "get_weather"},
    }
    response = respond(HELLO, **request, reasoning={"effort": "low"})
    assert {name: response[name] for name in request} == request
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert (response["model"], response["truncation"], response["background"]) == (MODEL_NAME, "disabled", False)


TEXT_5 = [{"type": "input_text", "text": 5}]
REFUSED: dict[str, tuple[Json, str, str]] = {
    # The parameters, the parameter at fault, and what the message says.
    "an earlier response": ({"previous_response_id": "resp_1"}, "previous_response_id", "the earlier items in input"),
    "a conversation": ({"conversation": "conv_1"}, "conversation", "the earlier items in input"),
    "a stored prompt": ({"prompt": {"id": "pmpt_1"}}, "prompt", "instructions and input"),
    "an item by its id": ({"input_": [{"type": "item_reference", "id": "a"}]}, "input[0]", "send the item itself"),
    "an item of an id alone": ({"input_": [{"id": "a"}]}, "input[0]", "send the item itself"),
    "work in the background": ({"background": True}, "background", "stream"),
    "a truncation": ({"truncation": "auto"}, "truncation", "context_length_exceeded"),
    "more of a tool": ({"include": ["file_search_call.results"]}, "include[0]", "message.output_text.logprobs"),
    "an include of one": ({"include": "all"}, "include", "expected a list"),
    "a tool of OpenAI's": ({"tools": [NOW, {"type": "web_search"}]}, "tools[1]", "'web_search', taken are tools of"),
    "a tool of no form": ({"tools": [NOW, "now"]}, "tools[1]", "taken are tools of type 'function'"),
    "a chat's tool": ({"tools": [{"type": "function", "function": NOW}]}, "tools[0].name", "tools[0].name is null"),
    "tools that are none": ({"tools": "all"}, "tools", "expected a list"),
    "some of the tools": (
        {"tools": [NOW], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [NOW]}},
        "tool_choice",
        "expected none, auto, required or an object",
    ),
    "a tool that is not there": (
        {"tools": [NOW], "tool_choice": {"type": "function", "name": "x"}},
        "tool_choice",
        "x",
    ),
    "a file": (
        {"input_": [{"role": "user", "content": [{"type": "input_file", "file_id": "a"}]}]},
        "input[0].content[0]",
        "input_text",
    ),
    "sound": ({"input_": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input[0].content[0]", "no model"),
    "a chat's part": (
        {"input_": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]},
        "input[0].content[0]",
        "taken are parts of type input_text, output_text, refusal and input_image",
    ),
    "a stored image": (
        {"input_": [{"role": "user", "content": [{"type": "input_image", "file_id": "a"}]}]},
        "input[0].content[0].file_id",
        "data URI",
    ),
    "a link to an image": (
        {"input_": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/b.png"}]}]},
        "input[0].content[0].image_url",
        "data URI",
    ),
    "a text that is none": ({"input_": [{"role": "user", "content": TEXT_5}]}, "input[0].content[0].text", "is 5"),
    "a message of nothing": ({"input_": [{"role": "user"}]}, "input[0].content", "input[0].content is null"),
    "a tool's message": ({"input_": [{"role": "tool", "content": "12:00"}]}, "input[0].role", "developer"),
    "an item of OpenAI's": ({"input_": [{"type": "web_search_call"}]}, "input[0]", "taken are message, function_call"),
    "an item that is none": ({"input_": ["Hi"]}, "input[0]", "expected an object"),
    "no item": ({"input_": []}, "input", "input is empty"),
    "no text": ({"input_": ""}, "input", "input is empty"),
    "no input": ({"input_": None}, "input", "input is null"),
    "a call of nothing": ({"input_": [{**CALL, "name": 5}]}, "input[0].name", "input[0].name is 5"),
    "a call without id": ({"input_": [{**CALL, "call_id": None}]}, "input[0].call_id", "input[0].call_id is null"),
    "odd arguments": ({"input_": ["x", {**CALL, "arguments": 5}][1:]}, "input[0].arguments", "a string of JSON"),
    "a result of no call": ({"input_": [CALL, {**RESULT, "call_id": "c2"}]}, "input[1].call_id", "'c2'"),
    "a result that is none": ({"input_": [CALL, {**RESULT, "output": 5}]}, "input[1].output", "is 5"),
    "a part in a joined turn": (
        {"input_": [CALL, {"role": "assistant", "content": [{"type": "output_text", "text": 5}]}, RESULT]},
        "input[1].content[0].text",
        "input[1].content[0].text is 5",
    ),
    "instructions of parts": ({"instructions": TEXT_5}, "instructions", "expected a string"),
    "no tokens": ({"max_output_tokens": 0}, "max_output_tokens", "max_output_tokens is 0"),
    "a loud voice": ({"text": {"verbosity": "high"}}, "text.verbosity", "text.verbosity is not supported"),
    "a text that is": ({"text": "json"}, "text", "expected an object"),
    "another form": ({"text": {"format": {"type": "grammar"}}}, "text.format", "'grammar'"),
    "a chat's form": (
        {"text": {"format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}}},
        "text.format.name",
        "text.format.schema is null, expected a JSON schema",
    ),
    "a form of no strictness": (
        {"text": {"format": {"type": "json_schema", "name": "a", "schema": {}, "strict": "no"}}},
        "text.format.strict",
        "true or false",
    ),
    "more about the text": ({"text": {"formats": {}}}, "text.formats", "did you mean format"),
    "effort that is none": ({"reasoning": {"effort": 5}}, "reasoning.effort", "reasoning.effort is 5"),
    "another summary": ({"reasoning": {"summary": "long"}}, "reasoning.summary", "auto, concise, detailed"),
    "metadata of numbers": ({"metadata": {"a": 1}}, "metadata", "at most 16 strings"),
    "a user that is none": ({"user": 5}, "user", "expected a string"),
    "a store that is none": ({"store": "yes"}, "store", "true or false"),
    "options without a stream": ({"stream_options": {}}, "stream_options", "needs stream to be true"),
    "a chat's limit": ({"max_tokens": 5}, "max_tokens", "max_output_tokens"),
    "a chat's messages": ({"messages": []}, "messages", "its name here is input"),
    "a chat's count": ({"n": 2}, "n", "several requests"),
    "a slip": ({"max_output_token": 5}, "max_output_token", "did you mean max_output_tokens"),
}


@pytest.mark.parametrize(("parameters", "param", "says"), REFUSED.values(), ids=REFUSED)
def test_refuses_by_the_names_of_the_request(parameters: dict[str, Any], param: str, says: str) -> None:
    error = refused(**{"input_": "Hi", **parameters})
    assert (error["param"], error["type"]) == (param, "invalid_request_error")
    assert says in error["message"]
    assert "messages[" not in error["message"]
    assert ".function." not in error["message"]


def test_lists_all_problems_at_once() -> None:
    error = refused(store=1, background=True, truncation="auto", tools=[{"type": "mcp"}])
    assert error["message"].count(";") == 3


def test_a_quoted_value_stays_as_the_client_wrote_it() -> None:
    error = refused([CALL, {**RESULT, "call_id": "messages[0].content"}])
    assert "input[1].call_id is 'messages[0].content', which no call before it has" in error["message"]


def test_names_the_field_that_asks_for_log_probabilities() -> None:
    for parameters, name in (({"include": ["message.output_text.logprobs"]}, "include"), ({"top_logprobs": 2}, "top_")):
        with serving(max_top_logprobs=None) as (shim, _):
            error = post(shim, **parameters).error
        assert error["param"].startswith(name)
        assert error["message"].startswith(f"{error['param']} is not supported by this model")


def test_another_model_is_not_found() -> None:
    with serving() as (shim, _):
        answer = post(shim, model="gpt-4o")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")


def test_a_prompt_format_writes_the_prompt(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy()
    answer = post(shim, instructions="Be brief.")
    assert answer.json["output"][0]["content"][0]["text"] == "Hello!"
    assert runtime.payload["inputs"] == "System: Be brief.\nUser: Hi\nFalcon:"


def test_a_base_model_says_what_it_takes(deploy: Deploy) -> None:
    answer = post(deploy(PROMPT_FORMAT="none"))
    assert (answer.status, answer.error["param"]) == (400, "input")
    assert "/v1/completions" in answer.error["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("GET", "/v1/responses/resp_1/input_items"),
        ("POST", "/v1/responses/resp_1/cancel"),
    ],
)
def test_no_response_is_stored(method: str, path: str) -> None:
    answer = request(method, path)
    assert (answer.status, answer.error["type"]) == (404, "not_found_error")
    assert answer.error["message"].startswith("there is no response 'resp_1': nothing is stored here")


@pytest.mark.parametrize("path", ["/v1/responses/compact", "/v1/responses/input_tokens"])
def test_what_is_no_response_is_no_route(path: str) -> None:
    answer = request("POST", path)
    assert answer.status == 404
    assert "there is nothing at" in answer.error["message"]


def test_responses_are_not_listed() -> None:
    answer = request("GET", "/v1/responses")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def request(method: str, path: str) -> Answer:
    with serving() as (shim, _):
        return shim.request(method, path)


def test_a_chat_does_not_load_it() -> None:
    code = (
        "import sys; import invoke_shim.http.routes; import invoke_shim.handler; "
        "print([name for name in sys.modules if 'responses_api' in name])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="lambda")
    assert found.stdout == "[]\n"
