"""The stand-in container as AWS's vLLM container."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from localaws.containers import ContainerSettings
from tests.localaws.containers.container_client import VLLM, VLLM_0_10, ContainerClient, settings

Serve = Callable[[ContainerSettings], ContainerClient]

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who wrote Faust?"}]


@pytest.fixture
def vllm(serve: Serve) -> ContainerClient:
    return serve(settings(VLLM, SM_VLLM_MODEL="org/model"))


def text_of(chunks: list[Any], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
    return "".join(choice["delta"]["content"] if "delta" in choice else choice["text"] for choice in choices)


class TestChat:
    def test_answers_as_openai_does(self, vllm: ContainerClient) -> None:
        status, answer = vllm({"messages": MESSAGES})
        assert status == 200
        completion = ChatCompletion.model_validate(answer, strict=True)
        assert completion.model == "org/model"
        [choice] = completion.choices
        assert choice.finish_reason == "stop"
        assert (choice.message.content or "").endswith("to: Who wrote Faust?")
        assert completion.usage is not None
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens

    def test_reads_content_in_parts(self, vllm: ContainerClient) -> None:
        parts = [{"type": "text", "text": "Who wrote Faust?"}]
        _, answer = vllm({"messages": [{"role": "user", "content": parts}]})
        assert answer["choices"][0]["message"]["content"].endswith("Who wrote Faust?")

    def test_cuts_the_stop_sequence_off_and_names_it(self, vllm: ContainerClient) -> None:
        _, answer = vllm({"messages": MESSAGES, "stop": " wrote"})
        [choice] = answer["choices"]
        assert choice["message"]["content"].endswith("to: Who")
        assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", " wrote")

    def test_ends_at_the_number_of_tokens_asked_for(self, vllm: ContainerClient) -> None:
        _, answer = vllm({"messages": MESSAGES, "max_completion_tokens": 3})
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 3

    def test_goes_on_when_the_end_is_ignored(self, vllm: ContainerClient) -> None:
        _, answer = vllm({"messages": MESSAGES, "max_tokens": 200, "ignore_eos": True})
        assert answer["usage"]["completion_tokens"] == 200

    def test_gives_several_answers(self, vllm: ContainerClient) -> None:
        _, answer = vllm({"messages": MESSAGES, "n": 3})
        assert len({choice["message"]["content"] for choice in answer["choices"]}) == 3
        assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]

    def test_tells_log_probabilities_when_asked(self, vllm: ContainerClient) -> None:
        _, answer = vllm({"messages": MESSAGES, "logprobs": True, "top_logprobs": 2})
        completion = ChatCompletion.model_validate(answer, strict=True)
        logprobs = completion.choices[0].logprobs
        assert logprobs is not None
        assert logprobs.content is not None
        assert len(logprobs.content) == answer["usage"]["completion_tokens"]
        assert all(len(token.top_logprobs) == 2 for token in logprobs.content)

    def test_keeps_to_a_json_schema(self, vllm: ContainerClient) -> None:
        schema = {"type": "object", "properties": {"author": {"type": "string"}}}
        response_format = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        _, answer = vllm({"messages": MESSAGES, "response_format": response_format})
        assert json.loads(answer["choices"][0]["message"]["content"]) == {"author": "stand-in"}


class TestChatStream:
    def test_has_openais_chunks(self, vllm: ContainerClient) -> None:
        streamed = vllm.stream({"messages": MESSAGES})
        assert streamed.content_type == "text/event-stream"
        *chunks, done = streamed.events
        assert done == "[DONE]"
        for chunk in chunks:
            ChatCompletionChunk.model_validate(chunk, strict=True)
        assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]
        _, whole = vllm({"messages": MESSAGES})
        assert text_of(chunks) == whole["choices"][0]["message"]["content"]

    def test_tells_usage_in_a_last_chunk_without_choices_when_asked(self, vllm: ContainerClient) -> None:
        *_, last, _ = vllm.stream({"messages": MESSAGES, "stream_options": {"include_usage": True}}).events
        _, whole = vllm({"messages": MESSAGES})
        assert last["choices"] == []
        assert whole["usage"] == {**last["usage"], "prompt_tokens_details": None}
        assert all("usage" not in chunk for chunk in vllm.stream({"messages": MESSAGES}).events[:-1])

    def test_tells_usage_in_every_chunk_when_asked(self, vllm: ContainerClient) -> None:
        options = {"include_usage": True, "continuous_usage_stats": True}
        *chunks, _ = vllm.stream({"messages": MESSAGES, "stream_options": options}).events
        counts = [chunk["usage"]["completion_tokens"] for chunk in chunks]
        assert counts == [*range(len(chunks) - 1), len(chunks) - 2]

    def test_mixes_the_chunks_of_several_answers(self, vllm: ContainerClient) -> None:
        *chunks, _ = vllm.stream({"messages": MESSAGES, "n": 2}).events
        _, whole = vllm({"messages": MESSAGES, "n": 2})
        assert [chunk["choices"][0]["index"] for chunk in chunks[:4]] == [0, 1, 0, 1]
        for index in (0, 1):
            assert text_of(chunks, index) == whole["choices"][index]["message"]["content"]

    def test_tells_log_probabilities_token_by_token(self, vllm: ContainerClient) -> None:
        document = {"messages": MESSAGES, "logprobs": True, "top_logprobs": 1}
        *chunks, _ = vllm.stream(document).events
        _, whole = vllm(document)
        told = [item for chunk in chunks[1:] for item in chunk["choices"][0]["logprobs"]["content"]]
        assert told == whole["choices"][0]["logprobs"]["content"]

    def test_fails_in_an_event_and_is_done(self, vllm: ContainerClient) -> None:
        messages = [{"role": "user", "content": "[[stand-in error=2]]"}]
        streamed = vllm.stream({"messages": messages})
        *_, failure, done = streamed.events
        assert streamed.status == 200
        assert (failure["error"]["type"], failure["error"]["code"], done) == ("InternalServerError", 500, "[DONE]")
        assert vllm({"messages": messages}) == (500, failure)


class TestCompletion:
    def test_answers_as_openai_does(self, vllm: ContainerClient) -> None:
        _, answer = vllm({"prompt": "Who wrote Faust?", "max_tokens": 50})
        completion = Completion.model_validate(answer, strict=True)
        assert completion.choices[0].text.endswith("to: Who wrote Faust?")

    def test_generates_sixteen_tokens_by_default(self, vllm: ContainerClient) -> None:
        _, answer = vllm({"prompt": "Hi", "ignore_eos": True})
        assert answer["usage"]["completion_tokens"] == 16

    def test_answers_each_of_several_prompts(self, vllm: ContainerClient) -> None:
        _, answer = vllm({"prompt": ["One?", "Two?"], "n": 2, "max_tokens": 50})
        ends = [choice["text"].rpartition("to: ")[2] for choice in answer["choices"]]
        assert ends == ["One?", "One?", "Two?", "Two?"]

    def test_repeats_the_prompt_when_asked(self, vllm: ContainerClient) -> None:
        document = {"prompt": "Who?", "echo": True, "max_tokens": 50}
        _, answer = vllm(document)
        assert answer["choices"][0]["text"].startswith("Who? Stand-in")
        assert text_of(vllm.stream(document).events[:-1]) == answer["choices"][0]["text"]

    def test_tells_log_probabilities_with_the_places_of_tokens(self, vllm: ContainerClient) -> None:
        document = {"prompt": "Who?", "logprobs": 2, "max_tokens": 8}
        _, answer = vllm(document)
        logprobs = answer["choices"][0]["logprobs"]
        assert len(logprobs["tokens"]) == 8
        assert [len(top) for top in logprobs["top_logprobs"]] == [2] * 8
        *chunks, _ = vllm.stream(document).events
        offsets = [offset for chunk in chunks for offset in chunk["choices"][0]["logprobs"]["text_offset"]]
        assert offsets == logprobs["text_offset"]

    def test_streams_openais_chunks(self, vllm: ContainerClient) -> None:
        *chunks, done = vllm.stream({"prompt": "Who?", "stop": ["nowhere"]}).events
        assert done == "[DONE]"
        # OpenAI's document says of a chunk what it says of an answer, but until the last its finish reason is null.
        Completion.model_validate(chunks[-1])
        assert {chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]} == {None}
        assert chunks[0]["choices"][0]["text"] == ""
        assert chunks[-1]["choices"][0]["text"] != ""


class TestRefusals:
    @pytest.mark.parametrize("name", [None, "", "org/model"])
    def test_knows_its_model_by_its_name_or_none(self, vllm: ContainerClient, name: str | None) -> None:
        assert vllm({"messages": MESSAGES, "model": name})[0] == 200

    def test_does_not_know_another_model(self, vllm: ContainerClient) -> None:
        error = {
            "message": "The model `endpoint` does not exist.",
            "type": "NotFoundError",
            "param": "model",
            "code": 404,
        }
        assert vllm({"messages": MESSAGES, "model": "endpoint"}) == (404, {"error": error})

    @pytest.mark.parametrize(
        ("parameters", "problem"),
        [
            ({"temperature": -1}, "temperature must be non-negative, got -1."),
            ({"top_p": 0}, "top_p must be in (0, 1], got 0."),
            ({"presence_penalty": 3}, "presence_penalty must be in [-2, 2], got 3."),
            ({"max_tokens": 0}, "max_tokens must be at least 1, got 0."),
            ({"n": 2, "temperature": 0}, "n must be 1 when using greedy sampling, got 2."),
            ({"logprobs": True, "top_logprobs": 21}, "Requested sample logprobs of 21, which is greater than"),
            ({"max_tokens": 5000}, "max_tokens=5000cannot be greater than max_model_len=max_total_tokens=4096."),
            ({"max_tokens": 4090}, "You passed 22 input tokens and requested 4090 output tokens. However, the model's"),
        ],
    )
    def test_refuses_a_parameter_out_of_its_range(
        self, vllm: ContainerClient, parameters: dict[str, Any], problem: str
    ) -> None:
        status, answer = vllm({"messages": MESSAGES, **parameters, "stream": True})
        assert (status, answer["error"]["type"], answer["error"]["code"]) == (400, "BadRequestError", 400)
        assert answer["error"]["message"].startswith(problem)

    @pytest.mark.parametrize("place", [{"chat_template": "x"}, {"chat_template_kwargs": {"chat_template": "x"}}])
    def test_refuses_a_chat_template_of_the_clients(self, vllm: ContainerClient, place: Any) -> None:
        status, answer = vllm({"messages": MESSAGES, **place})
        assert status == 400
        assert "untrusted chat template" in answer["error"]["message"]
        assert vllm({"messages": MESSAGES, "chat_template_kwargs": {"enable_thinking": False}})[0] == 200

    @pytest.mark.parametrize(
        "document",
        [
            [],
            {},
            {"messages": "Hi"},
            {"messages": [{"content": "Hi"}]},
            {"messages": MESSAGES, "temperature": "hot"},
            {"messages": MESSAGES, "top_logprobs": 2},
            {"messages": MESSAGES, "stream_options": {"include_usage": True}},
            {"messages": MESSAGES, "stream": "yes"},
            {"messages": MESSAGES, "response_format": {"type": "xml"}},
            {"prompt": "Hi", "logprobs": True},
            {"prompt": 3},
        ],
    )
    def test_finds_no_route_for_a_payload_with_a_wrong_type(self, vllm: ContainerClient, document: Any) -> None:
        status, answer = vllm(document)
        assert status == 400
        assert answer["error"]["message"].startswith("Cannot find suitable handler for request.")

    def test_names_the_place_that_makes_a_schema_invalid(self, vllm: ContainerClient) -> None:
        schema = {"type": "object", "properties": [{"city": {"type": "string"}}]}
        response_format = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        status, answer = vllm({"messages": MESSAGES, "response_format": response_format})
        assert status == 400
        assert answer["error"]["message"].startswith("The grammar is not valid: $.properties: ")

    def test_refuses_a_prompt_that_is_longer_than_its_context(self, serve: Serve) -> None:
        document = {"prompt": "a" + " b" * 20, "max_tokens": 5}
        old, new = (serve(settings(image, SM_VLLM_MAX_MODEL_LEN="10"))(document) for image in (VLLM_0_10, VLLM))
        assert (old[0], new[0], new[1]["error"]["param"]) == (400, 400, "input_tokens")
        assert old[1]["error"]["message"].startswith("This model's maximum context length is 10 tokens. However, your")
        assert new[1]["error"]["message"].startswith("You passed 21 input tokens and requested 5 output tokens.")

    def test_refuses_what_is_not_json(self, vllm: ContainerClient) -> None:
        status, answer = vllm(b"{")
        assert (status, answer["error"]["message"].partition(":")[0]) == (400, "JSON decode error")

    def test_fills_its_context_in_a_chat_without_a_limit(self, serve: Serve) -> None:
        client = serve(settings(VLLM, SM_VLLM_MAX_MODEL_LEN="100"))
        _, answer = client({"messages": MESSAGES, "ignore_eos": True})
        assert answer["usage"]["total_tokens"] == 100
