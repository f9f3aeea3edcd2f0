"""The API of every model speaks to the container of its own image: what its card promises is answered by the stand-in.

The settings of the function are those that synthesis gives it, the container is the stand-in of the image, the version
and the environment that the model is deployed with. Nothing is deployed: each request goes through the function's own
code, and botocore without its socket.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from botocore.httpsession import URLLib3Session
from botocore.session import Session

from catalog import Lock
from catalog.abilities import Abilities, abilities
from catalog.deployment import Deployment, container_version
from invoke_shim import handler
from invoke_shim.backends import connections
from invoke_shim.http.router import Router
from localaws.containers import ContainerSettings
from localaws.containers.chats import Chat, Turn
from localaws.containers.tasks.ids import task_of
from stacks.declarations import JumpStartModel
from stacks.parts.spoken import spoken
from tests.invoke_shim.http.fuzzing import GIF, Context
from tests.support.standing_in import Runtime

MODEL = "the-model"
SYSTEM_REFUSED = "System role not supported"
"""Words of templates without a system message (`tokenizer_config.json` of Gemma 1 and 2)."""
ASKED = {"role": "user", "content": "Which river runs through Vienna?"}
SYSTEM = {"role": "system", "content": "Be brief."}
SCHEMA = {"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": SCHEMA}}
FORM = {"type": "json_schema", "json_schema": {"name": "river", "schema": SCHEMA}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"river": "Danube"}'}}
TURNS = [ASKED, {"role": "assistant", "content": "The Danube."}, {"role": "user", "content": "And through Rome?"}]
CALLED = [
    ASKED,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "cold"},
]
PICTURE = {
    "role": "user",
    "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": GIF}}],
}


class Asked(NamedTuple):
    """A request, and whether the model's card promises an answer; otherwise the API refuses it by itself."""

    path: str
    body: Mapping[str, Any]
    promised: bool = True
    content_type: str = "application/json"


def requests_of(found: Abilities, prompt_format: str | None, *, refuses_system: bool) -> Iterator[Asked]:
    """Yield the requests on each route of a model."""
    chat, completion = "/v1/chat/completions", "/v1/completions"
    if found.task == "text":
        writes = prompt_format == "container"
        if prompt_format != "none":
            sizes: list[dict[str, Any]] = [
                {},
                {"max_tokens": 20},
                {"max_tokens": 20, "stream": True, "stream_options": {"include_usage": True}},
            ]
            for size in sizes:
                yield Asked(chat, {"messages": [ASKED], **size})
            yield Asked(chat, {"messages": TURNS, "temperature": 0.5, "top_p": 0.9, "stop": ["x"], "seed": 1})
            yield Asked(
                chat, {"messages": [{"role": "system", "content": "Be brief."}, ASKED]}, not (writes and refuses_system)
            )
            for choice in ("auto", "required", {"type": "function", "function": {"name": "weather"}}):
                yield Asked(chat, {"messages": [ASKED], "tools": [TOOL], "tool_choice": choice}, found.tools and writes)
            yield Asked(chat, {"messages": CALLED, "tools": [TOOL]}, found.tools and writes)
            yield Asked(chat, {"messages": CALLED})
            yield Asked(chat, {"messages": [ASKED], "response_format": FORM}, found.json)
            yield Asked(chat, {"messages": [PICTURE]}, found.images and writes)
        for size in ({}, {"max_tokens": 20}, {"max_tokens": 20, "stream": True}):
            yield Asked(completion, {"prompt": "Once", **size})
        yield Asked(completion, {"prompt": ["Once", "Twice"], "stop": ["a", "b", "c", "d", "e"], "temperature": 0})
        yield Asked(completion, {"prompt": "Once", "echo": True})
        own = {"prompt": "Once"} if found.container == "vllm" else {"inputs": "Once", "parameters": {}}
        yield Asked("/invocations", own)
        return
    match found.task:
        case "embedding":
            yield Asked("/v1/embeddings", {"input": "Once"})
            yield Asked("/v1/embeddings", {"input": ["Once", "Twice"], "encoding_format": "base64"})
        case "image":
            yield Asked("/v1/images/generations", {"prompt": "a garden"})
        case "rerank":
            yield Asked("/v1/rerank", {"query": "a", "documents": ["a", "b"]})


class Wired(NamedTuple):
    """One model: its name, its abilities, and the settings on both sides."""

    model_id: str
    found: Abilities
    settings: Mapping[str, str]
    container: ContainerSettings

    @property
    def refused_by_template(self) -> str:
        """The words of the model's own template for a system message; empty where it takes one."""
        return self.container.loaded.template_problem(Chat((Turn("system", "Be brief."), Turn("user", "Hi")))) or ""

    @property
    def kind(self) -> tuple[Any, ...]:
        """All that payloads and answers depend on, but for lengths: models that share it are one in the sample."""
        own = self.container
        return (
            *(
                own.family,
                own.version,
                own.task,
                own.is_async,
                own.auto_tools,
                own.tgi_compatible,
                own.output_formatter,
            ),
            *(
                self.settings["TASK"],
                self.settings.get("PROMPT_FORMAT"),
                self.found.images,
                own.loaded.has_template,
                self.refused_by_template,
            ),
        )


