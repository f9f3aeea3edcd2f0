"""The stand-in container as DJL Serving's Large Model Inference: chats, by serving mode and version."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.localaws.containers.chat_examples import ARGUMENTS, HELLO, PNG, RAIN, WEATHER, called, told, user
from tests.localaws.containers.container_client import LMI, LMI_18, REGISTRY, ask, ask_for_stream, settings

LMI_11 = f"{REGISTRY}/djl-inference:0.29.0-lmi11.0.0-cu124"
LMI_16 = f"{REGISTRY}/djl-inference:0.34.0-lmi16.0.0-cu128"

OLD, ROLLING, ASYNC = settings(LMI), settings(LMI_11), settings(LMI_18)
CALLING = settings(LMI_18, OPTION_ENABLE_AUTO_TOOL_CHOICE="true", OPTION_TOOL_CALL_PARSER="hermes")


class TestRollingBatch:
    def test_answers_a_chat_without_a_model_and_with_a_usage(self) -> None:
        status, answer = ask(ROLLING, {"messages": [{"role": "system", "content": "Be brief."}, HELLO]})
        assert (status, list(answer)) == (200, ["id", "object", "created", "choices", "usage"])
        [choice] = answer["choices"]
        assert choice["message"]["content"].endswith("to: Hello there")
        assert (choice["finish_reason"], answer["usage"]["completion_tokens"] > 5) == ("eos_token", True)

    def test_generates_thirty_tokens_by_default(self) -> None:
        _, answer = ask(settings(LMI_11, LOCALAWS_ANSWER_TOKENS="99"), {"messages": [HELLO]})
        assert (answer["usage"]["completion_tokens"], answer["choices"][0]["finish_reason"]) == (30, "length")

    def test_streams_lines_without_usage_or_an_end(self) -> None:
        document = {"messages": [HELLO], "seed": 3, "stream_options": {"include_usage": True}}
        streamed = ask_for_stream(ROLLING, document)
        assert (streamed.status, streamed.content_type) == (200, "application/jsonlines")
        first, *_, last = chunks = streamed.lines
        assert (first["choices"][0]["delta"]["role"], last["choices"][0]["finish_reason"]) == ("assistant", "eos_token")
        text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
        assert text == ask(ROLLING, document)[1]["choices"][0]["message"]["content"]
        assert not any("usage" in chunk for chunk in chunks)

    def test_wraps_log_probabilities_in_a_list_in_streams(self) -> None:
        document = {"messages": [HELLO], "logprobs": True, "top_logprobs": 1}
        [logprobs] = ask_for_stream(ROLLING, document).lines[0]["choices"][0]["logprobs"]
        assert isinstance(logprobs["content"][0]["top_logprobs"][0]["token"], float)
        assert isinstance(ask(ROLLING, document)[1]["choices"][0]["logprobs"], dict)

    def test_ignores_tools_and_formats(self) -> None:
        response_format = {"type": "json_object"}
        _, answer = ask(ROLLING, {"messages": [RAIN], "tools": [WEATHER], "response_format": response_format})
        assert answer["choices"][0]["message"]["content"].startswith("Stand-in answer")
        assert ask(settings(LMI_16), {"messages": [RAIN], "tools": [WEATHER]})[0] == 424

    def test_has_one_id_for_all_in_its_first_version(self) -> None:
        assert ask(OLD, {"messages": [HELLO]})[1]["id"] == "chatcmpl-<built-in function id>"

    @pytest.mark.parametrize(
        "more",
        [
            {"messages": [user([{"type": "text", "text": "Hi"}])]},
            {"messages": [{**HELLO, "tool_calls": []}]},
        ],
    )
    def test_takes_parts_from_lmi_11_on(self, more: dict[str, Any]) -> None:
        assert (ask(OLD, more)[0], ask(ROLLING, more)[0]) == (424, 200)

    @pytest.mark.parametrize(
        "more",
        [
            {"messages": "Hi"},
            {"messages": [{"role": "user"}]},
            {"messages": [user(None)]},
            {"messages": [user([{"type": "image_url", "image_url": {"url": PNG}}])]},
            {"messages": [user([{"text": "Hi"}])]},
            {"temperature": 2.5},
            {"presence_penalty": 3},
            {"logprobs": True, "top_logprobs": 21},
            {"max_tokens": "many"},
            {"logit_bias": {"1": "much"}},
            {"stream": "yes"},
        ],
        ids=str,
    )
    def test_refuses_what_it_cannot_read(self, more: dict[str, Any]) -> None:
        status, answer = ask(ROLLING, {"messages": [HELLO], **more})
        assert (status, answer["code"], answer["error"].startswith("Input parsing failed")) == (424, 424, True)

    def test_fails_without_a_word_under_status_200(self) -> None:
        document = {"messages": [user("[[stand-in error=2]]")]}
        _, answer = ask(ROLLING, document)
        assert (answer["choices"][0]["message"]["content"], answer["choices"][0]["finish_reason"]) == ("", "error")
        assert ask_for_stream(ROLLING, document).lines[-1]["choices"][0]["finish_reason"] == "error"
        assert ask(ROLLING, {"messages": [HELLO], "top_p": 1.5})[1]["choices"][0]["finish_reason"] == "error"

    def test_sees_pictures_with_a_model_that_sees(self) -> None:
        container = settings(LMI_11, HF_MODEL_ID="org/llava-v1.6")
        parts = [{"type": "image_url", "image_url": {"url": PNG}}, {"type": "text", "text": "What is it?"}]
        _, answer = ask(container, {"messages": [user(parts)]})
        assert "with image" in answer["choices"][0]["message"]["content"]


class TestAsynchronous:
    def test_answers_as_vllm_does(self) -> None:
        _, answer = ask(ASYNC, {"messages": [HELLO]})
        assert (answer["model"], answer["choices"][0]["finish_reason"]) == ("lmi", "stop")
        _, completion = ask(ASYNC, {"prompt": "Hi", "max_tokens": 3})
        assert completion["object"] == "text_completion"

    def test_calls_tools(self) -> None:
        _, answer = ask(CALLING, {"messages": [RAIN], "tools": [WEATHER]})
        [call] = answer["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == ARGUMENTS
        messages = [RAIN, called("a", "{}"), told("a", "21 degrees")]
        _, answer = ask(CALLING, {"messages": messages, "tools": [WEATHER]})
        assert answer["choices"][0]["message"]["content"].endswith("21 degrees")

    def test_streams_vllms_chunks_as_lines(self) -> None:
        document = {"messages": [RAIN], "tools": [WEATHER], "stream_options": {"include_usage": True}}
        streamed = ask_for_stream(CALLING, document)
        assert (streamed.content_type, streamed.text.endswith("}\n\n")) == ("application/jsonlines", True)
        *chunks, usage = streamed.lines
        for chunk in chunks:
            ChatCompletionChunk.model_validate(chunk, strict=True)
        assert (usage["choices"], usage["usage"]["completion_tokens"] > 0) == ([], True)

    def test_refuses_with_the_status_of_the_place(self) -> None:
        assert ask(ASYNC, {"messages": "Hi"})[0] == 424
        status, answer = ask(ASYNC, {"messages": [RAIN], "tools": [WEATHER]})
        assert (status, answer["code"]) == (500, 500)
        told = "'\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'"
        assert answer["error"] == f"error=ErrorInfo(message={told}, type='BadRequestError', param=None, code=400)"
        assert ask(ASYNC, {"messages": [HELLO], "max_tokens": 5000})[0] == 500
