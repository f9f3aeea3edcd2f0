"""Whatever is sent gets an answer of OpenAI's shape: no 5xx, no crash, no hang, and nothing huge back."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoke_shim import handler, rules
from invoke_shim.backends.base import NativeReply, NativeStream
from invoke_shim.deadline import Deadline
from invoke_shim.errors import Problem
from invoke_shim.generation.types import Answer, GenerationRequest, Piece, Usage, collect
from invoke_shim.http.proxy import Response
from invoke_shim.http.routes import Api
from invoke_shim.rules.base import ContainerRules, Rules
from invoke_shim.settings import Settings
from invoke_shim.telemetry import logs
from tests.invoke_shim.http.fuzzing import (
    JSON,
    MODEL,
    ODD,
    PARAMETERS,
    ROUTES,
    VALID,
    Context,
    Json,
    check,
    event_of,
    mutated,
)


def require_json(value: Json) -> None:
    """Fail where a value holds NaN, an infinity or half a character: no JSON that a model's side takes."""
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")


@dataclass
class FixedBackend:
    """A fake backend: always the same answer, at once. What it takes is what a real container's rules say."""

    container: ContainerRules
    takes_messages: bool = False
    requests: list[GenerationRequest] = field(default_factory=list)

    @property
    def rules(self) -> Rules:
        return self.container.rules

    @property
    def chat_rules(self) -> Rules:
        return self.container.chat_rules or self.container.rules

    def complete(self, request: GenerationRequest, deadline: Deadline) -> Answer:
        return collect(self.stream(request, deadline))

    def stream(self, request: GenerationRequest, _deadline: Deadline) -> Iterator[Piece]:
        # As a real one does: what cannot be sent fails here, wherever it stands.
        generation = request.generation
        texts = [request.prompt, [message.content for message in request.messages], list(generation.stop)]
        require_json([*texts, dict(generation.extra), generation.response_format])
        self.requests.append(request)
        for index in range(request.generation.n):
            yield Piece(text="Hel", index=index)
            yield Piece(text="lo", index=index, finish_reason="stop")
        yield Piece(usage=Usage(3, 2))

    def native_problems(self, body: Mapping[str, Any]) -> list[Problem]:
        return self.container.native_problems(body, max_input_tokens=1000, max_total_tokens=2000)

    def invoke(self, body: bytes, _deadline: Deadline) -> NativeReply:
        require_json(json.loads(body))
        return NativeReply(b'[{"generated_text": "Hello"}]', "application/json")

    def invoke_stream(self, body: bytes, _deadline: Deadline) -> NativeStream:
        require_json(json.loads(body))
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
        patch.setattr(handler, "api", lambda: MODELS[name])
        response = handler.handle(event, Context())
        if response.chunks is None:
            return response, response.encoded_body()
        return response, b"".join(response.chunks)


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


ITEM = '{"role":"user","content":"Hi"}'
ODD_PART = '{"type":1}'
HELLO = '[{"role": "user", "content": "Hi"}]'


@cache
def named() -> str:
    """Four hundred thousand fields."""
    return ",".join(f'"a{number}":1' for number in range(400_000))


