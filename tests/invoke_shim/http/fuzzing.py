"""Requests that are almost right, and what every answer must be."""

import base64
import copy
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from invoke_shim import rules
from invoke_shim.http.proxy import Response

MODEL = "the-model"
MAX_ERROR_BYTES = 16 * 1024
"""Twenty problems with what is allowed; far below what a client sends."""

ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/invocations")

Json = Any


@dataclass(frozen=True, slots=True)
class Context:
    """The context of an invocation."""

    aws_request_id: str = "from-lambda"
    trace_id: str = ""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def event_of(path: str, body: bytes | str) -> dict[str, Any]:
    """A proxy event; bytes in base64, as API Gateway does with binary media types."""
    return {
        "httpMethod": "POST",
        "path": path,
        "headers": {"content-type": "application/json"},
        "requestContext": {"requestId": "r-1"},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }


def check(response: Response, body: bytes) -> None:
    """Judge an answer."""
    assert response.status < 500, body
    if response.status != 200:
        assert len(body) <= MAX_ERROR_BYTES
    headers = response.all_headers()
    assert headers["x-request-id"]
    for name, value in headers.items():
        assert f"{name}{value}".isprintable()
    if response.chunks is not None:
        assert response.status == 200
        assert b'"error": {' not in body
        return
    document = json.loads(body)
    if response.status == 200:
        # A response has the member, and null in it.
        assert "error" not in document or document["error"] is None
        return
    assert set(document) == {"error"}
    error = document["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"] in ("invalid_request_error", "not_found_error")
    for value in (error["message"], error["param"] or ""):
        # Whatever the client's text was, the answer is Unicode text that any JSON parser takes.
        assert value.encode("utf-8").decode("utf-8") == value
    assert "Traceback" not in error["message"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=8),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=8,
)
ODD: st.SearchStrategy[Json] = JSON | st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 2, 0.5, 1e308, -1e308, float("nan"), float("inf"), 10**400, -(10**30), 2**63),
        *("", "text", "\ud800", "\x00", "\u202e", "x" * 5000, [], {}, [[]], [{}], [None], [""], ["a"] * 6, {"": ""}),
        *({"type": "text"}, {"type": "json_object"}, {"type": "json_schema"}, {"type": ["text"]}, {"include_usage": 1}),
    ]
)
PARAMETERS = sorted(
    {
        *(
            "max_tokens",
            "max_completion_tokens",
            "temperature",
            "top_p",
            "n",
            "stop",
            "seed",
            "stream",
            "echo",
            "tools",
        ),
        *("tool_choice", "functions", "function_call", "parallel_tool_calls"),
        *("stream_options", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "response_format"),
        *("suffix", "best_of", "logit_bias", "user", "model", "messages", "prompt", "inputs", "parameters", "fields"),
        *("input", "instructions", "text", "reasoning", "include", "max_output_tokens", "metadata", "truncation"),
        *("conversation", "max_tool_calls", "store", "background"),
        *rules.TGI.rules.extra,
        *rules.VLLM.rules.extra,
    }
)

