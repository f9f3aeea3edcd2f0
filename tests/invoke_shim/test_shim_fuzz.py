"""Whatever is sent gets an answer of OpenAI's shape: no 5xx, no crash, no hang, and nothing huge back."""

import base64
import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoke_shim import handler as entry
from invoke_shim import logs, rules
from invoke_shim.backends.base import Deadline, NativeReply, NativeStream, Rules
from invoke_shim.errors import Problem
from invoke_shim.generation import Answer, Ask, Piece, Usage, collect
from invoke_shim.proxy import Response
from invoke_shim.routes import Api
from invoke_shim.rules.base import ContainerRules
from invoke_shim.settings import Settings

MODEL = "the-model"
MAX_ANSWER_BYTES = 64 * 1024
ROUTES = ("/v1/chat/completions", "/v1/completions", "/invocations")

Json = Any


@dataclass(frozen=True, slots=True)
class Context:
    """What the runtime tells of an invocation."""

    aws_request_id: str = "from-lambda"
    trace_id: str = ""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class FixedBackend:
    """A fake backend: always the same answer, at once. What it takes is what a real container's rules say."""

    container: ContainerRules
    takes_messages: bool = False
    asks: list[Ask] = field(default_factory=list)

    @property
    def rules(self) -> Rules:
        return self.container.rules

    def complete(self, ask: Ask, deadline: Deadline) -> Answer:
        return collect(self.stream(ask, deadline))

    def stream(self, ask: Ask, _deadline: Deadline) -> Iterator[Piece]:
        # As a real one does: what cannot be sent fails here.
        json.dumps([ask.prompt, [message.content for message in ask.messages]]).encode("ascii")
        json.dumps(dict(ask.generation.extra), allow_nan=False)
        self.asks.append(ask)
        for index in range(ask.generation.n):
            yield Piece(text="Hel", index=index)
            yield Piece(text="lo", index=index, finish_reason="stop")
        yield Piece(usage=Usage(3, 2))

    def native_problems(self, body: Mapping[str, Any]) -> list[Problem]:
        return self.container.native_problems(body, max_input_tokens=1000, max_total_tokens=2000)

    def invoke(self, _body: bytes, _deadline: Deadline) -> NativeReply:
        return NativeReply(b'[{"generated_text": "Hello"}]', "application/json")

    def invoke_stream(self, _body: bytes, _deadline: Deadline) -> NativeStream:
        return NativeStream(iter([b'data:{"token"', b': {"text": "Hello"}}\n\n']), "text/event-stream")


TEMPLATE = json.dumps({"prompt": "Q: {question}\n{context}", "completion": " {answer}"})


def deployed(container: ContainerRules, *, takes_messages: bool = False, **changes: Any) -> Api:
    settings = Settings(
        model_name=MODEL,
        **{"invoke_timeout_seconds": 29, "max_input_tokens": 1000, "max_total_tokens": 2000, **changes},
    )
    return Api(settings=settings, backend=FixedBackend(container, takes_messages))


MODELS = {
    "a Falcon chat model": deployed(rules.TGI, prompt_format="falcon-chat"),
    "a base model": deployed(rules.TGI_GUIDED),
    "Arctic": deployed(rules.LMI, prompt_format="chatml"),
    "Llama 3.1": deployed(rules.LMI, prompt_format="llama-3.1-instruct"),
    "Mistral": deployed(rules.TGI, prompt_format="mistral-instruct"),
    "a tuned model": deployed(rules.TGI, prompt_format="template", prompt_template=TEMPLATE),
    "a model on vLLM": deployed(rules.VLLM, takes_messages=True),
    "an imported chat model": deployed(rules.BEDROCK_CHAT, takes_messages=True),
    "an imported model": deployed(rules.BEDROCK_COMPLETION, prompt_format="granite-code"),
    "an older imported model": deployed(rules.BEDROCK_NATIVE, prompt_format="llama-3-instruct"),
    "a model behind Converse": deployed(rules.BEDROCK_CONVERSE, takes_messages=True),
}
NAMES = st.sampled_from(sorted(MODELS))


