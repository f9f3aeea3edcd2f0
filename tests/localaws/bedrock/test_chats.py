"""OpenAI's chat body at the stand-in: tools with the models that call them, images in base64, forms of answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.localaws.bedrock.answering import ABLE, PNG, SCHEMA, chat, model, refusal

GPT_OSS = model("GptOssForCausalLM")
LLAMA = model()
VISION = model("MllamaForConditionalGeneration")
URI = f"data:image/png;base64,{PNG}"


def function(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA, **more}}


def body(*messages: Any, **parameters: Any) -> dict[str, Any]:
    return {"messages": list(messages) or [{"role": "user", "content": "Weather in Oslo?"}], **parameters}


TOOLS = {"tools": [function("get_weather"), function("get_time")]}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "x", "type": "function", "function": {"name": "get_weather", "arguments": '{"a": 1}'}}],
}
RESULT = {"role": "tool", "tool_call_id": "x", "content": "12 C and rain"}
QUESTION = {"role": "user", "content": "Weather in Oslo?"}


def calls(whole: Any) -> list[tuple[str, Any]]:
    [choice] = whole["choices"]
    found = choice["message"]["tool_calls"]
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in found]


class TestTools:
    def test_are_called_with_arguments_by_their_schema(self) -> None:
        whole, _ = chat(body(**TOOLS), GPT_OSS)
        assert calls(whole) == [("get_weather", {"city": "stand-in"})]
        assert whole["choices"][0]["finish_reason"] == "tool_calls"
        assert whole["choices"][0]["message"]["content"] is None

    def test_stream_their_calls_split_at_every_token(self) -> None:
        both = {"role": "user", "content": "Use get_weather and get_time."}
        whole, chunks = chat(body(both, **TOOLS), GPT_OSS)
        deltas = [
            call for chunk in chunks for choice in chunk["choices"] for call in choice["delta"].get("tool_calls", [])
        ]
        assert len(calls(whole)) == 2
        for index, call in enumerate(whole["choices"][0]["message"]["tool_calls"]):
            own = [delta for delta in deltas if delta["index"] == index]
            assert [delta["id"] for delta in own if "id" in delta] == [call["id"]]
            assert [delta["function"]["name"] for delta in own if "name" in delta["function"]] == [
                call["function"]["name"]
            ]
            parts = [delta["function"]["arguments"] for delta in own]
            assert "".join(parts) == call["function"]["arguments"]
            assert len(parts) > 5
        assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"

    def test_that_the_question_names_come_first(self) -> None:
        whole, _ = chat(body({"role": "user", "content": "Use get_time."}, **TOOLS), GPT_OSS)
        assert [name for name, _ in calls(whole)] == ["get_time"]

    @pytest.mark.parametrize(
        ("choice", "text", "expected"),
        [
            ("auto", "Weather in Oslo?", ["get_weather"]),
            ("auto", "Hello!", []),
            ("none", "Weather in Oslo?", []),
            ("required", "Hello!", ["get_weather"]),
            ({"type": "function", "function": {"name": "get_time"}}, "Weather in Oslo?", ["get_time"]),
        ],
    )
    def test_are_called_as_chosen(self, choice: Any, text: str, expected: list[str]) -> None:
        whole, _ = chat(body({"role": "user", "content": text}, **TOOLS, tool_choice=choice), GPT_OSS)
        assert [name for name, _ in calls(whole)] == expected

    def test_are_called_one_at_a_time_where_the_request_says_so(self) -> None:
        both = {"role": "user", "content": "Use get_weather and get_time."}
        assert len(calls(chat(body(both, **TOOLS), GPT_OSS)[0])) == 2
        assert len(calls(chat(body(both, **TOOLS, parallel_tool_calls=False), GPT_OSS)[0])) == 1

    def test_are_answered_with_text_that_repeats_their_result(self) -> None:
        whole, _ = chat(body(QUESTION, CALLED, RESULT, **TOOLS), GPT_OSS)
        assert calls(whole) == []
        assert "12 C and rain" in whole["choices"][0]["message"]["content"]

    def test_count_as_tokens_and_end_at_the_limit(self) -> None:
        whole, chunks = chat(body(**TOOLS, max_tokens=15), model(), ABLE)
        assert whole["choices"][0]["finish_reason"] == "tool_calls"
        least = whole["usage"]["completion_tokens"]
        whole, chunks = chat(body(**TOOLS, max_tokens=least - 1), model(), ABLE)
        assert whole["choices"][0]["finish_reason"] == "length"
        assert whole["usage"]["completion_tokens"] == least - 1
        assert chunks[-1]["choices"][0]["finish_reason"] == "length"

    def test_are_for_the_models_that_aws_documents_and_those_asked_for(self) -> None:
        assert "--enable-auto-tool-choice" in refusal(chat, body(**TOOLS), LLAMA)
        assert calls(chat(body(**TOOLS), LLAMA, ABLE)[0])

    @pytest.mark.parametrize(
        ("wrong", "problem"),
        [
            ({"tools": []}, "#/tools: expected"),
            ({"tools": [{"type": "function", "function": {"name": ""}}]}, "#/tools/0: expected"),
            ({"tools": [{"type": "search"}]}, "#/tools/0: expected"),
            ({"tools": [function("f", parameters={"type": 5})]}, "#/tools/0/function/parameters"),
            ({"tool_choice": "auto"}, "`tools` must be set"),
            ({**TOOLS, "tool_choice": "get_time"}, "#/tool_choice: expected"),
            ({**TOOLS, "tool_choice": {"type": "function", "function": {"name": "other"}}}, "#/tool_choice: expected"),
        ],
    )
    def test_that_are_wrong_are_refused(self, wrong: Any, problem: str) -> None:
        assert problem in refusal(chat, body(**wrong), GPT_OSS)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"role": "tool", "content": "12 C"},
            {**CALLED, "tool_calls": [{"id": "x", "function": {"name": "f", "arguments": "{"}}]},
            {**CALLED, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            {"role": "assistant", "content": None},
            {"role": "user", "content": None},
        ],
    )
    def test_of_earlier_turns_that_are_wrong_are_refused(self, wrong: Any) -> None:
        assert "#/messages/1" in refusal(chat, body(QUESTION, wrong), GPT_OSS)


class TestImages:
    @staticmethod
    def _seen(*uris: str) -> dict[str, Any]:
        parts = [{"type": "image_url", "image_url": {"url": uri}} for uri in uris]
        return body({"role": "user", "content": [{"type": "text", "text": "What?"}, *parts]})

    def test_are_seen_and_counted(self) -> None:
        whole, _ = chat(self._seen(URI), VISION)
        assert "(with image " in whole["choices"][0]["message"]["content"]
        unseen, _ = chat(self._seen(), VISION)
        assert whole["usage"]["prompt_tokens"] > unseen["usage"]["prompt_tokens"] + 20

    def test_are_at_most_three(self) -> None:
        assert chat(self._seen(*[URI] * 3), VISION)
        assert "At most 3 image(s)" in refusal(chat, self._seen(*[URI] * 4), VISION)
        assert "At most 0 image(s)" in refusal(chat, self._seen(URI), LLAMA)

    @pytest.mark.parametrize(
        "uri",
        [
            "https://example.com/cat.png",
            f"data:image/jpeg;base64,{PNG}",
            "data:image/png;base64,AAAA",
            "data:image/png;base64,!",
            "data:text/plain;base64,AAAA",
            "",
        ],
    )
    def test_that_are_no_images_in_base64_are_refused(self, uri: str) -> None:
        assert "expected an image as a data URI" in refusal(chat, self._seen(uri), VISION)


class TestForms:
    @pytest.mark.parametrize(
        ("form", "expected"),
        [
            ({"response_format": {"type": "json_object"}}, {"answer": "stand-in"}),
            (
                {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
                {"city": "stand-in"},
            ),
            ({"structured_outputs": {"json": SCHEMA}}, {"city": "stand-in"}),
            ({"structured_outputs": {"json": json.dumps(SCHEMA)}}, {"city": "stand-in"}),
        ],
    )
    def test_of_json_are_kept_to(self, form: Any, expected: Any) -> None:
        whole, _ = chat(body(**form), LLAMA)
        assert json.loads(whole["choices"][0]["message"]["content"]) == expected

    def test_of_a_choice_are_kept_to(self) -> None:
        whole, _ = chat(body(structured_outputs={"choice": ["yes", "no"]}), LLAMA)
        assert whole["choices"][0]["message"]["content"] == "yes"

    def test_that_are_none_are_refused(self) -> None:
        form = {"type": "json_schema", "json_schema": {"schema": {"type": 5}}}
        assert "#/response_format/json_schema" in refusal(chat, body(response_format=form), LLAMA)
        assert "#/response_format: expected" in refusal(chat, body(response_format={"type": "yaml"}), LLAMA)


class TestReasoning:
    def test_comes_before_the_answer_of_models_that_reason(self) -> None:
        whole, chunks = chat(body(), GPT_OSS)
        message = whole["choices"][0]["message"]
        assert "Weather in Oslo?" in message["reasoning_content"]
        assert message["content"]
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        told = [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta]
        assert "".join(told) == message["reasoning_content"]
        assert chat(body(), LLAMA)[0]["choices"][0]["message"]["reasoning_content"] is None

    def test_takes_an_effort(self) -> None:
        assert chat(body(reasoning_effort="low"), GPT_OSS)
        assert "#/reasoning_effort" in refusal(chat, body(reasoning_effort=5), GPT_OSS)

    def test_is_steered_as_that_of_the_containers(self) -> None:
        steered = {"role": "user", "content": "[[stand-in think=So.]] [[stand-in say=Yes.]]"}
        message = chat(body(steered), GPT_OSS)[0]["choices"][0]["message"]
        assert (message["reasoning_content"], message["content"]) == ("So.", "Yes.")

    def test_may_be_all_that_the_limit_allows(self) -> None:
        whole, chunks = chat(body(max_tokens=3), GPT_OSS)
        [choice] = whole["choices"]
        assert (choice["finish_reason"], choice["message"]["content"]) == ("length", None)
        assert whole["usage"]["completion_tokens"] == 3
        assert chunks[-1]["choices"][0]["finish_reason"] == "length"
