"""The stand-in container as Text Generation Inference: chats and completions in OpenAI's form, by version."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from localaws.containers import ContainerSettings
from tests.localaws.containers.chat_examples import ARGUMENTS, HELLO, PNG, RAIN, TIME, WEATHER, called, told, user
from tests.localaws.containers.container_client import (
    REGISTRY,
    TGI_1_1,
    TGI_2_0,
    TGI_2_4,
    TGI_3_0,
    TGI_3_1,
    TGI_3_2,
    ask,
    ask_for_stream,
    settings,
)

TGI_1_4 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.1.1-tgi1.4.0-gpu-py310-cu121-ubuntu20.04"
TGI_2_4_1 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.4.0-tgi2.4.1-gpu-py311-cu124-ubuntu22.04"
TGI_3_3 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.7.0-tgi3.3.6-gpu-py311-cu124-ubuntu22.04"

NEW = settings(TGI_3_2)
NO_FORM = "data did not match any variant of untagged enum SagemakerRequest"


def text_of(events: list[Any]) -> str:
    return "".join(
        choice["delta"].get("content", "") for event in events if event != "[DONE]" for choice in event["choices"]
    )


def arguments_of(events: list[Any]) -> str:
    deltas = [choice["delta"] for event in events if event != "[DONE]" for choice in event["choices"]]
    calls = [delta["tool_calls"] for delta in deltas if "tool_calls" in delta]
    return "".join((call[0] if isinstance(call, list) else call)["function"]["arguments"] for call in calls)


def vision(image: str = TGI_3_2) -> ContainerSettings:
    return settings(image, HF_MODEL_ID="org/gemma-3-4b-it", MAX_INPUT_TOKENS="4000", MAX_TOTAL_TOKENS="4096")


class TestChat:
    @pytest.mark.parametrize("image", [TGI_2_4, TGI_3_0, TGI_3_2])
    def test_is_answered_as_openai_does(self, image: str) -> None:
        status, answer = ask(settings(image), {"messages": [{"role": "system", "content": "Be brief."}, HELLO]})
        assert status == 200
        completion = ChatCompletion.model_validate(answer)
        [choice] = completion.choices
        assert (choice.finish_reason, choice.message.content) == ("stop", answer["choices"][0]["message"]["content"])
        assert (choice.message.content or "").endswith("to: Hello there")
        assert completion.usage is not None
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens

    @pytest.mark.parametrize("image", [TGI_1_1, TGI_2_0])
    def test_is_not_read_before_2_4(self, image: str) -> None:
        status, text = ask(settings(image), {"messages": [HELLO]})
        assert (status, "missing field `inputs`" in text) == (422, True)

    @pytest.mark.parametrize("image", [TGI_1_4, TGI_2_0])
    def test_is_all_that_is_read_where_the_messages_api_is_on(self, image: str) -> None:
        container = settings(image, MESSAGES_API_ENABLED="true")
        assert ask(container, {"inputs": "Hi"})[0] == 422
        status, answer = ask(container, {"model": "tgi", "messages": [HELLO]})
        assert (status, answer["choices"][0]["finish_reason"]) == (200, "eos_token")
        assert ask(container, {"messages": [HELLO]})[1].endswith("missing field `model`")
        assert "[DONE]" not in ask_for_stream(container, {"model": "tgi", "messages": [HELLO]}).text

    def test_fills_its_context_without_a_limit_from_3_0_on(self) -> None:
        old, new = (
            ask(settings(image, LOCALAWS_ANSWER_TOKENS="3000"), {"messages": [HELLO]})[1]
            for image in (TGI_2_4, TGI_3_0)
        )
        assert (old["usage"]["completion_tokens"], new["usage"]["total_tokens"]) == (100, 2048)
        assert {answer["choices"][0]["finish_reason"] for answer in (old, new)} == {"length"}

    def test_knows_the_newer_name_of_the_limit_from_3_0_2_on(self) -> None:
        document = {"messages": [HELLO], "max_completion_tokens": 2}
        old, new = (ask(settings(image), document)[1]["usage"]["completion_tokens"] for image in (TGI_3_0, TGI_3_1))
        assert (old > 2, new) == (True, 2)
        assert NO_FORM in ask(NEW, {**document, "max_tokens": 2})[1]

    def test_tells_log_probabilities(self) -> None:
        _, answer = ask(NEW, {"messages": [HELLO], "logprobs": True, "top_logprobs": 2})
        content = answer["choices"][0]["logprobs"]["content"]
        assert len(content) == answer["usage"]["completion_tokens"]
        assert [list(token) for token in content[:1]] == [["token", "logprob", "top_logprobs"]]
        assert {len(token["top_logprobs"]) for token in content} == {2}

    def test_is_greedy_only_at_temperature_0(self) -> None:
        greedy, again, sampled = (
            ask(NEW, {"messages": [HELLO], **more})[1]["choices"][0]["message"]["content"]
            for more in ({"temperature": 0}, {"temperature": 0, "seed": 7}, {"seed": 7})
        )
        assert greedy == again != sampled

    @pytest.mark.parametrize(
        "more",
        [
            {"stop": "END"},
            {"logit_bias": {}},
            {"stream": None},
            {"max_tokens": -1},
            {"temperature": "hot"},
            {"tools": [{"function": {"name": "f", "parameters": {}}}]},
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            {"tool_choice": {"type": "tool"}},
            {"response_format": {"type": "text"}},
            {"response_format": {"type": "json_object"}},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}},
            {"stream_options": None},
            {"messages": [{"role": "user"}]},
            {"messages": [{"role": "assistant", "content": None}]},
            {"messages": [user([{"type": "input_audio", "input_audio": {}}])]},
        ],
        ids=str,
    )
    def test_is_refused_where_serde_does_not_read_it(self, more: dict[str, Any]) -> None:
        status, text = ask(NEW, {"messages": [HELLO], **more})
        assert (status, NO_FORM in text) == (422, True)

    @pytest.mark.parametrize(
        "more", [{"stop": None}, {"n": 3}, {"user": "me"}, {"parallel_tool_calls": True}, {"model": "any"}]
    )
    def test_ignores_what_it_does_not_know(self, more: dict[str, Any]) -> None:
        assert ask(NEW, {"messages": [HELLO], **more})[0] == 200

    @pytest.mark.parametrize(
        ("more", "problem"),
        [
            ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
            ({"presence_penalty": -2}, "`repetition_penalty` must be strictly positive"),
            ({"max_tokens": 5000}, "`inputs` tokens + `max_new_tokens` must be <= 2048"),
            ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
            ({"top_logprobs": 6}, "`top_n_tokens` must be >= 0 and <= 5. Given: 6"),
        ],
    )
    def test_refuses_what_the_container_does(self, more: dict[str, Any], problem: str) -> None:
        status, answer = ask(NEW, {"messages": [HELLO], **more})
        assert (status, answer["error_type"]) == (422, "validation")
        assert answer["error"].startswith(f"Input validation error: {problem}")

    def test_needs_a_chat_template_that_takes_it(self) -> None:
        base = ContainerSettings.of(
            image=TGI_3_2,
            environment={"HF_MODEL_ID": "/opt/ml/model"},
            artifact="s3://jumpstart/huggingface-llm/huggingface-llm-gemma-2b/artifacts/",
        )
        assert ask(base, {"messages": [HELLO]})[1]["error_type"] == "template_error"
        mistral = settings(TGI_3_2, HF_MODEL_ID="mistralai/Mistral-7B-Instruct-v0.2")
        status, answer = ask(mistral, {"messages": [{"role": "system", "content": "Be brief."}, HELLO]})
        assert (status, answer["error_type"]) == (422, "template_error")
        assert "Conversation roles must alternate" in answer["error"]
        assert ask(mistral, {"messages": [HELLO]})[0] == 200


class TestStream:
    @pytest.mark.parametrize("image", [TGI_2_4, TGI_3_2])
    def test_has_openais_chunks_and_says_done(self, image: str) -> None:
        streamed = ask_for_stream(settings(image), {"messages": [HELLO], "temperature": 0})
        *chunks, done = streamed.events
        assert (streamed.content_type, done) == ("text/event-stream", "[DONE]")
        for chunk in chunks:
            ChatCompletionChunk.model_validate(chunk)
        _, whole = ask(settings(image), {"messages": [HELLO], "temperature": 0})
        assert text_of(chunks) == whole["choices"][0]["message"]["content"]
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]

    def test_tells_usage_in_the_last_chunk_and_from_3_2_on_in_one_of_its_own(self) -> None:
        document = {"messages": [HELLO], "stream_options": {"include_usage": True}}
        *_, old, _ = ask_for_stream(settings(TGI_2_4), document).events
        *_, new, _ = ask_for_stream(NEW, document).events
        assert (len(old["choices"]), new["choices"]) == (1, [])
        assert old["usage"]["prompt_tokens"] == new["usage"]["prompt_tokens"] > 0
        assert all(event["usage"] is None for event in ask_for_stream(NEW, {"messages": [HELLO]}).events[:-1])

    @pytest.mark.parametrize(
        ("image", "events"),
        [
            (TGI_2_4, []),
            (TGI_2_4_1, [422]),
            (TGI_3_2, [422]),
        ],
    )
    def test_reports_errors_under_status_200_from_2_4_1_on(self, image: str, events: list[int]) -> None:
        streamed = ask_for_stream(settings(image), {"messages": [HELLO], "top_p": 1.0})
        *errors, done = streamed.events
        assert (streamed.status, done) == (200, "[DONE]")
        assert [error["error"]["http_status_code"] for error in errors] == events

    def test_breaks_off_with_an_error(self) -> None:
        *_, error, done = ask_for_stream(NEW, {"messages": [user("[[stand-in error=2]]")]}).events
        assert (error["error"]["message"].startswith("Request failed during generation"), done) == (True, "[DONE]")


class TestTools:
    @pytest.mark.parametrize(
        ("image", "arguments"),
        [(TGI_2_4, ARGUMENTS), (TGI_3_1, ARGUMENTS), (TGI_3_2, json.dumps)],
        ids=["2.4", "3.1", "3.2"],
    )
    def test_are_called_with_arguments_of_their_schema(self, image: str, arguments: Any) -> None:
        _, answer = ask(settings(image), {"messages": [RAIN], "tools": [WEATHER]})
        [choice] = answer["choices"]
        [call] = choice["message"]["tool_calls"]
        assert (choice["finish_reason"], call["id"], call["function"]["name"]) == ("stop", "0", "get_weather")
        told_arguments = call["function"]["arguments"]
        assert isinstance(told_arguments, str) is callable(arguments)
        assert (json.loads(told_arguments) if callable(arguments) else told_arguments) == ARGUMENTS

    @pytest.mark.parametrize("image", [TGI_2_4, TGI_3_1])
    def test_are_streamed_inside_of_all_that_the_model_wrote_up_to_3_1(self, image: str) -> None:
        *chunks, done = ask_for_stream(settings(image), {"messages": [RAIN], "tools": [WEATHER]}).events
        call = {"function": {"_name": "get_weather", **ARGUMENTS}}
        assert json.loads(arguments_of(chunks).removesuffix("</s>")) == call
        assert (chunks[0]["choices"][0]["delta"]["tool_calls"]["function"]["name"], done) == (None, "[DONE]")
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"

    def test_are_streamed_by_name_and_without_a_finish_reason_from_3_2_on(self) -> None:
        document = {"messages": [RAIN], "tools": [WEATHER], "stream_options": {"include_usage": True}}
        *chunks, usage, done = ask_for_stream(NEW, document).events
        for chunk in chunks:
            ChatCompletionChunk.model_validate(chunk)
        names = [chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] for chunk in chunks]
        assert (names[0], set(names[1:]), done) == ("get_weather", {None}, "[DONE]")
        assert json.loads(arguments_of(chunks)) == ARGUMENTS
        assert {chunk["choices"][0]["finish_reason"] for chunk in chunks} == {None}
        assert usage["usage"]["completion_tokens"] > len(chunks)

    def test_without_arguments_get_an_empty_object(self) -> None:
        choice = {"type": "function", "function": {"name": "get_time"}}
        document = {"messages": [HELLO], "tools": [WEATHER, TIME], "tool_choice": choice}
        assert arguments_of(ask_for_stream(NEW, document).events) == "{}"

    @pytest.mark.parametrize("image", [TGI_2_4, TGI_3_1, TGI_3_2])
    def test_are_left_where_the_chat_needs_none(self, image: str) -> None:
        document = {"messages": [HELLO], "tools": [WEATHER], "temperature": 0}
        _, answer = ask(settings(image), document)
        text = answer["choices"][0]["message"]["content"]
        assert text.endswith("to: Hello there")
        *chunks, _ = ask_for_stream(settings(image), document).events
        streamed = text_of(chunks)
        assert streamed.replace(" ", "") == text.replace(" ", "")
        # Up to 3.1 the stream ends at the quotation mark, before the last token.
        assert (chunks[-1]["choices"][0]["finish_reason"] is None) is (image != TGI_3_2)

    def test_have_to_be_called_where_that_is_required_from_2_4_1_on(self) -> None:
        document = {"messages": [HELLO], "tools": [WEATHER], "tool_choice": "required"}
        assert "tool_calls" in ask(settings(TGI_2_4_1), document)[1]["choices"][0]["message"]
        status, answer = ask(settings(TGI_2_4), document)
        assert (status, answer["error_type"]) == (422, "tool_error")
        assert answer["error"] == "Tool error: Tool with name required not found"

    def test_are_chosen_by_name_and_from_2_4_1_on_by_object(self) -> None:
        choice = {"type": "function", "function": {"name": "get_time"}}
        document = {"messages": [RAIN], "tools": [WEATHER, TIME], "tool_choice": choice}
        _, answer = ask(settings(TGI_3_0), document)
        assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_time"
        assert NO_FORM in ask(settings(TGI_2_4), document)[1]
        assert ask(settings(TGI_2_4), {**document, "tool_choice": "get_time"})[0] == 200

    def test_are_not_called_where_the_choice_is_none(self) -> None:
        _, answer = ask(NEW, {"messages": [RAIN], "tools": [WEATHER], "tool_choice": "none"})
        assert "content" in answer["choices"][0]["message"]

    def test_exclude_a_response_format(self) -> None:
        response_format = {"type": "json_object", "value": {"properties": {}}}
        status, answer = ask(NEW, {"messages": [RAIN], "tools": [WEATHER], "response_format": response_format})
        assert (status, answer["error"]) == (422, "Tool error: Grammar and tools are mutually exclusive")

    def test_may_not_refer_to_definitions_of_their_own(self) -> None:
        parameters = {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}}
        tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
        status, answer = ask(NEW, {"messages": [RAIN], "tools": [tool]})
        assert (status, answer["error_type"]) == (422, "validation")
        assert "cannot compile regex from schema: Failed to resolve reference #/$defs/A" in answer["error"]

    def test_fail_where_their_call_is_cut(self) -> None:
        status, answer = ask(NEW, {"messages": [RAIN], "tools": [WEATHER], "max_tokens": 5})
        assert (status, answer["error_type"]) == (422, "tool_error")

    def test_are_answered_in_text_that_repeats_what_they_say(self) -> None:
        messages = [RAIN, called("0", {"city": "Paris"}), told("0", "21 degrees, sunny")]
        _, answer = ask(NEW, {"messages": messages, "tools": [WEATHER]})
        assert answer["choices"][0]["message"]["content"].endswith("the tool says 21 degrees, sunny")
        # Before 3.1.1 a message needs a content.
        assert NO_FORM in ask(settings(TGI_3_0), {"messages": messages})[1]

    @pytest.mark.parametrize(("call_id", "is_next"), [("3", True), ("call_a", False)])
    def test_count_their_calls_in_streams(self, call_id: str, is_next: bool) -> None:
        messages = [RAIN, called(call_id, "{}"), told(call_id, "rain"), RAIN]
        [first, *_] = ask_for_stream(NEW, {"messages": messages, "tools": [WEATHER]}).events
        assert (first["choices"][0]["delta"]["tool_calls"][0]["id"] == "4") is is_next


class TestResponseFormat:
    def test_makes_json_of_a_schema(self) -> None:
        schema = {"properties": {"city": {"type": "string"}, "people": {"type": "integer"}}, "required": ["city"]}
        _, answer = ask(NEW, {"messages": [HELLO], "response_format": {"type": "json_object", "value": schema}})
        assert json.loads(answer["choices"][0]["message"]["content"]) == {"city": "stand-in", "people": 1}

    def test_makes_text_of_a_pattern(self) -> None:
        _, answer = ask(NEW, {"messages": [HELLO], "response_format": {"type": "regex", "value": "(yes|no), [0-9]{3}"}})
        assert answer["choices"][0]["message"]["content"] == "yes, 000"

    def test_knows_json_schema_in_its_own_form_from_3_3_on(self) -> None:
        value = {"name": "a", "schema": {"properties": {"a": {"type": "boolean"}}}}
        document = {"messages": [HELLO], "response_format": {"type": "json_schema", "value": value}}
        assert ask(settings(TGI_3_3), document)[0] == 200
        assert NO_FORM in ask(NEW, document)[1]

    @pytest.mark.parametrize(
        ("schema", "problem"),
        [
            ({"type": "object"}, "grammar is not valid: Grammar must have a 'properties' field"),
            ({"properties": {"a": {"title": "A"}}}, "cannot compile regex from schema: Unsupported JSON Schema"),
            ({"properties": {"a": {"type": "sting"}}}, "grammar is not valid: $.properties.a.type: "),
        ],
    )
    def test_is_refused_where_no_expression_is_made_of_it(self, schema: Any, problem: str) -> None:
        response_format = {"type": "json", "value": schema}
        status, answer = ask(NEW, {"messages": [HELLO], "response_format": response_format})
        assert (status, answer["error"].startswith(f"Input validation error: {problem}")) == (422, True)


class TestPictures:
    def test_are_seen_by_a_model_that_sees(self) -> None:
        parts = [{"type": "image_url", "image_url": {"url": PNG}}, {"type": "text", "text": "What is it?"}]
        _, text = ask(vision(), {"messages": [user("What is it?")]})
        status, answer = ask(vision(), {"messages": [user(parts)]})
        assert status == 200
        assert 50 < answer["usage"]["prompt_tokens"] - text["usage"]["prompt_tokens"] < 80

    def test_are_text_to_any_other(self) -> None:
        parts = [{"type": "image_url", "image_url": {"url": PNG}}]
        _, answer = ask(NEW, {"messages": [user(parts)]})
        assert "with image" not in answer["choices"][0]["message"]["content"]
        assert "with image" in ask(vision(), {"messages": [user(parts)]})[1]["choices"][0]["message"]["content"]

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("https://example.com/a.png", "Could not fetch image"),
            ("data:image/png;base64,%%", "base64 encoding is invalid"),
            ("data:image/png;base64,aGVsbG8=", "invalid image"),
            ("file:///a.png", "invalid image content"),
        ],
    )
    def test_are_refused_where_they_cannot_be_read(self, url: str, problem: str) -> None:
        status, answer = ask(vision(), {"messages": [user([{"type": "image_url", "image_url": {"url": url}}])]})
        assert (status, answer["error"].startswith(f"Input validation error: {problem}")) == (422, True)


class TestCompletion:
    @pytest.mark.parametrize("image", [TGI_2_4, TGI_3_2])
    def test_is_answered_as_openai_does(self, image: str) -> None:
        _, answer = ask(settings(image), {"prompt": ["One?", "Two?"], "max_tokens": 50})
        completion = Completion.model_validate(answer)
        assert [choice.text.rpartition("to: ")[2] for choice in completion.choices] == ["One?", "Two?"]
        assert completion.usage is not None
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens

    def test_streams_tgis_finish_reason_and_the_usage_unasked(self) -> None:
        *chunks, last, done = ask_for_stream(NEW, {"prompt": "Hi"}).events
        assert ({chunk["choices"][0]["finish_reason"] for chunk in chunks}, done) == ({""}, "[DONE]")
        assert (last["choices"][0]["finish_reason"], last["choices"][0]["text"]) == ("eos_token", "</s>")
        assert last["usage"]["completion_tokens"] == len(chunks) + 1
        assert all("usage" not in chunk for chunk in chunks)

    @pytest.mark.parametrize(
        ("more", "error_type"),
        [({"suffix": "end"}, "suffix not supported"), ({"prompt": list("abcde")}, "batch size exceeded")],
    )
    def test_refuses_what_it_cannot_do(self, more: dict[str, Any], error_type: str) -> None:
        status, answer = ask(NEW, {"prompt": "Hi", **more})
        assert (status, answer["error_type"]) == (422, error_type)

    @pytest.mark.parametrize("prompt", [[], [1, 2], None])
    def test_is_none_without_texts(self, prompt: Any) -> None:
        assert NO_FORM in ask(NEW, {"prompt": prompt})[1]


class TestOwnForm:
    def test_comes_first(self) -> None:
        _, answer = ask(NEW, {"inputs": "Hi", "messages": [HELLO], "prompt": "Hi"})
        assert isinstance(answer, list)

    def test_is_no_better_told_what_is_wrong(self) -> None:
        assert NO_FORM in ask(NEW, {"inputs": "Hi", "parameters": {"top_p": "0.5"}})[1]
        assert "parameters.top_p" in ask(settings(TGI_2_0), {"inputs": "Hi", "parameters": {"top_p": "0.5"}})[1]

    @pytest.mark.parametrize(("image", "status"), [(TGI_1_1, 422), (TGI_1_4, 200), (TGI_3_2, 200)])
    def test_fills_the_context_where_the_limit_is_null_from_1_4_on(self, image: str, status: int) -> None:
        container = settings(image, LOCALAWS_ANSWER_TOKENS="3000")
        document = {"inputs": "Hi", "parameters": {"max_new_tokens": None, "details": True}}
        answered, answer = ask(container, document)
        assert answered == status
        if status == 200:
            assert answer[0]["details"]["generated_tokens"] == 2047
