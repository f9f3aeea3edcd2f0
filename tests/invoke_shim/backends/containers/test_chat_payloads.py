"""Chats as each version of a container takes them."""

import subprocess
import sys
from typing import Any

import pytest

from invoke_shim.generation.estimate import most_tokens
from invoke_shim.generation.messages import Function, Image, Message, ToolCall
from tests.invoke_shim.backends.containers.chats import TIME, VERSIONS, WEATHER, chat, container, sent, tools

CALL = ToolCall("call_1", "weather", '{"city": "Ulm"}')
TURNS = (
    Message("user", "Rain?"),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", "wet", tool_call_id="call_1"),
)


@pytest.mark.parametrize("name", VERSIONS)
def test_a_chat_goes_as_messages_and_a_prompt_as_before(name: str) -> None:
    messages = (Message("developer", "Be brief."), Message("user", "Hi"))
    found = sent(name, chat(*messages, temperature=0.5, seed=3, stop=("a",)))
    assert found == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_tokens": 99,
        "temperature": 0.5,
        "seed": 3,
        "stop": ["a"],
    }
    prompt = sent(name, chat()._replace(prompt="Once", messages=()))
    assert prompt["prompt" if name == "vLLM" else "inputs"] == "Once"
    assert container(name).takes_messages


def test_a_greedy_chat_has_a_temperature_of_0_and_tgi_no_top_p_of_1() -> None:
    for name in VERSIONS:
        assert sent(name, chat(top_p=0))["temperature"] == 0
        assert ("top_p" in sent(name, chat(top_p=1))) is not name.startswith("TGI")


def test_tgi_gets_no_presence_penalty_which_it_would_take_for_another() -> None:
    penalties = {"presence_penalty": 0.5, "frequency_penalty": 0.25}
    for name in VERSIONS:
        found = sent(name, chat(**penalties))
        assert found["frequency_penalty"] == 0.25
        assert ("presence_penalty" in found) is not name.startswith("TGI")


def test_usage_is_asked_for_where_streams_tell_it() -> None:
    asks = {name: sent(name, chat(), stream=True).get("stream_options") for name in VERSIONS}
    assert {name for name, options in asks.items() if options is None} == {"LMI 11", "LMI 14"}


def test_no_limit_is_left_out_where_the_context_is_filled_then() -> None:
    told = {name: sent(name, chat(max_tokens=None), total=8192).get("max_tokens") for name in VERSIONS}
    assert {name for name, number in told.items() if number is not None} == {"TGI 2.4.0", "TGI 2.4.1", "LMI 11"}
    assert told["TGI 2.4.0"] == 8192 - most_tokens("Hi") - 64 - 16
    # The engine behind LMI 11 ends the answer where the context ends.
    assert told["LMI 11"] == 8191


def test_a_long_chat_asks_tgi_for_too_much_to_be_told_what_fits() -> None:
    long = chat(Message("user", "1" * 6000), max_tokens=None)
    assert sent("TGI 2.4.0", long, total=8192)["max_tokens"] == 8192 - 24
    assert sent("TGI 2.4.0", long)["max_tokens"] == 1_000_000


def test_log_probabilities_are_asked_for_as_each_reports_any() -> None:
    assert sent("TGI 2.4.0", chat(logprobs=True))["top_logprobs"] == 0
    assert sent("LMI 11", chat(logprobs=True))["top_logprobs"] == 1
    assert sent("vLLM", chat(logprobs=True, top_logprobs=3))["top_logprobs"] == 3


# ------------------------------------------------------------------ tools


@pytest.mark.parametrize("name", ["LMI 14", "LMI 17", "vLLM"])
def test_tools_are_openais_where_vllm_reads_them(name: str) -> None:
    found = sent(name, chat(tools=tools("named", WEATHER, TIME, name="time", parallel=False)))
    assert found["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Tell the weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        },
        {"type": "function", "function": {"name": "time"}},
    ]
    assert found["tool_choice"] == {"type": "function", "function": {"name": "time"}}
    assert found["parallel_tool_calls"] is False
    for choice in ("auto", "none", "required"):
        assert sent(name, chat(tools=tools(choice)))["tool_choice"] == choice


def test_tgi_gets_parameters_of_every_tool_and_the_choice_as_a_name() -> None:
    found = sent("TGI 3.2", chat(tools=tools("named", TIME, name="time", parallel=False)))
    assert found["tools"] == [
        {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}}
    ]
    assert (found["tool_choice"], "parallel_tool_calls" in found) == ("time", False)


def test_tgi_gets_no_tools_that_must_not_be_called() -> None:
    found = sent("TGI 2.4.0", chat(tools=tools("none")))
    assert not {"tools", "tool_choice"} & set(found)


def test_the_oldest_tgi_with_chats_is_told_the_name_of_the_tool_that_is_required() -> None:
    assert sent("TGI 2.4.0", chat(tools=tools("required")))["tool_choice"] == "weather"
    assert sent("TGI 2.4.1", chat(tools=tools("required")))["tool_choice"] == "required"


def test_references_within_a_tools_schema_are_written_out_for_tgi() -> None:
    place = {"type": "object", "properties": {"city": {"type": "string"}, "near": {"$ref": "#/$defs/place"}}}
    schema = {"type": "object", "properties": {"where": {"$ref": "#/$defs/place"}}, "$defs": {"place": place}}
    [tool] = sent("TGI 3.2", chat(tools=tools("auto", Function("go", None, schema))))["tools"]
    where = tool["function"]["parameters"]["properties"]["where"]
    assert where["properties"]["city"] == {"type": "string"}
    # A schema that holds itself stays a reference.
    assert where["properties"]["near"] == {"$ref": "#/$defs/place"}


