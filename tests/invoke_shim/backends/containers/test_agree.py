"""A container takes the requests that the shim accepts: changed ones, through the real backend, to the stand-ins."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim import handler
from invoke_shim.backends import connections
from invoke_shim.backends.sagemaker.endpoint import SageMakerEndpoint, create
from invoke_shim.contract import PromptFormatName
from invoke_shim.http.routes import Api
from invoke_shim.settings import Settings
from localaws.containers import ContainerSettings
from localaws.containers.settings import Family, Version
from tests.invoke_shim.http.fuzzing import MODEL, ROUTES, VALID, Context, check, event_of, mutated
from tests.support.standing_in import Runtime

VERSIONS: tuple[tuple[str, Family, Version], ...] = (
    ("TGI 1", "tgi", (1, 1, 0)),
    ("TGI 3", "tgi", (3, 0, 1)),
    ("LMI 10", "lmi", (10, 0, 0)),
    ("LMI 17", "lmi", (17, 0, 0)),
    ("vLLM", "vllm", (0, 0, 0)),
    ("TGI 2 chats", "tgi", (2, 4, 0)),
    ("LMI 11 chats", "lmi", (11, 0, 0)),
    ("LMI 18 chats", "lmi", (18, 0, 0)),
)
CONTAINERS = {
    name: ContainerSettings(
        family=family,
        max_input_tokens=1000,
        max_total_tokens=2000,
        default_new_tokens=30 if family == "lmi" else None,
        version=version,
        is_async=version >= (17, 0, 0),
        model=("m",),
    )
    for name, family, version in VERSIONS
}

KNOWN_TO_THE_CONTAINER_ALONE = (
    *("token", "adapter", "grammar", "does not exist", "image", "`inputs`", "--tool-call-parser"),
)
"""The tokens of a prompt, the loaded adapters, the validity of a schema, the model's name there, the parts that its
messages may have, and whether it reads calls of tools."""


def prompt_format_of(name: str) -> PromptFormatName:
    if name.endswith("chats"):
        return "container"
    return "none" if name == "vLLM" else "chatml"


@dataclass(frozen=True)
class Deployed:
    """The shim in front of a model on each container."""

    apis: Mapping[str, Api]
    runtime: Runtime

    def exchange(self, name: str, path: str, body: Any) -> tuple[int, list[str], bytes]:
        """Send a request; the status, what the container refused, and the answer."""
        self.runtime.refusals.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(handler, "api", lambda: self.apis[name])
            response = handler.handle(event_of(path, json.dumps(body)), Context())
            answer = response.encoded_body() if response.chunks is None else b"".join(response.chunks)
        check(response, answer)
        return response.status, [refusal.answer for refusal in self.runtime.refusals], answer


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    runtime = Runtime({name.replace(" ", "-"): settings for name, settings in CONTAINERS.items()})
    session = Session()
    session.set_credentials("test", "test")
    session.set_config_variable("region", "us-east-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "session", lambda: session)
        patch.setattr(URLLib3Session, "send", lambda _session, request: runtime.answer(request))
        apis = {}
        for name, container in CONTAINERS.items():
            settings = Settings(
                model_name=MODEL,
                endpoint_name=name.replace(" ", "-"),
                container=container.family,
                container_version=container.version,
                prompt_format=prompt_format_of(name),
                invoke_timeout_seconds=29,
                max_input_tokens=1000,
                max_total_tokens=2000,
            )
            apis[name] = Api(settings=settings, backend=create(settings))
        yield Deployed(apis, runtime)
        for api in apis.values():
            assert isinstance(api.backend, SageMakerEndpoint)
            api.backend.close()


@given(name=st.sampled_from(sorted(CONTAINERS)), request=mutated())
def test_what_the_shim_lets_through_the_container_takes(
    name: str, request: tuple[str, dict[str, Any]], deployed: Deployed
) -> None:
    _status, refusals, _answer = deployed.exchange(name, *request)
    for refusal in refusals:
        assert any(word in refusal for word in KNOWN_TO_THE_CONTAINER_ALONE)


@pytest.mark.parametrize("name", CONTAINERS)
def test_each_container_answers_requests_on_every_route(name: str, deployed: Deployed) -> None:
    answered = [path for path, body in VALID if deployed.exchange(name, path, body)[:2] == (200, [])]
    assert set(answered) == set(ROUTES)


def test_holds_a_newer_tgi_to_a_schema(deployed: Deployed) -> None:
    schema = {"type": "object", "properties": {"car": {"type": "string"}}, "required": ["car"]}
    body = {
        "model": MODEL,
        "prompt": "Once",
        "frequency_penalty": 0.5,
        "response_format": {"type": "json_schema", "json_schema": {"name": "car", "schema": schema}},
    }
    status, refusals, answer = deployed.exchange("TGI 3", "/v1/completions", body)
    assert (status, refusals) == (200, [])
    assert list(json.loads(json.loads(answer)["choices"][0]["text"])) == ["car"]
    status, _, answer = deployed.exchange("TGI 1", "/v1/completions", body)
    assert status == 400
    assert b"response_format is json_schema, but this model answers with text only" in answer
