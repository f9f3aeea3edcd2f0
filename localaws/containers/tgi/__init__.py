"""Text Generation Inference's `/invocations`: request, parameter checks, response, stream and errors.

Sources: TGI's OpenAPI document, documentation and release notes of 1.x to 3.x. The peculiarities that a client meets:

* the response is a **list** with one object;
* `top_p` lies strictly between 0 and 1 (1.0 is refused) and `temperature` above 0;
* a stop sequence that was met is a part of `generated_text`;
* without `details` there is no count of tokens at all; the prompt is counted only by
  `decoder_input_details`, which cannot be streamed, or in the last event of a stream, from 2.3.0 on;
* fields that it does not know are ignored;
* with `stream` it has answered 200 before it looks at the parameters: a refused parameter, an overload and a
  generation that fails are events in the stream, after which nothing comes;
* the stream has no `[DONE]`; its events begin with `data:`, before 2.1.0 without a space, and count in `index`
  from 1.4.0 on; a comment keeps it alive while no token comes.

From 2.4 on `/invocations` takes whichever of three forms a payload has: TGI's own (`inputs`), a chat (`messages`) or a
completion (`prompt`), in this order; a payload of none is refused without a word about the reason. Before, it takes
TGI's own form only, or from 1.4 on, with `MESSAGES_API_ENABLED`, chats only. `chat` and `completion` describe both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localaws.containers.faults import GenerationError
from localaws.containers.generation import Generation, Step
from localaws.containers.messages import ContainerResponse, as_json, compact_json
from localaws.containers.serving import Serving
from localaws.containers.settings import ContainerSettings
from localaws.containers.tgi import chat, completion, conversing
from localaws.containers.tgi.errors import InferError, UnreadableError
from localaws.containers.tgi.generating import KEEP_ALIVE, accepted, data_prefix, streamed, whole
from localaws.containers.tgi.requests import GenerateRequest, ValidRequest, parse, undeserializable
from localaws.containers.tokens import Token, alternatives


def respond(body: bytes, serving: Serving) -> ContainerResponse:
    """Answer one request to `/invocations`."""
    try:
        request = _read(body, serving.settings)
    except UnreadableError as error:
        return error.response
    if isinstance(request, chat.ChatRequest):
        return conversing.respond(request, serving)
    if isinstance(request, completion.CompletionRequest):
        return completion.respond(request, serving)
    return _generated(request, serving)


def _generated(request: GenerateRequest, serving: Serving) -> ContainerResponse:
    """Answer a request in TGI's own form."""
    if request.stream:
        return ContainerResponse.of_events(_events(request, serving))
    try:
        valid = accepted(request, serving)
        generation = whole(request, valid, serving)
    except GenerationError as error:
        return InferError.failed(str(error)).response
    except InferError as error:
        return error.response
    return ContainerResponse.of_json(200, [_answer(request, valid, generation)])


def _read(
    body: bytes, settings: ContainerSettings
) -> GenerateRequest | chat.ChatRequest | completion.CompletionRequest:
    """Read the body of a request in whichever form it has.

    Raises:
        UnreadableError: If it has none that this version takes.
    """
    if len(body) > settings.max_body_bytes:
        raise UnreadableError(413, "Failed to buffer the request body: length limit exceeded")
    try:
        document = as_json(body)
    except ValueError as error:
        raise UnreadableError(400, f"Failed to parse the request body as JSON: {error}") from error
    if settings.messages_api:
        return _chat_alone(document, settings)
    if settings.version < (2, 4, 0):
        return parse(document, settings.version)
    try:
        return parse(document, settings.version)
    except UnreadableError:
        found = chat.read(document, settings.version) or completion.read(document)
        if found is None:
            raise undeserializable("data did not match any variant of untagged enum SagemakerRequest") from None
        return found


def _chat_alone(document: Any, settings: ContainerSettings) -> chat.ChatRequest:
    """Return the chat in a payload, where `/invocations` takes nothing else."""
    if not isinstance(document, dict) or "messages" not in document:
        raise undeserializable("missing field `messages`")
    if settings.version < (2, 2, 0) and not isinstance(document.get("model"), str):
        raise undeserializable("missing field `model`")
    if document.get("tools"):
        # Each of these versions reads tools otherwise, and none as OpenAI does; the oldest ignore them.
        raise undeserializable("tools: the stand-in does not imitate tools before 2.4")
    found = chat.read(document, settings.version)
    if found is None:
        raise undeserializable("invalid type in struct ChatRequest")
    return found


def _answer(request: GenerateRequest, valid: ValidRequest, generation: Generation) -> dict[str, Any]:
    parameters = request.parameters
    answer: dict[str, Any] = {"generated_text": _full_text(request, generation.text)}
    if parameters.get("details") or parameters.get("decoder_input_details"):
        answer["details"] = {
            "finish_reason": generation.finish_reason,
            "generated_tokens": len(generation.tokens),
            "seed": valid.seed,
            "prefill": _prefill(valid) if parameters.get("decoder_input_details") else [],
            "tokens": [_token(token) for token in generation.tokens],
        }
        if parameters.get("top_n_tokens"):
            answer["details"]["top_tokens"] = [_top_tokens(token, parameters) for token in generation.tokens]
    return answer


def _events(request: GenerateRequest, serving: Serving) -> Iterator[str]:
    """Yield the server-sent events of a stream."""
    data = data_prefix(serving)
    try:
        valid = accepted(request, serving)
        texts: list[str] = []
        index = 0
        for step in streamed(request, valid, serving):
            if step is None:
                yield KEEP_ALIVE
                yield ""
                continue
            index += 1
            if not step.token.special:
                texts.append(step.token.text)
            event: dict[str, Any] = {"index": index} if serving.settings.version >= (1, 4, 0) else {}
            event["token"] = _token(step.token)
            if request.parameters.get("top_n_tokens"):
                event["top_tokens"] = _top_tokens(step.token, request.parameters)
            is_last = step.finish_reason is not None
            event["generated_text"] = _full_text(request, "".join(texts)) if is_last else None
            event["details"] = _stream_details(step, index, request, valid, serving) if is_last else None
            yield f"{data}{compact_json(event)}\n\n"
    except GenerationError as error:
        yield f"{data}{compact_json(InferError.failed(str(error)).document)}\n\n"
    except InferError as error:
        yield f"{data}{compact_json(error.document)}\n\n"


def _stream_details(
    step: Step, generated_tokens: int, request: GenerateRequest, valid: ValidRequest, serving: Serving
) -> Mapping[str, Any] | None:
    if not request.parameters.get("details"):
        return None
    details = {"finish_reason": step.finish_reason, "generated_tokens": generated_tokens, "seed": valid.seed}
    return {**details, "input_length": len(valid.tokens)} if serving.settings.version >= (2, 3, 0) else details


def _full_text(request: GenerateRequest, text: str) -> str:
    return request.inputs + text if request.parameters.get("return_full_text") else text


def _prefill(valid: ValidRequest) -> list[dict[str, Any]]:
    """Return the prompt's tokens; the first has no probability, as nothing comes before it."""
    return [
        {"id": token.id, "text": token.text, "logprob": token.logprob if position else None}
        for position, token in enumerate(valid.tokens)
    ]


def _top_tokens(token: Token, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_token(other) for other in alternatives(token, parameters["top_n_tokens"])]


def _token(token: Token) -> dict[str, Any]:
    return {"id": token.id, "text": token.text, "logprob": token.logprob, "special": token.special}