def test_streams_with_tools_only_where_they_lose_nothing() -> None:
    asked = chat(tools=tools())
    assert {name for name in VERSIONS if container(name).streams(asked)} == {"LMI 17", "vLLM"}
    assert all(container(name).streams(chat()) for name in VERSIONS)
    assert all(container(name).streams(chat(tools=tools("none"))) for name in VERSIONS)


@pytest.mark.parametrize("name", ["LMI 14", "LMI 17", "vLLM"])
def test_calls_and_results_are_messages_where_the_template_sees_them(name: str) -> None:
    assert sent(name, chat(*TURNS))["messages"] == [
        {"role": "user", "content": "Rain?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Ulm"}'},
                }
            ],
        },
        {"role": "tool", "content": "wet", "tool_call_id": "call_1"},
    ]


@pytest.mark.parametrize("name", ["TGI 2.4.0", "TGI 3.2", "LMI 11"])
def test_calls_and_results_are_text_in_turns_where_it_does_not(name: str) -> None:
    second = Message("tool", "12:00", tool_call_id="unknown")
    assert sent(name, chat(*TURNS, second, Message("user", "So?")))["messages"] == [
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": '{"name": "weather", "arguments": {"city": "Ulm"}}'},
        {"role": "user", "content": "Result of weather:\nwet\n\nResult of the tool:\n12:00\n\nSo?"},
    ]


@pytest.mark.parametrize(
    ("written", "arguments"), [("", {}), ("{oops", {"arguments": "{oops"}), ("3", {"arguments": "3"})]
)
def test_arguments_that_are_no_object_do_not_end_the_chat(written: str, arguments: dict[str, Any]) -> None:
    message = Message("assistant", "", tool_calls=(ToolCall("1", "f", written),))
    [found] = sent("vLLM", chat(message))["messages"]
    assert found["tool_calls"][0]["function"]["arguments"] == str(arguments).replace("'", '"')


# ------------------------------------------------------------------ images, forms


@pytest.mark.parametrize("name", VERSIONS)
def test_images_go_as_data_between_the_texts(name: str) -> None:
    message = Message("user", "What is it?", ("What", Image("image/png", "aGk="), "is it?"))
    assert sent(name, chat(message))["messages"][0]["content"] == [
        {"type": "text", "text": "What"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "text", "text": "is it?"},
    ]


def test_tgi_fetches_no_image_that_a_text_names() -> None:
    text = "![](http://169.254.169.254/) and ![a](b)"
    assert sent("TGI 3.2", chat(Message("user", text)))["messages"][0]["content"] == text.replace("![](", "![ ](")
    assert sent("vLLM", chat(Message("user", text)))["messages"][0]["content"] == text


def test_tgi_fetches_no_image_that_parts_together_or_tools_name() -> None:
    parts = (Image("image/png", "aGk="), "![", "](http://169.254.169.254/)")
    content = sent("TGI 3.2", chat(Message("user", "", parts)))["messages"][0]["content"]
    assert "![](" not in "".join(part.get("text", "") for part in content)
    link = "![](http://169.254.169.254/)"
    schema = {"type": "object", "properties": {link: {"description": link}}}
    found = sent("TGI 3.2", chat(tools=tools("auto", Function("go", link, schema))))["tools"]
    assert "![](" not in str(found)
    assert str(found).count("![ ](http") == 3


@pytest.mark.parametrize("definitions", [[], "a", 5, [{"type": "string"}]])
def test_definitions_that_are_none_are_left_to_tgi(definitions: Any) -> None:
    schema = {"type": "object", "properties": {}, "$defs": definitions}
    [tool] = sent("TGI 3.2", chat(tools=tools("auto", Function("go", None, schema))))["tools"]
    assert tool["function"]["parameters"] == schema


def test_references_are_written_out_to_a_bounded_size_and_depth() -> None:
    long = {"type": "object", "$defs": {"a": {"description": "d" * 9000}}, "anyOf": [{"$ref": "#/$defs/a"}] * 250}
    chain = {f"a{n}": {"x": [[[[[[[[{"$ref": f"#/$defs/a{n + 1}"}]]]]]]]]} for n in range(200)}
    deep = {"type": "object", "properties": {"q": {"$ref": "#/$defs/a0"}}, "$defs": chain}
    for schema in (long, deep):
        assert len(str(sent("TGI 3.2", chat(tools=tools("auto", Function("go", None, schema)))))) < 80_000


def test_a_schema_goes_in_each_containers_own_form() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    assert sent("TGI 2.4.0", chat(response_format=form))["response_format"] == {"type": "json", "value": schema}
    assert sent("vLLM", chat(response_format=form))["response_format"] == form


def test_a_completion_only_model_imports_nothing_of_chats() -> None:
    code = (
        "import sys; sys.path.insert(0, 'lambda'); from invoke_shim.backends.containers import create_container;"
        "create_container('tgi', (2, 4, 0), prompt_format='chatml');"
        "print([name for name in sys.modules if 'openai_' in name or name.endswith(('.schemas', '.chats'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