# Path, and what makes the body: only the worker that sends it does.
HUGE: dict[str, tuple[str, Callable[[], str]]] = {
    "messages that are none": ("/v1/chat/completions", lambda: chat(repeated("1"))),
    "messages without anything": ("/v1/chat/completions", lambda: chat(repeated("{}"))),
    "messages of unknown roles": ("/v1/chat/completions", lambda: chat(repeated('{"role":"x","content":""}'))),
    "messages by the user alone": ("/v1/chat/completions", lambda: chat(repeated('{"role":"user","content":"<s>"}'))),
    "items that are none": ("/v1/responses", lambda: f'{{"model": "{MODEL}", "input": {repeated("{}")}}}'),
    "items by the user alone": (
        "/v1/responses",
        lambda: f'{{"model": "{MODEL}", "input": {repeated(ITEM)}}}',
    ),
    "parts that are none": ("/v1/chat/completions", lambda: chat(f'[{{"role": "user", "content": {repeated("{}")}}}]')),
    "parts of unknown types": (
        "/v1/chat/completions",
        lambda: chat(f'[{{"role": "user", "content": {repeated(ODD_PART)}}}]'),
    ),
    "fields of a message": ("/v1/chat/completions", lambda: chat(f'[{{"role": "user", "content": "Hi", {named()}}}]')),
    "names": ("/v1/chat/completions", lambda: chat(HELLO, f", {named()}")),
    "names in a completion": ("/v1/completions", lambda: completion('"Once"', f", {named()}")),
    "a name": ("/v1/completions", lambda: completion('"Once"', f', "{"temperature" * 500_000}": 1')),
    "stop strings": ("/v1/chat/completions", lambda: chat(HELLO, f', "stop": {repeated(chr(34) + "a" + chr(34))}')),
    "a stop string": ("/v1/chat/completions", lambda: chat(HELLO, f', "stop": "{"a" * 5_000_000}"')),
    "prompts": ("/v1/completions", lambda: completion(repeated('"a"'))),
    "prompts that are none": ("/v1/completions", lambda: completion(repeated("{}"))),
    "token ids": ("/v1/completions", lambda: completion(repeated("1"))),
    "a prompt": ("/v1/completions", lambda: completion(f'"{"a" * 5_900_000}"')),
    "a prompt of blanks": ("/v1/completions", lambda: completion(f'"{" " * 5_900_000}"')),
    "a prompt of smileys": ("/v1/completions", lambda: completion(f'"{chr(0x1F600) * 1_400_000}"')),
    "lists in lists": ("/v1/completions", lambda: completion("[" * 2_900_000 + "]" * 2_900_000)),
    "objects in objects": ("/v1/completions", lambda: '{"a":' * 900_000 + "1" + "}" * 900_000),
    "an open list": ("/v1/completions", lambda: "[" * 5_900_000),
    "digits": ("/v1/completions", lambda: completion('"Once"', f', "max_tokens": {"9" * 5_000_000}')),
    "digits that are a number": ("/v1/completions", lambda: completion('"Once"', f', "max_tokens": {"9" * 4_000}')),
    "a fraction's digits": ("/v1/completions", lambda: completion('"Once"', f', "temperature": 0.{"9" * 5_000_000}')),
    "an exponent": ("/v1/completions", lambda: completion('"Once"', ', "temperature": 1e999999999')),
    "a model's name": ("/v1/completions", lambda: f'{{"model": "{"m" * 5_900_000}", "prompt": "Once"}}'),
    "native names": ("/invocations", lambda: f'{{"inputs": "Hi", "parameters": {{{named()}}}}}'),
    "native stop strings": ("/invocations", lambda: f'{{"inputs": "Hi", "parameters": {{"stop": {repeated("1")}}}}}'),
    "native fields": ("/invocations", lambda: f"{{{named()}}}"),
    "native messages": ("/invocations", lambda: f'{{"messages": {repeated("1")}}}'),
    "no prompt": ("/v1/completions", lambda: " " * 5_900_000),
    "spaces before it": ("/v1/completions", lambda: " " * 5_900_000 + "{"),
}


# Bodies that take the longest: a million messages, of which each is read.
_LONG = ("messages of unknown roles", "messages by the user alone", "items by the user alone")


@pytest.mark.parametrize("what", [pytest.param(what, marks=[pytest.mark.sweep] * (what in _LONG)) for what in HUGE])
def test_answers_megabytes_of(what: str) -> None:
    path, make = HUGE[what]
    body = make()
    assert len(body.encode()) <= 6 * 1024 * 1024
    send("a Falcon chat model", path, body)


@pytest.mark.parametrize("what", ["native messages", *(pytest.param(what, marks=pytest.mark.sweep) for what in _LONG)])
def test_answers_megabytes_for_a_model_that_takes_messages(what: str) -> None:
    path, make = HUGE[what]
    send("a model on vLLM", path, make())


def nested(depth: int) -> str:
    """A native payload for Converse, so many objects deep."""
    fields = '{"a":' * (depth - 2) + "{}" + "}" * (depth - 2)
    tools = f'{{"tools": [], "a": {fields}}}'
    return f'{{"messages": [{{"role": "user", "content": []}}], "toolConfig": {tools}}}'


def test_refuses_objects_in_objects_before_anything_walks_through_them() -> None:
    assert send("a model behind Converse", "/invocations", nested(99)).status == 200
    response = send("a model behind Converse", "/invocations", nested(100))
    assert response.status == 400
    expected = "the request body is nested too deeply, at most 100 lists and objects in each other"
    assert response.body["error"]["message"] == expected


def test_takes_as_many_lists_and_objects_beside_each_other_as_there_are() -> None:
    messages = f"[{', '.join(['{}'] * 500)}]".replace(
        "{}", '{"role": "user", "content": [{"type": "text", "text": "Hi"}]}'
    )
    assert send("a model on vLLM", "/v1/chat/completions", chat(messages)).status == 200


def test_refuses_a_body_above_lambdas_limit() -> None:
    response = send("Mistral", "/v1/completions", b" " * (6 * 1024 * 1024 + 1))
    assert response.status == 413


def test_shows_a_model_only_what_is_text() -> None:
    api = MODELS["a Falcon chat model"]
    assert isinstance(api.backend, FixedBackend)
    before = len(api.backend.requests)
    assert send("a Falcon chat model", "/v1/completions", completion('"\\ud800"')).status == 400
    assert len(api.backend.requests) == before