def handle(name: str, event: Mapping[str, Any]) -> tuple[Response, bytes]:
    """Call the entry point with a model behind it; the answer with the bytes of its body."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry, "api", lambda: MODELS[name])
        response = entry.handle(event, Context())
        if response.chunks is None:
            return response, response.encoded_body()
        return response, b"".join(response.chunks)


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
    assert len(body) <= MAX_ANSWER_BYTES
    headers = response.all_headers()
    assert headers["x-request-id"]
    for name, value in headers.items():
        assert f"{name}{value}".isprintable()
    if response.chunks is not None:
        assert response.status == 200
        assert b'"error"' not in body
        return
    document = json.loads(body)
    if response.status == 200:
        assert "error" not in document
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


def send(name: str, path: str, body: bytes | str) -> Response:
    response, answer = handle(name, event_of(path, body))
    check(response, answer)
    return response


@pytest.fixture(autouse=True, scope="module")
def _log_all() -> Iterator[None]:
    """Write everything that can be written to the log, so that writing it is tried too."""
    logs.configure("DEBUG", prompts=True)
    yield
    logs.configure("INFO")


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
        *("stream_options", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "response_format"),
        *("suffix", "best_of", "logit_bias", "user", "model", "messages", "prompt", "inputs", "parameters", "fields"),
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
VALID: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", CHAT),
    ("/v1/chat/completions", {"model": MODEL, "messages": CHAT["messages"], "temperature": 0.5, "top_p": 0.9}),
    ("/v1/completions", {"model": MODEL, "prompt": "Once", "logprobs": 2, "seed": 7}),
    ("/v1/completions", {"model": MODEL, "prompt": "Once", "echo": True, "top_p": 1.0}),
    ("/v1/completions", {"model": MODEL, "prompt": ["a", "b"], "n": 1, "stream": True}),
    ("/v1/chat/completions", {"model": MODEL, "fields": {"question": "Q", "context": "C"}}),
    ("/invocations", {"inputs": "Hi", "parameters": {"max_new_tokens": 5, "stop": ["a"], "do_sample": True}}),
    ("/invocations", {"inputs": "Hi", "stream": True, "parameters": {"best_of": 1, "seed": 1, "temperature": 0.1}}),
    ("/invocations", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "stream": True}),
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


@given(name=NAMES, request=mutated())
def test_answers_a_valid_request_with_something_changed(name: str, request: tuple[str, dict[str, Any]]) -> None:
    path, body = request
    send(name, path, json.dumps(body))


@pytest.mark.parametrize(("path", "body"), VALID)
def test_each_of_those_is_valid_for_some_model_as_it_is(path: str, body: dict[str, Any]) -> None:
    statuses = {name: send(name, path, json.dumps(body)).status for name in MODELS}
    assert 200 in statuses.values(), statuses
    assert set(statuses.values()) <= {200, 400}


@given(name=NAMES, path=st.sampled_from(ROUTES), body=JSON | st.dictionaries(st.sampled_from(PARAMETERS), ODD))
def test_answers_any_json(name: str, path: str, body: Json) -> None:
    send(name, path, json.dumps(body))


@given(name=NAMES, path=st.sampled_from(ROUTES), body=st.binary(max_size=200))
@example(name="Mistral", path="/v1/completions", body=b"\xff\xfe{\x00}\x00")
@example(name="Mistral", path="/v1/completions", body=b"\xef\xbb\xbf{}")
@example(name="Mistral", path="/v1/completions", body=b'{"a": NaN}')
@example(name="Mistral", path="/v1/completions", body=b'{"a": -Infinity}')
@example(name="Mistral", path="/v1/completions", body=b'{"a": 1}x')
@example(name="Mistral", path="/v1/completions", body=b"[]")
@example(name="Mistral", path="/v1/completions", body=b"null")
def test_refuses_bytes_that_are_no_request(name: str, path: str, body: bytes) -> None:
    assert send(name, path, body).status in (400, 404)


@given(
    event=st.fixed_dictionaries(
        {},
        optional={
            "httpMethod": JSON | st.sampled_from(["GET", "POST", "PUT", "OPTIONS"]),
            "path": JSON | st.sampled_from([*ROUTES, "/v1/models", "/v1/models/x", "/health", "/v1/models/%ff/", "//"]),
            "headers": JSON | st.dictionaries(st.sampled_from(["X-Stainless-Timeout", "a"]), JSON),
            "requestContext": JSON | st.fixed_dictionaries({"requestId": JSON}),
            "body": JSON,
            "isBase64Encoded": JSON,
        },
    )
)
def test_answers_any_event(event: dict[str, Any]) -> None:
    check(*handle("Mistral", event))


MILLION = 1_000_000


def repeated(item: str, separator: str = ",") -> str:
    """A list of as many items as six megabytes hold."""
    return f"[{separator.join([item] * min(MILLION, 5_900_000 // (len(item) + 1)))}]"


def chat(messages: str, more: str = "") -> str:
    return f'{{"model": "{MODEL}", "messages": {messages}{more}}}'


def completion(prompt: str, more: str = "") -> str:
    return f'{{"model": "{MODEL}", "prompt": {prompt}{more}}}'


ODD_PARTS = repeated('{"type":1}')
HELLO = '[{"role": "user", "content": "Hi"}]'
NAMED = ",".join(f'"a{number}":1' for number in range(400_000))
HUGE = {
    "messages that are none": ("/v1/chat/completions", chat(repeated("1"))),
    "messages without anything": ("/v1/chat/completions", chat(repeated("{}"))),
    "messages of unknown roles": ("/v1/chat/completions", chat(repeated('{"role":"x","content":""}'))),
    "messages by the user alone": ("/v1/chat/completions", chat(repeated('{"role":"user","content":"<s>"}'))),
    "parts that are none": ("/v1/chat/completions", chat(f'[{{"role": "user", "content": {repeated("{}")}}}]')),
    "parts of unknown types": ("/v1/chat/completions", chat(f'[{{"role": "user", "content": {ODD_PARTS}}}]')),
    "fields of a message": ("/v1/chat/completions", chat(f'[{{"role": "user", "content": "Hi", {NAMED}}}]')),
    "names": ("/v1/chat/completions", chat(HELLO, f", {NAMED}")),
    "names in a completion": ("/v1/completions", completion('"Once"', f", {NAMED}")),
    "a name": ("/v1/completions", completion('"Once"', f', "{"temperature" * 500_000}": 1')),
    "stop strings": ("/v1/chat/completions", chat(HELLO, f', "stop": {repeated(chr(34) + "a" + chr(34))}')),
    "a stop string": ("/v1/chat/completions", chat(HELLO, f', "stop": "{"a" * 5_000_000}"')),
    "prompts": ("/v1/completions", completion(repeated('"a"'))),
    "prompts that are none": ("/v1/completions", completion(repeated("{}"))),
    "token ids": ("/v1/completions", completion(repeated("1"))),
    "a prompt": ("/v1/completions", completion(f'"{"a" * 5_900_000}"')),
    "a prompt of blanks": ("/v1/completions", completion(f'"{" " * 5_900_000}"')),
    "a prompt of smileys": ("/v1/completions", completion(f'"{chr(0x1F600) * 1_400_000}"')),
    "lists in lists": ("/v1/completions", completion("[" * 2_900_000 + "]" * 2_900_000)),
    "objects in objects": ("/v1/completions", '{"a":' * 900_000 + "1" + "}" * 900_000),
    "an open list": ("/v1/completions", "[" * 5_900_000),
    "digits": ("/v1/completions", completion('"Once"', f', "max_tokens": {"9" * 5_000_000}')),
    "digits that are a number": ("/v1/completions", completion('"Once"', f', "max_tokens": {"9" * 4_000}')),
    "a fraction's digits": ("/v1/completions", completion('"Once"', f', "temperature": 0.{"9" * 5_000_000}')),
    "an exponent": ("/v1/completions", completion('"Once"', ', "temperature": 1e999999999')),
    "a model's name": ("/v1/completions", f'{{"model": "{"m" * 5_900_000}", "prompt": "Once"}}'),
    "native names": ("/invocations", f'{{"inputs": "Hi", "parameters": {{{NAMED}}}}}'),
    "native stop strings": ("/invocations", f'{{"inputs": "Hi", "parameters": {{"stop": {repeated("1")}}}}}'),
    "native fields": ("/invocations", f"{{{NAMED}}}"),
    "native messages": ("/invocations", f'{{"messages": {repeated("1")}}}'),
    "no prompt": ("/v1/completions", " " * 5_900_000),
    "spaces before it": ("/v1/completions", " " * 5_900_000 + "{"),
}


@pytest.mark.parametrize(("path", "body"), HUGE.values(), ids=HUGE)
def test_answers_megabytes_of(path: str, body: str) -> None:
    assert len(body.encode()) <= 6 * 1024 * 1024
    send("a Falcon chat model", path, body)


@pytest.mark.parametrize("what", ["messages of unknown roles", "messages by the user alone", "native messages"])
def test_answers_megabytes_for_a_model_that_takes_messages(what: str) -> None:
    send("a model on vLLM", *HUGE[what])


def test_refuses_a_body_above_lambdas_limit() -> None:
    response = send("Mistral", "/v1/completions", b" " * (6 * 1024 * 1024 + 1))
    assert response.status == 413


def test_shows_a_model_only_what_is_text() -> None:
    api = MODELS["a Falcon chat model"]
    assert isinstance(api.backend, FixedBackend)
    before = len(api.backend.asks)
    assert send("a Falcon chat model", "/v1/completions", completion('"\\ud800"')).status == 400
    assert len(api.backend.asks) == before
