"""LMI's chats in the rolling batch: `messages` read by `ChatProperties`, and answers of its chat formatters.

Sources: `chat_utils`, `chat_properties` and `output_formatter` of DJL Serving 0.28 (LMI 10) to 0.31 (LMI 13). The
peculiarities that a client meets:

* answers have no `model`; those of 0.28 all have the id `chatcmpl-<built-in function id>`;
* `max_tokens` is 30 without one; tokens are sampled unless the temperature is 0;
* `tools`, `response_format` and all other unknown fields are ignored; LMI 14 to 16 hand them to vLLM, which is not
  imitated;
* contents are texts, from LMI 11 on also parts; earlier calls of tools are lost;
* a stream is JSON lines without a usage and without an end, whatever the formatter that is set; its log probabilities
  are wrapped in a list, and name a probability where a token should be;
* a finish reason is `eos_token`, `length` or `error`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from localaws.containers import chats
from localaws.containers.chats import Chat, Turn
from localaws.containers.detokenizer import Output
from localaws.containers.engine import Job
from localaws.containers.faults import GenerationError
from localaws.containers.images import ImageError, data_of
from localaws.containers.lmi.request import UnreadableError
from localaws.containers.messages import ContainerResponse, is_integer, is_number, spaced_json
from localaws.containers.serving import Serving
from localaws.containers.settings import ContainerSettings, Version
from localaws.containers.vllm.sampling import generate, mistyped, out_of_bounds, sampling_of

_PASSED_ON: Final = ("frequency_penalty", "presence_penalty", "seed", "stop", "temperature", "top_p")
_BOUNDS: Final = {"frequency_penalty": (-2, 2), "presence_penalty": (-2, 2), "temperature": (0, 2)}
# The first version that takes contents in parts, and the first that reads tools.
_PARTS_SINCE: Final = (11, 0, 0)
_TOOLS_SINCE: Final = (14, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A chat that can be read.

    Attributes:
        chat: The chat.
        prompt: The prompt that the model's chat template makes of it.
        prompt_tokens: The prompt's number of tokens.
        parameters: The parameters by vLLM's names, with `max_tokens`.
        logprobs: Whether to report log probabilities.
        stream: Whether to stream the answer.
        id: The answer's id.
        created: Time of its making, in seconds since 1970.
    """

    chat: Chat
    prompt: str
    prompt_tokens: int
    parameters: Mapping[str, Any]
    logprobs: bool
    stream: bool
    id: str
    created: int = field(default_factory=lambda: int(time.time()))


def respond(document: Mapping[str, Any], serving: Serving) -> ContainerResponse:
    """Answer a chat.

    Raises:
        UnreadableError: If it cannot be read.
    """
    request = _read(document, serving)
    room = serving.settings.max_total_tokens - request.prompt_tokens
    if out_of_bounds(request.parameters) is not None or room < 1:
        # The rolling batch does not say what is bad.
        return _lines([_chunk(request, None, is_first=True)]) if request.stream else _whole(request, None)
    job = Job(prompt=request.prompt, chat=request.chat, sampling=sampling_of(request.parameters))
    most = min(request.parameters["max_tokens"], room)
    outputs = generate(job, request.parameters, serving, max_tokens=most)
    if request.stream:
        return _lines(_chunks(request, outputs, serving))
    try:
        return _whole(request, serving.whole(outputs))
    except GenerationError:
        return _whole(request, None)


def _read(document: Mapping[str, Any], serving: Serving) -> ChatRequest:
    settings = serving.settings
    if settings.version >= _TOOLS_SINCE and document.get("tools"):
        raise UnreadableError("the stand-in does not imitate tools in the rolling batch of LMI 14 and later")
    parameters = {name: document[name] for name in _PASSED_ON if document.get(name) is not None}
    most = document.get("max_tokens")
    parameters["max_tokens"] = settings.default_new_tokens if most is None else most
    wrong = mistyped(parameters)
    if wrong is not None:
        raise UnreadableError(f"1 validation error for ChatProperties {wrong}: {parameters[wrong]!r}")
    for name, (lowest, highest) in _BOUNDS.items():
        if not lowest <= parameters.get(name, 0) <= highest:
            raise UnreadableError(f"{name} must be between {lowest} and {highest}.")
    top = document.get("top_logprobs")
    if top is not None and document.get("logprobs") and not (is_integer(top) and 0 <= top <= 20):
        raise UnreadableError("top_logprobs must be between 0 and 20.")
    bias = document.get("logit_bias")
    if bias is not None and not (isinstance(bias, dict) and all(map(is_number, bias.values()))):
        raise UnreadableError("1 validation error for ChatProperties logit_bias")
    flags = [document.get("stream"), document.get("logprobs")]
    if not all(isinstance(flag, bool | None) for flag in flags):
        raise UnreadableError("1 validation error for ChatProperties: a boolean is expected")
    chat = _chat(document["messages"], settings)
    prompt = serving.engine.render(chat)
    is_old = settings.version < _PARTS_SINCE
    return ChatRequest(
        chat=chat,
        prompt=prompt,
        prompt_tokens=len(serving.engine.encode(prompt)),
        parameters={**parameters, "temperature": parameters.get("temperature", 1.0)},
        # Log probabilities come only with a number of alternatives, of which none is told.
        logprobs=bool(document.get("logprobs") and top),
        stream=bool(document.get("stream")),
        id="chatcmpl-<built-in function id>" if is_old else f"chatcmpl-{uuid.uuid4().int % 10**15}",
    )


