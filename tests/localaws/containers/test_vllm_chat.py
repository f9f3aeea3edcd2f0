"""The stand-in container as AWS's vLLM container: tools, thoughts, pictures and structured output."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from localaws.containers import ContainerSettings, ContainerStartError
from tests.localaws.containers.chat_examples import ARGUMENTS, HELLO, PNG, RAIN, TIME, WEATHER, called, told, user
from tests.localaws.containers.container_client import VLLM, VLLM_0_10, VLLM_0_14, ask, ask_for_stream, settings

TOOLS = {"SM_VLLM_ENABLE_AUTO_TOOL_CHOICE": "true", "SM_VLLM_TOOL_CALL_PARSER": "hermes"}
THOUGHTS = {"SM_VLLM_REASONING_PARSER": "deepseek_r1"}
NAMED = {"type": "function", "function": {"name": "get_weather"}}

PLAIN = settings(VLLM)
CALLING = settings(VLLM, **TOOLS)
THINKING = settings(VLLM, **TOOLS, **THOUGHTS)
SEEING = settings(VLLM, SM_VLLM_MODEL="Qwen/Qwen2.5-VL-7B-Instruct", SM_VLLM_MAX_MODEL_LEN="8192")


def message_of(container: ContainerSettings, **document: Any) -> Any:
    status, answer = ask(container, {"messages": [RAIN], **document})
    assert status == 200, answer
    ChatCompletion.model_validate(answer, strict=True)
    return answer["choices"][0]["message"]


def deltas_of(container: ContainerSettings, **document: Any) -> list[Any]:
    *chunks, done = ask_for_stream(container, {"messages": [RAIN], **document}).events
    assert done == "[DONE]"
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def streamed_calls(deltas: list[Any]) -> list[tuple[str, str]]:
    """Join the deltas of calls, as OpenAI's clients do."""
    calls: dict[int, list[str]] = {}
    for call in (call for delta in deltas for call in delta.get("tool_calls", [])):
        if "id" in call:
            assert call["index"] not in calls
            calls[call["index"]] = [call["function"]["name"], ""]
        calls[call["index"]][1] += call["function"]["arguments"]
    return [(name, arguments) for name, arguments in calls.values()]