CHAT = {
    "model": MODEL,
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello", "refusal": None},
        {"role": "user", "content": [{"type": "text", "text": "Who"}, {"type": "text", "text": "are you?"}]},
    ],
    "max_tokens": 5,
    "stop": ["x", "y"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "user": "ann",
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "pattern": "[A-Z][a-z]{1,20}"}, "cold": {"minimum": -0.5}},
    "required": ["city"],
}
FORM = {"type": "json_schema", "json_schema": {"name": "weather", "schema": SCHEMA}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
CALLS = {
    "model": MODEL,
    "messages": [
        {"role": "user", "content": "How warm is it?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "Hm."},
        {"role": "tool", "tool_call_id": "call_1", "content": "12 C"},
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "13 C"},
        {"role": "user", "content": "So?"},
    ],
}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": SCHEMA}}]
GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
IMAGE = {"type": "image_url", "image_url": {"url": GIF, "detail": "low"}}
ITEMS = [
    {"role": "user", "content": [{"type": "input_text", "text": "Is it cold?"}]},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "No."}]},
    {"type": "message", "role": "user", "content": "And tomorrow?"},
]
FUNCTION = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
VALID: list[tuple[str, dict[str, Any]]] = [
    (
        "/v1/chat/completions",
        {**CALLS, "tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "weather"}}},
    ),
    ("/v1/chat/completions", {**CALLS, "functions": [TOOLS[0]["function"]], "function_call": "auto"}),
    ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": [IMAGE]}]}),
    ("/v1/completions", {"model": MODEL, "prompt": [[1, 2], [3]], "stop": ["a"] * 9}),
    ("/v1/responses", {"model": MODEL, "input": "Hi", "instructions": "Be brief.", "max_output_tokens": 5}),
    ("/v1/responses", {"model": MODEL, "input": ITEMS, "tools": [FUNCTION], "tool_choice": "auto", "stream": True}),
    (
        "/v1/responses",
        {
            "model": MODEL,
            "input": ITEMS[:1],
            "reasoning": {"summary": "auto"},
            "metadata": {"a": "b"},
            "text": {"format": {"type": "json_schema", "name": "weather", "schema": SCHEMA}},
            "include": ["reasoning.encrypted_content"],
        },
    ),
    ("/v1/chat/completions", CHAT),
    ("/v1/chat/completions", {"model": MODEL, "messages": CHAT["messages"], "temperature": 0.5, "top_p": 0.9}),
    ("/v1/chat/completions", {"model": MODEL, "messages": CHAT["messages"], "response_format": FORM}),
    ("/v1/completions", {"model": MODEL, "prompt": "Once", "logprobs": 2, "seed": 7}),
    ("/v1/completions", {"model": MODEL, "prompt": "Once", "echo": True, "top_p": 1.0}),
    ("/v1/completions", {"model": MODEL, "prompt": ["a", "b"], "n": 1, "stream": True}),
    ("/v1/chat/completions", {"model": MODEL, "fields": {"question": "Q", "context": "C"}}),
    ("/invocations", {"inputs": "Hi", "parameters": {"max_new_tokens": 5, "stop": ["a"], "do_sample": True}}),
    ("/invocations", {"inputs": "Hi", "stream": True, "parameters": {"best_of": 1, "seed": 1, "temperature": 0.1}}),
    ("/invocations", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "stream": True}),
    ("/invocations", {"messages": [{"role": "user", "content": "Hi"}], "response_format": FORM}),
    ("/invocations", {"inputs": "Hi", "parameters": {"grammar": {"type": "json", "value": SCHEMA}}}),
    ("/invocations", {"prompt": "Hi", "max_gen_len": 5, "return_logprobs": True}),
    ("/invocations", {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"topP": 1}}),
]


def places(value: Json) -> list[tuple[Any, Any]]:
    """Every place in a document: its container with its key or index."""
    found: list[tuple[Any, Any]] = []
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found += [(value, key), *places(value[key])]
    return found


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A valid request with up to four things changed."""
    path, valid = draw(st.sampled_from(VALID))
    body = copy.deepcopy(valid)
    for _ in range(draw(st.integers(min_value=0, max_value=4))):
        change = draw(st.sampled_from(["replace", "delete", "add", "wrap", "repeat"]))
        holder, key = draw(st.sampled_from(places(body))) if places(body) else (body, None)
        if change == "add" or key is None:
            body[draw(st.sampled_from(PARAMETERS) | st.text(max_size=6))] = copy.deepcopy(draw(ODD))
        elif change == "replace":
            holder[key] = copy.deepcopy(draw(ODD))
        elif change == "wrap":
            holder[key] = draw(st.sampled_from([[holder[key]], {"type": holder[key]}, {"content": holder[key]}]))
        elif change == "repeat" and isinstance(holder[key], list):
            holder[key] = holder[key] * draw(st.integers(min_value=0, max_value=9))
        elif change == "delete":
            del holder[key]
    return draw(st.sampled_from([path, path, path, *ROUTES])), body
