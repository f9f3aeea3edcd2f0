"""Bedrock's data plane: imported models that answer, cold ones that do not yet, with the real client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError, EventStreamError
from safetensors.numpy import save

from tests.support.bedrock_models import ACCOUNT, REGION, Bedrock, as_json, llama, make_role, prepared

CHAT = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 50}
COMPLETION = {"prompt": "Why is the sky blue?", "max_tokens": 50}
NATIVE = {"prompt": "Why is the sky blue?", "max_gen_len": 50}
CONVERSE: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Why is the sky blue?"}]}]}
SAYS = re.compile(r" ?Stand-in answer [0-9a-f]{6} to: Why is the sky blue\?")
METRICS = "amazon-bedrock-invocationMetrics"


@pytest.fixture(scope="module")
def bedrock(local_aws: str, aws: Callable[..., Any]) -> Iterator[Bedrock]:
    bedrock = prepared(local_aws, aws)
    yield bedrock
    bedrock.steer("DELETE")
    bedrock.clean()


@pytest.fixture(autouse=True)
def _behave(bedrock: Bedrock) -> None:
    bedrock.steer("DELETE")
    bedrock.behave(import_seconds=0, cold_requests=0, warm_up_seconds=0, max_imported_models=20)


@pytest.fixture(scope="module")
def model(bedrock: Bedrock) -> str:
    return bedrock.import_model()


@pytest.fixture
def runtime(bedrock: Bedrock) -> Any:
    return bedrock.runtime


def invoke(runtime: Any, model: str, body: dict[str, Any]) -> Any:
    answer = runtime.invoke_model(modelId=model, body=json.dumps(body))
    assert answer["contentType"] == "application/json"
    return json.loads(answer["body"].read())


def stream(runtime: Any, model: str, body: dict[str, Any]) -> list[Any]:
    answer = runtime.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
    with closing(answer["body"]) as events:
        return [json.loads(event["chunk"]["bytes"]) for event in events]


class TestBodies:
    def test_with_messages_are_chats(self, runtime: Any, model: str) -> None:
        reply = invoke(runtime, model, CHAT)
        [choice] = reply["choices"]
        assert SAYS.fullmatch(choice["message"]["content"])
        assert choice["finish_reason"] == "stop"
        usage = reply["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]

    def test_with_a_prompt_and_max_tokens_are_openais_completions(self, runtime: Any, model: str) -> None:
        [choice] = invoke(runtime, model, COMPLETION)["choices"]
        assert SAYS.fullmatch(choice["text"])

    def test_with_a_prompt_and_max_gen_len_are_bedrocks_completions(self, runtime: Any, model: str) -> None:
        reply = invoke(runtime, model, NATIVE)
        assert set(reply) == {"generation", "prompt_token_count", "generation_token_count", "stop_reason"}
        assert SAYS.fullmatch(reply["generation"])
        assert reply["stop_reason"] == "stop"

    @pytest.mark.parametrize(
        ("body", "reason"),
        [({**CHAT, "max_tokens": 2}, "finish_reason"), ({**NATIVE, "max_gen_len": 2}, "stop_reason")],
    )
    def test_end_at_the_limit_of_tokens(self, runtime: Any, model: str, body: dict[str, Any], reason: str) -> None:
        reply = invoke(runtime, model, body)
        assert reply.get("choices", [reply])[0][reason] == "length"

    def test_end_before_a_stop_string(self, runtime: Any, model: str) -> None:
        [choice] = invoke(runtime, model, {**COMPLETION, "stop": ["sky"]})["choices"]
        assert choice["text"].endswith(" the ")
        assert choice["finish_reason"] == "stop"

    def test_ask_for_several_answers(self, runtime: Any, model: str) -> None:
        choices = invoke(runtime, model, {**CHAT, "n": 3})["choices"]
        assert len({choice["message"]["content"] for choice in choices}) == 3

    def test_ask_for_log_probabilities_each_in_its_form(self, runtime: Any, model: str) -> None:
        [chat] = invoke(runtime, model, {**CHAT, "logprobs": True, "top_logprobs": 2})["choices"]
        assert "".join(token["token"] for token in chat["logprobs"]["content"]).startswith(chat["message"]["content"])
        assert len(chat["logprobs"]["content"][0]["top_logprobs"]) == 2
        [completion] = invoke(runtime, model, {**COMPLETION, "logprobs": 1})["choices"]
        assert len(completion["logprobs"]["tokens"]) == len(completion["logprobs"]["token_logprobs"])
        native = invoke(runtime, model, {**NATIVE, "return_logprobs": True})
        assert len(native["logprobs"]) == native["generation_token_count"]
        assert all(key.isdecimal() for token in native["logprobs"] for key in token)

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ({}, r"required key \[prompt\] not found"),
            ({**NATIVE, "stop": ["x"]}, r"extraneous key \[stop\] is not permitted"),
            ({**NATIVE, "max_gen_len": 0}, "#/max_gen_len: 0 is not greater or equal to 1"),
            ({**NATIVE, "temperature": "hot"}, "#/temperature: expected type: Number"),
            ({**CHAT, "top_p": 0}, "#/top_p: 0 is not greater than 0"),
            ({**CHAT, "messages": []}, "#/messages: expected type: Array"),
            ({**CHAT, "messages": [{"role": "wizard", "content": "Hi"}]}, "#/messages/0: expected a role"),
            ({**COMPLETION, "max_tokens": 1_000_000}, "maximum context length is 2048 tokens"),
        ],
    )
    def test_are_refused_with_what_is_wrong(self, runtime: Any, model: str, body: dict[str, Any], problem: str) -> None:
        with pytest.raises(runtime.exceptions.ValidationException, match=problem):
            invoke(runtime, model, body)

    def test_with_messages_need_a_chat_template(self, bedrock: Bedrock, runtime: Any) -> None:
        files = llama()
        files["tokenizer_config.json"] = as_json({"tokenizer_class": "LlamaTokenizer"})
        base = bedrock.import_model(files)
        with pytest.raises(runtime.exceptions.ValidationException, match="provide a chat template"):
            invoke(runtime, base, CHAT)
        assert invoke(runtime, base, NATIVE)["generation"]

    def test_are_answered_by_the_weights_of_the_model(self, bedrock: Bedrock, runtime: Any, model: str) -> None:
        files = llama()
        same, other = (
            bedrock.import_model({**files, "model.safetensors": save({"lm_head.weight": np.full((4, 8), fill, "f2")})})
            for fill in (0, 1)
        )
        answers = [invoke(runtime, one, NATIVE)["generation"] for one in (model, same, other)]
        assert answers[0] == answers[1] != answers[2]


class TestStreams:
    @pytest.mark.parametrize("write_bytes", [0, 1, 37])
    @pytest.mark.parametrize("tokens_per_event", [1, 3])
    @pytest.mark.parametrize("body", [CHAT, COMPLETION, NATIVE])
    def test_say_what_the_whole_answer_says(
        self,
        bedrock: Bedrock,
        runtime: Any,
        model: str,
        body: dict[str, Any],
        tokens_per_event: int,
        write_bytes: int,
    ) -> None:
        bedrock.behave(tokens_per_event=tokens_per_event, write_bytes=write_bytes)
        reply, chunks = invoke(runtime, model, body), stream(runtime, model, body)
        if body is NATIVE:
            assert "".join(chunk["generation"] for chunk in chunks) == reply["generation"]
            assert chunks[-1]["generation_token_count"] == reply["generation_token_count"]
            assert [chunk["stop_reason"] for chunk in chunks if chunk["stop_reason"]] == ["stop"]
            told = (reply["prompt_token_count"], reply["generation_token_count"])
        else:
            choices = [choice for chunk in chunks for choice in chunk["choices"]]
            texts = [choice.get("delta", {}).get("content") or choice.get("text") or "" for choice in choices]
            [choice] = reply["choices"]
            assert "".join(texts) == choice.get("text", choice.get("message", {}).get("content"))
            assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
            told = (reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"])
        metrics = chunks[-1][METRICS]
        assert (metrics["inputTokenCount"], metrics["outputTokenCount"]) == told
        assert all(METRICS not in chunk for chunk in chunks[:-1])

    def test_tell_usage_where_it_is_asked_for(self, runtime: Any, model: str) -> None:
        chunks = stream(runtime, model, {**CHAT, "stream_options": {"include_usage": True}})
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"]["completion_tokens"] == chunks[-1][METRICS]["outputTokenCount"]

    def test_end_in_an_exception_that_was_asked_for(self, bedrock: Bedrock, runtime: Any, model: str) -> None:
        bedrock.behave(faults=[{"code": "ModelStreamErrorException", "message": "broken", "after_events": 2}])
        answer = runtime.invoke_model_with_response_stream(modelId=model, body=json.dumps(NATIVE))
        with closing(answer["body"]) as body:
            events = iter(body)
            assert [set(next(events)) for _ in range(2)] == [{"chunk"}, {"chunk"}]
            with pytest.raises(EventStreamError, match="broken"):
                next(events)
        assert len(stream(runtime, model, NATIVE)) > 2


class TestConverse:
    def test_answers_with_a_message(self, runtime: Any, model: str) -> None:
        reply = runtime.converse(modelId=model, system=[{"text": "Be brief."}], **CONVERSE)
        message = reply["output"]["message"]
        assert message["role"] == "assistant"
        assert SAYS.fullmatch(message["content"][0]["text"])
        assert reply["stopReason"] == "end_turn"
        assert reply["usage"]["totalTokens"] == reply["usage"]["inputTokens"] + reply["usage"]["outputTokens"]

    def test_streams_what_it_answers_with(self, runtime: Any, model: str) -> None:
        whole = runtime.converse(modelId=model, **CONVERSE)
        with closing(runtime.converse_stream(modelId=model, **CONVERSE)["stream"]) as stream_of_events:
            events = list(stream_of_events)
        deltas = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
        assert "".join(deltas) == whole["output"]["message"]["content"][0]["text"]
        assert events[0] == {"messageStart": {"role": "assistant"}}
        assert events[-2] == {"messageStop": {"stopReason": "end_turn"}}
        assert events[-1]["metadata"]["usage"] == whole["usage"]

    @pytest.mark.parametrize(
        ("config", "reason"), [({"maxTokens": 2}, "max_tokens"), ({"stopSequences": ["sky"]}, "stop_sequence")]
    )
    def test_tells_why_it_ended(self, runtime: Any, model: str, config: dict[str, Any], reason: str) -> None:
        assert runtime.converse(modelId=model, inferenceConfig=config, **CONVERSE)["stopReason"] == reason

    @pytest.mark.parametrize(
        ("messages", "config", "problem"),
        [
            ([], {}, "must start with a user message"),
            ([("assistant", "Hi")], {}, "must start with a user message"),
            ([("user", "Hi"), ("user", "Hello?")], {}, "must alternate between user and assistant roles"),
            ([("user", " ")], {}, r"at messages.0.content.0 is blank"),
            ([("user", "Hi")], {"temperature": 1.5}, "'inferenceConfig.temperature' failed to satisfy"),
        ],
    )
    def test_refuses_what_is_no_conversation(
        self, runtime: Any, model: str, messages: list[tuple[str, str]], config: dict[str, Any], problem: str
    ) -> None:
        conversation = [{"role": role, "content": [{"text": text}]} for role, text in messages]
        with pytest.raises(runtime.exceptions.ValidationException, match=problem):
            runtime.converse(modelId=model, messages=conversation, inferenceConfig=config)

    @pytest.mark.parametrize(
        "architecture",
        [
            *("Qwen2ForCausalLM", "Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"),
            *("Qwen3ForCausalLM", "Qwen3MoeForCausalLM"),
        ],
    )
    def test_is_not_for_every_architecture(self, bedrock: Bedrock, runtime: Any, architecture: str) -> None:
        other = bedrock.import_model(llama(architectures=[architecture]))
        with pytest.raises(runtime.exceptions.ValidationException, match="This action doesn't support the model"):
            runtime.converse(modelId=other, **CONVERSE)
        assert bedrock.control.get_imported_model(modelIdentifier=other)["instructSupported"] is False
        assert invoke(runtime, other, CHAT)["choices"]

    def test_is_not_for_other_architectures_where_asked_for(self, bedrock: Bedrock, runtime: Any, model: str) -> None:
        bedrock.behave(without_converse=["LlamaForCausalLM"])
        with pytest.raises(runtime.exceptions.ValidationException, match="This action doesn't support the model"):
            runtime.converse(modelId=model, **CONVERSE)
        [listed] = [one for one in bedrock.control.list_imported_models()["modelSummaries"] if one["modelArn"] == model]
        assert listed["instructSupported"] is False
        bedrock.behave(without_converse=[])
        assert runtime.converse(modelId=model, **CONVERSE)["output"]

    def test_is_told_from_other_calls_by_who_looks(self, bedrock: Bedrock, runtime: Any) -> None:
        bedrock.behave(cold_requests=1)
        name = bedrock.control.get_imported_model(modelIdentifier=(fresh := bedrock.import_model()))["modelName"]
        with pytest.raises(runtime.exceptions.ModelNotReadyException):
            runtime.converse(modelId=fresh, **CONVERSE)
        for _ in range(2):
            runtime.converse(modelId=fresh, **CONVERSE)
        invoke(runtime, fresh, NATIVE)
        assert bedrock.steer("GET", path="/calls")[name] == {
            "converse": {"ModelNotReadyException": 1, "ok": 2},
            "invoke": {"ok": 1},
        }


class TestReadiness:
    def test_comes_after_some_requests_and_some_time(self, bedrock: Bedrock, runtime: Any) -> None:
        bedrock.behave(cold_requests=3)
        fresh = bedrock.import_model()
        for _ in range(3):
            with pytest.raises(runtime.exceptions.ModelNotReadyException) as refused:
                invoke(runtime, fresh, NATIVE)
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        bedrock.behave(warm_up_seconds=3600)
        with pytest.raises(runtime.exceptions.ModelNotReadyException):
            runtime.converse(modelId=fresh, **CONVERSE)
        bedrock.behave(warm_up_seconds=0)
        assert invoke(runtime, fresh, NATIVE)["generation"]

    def test_is_lost_when_the_model_is_idle(self, bedrock: Bedrock, runtime: Any, model: str) -> None:
        assert invoke(runtime, model, NATIVE)["generation"]
        bedrock.behave(idle_seconds=0, cold_requests=1)
        with pytest.raises(runtime.exceptions.ModelNotReadyException):
            stream(runtime, model, NATIVE)
        bedrock.behave(idle_seconds=300)
        assert stream(runtime, model, NATIVE)


class TestRefusals:
    def test_throttle_as_many_requests_as_asked_for(self, bedrock: Bedrock, runtime: Any, model: str) -> None:
        bedrock.behave(throttle_requests=2)
        for _ in range(2):
            with pytest.raises(runtime.exceptions.ThrottlingException) as refused:
                invoke(runtime, model, NATIVE)
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert invoke(runtime, model, NATIVE)["generation"]

    def test_throttle_beyond_the_concurrency_of_the_copies(self, bedrock: Bedrock, runtime: Any, model: str) -> None:
        bedrock.behave(max_concurrent_requests=0)
        with pytest.raises(runtime.exceptions.ThrottlingException):
            invoke(runtime, model, NATIVE)

    def test_fail_as_asked_for(self, bedrock: Bedrock, runtime: Any, model: str) -> None:
        fault = {"code": "ModelErrorException", "message": "out of memory", "originalStatusCode": 500}
        bedrock.behave(faults=[fault])
        with pytest.raises(runtime.exceptions.ModelErrorException, match="out of memory") as failed:
            invoke(runtime, model, NATIVE)
        assert failed.value.response["originalStatusCode"] == 500
        assert invoke(runtime, model, NATIVE)["generation"]

    def test_of_a_model_that_is_not_there(self, bedrock: Bedrock, runtime: Any) -> None:
        gone = bedrock.import_model()
        bedrock.control.delete_imported_model(modelIdentifier=gone)
        with pytest.raises(runtime.exceptions.ResourceNotFoundException):
            invoke(runtime, gone, NATIVE)
        with pytest.raises(runtime.exceptions.ValidationException, match="model identifier is invalid"):
            invoke(runtime, "anthropic.claude-v2", NATIVE)

    def test_of_a_guardrail_that_does_not_exist(self, runtime: Any, model: str) -> None:
        guardrail = {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}
        with pytest.raises(runtime.exceptions.ValidationException, match="guardrail identifier or version"):
            runtime.converse(modelId=model, **CONVERSE, guardrailConfig=guardrail)

    def test_of_a_model_in_another_region(self, aws: Callable[..., Any], model: str) -> None:
        elsewhere = aws("bedrock-runtime", region="us-east-1")
        with pytest.raises(elsewhere.exceptions.ResourceNotFoundException):
            invoke(elsewhere, model, NATIVE)

    def test_follow_the_callers_permissions(
        self, bedrock: Bedrock, aws: Callable[..., Any], local_aws: str, model: str
    ) -> None:
        allow = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": model}
        trusts = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
        role = make_role(aws("iam"), {"Version": "2012-10-17", "Statement": [allow]}, trusts=trusts)
        session = aws("sts").assume_role(RoleArn=role, RoleSessionName="caller")["Credentials"]
        caller = boto3.session.Session().client(
            "bedrock-runtime",
            region_name=REGION,
            endpoint_url=local_aws,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )
        assert invoke(caller, model, NATIVE)["generation"]
        assert caller.converse(modelId=model, **CONVERSE)["output"]
        guardrail = {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}
        with pytest.raises(ClientError, match=r"perform: bedrock:ApplyGuardrail on resource: \S+:guardrail/abc123 "):
            caller.converse(modelId=model, **CONVERSE, guardrailConfig=guardrail)
        with pytest.raises(ClientError, match=r"perform: bedrock:ApplyGuardrail on"):
            caller.invoke_model(modelId=model, body=json.dumps(NATIVE), **guardrail)
        with pytest.raises(ClientError, match=r"perform: bedrock:InvokeModelWithResponseStream on"):
            stream(caller, model, NATIVE)
        with pytest.raises(ClientError, match=r"perform: bedrock:InvokeModelWithResponseStream on"):
            caller.converse_stream(modelId=model, **CONVERSE)
        with pytest.raises(ClientError, match=r"perform: bedrock:InvokeModel on"):
            invoke(caller, f"{model[:-1]}0" if model[-1] != "0" else f"{model[:-1]}1", NATIVE)


class TestMoto:
    def test_still_answers_for_the_rest_of_bedrock(self, bedrock: Bedrock) -> None:
        assert bedrock.control.list_custom_models()["modelSummaries"] == []