class TestTools:
    def test_of_a_models_choice_need_a_parser(self) -> None:
        status, answer = ask(PLAIN, {"messages": [RAIN], "tools": [WEATHER]})
        assert (status, answer["error"]["message"]) == (
            400,
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        )

    def test_are_called_and_streamed_the_same(self) -> None:
        message = message_of(CALLING, tools=[WEATHER])
        [call] = message["tool_calls"]
        assert (message["content"], call["function"]["name"]) == (None, "get_weather")
        assert json.loads(call["function"]["arguments"]) == ARGUMENTS
        deltas = deltas_of(CALLING, tools=[WEATHER])
        assert streamed_calls(deltas) == [("get_weather", call["function"]["arguments"])]
        assert len([delta for delta in deltas if "tool_calls" in delta]) > 10

    def test_are_cut_within_escapes_in_streams(self) -> None:
        pieces = [
            call["function"]["arguments"]
            for delta in deltas_of(CALLING, tools=[WEATHER])
            for call in delta.get("tool_calls", [])
        ]
        assert "\\" in pieces

    @pytest.mark.parametrize(
        ("choice", "reason", "streamed", "old_reason", "old_streamed"),
        [
            ("auto", "tool_calls", "tool_calls", "tool_calls", "tool_calls"),
            ("required", "tool_calls", "tool_calls", "stop", "tool_calls"),
            (NAMED, "stop", "stop", "stop", "tool_calls"),
        ],
    )
    def test_end_for_the_reason_of_the_version(
        self, choice: Any, reason: str, streamed: str, old_reason: str, old_streamed: str
    ) -> None:
        document = {"messages": [RAIN], "tools": [WEATHER], "tool_choice": choice}
        for container, whole, last in (
            (CALLING, reason, streamed),
            (settings(VLLM_0_10, **TOOLS), old_reason, old_streamed),
        ):
            assert ask(container, document)[1]["choices"][0]["finish_reason"] == whole
            assert ask_for_stream(container, document).events[-2]["choices"][0]["finish_reason"] == last

    @pytest.mark.parametrize("choice", ["required", NAMED], ids=str)
    def test_that_must_be_called_need_no_parser(self, choice: Any) -> None:
        message = message_of(PLAIN, messages=[HELLO], tools=[WEATHER, TIME], tool_choice=choice)
        [call] = message["tool_calls"]
        assert (message["content"], call["function"]["name"]) == ("", "get_weather")
        deltas = deltas_of(PLAIN, messages=[HELLO], tools=[WEATHER, TIME], tool_choice=choice)
        assert streamed_calls(deltas) == [("get_weather", call["function"]["arguments"])]

    def test_are_called_side_by_side_unless_that_is_refused(self) -> None:
        document = {"messages": [user("Call get_weather and get_time")], "tools": [WEATHER, TIME]}
        both = message_of(CALLING, **document)["tool_calls"]
        assert [call["function"]["name"] for call in both] == ["get_weather", "get_time"]
        assert len({call["id"] for call in both}) == 2
        assert [name for name, _ in streamed_calls(deltas_of(CALLING, **document))] == ["get_weather", "get_time"]
        assert len(message_of(CALLING, **document, parallel_tool_calls=False)["tool_calls"]) == 1

    def test_are_steered_by_the_user(self) -> None:
        text = 'Please [[stand-in call=get_time]] [[stand-in call=get_weather {"city": "Zürich 🙂"}]]'
        calls = message_of(CALLING, messages=[user(text)], tools=[WEATHER, TIME])["tool_calls"]
        assert [call["function"]["name"] for call in calls] == ["get_time", "get_weather"]
        assert json.loads(calls[1]["function"]["arguments"]) == {"city": "Zürich 🙂"}
        none = message_of(CALLING, messages=[user("weather? [[stand-in call=none]]")], tools=[WEATHER])
        assert none.get("tool_calls") is None

    def test_are_answered_in_text_that_repeats_what_they_say(self) -> None:
        messages = [RAIN, called("a", '{"city": "Paris"}'), told("a", "21 degrees"), told("b", "noon")]
        assert message_of(CALLING, messages=messages, tools=[WEATHER])["content"].endswith("21 degrees and noon")

    @pytest.mark.parametrize("more", [{"tool_choice": "none"}, {"messages": [HELLO]}])
    def test_are_not_called_without_need(self, more: dict[str, Any]) -> None:
        message = message_of(CALLING, tools=[WEATHER], **more)
        assert ("tool_calls" in message, message["content"].startswith("Stand-in answer")) == (False, True)

    def test_that_are_cut_are_text_or_arguments_that_end_early(self) -> None:
        cut = message_of(CALLING, tools=[WEATHER], max_tokens=12)
        assert cut["content"].startswith("<tool_call>")
        named = message_of(CALLING, tools=[WEATHER], tool_choice=NAMED, max_tokens=3)
        assert json.dumps(ARGUMENTS).startswith(named["tool_calls"][0]["function"]["arguments"])
        required = {"messages": [RAIN], "tools": [WEATHER], "tool_choice": "required", "max_tokens": 20}
        assert ask(PLAIN, required)[0] == 400

    @pytest.mark.parametrize(
        "more",
        [
            {"tools": []},
            {"tools": [{"type": "function", "function": {"parameters": {}}}]},
            {"tools": [WEATHER], "tool_choice": "any"},
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}},
            {"tool_choice": "required"},
            {"messages": [RAIN, called("a", {"city": "Paris"})]},
            {"messages": [user(None)]},
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            {"logit_bias": {"1": "much"}},
        ],
        ids=str,
    )
    def test_of_a_wrong_form_are_no_chat(self, more: dict[str, Any]) -> None:
        status, answer = ask(CALLING, {"messages": [RAIN], **more})
        assert (status, answer["error"]["message"].partition(".")[0]) == (
            400,
            "Cannot find suitable handler for request",
        )

    def test_called_before_have_arguments_in_json(self) -> None:
        assert ask(CALLING, {"messages": [RAIN, called("a", "{"), told("a", "rain")]})[0] == 400

    def test_cannot_be_switched_on_without_a_parser(self) -> None:
        with pytest.raises(ContainerStartError, match="--enable-auto-tool-choice requires --tool-call-parser"):
            settings(VLLM, SM_VLLM_ENABLE_AUTO_TOOL_CHOICE="true")
        assert not settings(VLLM, SM_VLLM_ENABLE_AUTO_TOOL_CHOICE="false").auto_tools
        with pytest.raises(ContainerStartError, match="it takes no value"):
            settings(VLLM, **{**TOOLS, "SM_VLLM_ENABLE_AUTO_TOOL_CHOICE": "yes"})


