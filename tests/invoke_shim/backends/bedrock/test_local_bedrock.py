"""The shim's Bedrock backend on the local AWS: the bodies it sends are those that the stand-in takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from invoke_shim.backends import connections, retry
from invoke_shim.backends.bedrock import model as shim
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import Function, Image, Message, Tools
from invoke_shim.generation.types import Generation, GenerationRequest, collect
from invoke_shim.settings import Settings
from tests.support.bedrock_models import REGION, Bedrock, name, prepared
from tests.support.local_aws import running

BODIES = ("chat", "completion", "native", "converse")
CHAT_BODIES = ("chat", "converse")


@pytest.fixture(scope="module")
def bedrock(local_aws: str, aws: Callable[..., Any]) -> Iterator[Bedrock]:
    bedrock = prepared(local_aws, aws)
    yield bedrock
    bedrock.steer("DELETE")
    bedrock.clean()


@pytest.fixture(scope="module")
def model(bedrock: Bedrock) -> str:
    return bedrock.import_model()


@pytest.fixture
def make_backend(bedrock: Bedrock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., shim.ImportedModel]]:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.01)
    variables = {
        "AWS_DEFAULT_REGION": REGION,
        **running(bedrock.url).environment,
    }
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    # The session keeps the first credentials that it finds, those of other tests as well.
    connections.session.cache_clear()
    made: list[shim.ImportedModel] = []

    def make(body: Any, **target: str) -> shim.ImportedModel:
        settings = Settings(model_name="m", backend="bedrock", body=body, invoke_timeout_seconds=29, **target)  # type: ignore[arg-type] # any of its text fields
        made.append(shim.create(settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
    connections.session.cache_clear()


def question(body: str, text: str = "Why is the sky blue?", **generation: Any) -> GenerationRequest:
    wanted = Generation(**{"max_tokens": 60, **generation})
    if body in ("chat", "converse"):
        return GenerationRequest(messages=[Message("system", "Be brief."), Message("user", text)], generation=wanted)
    return GenerationRequest(prompt=text, generation=wanted)


@pytest.mark.parametrize("body", BODIES)
def test_answers_and_streams_the_same_with_the_same_counts(
    bedrock: Bedrock, model: str, make_backend: Callable[..., shim.ImportedModel], body: str
) -> None:
    bedrock.behave(write_bytes=11, tokens_per_event=2)
    backend = make_backend(body, model_arn=model)
    asked = question(body, temperature=0.5, top_p=0.9, stop=("###",), seed=1)
    whole = backend.complete(asked, Deadline.after(20))
    assert whole.completions[0].text.endswith("to: Why is the sky blue?")
    assert whole.completions[0].finish_reason == "stop"
    assert whole.usage.prompt_tokens
    assert collect(backend.stream(asked, Deadline.after(20))) == whole


ABLE = {name: ["LlamaForCausalLM"] for name in ("with_tools", "with_images", "with_schemas", "with_reasoning")}
TOOLS = Tools(
    (
        Function("get_weather", "The weather", {"type": "object", "properties": {"city": {"type": "string"}}}),
        Function("ping"),
    )
)
IMAGE = Image(
    "image/png",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
)


@pytest.mark.parametrize("body", CHAT_BODIES)
def test_calls_tools_and_answers_their_results_whole_and_streamed(
    bedrock: Bedrock, model: str, make_backend: Callable[..., shim.ImportedModel], body: str
) -> None:
    bedrock.behave(**ABLE, write_bytes=7)
    backend = make_backend(body, model_arn=model)
    asked = question(body, "Why is the sky blue? Use get_weather, then ping.", tools=TOOLS, max_tokens=None)
    [completion] = (whole := backend.complete(asked, Deadline.after(20))).completions
    assert [(call.name, json.loads(call.arguments)) for call in completion.tool_calls] == [
        ("get_weather", {"city": "stand-in"}),
        ("ping", {}),
    ]
    assert completion.finish_reason == "tool_calls"
    assert "Why is the sky" in completion.reasoning
    assert collect(backend.stream(asked, Deadline.after(20))) == whole
    results = [Message("tool", f"result {call.name}", tool_call_id=call.id) for call in completion.tool_calls]
    turns = [*asked.messages, Message("assistant", "", tool_calls=completion.tool_calls), *results]
    for generation in (asked.generation, Generation(max_tokens=None)):
        answered = backend.complete(GenerationRequest(generation, messages=turns), Deadline.after(20))
        # The stand-in repeats the beginning of the last turn.
        assert any(f"result {call.name}" in answered.completions[0].text for call in completion.tool_calls)
        assert answered.completions[0].finish_reason == "stop"


@pytest.mark.parametrize("body", CHAT_BODIES)
def test_sees_images_and_keeps_to_a_schema(
    bedrock: Bedrock, model: str, make_backend: Callable[..., shim.ImportedModel], body: str
) -> None:
    bedrock.behave(**ABLE)
    backend = make_backend(body, model_arn=model)
    seen = GenerationRequest(Generation(max_tokens=60), messages=[Message("user", "What?", parts=("What?", IMAGE))])
    assert "with image" in backend.complete(seen, Deadline.after(20)).completions[0].text
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    [completion] = backend.complete(question(body, response_format=form), Deadline.after(20)).completions
    assert json.loads(completion.text) == {"city": "stand-in"}


@pytest.mark.parametrize("body", CHAT_BODIES)
def test_says_of_a_model_without_tools_and_images_which_have_them(
    bedrock: Bedrock, model: str, make_backend: Callable[..., shim.ImportedModel], body: str
) -> None:
    bedrock.behave(**dict.fromkeys(ABLE, ()))
    backend = make_backend(body, model_arn=model)
    with pytest.raises(ApiError, match="GPT-OSS calls tools") as error:
        backend.complete(question(body, tools=TOOLS), Deadline.after(20))
    assert error.value.status == 400
    seen = GenerationRequest(Generation(max_tokens=60), messages=[Message("user", "", parts=(IMAGE,))])
    with pytest.raises(ApiError, match="those that see take images"):
        backend.complete(seen, Deadline.after(20))


@pytest.mark.parametrize("body", ["chat", "completion"])
def test_tells_the_log_probabilities_of_its_tokens(
    model: str, make_backend: Callable[..., shim.ImportedModel], body: str
) -> None:
    backend = make_backend(body, model_arn=model)
    [completion] = backend.complete(question(body, logprobs=True, top_logprobs=2), Deadline.after(20)).completions
    assert "".join(token.token for token in completion.logprobs).startswith(completion.text)
    assert {len(token.top) for token in completion.logprobs} == {2}


@pytest.mark.parametrize("body", BODIES)
def test_waits_for_a_model_that_was_just_imported(
    bedrock: Bedrock, make_backend: Callable[..., shim.ImportedModel], body: str
) -> None:
    bedrock.behave(cold_requests=2, warm_up_seconds=0.1, max_imported_models=20)
    backend = make_backend(body, model_arn=bedrock.import_model())
    deadline = Deadline.after(20)
    assert backend.complete(question(body), deadline).completions[0].text
    assert deadline.cold_wait.seconds > 0


def test_follows_its_parameter_to_the_next_version(
    bedrock: Bedrock, aws: Callable[..., Any], make_backend: Callable[..., shim.ImportedModel]
) -> None:
    bedrock.behave(cold_requests=0, warm_up_seconds=0, max_imported_models=20)
    ssm, parameter = aws("ssm", region=REGION), f"/{name('served')}"
    old, new = bedrock.import_model(), bedrock.import_model()
    ssm.put_parameter(Name=parameter, Value=old, Type="String")
    backend = make_backend("native", target_parameter=parameter)
    assert backend.complete(question("native"), Deadline.after(20)).completions
    ssm.put_parameter(Name=parameter, Value=new, Type="String", Overwrite=True)
    bedrock.control.delete_imported_model(modelIdentifier=old)
    assert backend.complete(question("native"), Deadline.after(20)).completions


def test_passes_on_what_bedrock_refuses(model: str, make_backend: Callable[..., shim.ImportedModel]) -> None:
    backend = make_backend("native", model_arn=model)
    with pytest.raises(ApiError, match="maximum context length is 2048 tokens") as error:
        backend.complete(question("native", max_tokens=100_000), Deadline.after(20))
    assert error.value.status == 400
