"""The rules of each container beside those of the stand-in container that refuses by itself."""

import json
from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from invoke_shim import rules
from invoke_shim.rules.base import ContainerRules
from localaws.bedrock import bodies as bedrock_bodies
from localaws.bedrock.store import ImportedModel
from localaws.containers.engine import DeterministicEngine
from localaws.containers.lmi import request as lmi_request
from localaws.containers.settings import ContainerSettings
from localaws.containers.tgi import errors as tgi_errors
from localaws.containers.tgi import requests as tgi_requests
from localaws.containers.vllm import errors as vllm_errors
from localaws.containers.vllm import requests as vllm_requests
from localaws.containers.vllm import sampling
from localaws.service import ServiceError

ENGINE = DeterministicEngine()
CHAT = [{"role": "user", "content": "Hi"}]
NUMBERS: st.SearchStrategy[Any] = st.sampled_from(
    [-3, -2, -1, 0, 0.0, 0.5, 1, 1.0, 1.5, 2, 2.5, 5, 6, 10, 11, 19, 20, 0.999, 1e-9]
)
ODD: st.SearchStrategy[Any] = st.sampled_from([None, True, False, "text", ["a"], ["a"] * 5, {"a": 1}])
GRAMMAR: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"type": "json", "value": {"type": "object", "properties": {"a": {"type": "string"}}}},
        {"type": "json", "value": {"type": "string"}},
        {"type": "json", "value": 5},
        {"type": "yaml", "value": {}},
        {"type": "json"},
    ]
)


def parameters_of(names: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    named = dict.fromkeys(sorted(names), NUMBERS | ODD)
    if "grammar" in named:
        named["grammar"] = GRAMMAR | ODD
    return st.fixed_dictionaries({}, optional=named).filter(lambda drawn: len(drawn) < 6)


TGI_SETTINGS = ContainerSettings(
    family="tgi", max_input_tokens=10, max_total_tokens=20, default_new_tokens=None, version=(3, 0, 0)
)
TGI_NAMES = set(rules.TGI.payloads[0].parameters or ()) - {"adapter_id"}


@given(parameters=parameters_of(TGI_NAMES), stream=st.booleans())
def test_judges_tgis_parameters_as_the_stand_in_does(parameters: dict[str, Any], stream: bool) -> None:
    body = {"inputs": "Hi", "parameters": parameters, "stream": stream}
    try:
        tgi_requests.validated(tgi_requests.parse(body, TGI_SETTINGS.version), TGI_SETTINGS, ENGINE)
        taken = True
    except (tgi_errors.UnreadableError, tgi_errors.InferError):
        taken = False
    problems = rules.TGI.native_problems(body, max_input_tokens=10, max_total_tokens=20)
    assert taken == (not problems), problems


LMI_SETTINGS = ContainerSettings(family="lmi", max_input_tokens=19, max_total_tokens=20, default_new_tokens=5)
LMI_NAMES = set(rules.LMI.payloads[0].parameters or ())


@given(parameters=parameters_of(LMI_NAMES))
def test_refuses_lmis_parameters_where_the_stand_in_does(parameters: dict[str, Any]) -> None:
    body = {"inputs": "Hi", "parameters": parameters}
    try:
        read = lmi_request.parse(body, LMI_SETTINGS, ENGINE)
    except lmi_request.UnreadableError:
        taken = False
    else:
        taken = sampling.out_of_bounds(read.parameters) is None
    # The rules are stricter: with flags and lists that vLLM bends into shape, and with top_k 0.
    if not taken:
        assert rules.LMI.native_problems(body)


VLLM_SETTINGS = ContainerSettings(
    family="vllm", max_input_tokens=19, max_total_tokens=20, default_new_tokens=None, model=("m",), max_logprobs=20
)
VLLM_NAMES = set(rules.VLLM.payloads[0].fields) - {"messages", "model"}


@given(parameters=parameters_of(VLLM_NAMES))
def test_refuses_vllms_parameters_where_the_stand_in_does(parameters: dict[str, Any]) -> None:
    body = {"messages": CHAT, **parameters}
    try:
        vllm_requests.parse(json.dumps(body).encode(), VLLM_SETTINGS, ENGINE)
        taken = True
    except vllm_errors.RequestError as error:
        # How many tokens the chat template makes of the messages is not known here.
        taken = "maximum context length" in str(error)
    if not taken:
        assert rules.VLLM.native_problems(body, max_total_tokens=20)


IMPORTED = ImportedModel(
    arn="arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghijkl",
    name="model",
    job=cast("Any", None),
    created=datetime.now(UTC),
    architecture="LlamaForCausalLM",
    model_type="llama",
    context_tokens=8192,
    has_chat_template=True,
    weight_bytes=1,
    weights_digest="of-these-weights",
)
BODIES: dict[str, tuple[ContainerRules, dict[str, Any]]] = {
    "chat": (rules.BEDROCK_CHAT, {"messages": CHAT}),
    "completion": (rules.BEDROCK_COMPLETION, {"prompt": "Hi", "max_tokens": 5}),
    "native": (rules.BEDROCK_NATIVE, {"prompt": "Hi", "max_gen_len": 5}),
}
BEDROCK_NAMES = {name for container, _body in BODIES.values() for name in container.payloads[0].fields} - {
    *("messages", "prompt", "model", "stream"),
}


@given(kind=st.sampled_from(sorted(BODIES)), parameters=parameters_of(BEDROCK_NAMES))
def test_refuses_imported_models_parameters_where_the_stand_in_does(kind: str, parameters: dict[str, Any]) -> None:
    container, body = BODIES[kind]
    body = {**body, **parameters}
    try:
        read = bedrock_bodies.read(json.dumps(body).encode(), IMPORTED)
    except ServiceError:
        taken = False
    else:
        taken = read.kind == kind
    if not taken:
        assert container.native_problems(body)