class TestThoughts:
    @pytest.mark.parametrize(
        ("image", "names"),
        [
            (VLLM_0_10, ["reasoning_content"]),
            (VLLM_0_14, ["reasoning", "reasoning_content"]),
            (VLLM, ["reasoning"]),
        ],
        ids=["0.10", "0.14", "now"],
    )
    def test_have_the_name_of_the_version(self, image: str, names: list[str]) -> None:
        container = settings(image, **THOUGHTS)
        message = message_of(container, messages=[user("[[stand-in think=Let me see.]] Hello")])
        assert [name for name in ("reasoning", "reasoning_content") if name in message] == names
        assert {message[name] for name in names} == {"Let me see.\n"}
        assert message["content"].startswith("Stand-in answer")
        deltas = deltas_of(container, messages=[user("[[stand-in think=Let me see.]] Hello")])
        assert "".join(delta.get(names[0], "") for delta in deltas) == "Let me see.\n"
        assert "".join(delta.get("content", "") for delta in deltas) == message["content"]

    def test_come_before_calls_too(self) -> None:
        message = message_of(THINKING, tools=[WEATHER])
        assert message["reasoning"].startswith("The user said")
        assert message["tool_calls"][0]["function"]["name"] == "get_weather"
        deltas = deltas_of(THINKING, tools=[WEATHER], tool_choice="required")
        assert [name for name, _ in streamed_calls(deltas)] == ["get_weather"]

    def test_alone_leave_no_content_where_the_answer_is_cut(self) -> None:
        message = message_of(THINKING, max_tokens=6)
        assert (message["content"], bool(message["reasoning"])) == (None, True)

    @pytest.mark.parametrize(
        "more", [{"include_reasoning": False}, {"chat_template_kwargs": {"enable_thinking": False}}]
    )
    def test_can_be_left_out(self, more: dict[str, Any]) -> None:
        assert message_of(THINKING, **more)["reasoning"] is None
        assert not any("reasoning" in delta for delta in deltas_of(THINKING, **more))


class TestPictures:
    def test_are_seen_by_a_multimodal_model_alone(self) -> None:
        parts = [{"type": "image_url", "image_url": {"url": PNG}}, {"type": "text", "text": "What is it?"}]
        status, answer = ask(SEEING, {"messages": [user(parts)]})
        assert (status, "with image " in answer["choices"][0]["message"]["content"]) == (200, True)
        assert answer["usage"]["prompt_tokens"] > 60
        status, answer = ask(PLAIN, {"messages": [user(parts)]})
        assert (status, answer["error"]["message"]) == (400, "At most 0 image(s) may be provided in one prompt.")

    @pytest.mark.parametrize("url", ["https://example.com/a.png", "data:image/png;base64,%%", "data:text/plain,hi"])
    def test_are_refused_where_they_cannot_be_read(self, url: str) -> None:
        assert ask(SEEING, {"messages": [user([{"type": "image_url", "image_url": {"url": url}}])]})[0] == 400

    def test_are_the_only_media(self) -> None:
        audio = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
        assert ask(SEEING, {"messages": [user([audio])]})[0] == 400


