"""vLLM's requests: which of its two forms a payload has, and its parameters checked in vLLM's words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from localaws.containers.messages import as_json, is_integer
from localaws.containers.schemas import example_of, schema_problem
from localaws.containers.settings import ContainerSettings
from localaws.containers.tokens import count
from localaws.containers.vllm.errors import RequestError
from localaws.containers.vllm.sampling import is_strings, mistyped, out_of_bounds

_COMPLETION_MAX_TOKENS: Final = 16
"""As OpenAI's (vLLM documentation, `CompletionRequest`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmRequest:
    """A request that vLLM answers.

    Attributes:
        is_chat: Whether it has `messages`.
        prompts: The prompts: of a chat the one that the model's chat template makes.
        prompt_tokens: The number of tokens of each.
        parameters: The payload.
        max_tokens: The number of tokens to generate at most for each prompt.
        model: The model's name to report.
        n: The number of answers to each prompt.
        top_logprobs: Number of alternatives to report for each token; None: not even the token's own probability.
        text: Text to answer, where a schema prescribes it.
    """

    is_chat: bool
    prompts: tuple[str, ...]
    prompt_tokens: tuple[int, ...]
    parameters: Mapping[str, Any]
    max_tokens: tuple[int, ...]
    model: str
    n: int
    top_logprobs: int | None
    text: str | None

    @property
    def stream(self) -> bool:
        """True if the answer is streamed."""
        return bool(self.parameters.get("stream"))

    def streams(self, option: str) -> bool:
        """Return whether one of `stream_options` is on."""
        return bool((self.parameters.get("stream_options") or {}).get(option))


def parse(body: bytes, settings: ContainerSettings) -> VllmRequest:
    """Read and check the body of a request.

    Raises:
        RequestError: If it is refused.
    """
    try:
        document = as_json(body)
    except ValueError as error:
        raise RequestError(f"JSON decode error: {error}") from error
    is_chat = _is_chat(document)
    if not is_chat and not _is_completion(document):
        # The order of vLLM's routes: a payload with a field of a wrong type is taken for none of them.
        raise RequestError(
            "Cannot find suitable handler for request. Expected one of: ['ChatCompletionRequest', 'CompletionRequest']"
        )
    _refuse_templates(document)
    model = document.get("model")
    if model and model not in settings.model:
        raise RequestError(
            f"The model `{model}` does not exist.", status=404, error_type="NotFoundError", param="model"
        )
    if not is_chat and document.get("suffix"):
        raise RequestError("suffix is not currently supported")
    parameters = dict(document)
    if is_chat and parameters.get("max_completion_tokens") is not None:
        parameters["max_tokens"] = parameters["max_completion_tokens"]
    problem = out_of_bounds(parameters)
    if problem is not None:
        raise RequestError(problem)
    prompts = _prompts(document, is_chat=is_chat)
    prompt_tokens = tuple(count(prompt) for prompt in prompts)
    asked = parameters.get("max_tokens")
    if asked is None and not is_chat:
        asked = _COMPLETION_MAX_TOKENS
    return VllmRequest(
        is_chat=is_chat,
        prompts=prompts,
        prompt_tokens=prompt_tokens,
        parameters=parameters,
        max_tokens=tuple(_room(tokens, asked, settings) for tokens in prompt_tokens),
        model=model or settings.model[0],
        n=parameters.get("n") or 1,
        top_logprobs=_top_logprobs(parameters, settings, is_chat=is_chat),
        text=_prescribed_text(parameters.get("response_format")),
    )


def _refuse_templates(document: Mapping[str, Any]) -> None:
    """Refuse a chat template of the client's, wherever it stands (vLLM pull request 25794, from 0.11 on)."""
    arguments = document.get("chat_template_kwargs")
    places = [document, arguments] if isinstance(arguments, dict) else [document]
    if any(place.get("chat_template") is not None for place in places):
        raise RequestError(
            "Refused request with untrusted chat template: the server runs without --trust-request-chat-template."
        )