def _chat(messages: Any, settings: ContainerSettings) -> Chat:
    if not isinstance(messages, list):
        raise UnreadableError("1 validation error for ChatProperties messages")
    chat = Chat(tuple(_turn(message, settings.version) for message in messages))
    if chat.images and not settings.loaded.sees:
        raise UnreadableError("the model takes no images")
    problem = settings.loaded.template_problem(chat)
    if problem is not None or not settings.loaded.has_template:
        raise UnreadableError(
            problem or "Cannot use chat template functions because tokenizer.chat_template is not set"
        )
    return chat


def _turn(message: Any, version: Version) -> Turn:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise UnreadableError("1 validation error for ChatProperties messages")
    content = message.get("content")
    if isinstance(content, str):
        if version < _PARTS_SINCE and not all(isinstance(value, str) for value in message.values()):
            raise UnreadableError("1 validation error for ChatProperties messages: a message is a map of strings")
        return Turn(message["role"], content)
    if not isinstance(content, list) or version < _PARTS_SINCE:
        raise UnreadableError("1 validation error for ChatProperties messages: content")
    parts = [_part(part) for part in content]
    texts = [text for text, _ in parts if text is not None]
    return Turn(message["role"], "\n".join(texts), tuple(image for _, image in parts if image is not None))


def _part(part: Any) -> tuple[str | None, str | None]:
    """Return the text of a part, or the digest of its picture; other kinds of parts are left out."""
    if not isinstance(part, dict) or "type" not in part:
        raise UnreadableError("You must provide 'type' for each object when providing a list of objects as content")
    if part["type"] == "text":
        if not isinstance(part.get("text"), str):
            raise UnreadableError("'text' type content must specify the 'text'")
        return part["text"], None
    if part["type"] != "image_url":
        return None, None
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str):
        raise UnreadableError("image_url is not provided correctly.")
    try:
        return None, chats.digest_of(data_of(url))
    except ImageError as error:
        raise UnreadableError(f"cannot identify image file: {error}") from error


def _reason(outputs: list[Output] | None) -> str | None:
    if not outputs:
        return "error"
    reason = outputs[-1].finish_reason
    return "eos_token" if reason == "stop" else reason


def _whole(request: ChatRequest, outputs: list[Output] | None) -> ContainerResponse:
    """Return the answer that is not streamed; None: the generation failed."""
    made = outputs or []
    text = "".join(output.text for output in made)
    logprobs = {"content": [_logprob(output, output.token.text) for output in made]} if request.logprobs else None
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": _reason(outputs)}
    usage = {
        "prompt_tokens": request.prompt_tokens,
        "completion_tokens": len(made),
        "total_tokens": request.prompt_tokens + len(made),
    }
    head = {"id": request.id, "object": "chat.completion", "created": request.created}
    return ContainerResponse.of_json(200, {**head, "choices": [choice], "usage": usage})


def _lines(chunks: Iterable[Mapping[str, Any] | None]) -> ContainerResponse:
    body = ("" if chunk is None else f"{spaced_json(chunk)}\n" for chunk in chunks)
    return ContainerResponse(status=200, body=body, content_type="application/jsonlines")


def _chunks(request: ChatRequest, outputs: Iterator[Output], serving: Serving) -> Iterator[Mapping[str, Any] | None]:
    is_first = True
    try:
        for output in serving.produced(outputs):
            yield None if output is None else _chunk(request, output, is_first=is_first)
            is_first = is_first and output is None
    except GenerationError:
        yield _chunk(request, None, is_first=is_first)


def _chunk(request: ChatRequest, output: Output | None, *, is_first: bool) -> dict[str, Any]:
    """Return the line of an output; None: the generation failed."""
    delta = {"content": "" if output is None else output.text, **({"role": "assistant"} if is_first else {})}
    logprobs = None
    if request.logprobs and output is not None:
        logprobs = [{"content": [_logprob(output, output.token.logprob)]}]
    reason = _reason(None if output is None else [output])
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
    head = {"id": request.id, "object": "chat.completion.chunk", "created": request.created}
    return {**head, "choices": [choice]}


def _logprob(output: Output, named: Any) -> dict[str, Any]:
    token = output.token
    data = [ord(character) for character in token.text] or None
    top = {"token": named, "logprob": token.logprob, "bytes": data}
    return {"token": token.text, "logprob": token.logprob, "bytes": data, "top_logprobs": [top]}