class TestStructuredOutput:
    SCHEMA: ClassVar[Any] = {
        "type": "object",
        "properties": {"day": {"$ref": "#/$defs/Day"}, "hours": {"type": "array", "items": {"type": "integer"}}},
        "required": ["day", "hours"],
        "additionalProperties": False,
        "$defs": {"Day": {"type": "string", "pattern": "^[A-Z][a-z]{2}$"}},
    }

    def test_keeps_to_a_schema_whole_and_streamed(self) -> None:
        response_format = {"type": "json_schema", "json_schema": {"name": "plan", "schema": self.SCHEMA}}
        text = message_of(PLAIN, response_format=response_format)["content"]
        assert json.loads(text) == {"day": "Aaa", "hours": [1]}
        deltas = deltas_of(PLAIN, response_format=response_format)
        assert "".join(delta.get("content", "") for delta in deltas) == text

    def test_makes_some_object_in_json_mode(self) -> None:
        text = message_of(PLAIN, response_format={"type": "json_object"})["content"]
        assert isinstance(json.loads(text), dict)

    @pytest.mark.parametrize(
        ("image", "prescribed", "expected"),
        [
            (VLLM, {"structured_outputs": {"choice": ["yes", "no"]}}, "yes"),
            (VLLM, {"structured_outputs": {"regex": "a{3}|b"}}, "aaa"),
            (VLLM_0_10, {"guided_regex": "a{3}|b"}, "aaa"),
        ],
    )
    def test_is_prescribed_in_the_versions_own_way(self, image: str, prescribed: Any, expected: str) -> None:
        assert message_of(settings(image), **prescribed)["content"] == expected

    def test_of_an_older_way_is_ignored(self) -> None:
        assert message_of(PLAIN, guided_regex="a{3}")["content"].startswith("Stand-in")

    def test_that_no_text_has_is_refused(self) -> None:
        assert ask(PLAIN, {"messages": [HELLO], "structured_outputs": {"regex": "["}})[0] == 400


class TestCompletion:
    def test_takes_token_ids(self) -> None:
        _, one = ask(PLAIN, {"prompt": [1, 2, 3]})
        _, two = ask(PLAIN, {"prompt": [[1, 2, 3], [4]]})
        assert (one["usage"]["prompt_tokens"], two["usage"]["prompt_tokens"], len(two["choices"])) == (3, 4, 2)
        status, answer = ask(PLAIN, {"prompt": [32000]})
        assert (status, answer["error"]["message"]) == (400, "Token id 32000 is out of vocabulary")

    def test_echoes_the_prompt_with_its_log_probabilities(self) -> None:
        document = {"prompt": "One two", "echo": True, "logprobs": 1, "max_tokens": 3}
        _, answer = ask(PLAIN, document)
        logprobs = answer["choices"][0]["logprobs"]
        assert (logprobs["tokens"][:2], logprobs["token_logprobs"][0]) == (["One", " two"], None)
        assert len(logprobs["tokens"]) == len(logprobs["text_offset"]) == 5
        assert answer["usage"]["completion_tokens"] == 3
        *chunks, _ = ask_for_stream(PLAIN, document).events
        assert [token for chunk in chunks for token in chunk["choices"][0]["logprobs"]["tokens"]] == logprobs["tokens"]

    def test_may_be_an_echo_alone(self) -> None:
        _, answer = ask(PLAIN, {"prompt": "One two", "echo": True, "logprobs": 0, "max_tokens": 0})
        [choice] = answer["choices"]
        assert (choice["text"], choice["finish_reason"]) == ("One two", "length")
        assert answer["usage"]["completion_tokens"] == 0

    def test_fills_its_context_where_the_limit_is_null(self) -> None:
        _, answer = ask(
            settings(VLLM, SM_VLLM_MAX_MODEL_LEN="50"), {"prompt": "Hi", "max_tokens": None, "ignore_eos": True}
        )
        assert answer["usage"]["total_tokens"] == 50