def _is_chat(document: Any) -> bool:
    """Return whether a payload has the form of a chat."""
    if not isinstance(document, dict):
        return False
    messages = document.get("messages")
    if not isinstance(messages, list) or not all(_is_message(message) for message in messages):
        return False
    logprobs, top = document.get("logprobs"), document.get("top_logprobs")
    if not (logprobs is None or isinstance(logprobs, bool)) or not (top is None or is_integer(top)):
        return False
    return not (top and not logprobs) and is_integer(document.get("max_completion_tokens") or 0) and _common(document)


def _is_completion(document: Any) -> bool:
    """Return whether a payload has the form of a completion."""
    if not isinstance(document, dict) or not isinstance(document.get("prompt"), str | list):
        return False
    return is_integer(document.get("logprobs") or 0) and _common(document)


def _common(document: Mapping[str, Any]) -> bool:
    options = document.get("stream_options")
    if options is not None and not (isinstance(options, dict) and document.get("stream")):
        # "Stream options can only be defined when `stream=True`", which no one gets to read on this route.
        return False
    is_typed = all(isinstance(document.get(name) or False, bool) for name in ("stream", "echo"))
    is_named = isinstance(document.get("model") or "", str)
    response_format = document.get("response_format")
    is_format = response_format is None or (
        isinstance(response_format, dict) and response_format.get("type") in ("text", "json_object", "json_schema")
    )
    return is_typed and is_named and is_format and mistyped(document) is None


def _is_message(message: object) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return False
    content = message.get("content")
    return content is None or isinstance(content, str | list)


def _prompts(document: Mapping[str, Any], *, is_chat: bool) -> tuple[str, ...]:
    if is_chat:
        turns = (f"<|im_start|>{turn['role']}\n{_content(turn)}<|im_end|>\n" for turn in document["messages"])
        return ("".join(turns) + "<|im_start|>assistant\n",)
    prompt = document["prompt"]
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not prompts or not is_strings(prompts):
        # vLLM takes lists of token ids too.
        raise RequestError("the stand-in has no vocabulary: send `prompt` as a string or a list of strings")
    if not all(prompts):
        raise RequestError("The decoder prompt cannot be empty")
    return tuple(prompts)


def _content(message: Mapping[str, Any]) -> str:
    """Return the text of a message, whose parts vLLM joins by line breaks."""
    content = message.get("content")
    if not isinstance(content, list):
        return content or ""
    texts = []
    for part in content:
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            raise RequestError("At most 0 image(s) may be provided in one prompt.")
    return "\n".join(texts)


def _room(prompt_tokens: int, asked: int | None, settings: ContainerSettings) -> int:
    """Return the number of tokens to generate at most after a prompt."""
    length = settings.max_total_tokens
    if prompt_tokens >= length:
        raise RequestError(
            f"This model's maximum context length is {length} tokens. However, your request has {prompt_tokens} input "
            "tokens. Please reduce the length of the input messages."
        )
    if asked is not None and asked > length - prompt_tokens:
        raise RequestError(
            f"'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is "
            f"{length} tokens and your request has {prompt_tokens} input tokens ({asked} > {length} - {prompt_tokens})."
        )
    return length - prompt_tokens if asked is None else asked


def _top_logprobs(parameters: Mapping[str, Any], settings: ContainerSettings, *, is_chat: bool) -> int | None:
    if is_chat:
        asked = (parameters.get("top_logprobs") or 0) if parameters.get("logprobs") else None
    else:
        asked = parameters.get("logprobs")
    if asked is not None and not 0 <= asked <= settings.max_logprobs:
        raise RequestError(
            f"Requested sample logprobs of {asked}, which is greater than max allowed: {settings.max_logprobs}"
        )
    return asked


def _prescribed_text(response_format: Mapping[str, Any] | None) -> str | None:
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            problem = schema_problem(schema)
            if problem is not None:
                raise RequestError(f"The grammar is not valid: {problem}")
            return json.dumps(example_of(schema), ensure_ascii=False)
        case {"type": "json_object"}:
            return json.dumps(example_of({"properties": {"answer": {"type": "string"}}}))
        case _:
            return None


def choices_of(request: VllmRequest) -> Sequence[tuple[int, str, int, int]]:
    """Return the index, the prompt, the number among its answers and the most tokens of every answer to give."""
    return [
        (place * request.n + number, prompt, number, request.max_tokens[place])
        for place, prompt in enumerate(request.prompts)
        for number in range(request.n)
    ]
