"""An imported model at Bedrock as the backend: real boto3 against a stand-in bedrock-runtime over real HTTP."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoke_shim.backends.bedrock import model
from invoke_shim.backends.bedrock.model import ImportedModel, create
from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import Message
from invoke_shim.generation.types import Generation, GenerationRequest, TokenLogprob, Usage, collect
from invoke_shim.settings import Settings
from tests.invoke_shim.backend_stub import Reply, Stub, cut_up, soon, texts, whole
from tests.invoke_shim.backends.bedrock.stub import (
    ARN,
    METRICS,
    backend,
    converse_stream,
    documents,
    environment,
    prompt_request,
    stream,
    written,
)

BODIES = ("chat", "completion", "native", "converse")
INVOKE_BODIES = BODIES[:3]

Backend = ImportedModel


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with Stub().running() as stub, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(stub).items():
            patch.setenv(name, value)
        yield stub


@pytest.fixture(scope="module")
def backends(stub: Stub) -> Iterator[dict[str, Backend]]:
    made = {body: backend(body) for body in BODIES}
    yield made
    for one in made.values():
        one.close()


@pytest.fixture(autouse=True)
def _forget(stub: Stub) -> None:
    stub.reset()


def answers(body: str, text: str = "Hello!", reason: str = "stop", usage: tuple[int, int] = (3, 5)) -> Any:
    """An answer that comes at once."""
    if body == "native":
        return {
            "generation": text,
            "prompt_token_count": usage[0],
            "generation_token_count": usage[1],
            "stop_reason": reason,
        }
    if body == "converse":
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": {"stop": "end_turn", "length": "max_tokens"}[reason],
            "usage": {"inputTokens": usage[0], "outputTokens": usage[1], "totalTokens": sum(usage)},
            "metrics": {"latencyMs": 3},
        }
    content = {"message": {"role": "assistant", "content": text}} if body == "chat" else {"text": text}
    return {
        "choices": [{"index": 0, "finish_reason": reason, **content}],
        "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }


def converse_events(parts: list[str], usage: tuple[int, int], reason: str = "end_turn") -> list[tuple[str, Any]]:
    deltas = [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": part}}) for part in parts]
    tokens = {"inputTokens": usage[0], "outputTokens": usage[1], "totalTokens": sum(usage)}
    return [
        ("messageStart", {"role": "assistant"}),
        *deltas,
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": reason}),
        ("metadata", {"usage": tokens, "metrics": {"latencyMs": 3}}),
    ]


class TestRequest:
    @pytest.mark.parametrize(
        ("body", "payload"),
        [
            (
                "chat",
                {
                    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
                    "max_tokens": 256,
                },
            ),
            ("completion", {"prompt": "Once", "max_tokens": 256}),
            ("native", {"prompt": "Once", "max_gen_len": 256}),
            (
                "converse",
                {
                    "system": [{"text": "Be brief."}],
                    "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
                    "inferenceConfig": {"maxTokens": 256},
                },
            ),
        ],
    )
    def test_has_the_form_of_the_declared_body(
        self, stub: Stub, backends: dict[str, Backend], body: str, payload: Any
    ) -> None:
        stub.replies = [whole(answers(body))]
        backends[body].complete(prompt_request(body), soon())
        assert stub.payload == payload
        operation = "converse" if body == "converse" else "invoke"
        assert unquote(stub.paths[0]) == f"/model/{ARN}/{operation}"

    @pytest.mark.parametrize("body", BODIES)
    def test_asks_for_a_stream_by_the_operation_alone(
        self, stub: Stub, backends: dict[str, Backend], body: str
    ) -> None:
        stub.replies = [whole(answers(body)), self._stream(body)]
        backends[body].complete(prompt_request(body), soon())
        list(backends[body].stream(prompt_request(body), soon()))
        assert stub.bodies[0] == stub.bodies[1]
        assert stub.paths[1].endswith("/converse-stream" if body == "converse" else "/invoke-with-response-stream")

    @staticmethod
    def _stream(body: str) -> Reply:
        if body == "converse":
            return converse_stream(converse_events(["Hi"], (1, 1)))
        return stream([written(document) for document in documents(body, ["Hi"], usage=(1, 1))])

    def test_carries_the_sampling_in_the_bodys_own_names(self, stub: Stub, backends: dict[str, Backend]) -> None:
        wanted = {"temperature": 0.5, "top_p": 0.9, "stop": ("END",), "seed": 7, "presence_penalty": 1.0}
        for body in BODIES:
            stub.replies = [whole(answers(body))]
            backends[body].complete(prompt_request(body, **wanted), soon())
        chat, completion, native, converse = map(json.loads, stub.bodies)
        openai = {"temperature": 0.5, "top_p": 0.9, "stop": ["END"], "seed": 7, "presence_penalty": 1.0}
        assert openai.items() <= chat.items()
        assert openai.items() <= completion.items()
        # It has no field for the others: the shim ends the text at the stop strings.
        assert native == {"prompt": "Once", "max_gen_len": 256, "temperature": 0.5, "top_p": 0.9}
        assert converse["inferenceConfig"] == {
            "maxTokens": 256,
            "temperature": 0.5,
            "topP": 0.9,
            "stopSequences": ["END"],
        }

    @pytest.mark.parametrize("body", BODIES)
    def test_for_the_likeliest_tokens_only_has_a_temperature_of_zero_and_no_nucleus(
        self, stub: Stub, backends: dict[str, Backend], body: str
    ) -> None:
        stub.replies = [whole(answers(body))]
        backends[body].complete(prompt_request(body, temperature=1.0, top_p=0), soon())
        sampling = stub.payload.get("inferenceConfig", stub.payload)
        assert sampling["temperature"] == 0
        assert not {"top_p", "topP"} & set(sampling)

    def test_in_bedrocks_own_form_has_the_bare_schema(self, stub: Stub, backends: dict[str, Backend]) -> None:
        schema = {"type": "object"}
        wrapped = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        for body in ("native", "chat"):
            stub.replies = [whole(answers(body))]
            backends[body].complete(prompt_request(body, response_format=wrapped), soon())
        native, chat = map(json.loads, stub.bodies)
        assert native["response_format"] == {"type": "json_schema", "json_schema": schema}
        assert chat["response_format"] == wrapped

    def test_tells_the_model_of_a_developer_as_the_system(self, stub: Stub, backends: dict[str, Backend]) -> None:
        chat = GenerationRequest(
            messages=[Message("developer", "Be brief."), Message("user", "Hi")], generation=Generation(max_tokens=9)
        )
        for body in ("chat", "converse"):
            stub.replies = [whole(answers(body))]
            backends[body].complete(chat, soon())
        in_openais, in_converses = map(json.loads, stub.bodies)
        assert in_openais["messages"][0] == {"role": "system", "content": "Be brief."}
        assert in_converses["system"] == [{"text": "Be brief."}]

    def test_goes_with_messages_where_the_models_side_writes_the_prompt(self, backends: dict[str, Backend]) -> None:
        assert [backends[body].takes_messages for body in BODIES] == [True, False, False, True]

    def test_is_held_to_the_rules_of_its_body(self, backends: dict[str, Backend]) -> None:
        assert [backends[body].rules.max_stop for body in BODIES] == [None, None, 0, 2500]
        problems = backends["native"].native_problems({"prompt": "Once", "max_tokens": 3})
        assert any("max_gen_len" in problem.message for problem in problems)


class TestAnswer:
    @pytest.mark.parametrize("body", BODIES)
    @pytest.mark.parametrize("reason", ["stop", "length"])
    def test_has_text_reason_and_counts(self, stub: Stub, backends: dict[str, Backend], body: str, reason: str) -> None:
        stub.replies = [whole(answers(body, " Hé\n!", reason))]
        answer = backends[body].complete(prompt_request(body), soon())
        [completion] = answer.completions
        assert (completion.text, completion.finish_reason) == (" Hé\n!", reason)
        assert answer.usage == Usage(3, 5)

    @pytest.mark.parametrize("body", BODIES)
    def test_is_gathered_from_the_stream_where_the_settings_say_so(self, stub: Stub, body: str) -> None:
        gathering = backend(body, gather_stream=True)
        stub.replies = [TestRequest._stream(body)]
        try:
            answer = gathering.complete(prompt_request(body), soon())
        finally:
            gathering.close()
        assert [completion.text for completion in answer.completions] == ["Hi"]
        assert answer.usage == Usage(1, 1)

    def test_of_an_old_import_is_in_the_form_of_mistrals_models(self, stub: Stub, backends: dict[str, Backend]) -> None:
        old = {"outputs": [{"text": "Hello!", "stop_reason": "length"}]}
        stub.replies = [whole(old), stream([written({**old, METRICS: {"inputTokenCount": 3, "outputTokenCount": 5}})])]
        for answer in (
            backends["completion"].complete(prompt_request("completion"), soon()),
            collect(backends["completion"].stream(prompt_request("completion"), soon())),
        ):
            [completion] = answer.completions
            assert (completion.text, completion.finish_reason) == ("Hello!", "length")

    def test_tells_log_probabilities_where_the_body_has_tokens(self, stub: Stub, backends: dict[str, Backend]) -> None:
        chat = answers("chat", "Hi")
        chat["choices"][0]["logprobs"] = {
            "content": [{"token": "Hi", "logprob": -0.5, "top_logprobs": [{"token": "Hi", "logprob": -0.5}]}]
        }
        completion = answers("completion", "Hi")
        completion["choices"][0]["logprobs"] = {
            "tokens": ["Hi"],
            "token_logprobs": [-0.5],
            "top_logprobs": [{"Hi": -0.5}],
        }
        for body, reply in (("chat", chat), ("completion", completion)):
            stub.replies = [whole(reply)]
            answer = backends[body].complete(prompt_request(body, logprobs=True, top_logprobs=1), soon())
            assert answer.completions[0].logprobs == (TokenLogprob("Hi", -0.5, (("Hi", -0.5),)),)
        sent_chat, sent_completion = map(json.loads, stub.bodies)
        assert (sent_chat["logprobs"], sent_chat["top_logprobs"]) == (True, 1)
        assert sent_completion["logprobs"] == 1

    @pytest.mark.parametrize("body", INVOKE_BODIES)
    @pytest.mark.parametrize("reply", [b"", b"[]", b"{}", b"<html>", b'{"generation": 3, "choices": 3}'])
    def test_that_is_not_understood_is_said_so(
        self, stub: Stub, backends: dict[str, Backend], body: str, reply: bytes
    ) -> None:
        stub.replies = [whole(reply)]
        with pytest.raises(ApiError, match="does not understand") as error:
            backends[body].complete(prompt_request(body), soon())
        assert error.value.status == 502

    @pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
    def test_that_failed_in_converse_is_an_error(self, stub: Stub, backends: dict[str, Backend], reason: str) -> None:
        stub.replies = [whole({**answers("converse"), "stopReason": reason})]
        with pytest.raises(ApiError, match="failed to generate"):
            backends["converse"].complete(prompt_request("converse"), soon())

    def test_that_a_guardrail_held_back_is_filtered(self, stub: Stub, backends: dict[str, Backend]) -> None:
        stub.replies = [whole({**answers("converse"), "stopReason": "guardrail_intervened"})]
        answer = backends["converse"].complete(prompt_request("converse"), soon())
        assert answer.completions[0].finish_reason == "content_filter"


class TestStream:
    @settings(max_examples=60)
    @given(
        body=st.sampled_from(INVOKE_BODIES),
        parts=st.lists(texts, max_size=6),
        usage=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
        places=st.lists(st.integers(0, 10_000), max_size=10),
        ascii_only=st.booleans(),
        size=st.integers(0, 40),
    )
    def test_loses_and_doubles_nothing_wherever_documents_chunks_and_frames_are_split(
        self,
        stub: Stub,
        backends: dict[str, Backend],
        body: str,
        parts: list[str],
        usage: tuple[int, int],
        places: list[int],
        ascii_only: bool,
        size: int,
    ) -> None:
        data = b"".join(written(document, ascii_only=ascii_only) for document in documents(body, parts, usage=usage))
        stub.replies = [stream(cut_up(data, places), size=size)]
        pieces = list(backends[body].stream(prompt_request(body), soon()))
        assert "".join(piece.text for piece in pieces) == "".join(parts)
        assert [piece.finish_reason for piece in pieces if piece.finish_reason] == ["stop"]
        assert [piece.usage for piece in pieces if piece.usage] == [Usage(*usage)]

    @settings(max_examples=30)
    @given(
        parts=st.lists(texts, max_size=6),
        usage=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
        size=st.integers(0, 40),
    )
    def test_of_converse_loses_and_doubles_nothing_wherever_frames_are_split(
        self, stub: Stub, backends: dict[str, Backend], parts: list[str], usage: tuple[int, int], size: int
    ) -> None:
        stub.replies = [converse_stream(converse_events(parts, usage, "max_tokens"), size=size)]
        pieces = list(backends["converse"].stream(prompt_request("converse"), soon()))
        assert "".join(piece.text for piece in pieces) == "".join(parts)
        assert [piece.finish_reason for piece in pieces if piece.finish_reason] == ["length"]
        assert [piece.usage for piece in pieces if piece.usage] == [Usage(*usage)]

    @pytest.mark.parametrize("body", INVOKE_BODIES)
    def test_is_passed_on_as_it_comes(self, stub: Stub, backends: dict[str, Backend], body: str) -> None:
        first, *_ = documents(body, ["Hel", "lo"], usage=(1, 2))
        stub.replies = [stream([written(first)], hang=True)]
        pieces = backends[body].stream(prompt_request(body), soon())
        assert next(pieces).text == "Hel"
        pieces.close()  # type: ignore[attr-defined] # a generator

    def test_counts_with_openais_usage_where_both_are_told(self, stub: Stub, backends: dict[str, Backend]) -> None:
        made = documents("chat", ["Hi"], usage=(3, 5))
        made[-1]["usage"] = {"prompt_tokens": 4, "completion_tokens": 6}
        stub.replies = [stream(list(map(written, made)))]
        pieces = list(backends["chat"].stream(prompt_request("chat"), soon()))
        assert [piece.usage for piece in pieces if piece.usage] == [Usage(4, 6)]

    def test_counts_by_the_documents_where_there_are_no_metrics(self, stub: Stub, backends: dict[str, Backend]) -> None:
        made = documents("native", ["Hi", "!"], usage=(3, 9))
        del made[-1][METRICS]
        stub.replies = [stream(list(map(written, made)))]
        pieces = list(backends["native"].stream(prompt_request("native"), soon()))
        assert [piece.usage for piece in pieces if piece.usage] == [Usage(3, 3)]

    @pytest.mark.parametrize("body", INVOKE_BODIES)
    def test_that_ends_without_a_reason_broke_off(self, stub: Stub, backends: dict[str, Backend], body: str) -> None:
        stub.replies = [stream([written(document) for document in documents(body, ["Hi"], usage=(1, 1))[:-1]])]
        pieces = backends[body].stream(prompt_request(body), soon())
        assert next(pieces).text == "Hi"
        with pytest.raises(ApiError, match="broke off"):
            list(pieces)

    def test_of_several_answers_keeps_them_apart(self, stub: Stub, backends: dict[str, Backend]) -> None:
        one, other = (documents("completion", [text], usage=(2, 4)) for text in ("one", "other"))
        for document in other:
            document["choices"][0]["index"] = 1
        mixed = [*itertools.chain.from_iterable(zip(one, other, strict=True))]
        stub.replies = [stream(list(map(written, mixed)))]
        answer = collect(backends["completion"].stream(prompt_request("completion", n=2), soon()))
        assert [completion.text for completion in answer.completions] == ["one", "other"]
        assert stub.payload["n"] == 2


class TestNative:
    def test_reply_comes_back_as_it_is(self, stub: Stub, backends: dict[str, Backend]) -> None:
        body = b'{"prompt": "Hi",  "max_gen_len": 3}'
        stub.replies = [whole(b'{"generation":  "Hello"}')]
        reply = backends["native"].invoke(body, soon())
        assert stub.bodies == [body]
        assert (reply.body, reply.content_type) == (b'{"generation":  "Hello"}', "application/json")

    def test_stream_comes_as_json_lines(self, stub: Stub, backends: dict[str, Backend]) -> None:
        made = documents("native", ["Hi", "\n"], usage=(1, 2))
        stub.replies = [stream(cut_up(b"".join(map(written, made)), [7, 60, 200]))]
        native = backends["native"].invoke_stream(b'{"prompt": "Hi", "max_gen_len": 3, "stream": true}', soon())
        # Which Bedrock's own body has no field for.
        assert stub.payload == {"prompt": "Hi", "max_gen_len": 3}
        lines = b"".join(native.chunks).splitlines()
        assert list(map(json.loads, lines)) == made
        assert native.content_type == "application/jsonl"

    def test_converse_takes_the_operations_parameters(self, stub: Stub, backends: dict[str, Backend]) -> None:
        body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"maxTokens": 3}}
        reply = answers("converse")
        stub.replies = [whole(reply), converse_stream(converse_events(["Hi"], (1, 1)))]
        assert json.loads(backends["converse"].invoke(json.dumps(body).encode(), soon()).body) == reply
        native = backends["converse"].invoke_stream(json.dumps({**body, "stream": True}).encode(), soon())
        events = [json.loads(line) for line in b"".join(native.chunks).splitlines()]
        assert events[1] == {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}}
        assert [json.loads(sent) for sent in stub.bodies] == [body, body]

    def test_converse_with_an_unknown_parameter_is_refused_by_name(self, backends: dict[str, Backend]) -> None:
        with pytest.raises(ApiError, match='Unknown parameter in input: "mesages"') as error:
            backends["converse"].invoke(b'{"mesages": []}', soon())
        assert error.value.status == 400

    def test_stream_closes_its_connection_when_it_is_not_read(self, stub: Stub, backends: dict[str, Backend]) -> None:
        first, *_ = documents("native", ["Hi"], usage=(1, 1))
        stub.replies = [stream([written(first), *[written({**first, "generation": "x" * 10_000})] * 2000])]
        native = backends["native"].invoke_stream(b'{"prompt": "Hi", "max_gen_len": 3}', soon())
        native.chunks.close()  # type: ignore[attr-defined] # a generator
        assert stub.closed_early.wait(5)


def test_needs_a_body() -> None:
    with pytest.raises(ValueError, match="no body"):
        create(Settings(model_name="m", invoke_timeout_seconds=29, model_arn=ARN))


@pytest.mark.parametrize(("body", "spared"), [("chat", "converse"), ("converse", "bodies")])
def test_loads_the_modules_of_its_body_alone(body: str, spared: str) -> None:
    code = f"""
import sys
from invoke_shim.backends.bedrock.exchange import create_exchange
create_exchange({body!r})
print("invoke_shim.backends.bedrock.{spared}" in sys.modules)
"""
    path = {"PYTHONPATH": str(Path(model.__file__).parents[3])}
    found = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
