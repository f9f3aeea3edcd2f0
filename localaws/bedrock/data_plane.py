"""The data plane: InvokeModel and Converse on imported models, whole and streamed.

A model that was just imported, or idle for long, is not loaded: it answers ModelNotReadyException until it is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from localaws import eventstream, iam
from localaws.bedrock import answers, behaviour, bodies, converse, replies, store
from localaws.bedrock.bodies import GenerationRequest
from localaws.bedrock.errors import document_of, invalid, response_of
from localaws.bedrock.store import ImportedModel
from localaws.service import ServiceError, authorize
from localaws.settings import ACCOUNT

PATH: Final = re.compile(r"/model/(?P<model>.+)/(?P<operation>[a-z-]+)")

_ACTIONS: Final = {
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
    "converse": "InvokeModel",
    "converse-stream": "InvokeModelWithResponseStream",
}
"""The IAM action of each operation (Service Authorization Reference): Converse has none of its own."""

# Bedrock fills each event up to some length, so that the length of an encrypted answer reveals little.
_PADDING: Final = "abcdefghijklmnopqrstuvwxyz"


def answer(request: Request, identifier: str, operation: str, *, region: str) -> Response:
    """Answer a call of the operation at the end of a path."""
    try:
        return _answer(request, identifier, operation, region=region)
    except ServiceError as error:
        return response_of(error)


def _answer(request: Request, identifier: str, operation: str, *, region: str) -> Response:
    if operation not in _ACTIONS:
        raise invalid(f"the local AWS has no operation {operation!r} on models, but {', '.join(_ACTIONS)}")
    if ":imported-model/" not in identifier:
        raise invalid("The provided model identifier is invalid: the local AWS has imported models only.")
    here = store.of(region)
    with here.lock:
        model = here.models.get(identifier)
    identity = iam.caller(request.headers.get("Authorization"))
    authorize(identity, f"bedrock:{_ACTIONS[operation]}", identifier, context=store.condition_keys(model))
    if model is None:
        raise ServiceError("ResourceNotFoundException", "The specified resource ARN was not found.")
    _apply_guardrail(request, operation, identity, region=region)
    try:
        response = _asked(request, operation, model, region=region)
    except ServiceError as error:
        here.count(model.name, operation, error.code)
        raise
    here.count(model.name, operation, "ok")
    return response


def _apply_guardrail(request: Request, operation: str, identity: iam.Identity | None, *, region: str) -> None:
    """Refuse a call with a guardrail: its caller needs a right of its own for it, and the local AWS has none.

    Source: Bedrock User Guide, "Set up permissions to use guardrails for content filtering", and the API reference's
    headers and members that name one.
    """
    guardrail = request.headers.get("X-Amzn-Bedrock-GuardrailIdentifier")
    if operation.startswith("converse"):
        config = converse.guardrail_of(request.get_data())
        guardrail = config if config is not None else guardrail
    if guardrail is None:
        return
    arn = guardrail if guardrail.startswith("arn:") else f"arn:aws:bedrock:{region}:{ACCOUNT}:guardrail/{guardrail}"
    authorize(identity, "bedrock:ApplyGuardrail", arn)
    raise invalid("The guardrail identifier or version provided in the request does not exist.")


def _asked(request: Request, operation: str, model: ImportedModel, *, region: str) -> Response:
    body = request.get_data()
    rules = behaviour.of(region)
    streams = operation.endswith("stream")
    model.enter(rules)
    try:
        fault = rules.take_fault()
        if fault is not None and not (streams and "after_events" in fault):
            raise _error_of(fault)
        generation = (converse if operation.startswith("converse") else bodies).read(body, model, rules)
        outcome = answers.answer(generation, model)
        if not streams:
            return _whole(operation, generation, outcome, model)
        events = _events(operation, generation, outcome, model, rules)
        response = _streamed(operation, _broken(events, fault), rules)
    except BaseException:
        model.leave()
        raise
    # The model is busy until the last event is sent, or the client is gone.
    response.call_on_close(model.leave)
    return response


def _whole(operation: str, generation: GenerationRequest, outcome: answers.Outcome, model: ImportedModel) -> Response:
    document = converse.whole(outcome) if operation == "converse" else replies.whole(generation, outcome, model)
    response = Response(json.dumps(document), content_type="application/json")
    response.headers["X-Amzn-Bedrock-Input-Token-Count"] = str(outcome.prompt_tokens)
    response.headers["X-Amzn-Bedrock-Output-Token-Count"] = str(outcome.completion_tokens)
    response.headers["X-Amzn-Bedrock-Invocation-Latency"] = str(outcome.latency_ms)
    response.call_on_close(model.leave)
    return response


def _events(
    operation: str,
    generation: GenerationRequest,
    outcome: answers.Outcome,
    model: ImportedModel,
    rules: behaviour.Behaviour,
) -> Iterator[bytes]:
    size = rules.tokens_per_event
    if operation == "converse-stream":
        for number, (kind, document) in enumerate(converse.events(outcome, tokens_per_event=size)):
            yield eventstream.json_event(kind, {**document, "p": _padding(number)})
        return
    for number, chunk in enumerate(replies.chunks(generation, outcome, model, tokens_per_event=size)):
        encoded = base64.b64encode(json.dumps(chunk, ensure_ascii=False).encode()).decode()
        yield eventstream.json_event("chunk", {"bytes": encoded, "p": _padding(number)})


def _broken(events: Iterator[bytes], fault: dict[str, Any] | None) -> Iterator[bytes]:
    """End a stream in an error, where one was asked for."""
    for number, event in enumerate(events):
        if fault is not None and number >= fault["after_events"]:
            error = _error_of(fault)
            yield eventstream.exception(error.code[0].lower() + error.code[1:], document_of(error))
            return
        yield event


def _streamed(operation: str, events: Iterator[bytes], rules: behaviour.Behaviour) -> Response:
    pieces = eventstream.resplit(events, rules.write_bytes) if rules.write_bytes else events
    response = Response(pieces, content_type=eventstream.CONTENT_TYPE)
    if operation == "invoke-with-response-stream":
        response.headers["X-Amzn-Bedrock-Content-Type"] = "application/json"
    return response


def _error_of(fault: dict[str, Any]) -> ServiceError:
    members = {name: value for name, value in fault.items() if name not in ("code", "message", "after_events")}
    return ServiceError(fault["code"], fault.get("message", "as asked for"), **members)


def _padding(number: int) -> str:
    return _PADDING[: 1 + number * 7 % len(_PADDING)]