def wired(lock: Lock) -> Iterator[Wired]:
    """Yield the models of the lock that the preflight takes."""
    for model_id in lock.model_ids():
        version = lock.versions(model_id)[0]
        locked = lock.model(model_id, version)
        deployment = locked.resolve(region=locked.regions()[0])
        found = abilities(deployment)
        if found.refusal or deployment.image is None:
            continue
        chosen: Any = found.prompt_format or next(iter(found.formats), "none")
        declared = chosen if found.task == "text" else None
        model = JumpStartModel(name="m", model_id=model_id, version=version, prompt_format=declared)
        if found.container == "other" and not has_script(deployment):
            continue
        container = ContainerSettings.of(
            image=deployment.image, environment=deployment.environment, artifact=deployment.model_data or ""
        )
        yield Wired(model_id, found, settings_of(deployment, model), container)


def has_script(deployment: Deployment) -> bool:
    """Return whether a stand-in imitates the script in a model's weights."""
    return task_of(deployment.model_data or "") != ""


def settings_of(deployment: Deployment, model: JumpStartModel) -> Mapping[str, str]:
    """Return the function's variables, as the stack of a model makes them."""
    protocol, software = spoken(deployment, model), container_version(deployment.image)
    variables = {
        "MODEL_NAME": MODEL,
        "ENDPOINT_NAME": model.model_id,
        "INVOKE_TIMEOUT_SECONDS": "300",
        "TASK": protocol.task,
        "CONTAINER": protocol.container,
        "CONTAINER_VERSION": software,
        "PROMPT_FORMAT": protocol.prompt_format,
        "IMAGES": None if protocol.images else "false",
        "MAX_INPUT_TOKENS": deployment.environment.get("MAX_INPUT_LENGTH"),
        "MAX_TOTAL_TOKENS": deployment.environment.get("MAX_TOTAL_TOKENS"),
    }
    return {name: value for name, value in variables.items() if value is not None}


@pytest.fixture(scope="module")
def every(lock: Lock) -> list[Wired]:
    return list(wired(lock))


def sample(every: Sequence[Wired]) -> list[Wired]:
    return list({one.kind: one for one in every}.values())


def problems(every: Sequence[Wired]) -> list[str]:
    """Ask each model, and return what went otherwise than its card says."""
    runtime = Runtime({one.model_id: one.container for one in every})
    session = Session()
    session.set_credentials("test", "test")
    session.set_config_variable("region", "us-east-1")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "session", lambda: session)
        patch.setattr(URLLib3Session, "send", lambda _session, request: runtime.answer(request))
        for one in every:
            api = deployed(one.settings)
            patch.setattr(handler, "api", lambda api=api: api)
            for asked in requests_of(
                one.found, one.settings.get("PROMPT_FORMAT"), refuses_system=SYSTEM_REFUSED in one.refused_by_template
            ):
                problem = problem_of(asked, runtime)
                if problem:
                    found.append(f"{one.model_id} ({one.found.software}): {problem}")
    return found


_create = handler.api.__wrapped__


def deployed(variables: Mapping[str, str]) -> Router:
    """Return the API of a function with these variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return _create()


def test_a_model_of_each_container_answers_what_its_card_promises(every: list[Wired]) -> None:
    assert not problems(sample(every))


@pytest.mark.sweep
def test_every_model_answers_what_its_card_promises(every: list[Wired]) -> None:
    # Of 330 that the preflight takes; ten native ones have scripts or images that no stand-in imitates.
    assert len(every) == 320
    assert not problems(every)


def problem_of(asked: Asked, runtime: Runtime) -> str | None:
    runtime.refusals.clear()
    body = asked.body if asked.path == "/invocations" else {"model": MODEL, **asked.body}
    event = {
        "httpMethod": "POST",
        "path": asked.path,
        "headers": {"content-type": asked.content_type},
        "requestContext": {"requestId": "r-1"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    response = handler.handle(event, Context())
    answer = response.encoded_body() if response.chunks is None else b"".join(response.chunks)
    where = f"{asked.path} {json.dumps(asked.body)[:200]}"
    by_template = not asked.promised and all(SYSTEM_REFUSED in refusal.answer for refusal in runtime.refusals)
    if runtime.refusals and not by_template:
        return f"{where}: the container refuses {runtime.refusals[0]}"
    if asked.promised and (response.status != 200 or b'"error"' in answer):
        return f"{where}: {response.status} {answer.decode()[:300]}"
    if not asked.promised and not 400 <= response.status < 500:
        return f"{where}: {response.status}, though the card promises no such thing"
    return None
