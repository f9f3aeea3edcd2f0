"""Converse at the stand-in: what the service refuses, and tools, images and schemas where they are asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.bedrock.behaviour import Behaviour
from tests.localaws.bedrock.answering import PNG, SCHEMA, model, refusal, talk

TOOL = {"toolSpec": {"name": "get_weather", "inputSchema": {"json": SCHEMA}}}
CONFIG = {"toolConfig": {"tools": [TOOL]}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def use(identifier: str = "x", **changes: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": identifier, "name": "get_weather", "input": {}, **changes}}


def result(identifier: str = "x", text: str = "12 C") -> dict[str, Any]:
    return {"toolResult": {"toolUseId": identifier, "content": [{"text": text}]}}


HI = user({"text": "Weather in Oslo?"})
IMAGE = {"image": {"format": "png", "source": {"bytes": PNG}}}


class TestTools:
    def test_are_called_whole_and_in_pieces(self) -> None:
        whole, events = talk({"messages": [HI], **CONFIG})
        [block] = whole["output"]["message"]["content"]
        assert (block["toolUse"]["name"], block["toolUse"]["input"]) == ("get_weather", {"city": "stand-in"})
        assert whole["stopReason"] == "tool_use"
        [start] = [event["start"] for kind, event in events if kind == "contentBlockStart"]
        assert start["toolUse"]["toolUseId"] == block["toolUse"]["toolUseId"]
        parts = [event["delta"]["toolUse"]["input"] for kind, event in events if kind == "contentBlockDelta"]
        assert parts[0] == ""
        assert len(parts) > 5
        assert json.loads("".join(parts)) == block["toolUse"]["input"]

    def test_come_after_the_reasoning_of_models_asked_for(self) -> None:
        rules = Behaviour(with_tools=["LlamaForCausalLM"], with_reasoning=["LlamaForCausalLM"])
        twice = user({"text": "Weather in Oslo? [[stand-in call=get_weather]] [[stand-in call=get_weather]]"})
        whole, events = talk({"messages": [twice], **CONFIG}, rules=rules)
        thought, *calls = whole["output"]["message"]["content"]
        assert "Weather in Oslo?" in thought["reasoningContent"]["reasoningText"]["text"]
        assert len({call["toolUse"]["toolUseId"] for call in calls}) == 2
        assert [event["contentBlockIndex"] for kind, event in events if kind == "contentBlockStop"] == [0, 1, 2]

    def test_are_answered_with_text_that_repeats_their_result(self) -> None:
        whole, _ = talk({"messages": [HI, assistant(use()), user(result())], **CONFIG})
        assert "12 C" in whole["output"]["message"]["content"][0]["text"]
        assert whole["stopReason"] == "end_turn"

    def test_are_called_where_one_must_be(self) -> None:
        config = {"tools": [TOOL], "toolChoice": {"any": {}}}
        whole, _ = talk({"messages": [user({"text": "Hello!"})], "toolConfig": config})
        assert whole["stopReason"] == "tool_use"
        assert talk({"messages": [user({"text": "Hello!"})], **CONFIG})[0]["stopReason"] == "end_turn"

    def test_end_at_the_limit_of_tokens(self) -> None:
        whole, events = talk({"messages": [HI], **CONFIG, "inferenceConfig": {"maxTokens": 3}})
        assert whole["stopReason"] == "max_tokens"
        assert whole["usage"]["outputTokens"] == 3
        assert ("messageStop", {"stopReason": "max_tokens"}) in events

    def test_are_documented_for_no_imported_model_that_converses(self) -> None:
        assert (
            refusal(talk, {"messages": [HI], **CONFIG}, model(), Behaviour()) == "This model doesn't support tool use."
        )


NO_CONFIG = "toolConfig field must be defined"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "two of one role": ({"messages": [HI, HI]}, "must alternate between user and assistant"),
    "the assistant first": ({"messages": [assistant({"text": "a"})]}, "must start with a user message"),
    "a system message": ({"messages": [HI, {"role": "system", "content": [{"text": "a"}]}]}, "messages.1.role"),
    "no blocks": ({"messages": [user()]}, "content field in the Message object at messages.0 is empty"),
    "blank text": ({"messages": [user({"text": "\n"})]}, "at messages.0.content.0 is blank"),
    "two members": ({"messages": [user({"text": "a", **IMAGE})]}, "Invalid number of parameters set for tagged union"),
    "a call of the user's": ({"messages": [user(use())], **CONFIG}, "not supported in a message of the role user"),
    "calls without tools": ({"messages": [HI, assistant(use()), user(result())]}, NO_CONFIG),
    "results without tools": ({"messages": [user(result())]}, NO_CONFIG),
    "a result without a call": ({"messages": [HI, assistant({"text": "a"}), user(result())], **CONFIG}, "exceeds"),
    "a call without its result": ({"messages": [HI, assistant(use()), HI], **CONFIG}, "for the following Ids: x"),
    "another's result": ({"messages": [HI, assistant(use()), user(result("y"))], **CONFIG}, "following Ids: x"),
    "one id twice": (
        {"messages": [HI, assistant(use(), use()), user(result(), result())], **CONFIG},
        "duplicate Ids: x",
    ),
    "an id that is none": ({"messages": [HI, assistant(use("a b")), user(result("a b"))], **CONFIG}, "toolUseId"),
    "a blank result": ({"messages": [HI, assistant(use()), user(result(text=" "))], **CONFIG}, "is blank"),
    "arguments in a list": (
        {"messages": [HI, assistant(use(input=[1])), user(result())], **CONFIG},
        "toolUse.input must be a JSON object",
    ),
    "an image of another format": (
        {"messages": [user({"image": {"format": "jpeg", "source": {"bytes": PNG}}})]},
        "could not be read as jpeg",
    ),
    "an image that is none": (
        {"messages": [user({"image": {"format": "png", "source": {"bytes": "AAAA"}}})]},
        "could not be read as png",
    ),
    "too many images": ({"messages": [user(*[IMAGE] * 21)]}, "at most 20 images"),
    "a blank system": ({"messages": [HI], "system": [{"text": " "}]}, "SystemContentBlock object is blank"),
    "a blank stop": ({"messages": [HI], "inferenceConfig": {"stopSequences": ["\n"]}}, "stopSequences.0 is blank"),
    "no tools": ({"messages": [HI], "toolConfig": {"tools": []}}, "toolConfig"),
    "a schema of no object": (
        {"messages": [HI], "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}]}},
        "json.type must be one of the following: object",
    ),
    "one tool twice": ({"messages": [HI], "toolConfig": {"tools": [TOOL, TOOL]}}, "a name of its own"),
    "another tool's choice": (
        {"messages": [HI], "toolConfig": {"tools": [TOOL], "toolChoice": {"tool": {"name": "g"}}}},
        "is not among the tools",
    ),
    "an unknown member": ({"messages": [HI], "system": [{"texts": "a"}]}, "texts"),
    "a wrong type": ({"messages": [{"role": "user", "content": "Hi"}]}, "Invalid type for parameter"),
    "an unknown field": ({"messages": [HI], "guardrails": {}}, "doesn't support the guardrails field"),
}


@pytest.mark.parametrize(("body", "problem"), REFUSED.values(), ids=REFUSED)
def test_refuses_what_is_no_conversation(body: dict[str, Any], problem: str) -> None:
    assert problem in refusal(talk, body)


class TestImages:
    def test_are_seen_where_asked_for_only(self) -> None:
        body = {"messages": [user({"text": "What?"}, IMAGE)]}
        whole, _ = talk(body)
        assert "(with image " in whole["output"]["message"]["content"][0]["text"]
        assert "doesn't support the image field" in refusal(talk, body, model(), Behaviour())
        vision = model("MllamaForConditionalGeneration")
        assert "doesn't support the image field" in refusal(talk, body, vision, Behaviour())


class TestSchemas:
    @staticmethod
    def _body(schema: Any) -> dict[str, Any]:
        form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema), "name": "x"}}}
        return {"messages": [HI], "outputConfig": {"textFormat": form}}

    def test_are_kept_to_where_asked_for_only(self) -> None:
        closed = {**SCHEMA, "additionalProperties": False}
        whole, _ = talk(self._body(closed))
        assert json.loads(whole["output"]["message"]["content"][0]["text"]) == {"city": "stand-in"}
        assert "doesn't support the outputConfig field" in refusal(talk, self._body(closed), model(), Behaviour())

    @pytest.mark.parametrize(
        ("schema", "problem"), [(SCHEMA, "'additionalProperties'"), ({"type": 5}, "type"), ([1], "no JSON object")]
    )
    def test_that_bedrock_refuses_are_refused(self, schema: Any, problem: str) -> None:
        assert problem in refusal(talk, self._body(schema))
