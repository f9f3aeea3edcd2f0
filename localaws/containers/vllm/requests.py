"""vLLM's requests: which of its two forms a payload has, and its parameters checked in vLLM's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from localaws.containers.chats import Chat
from localaws.containers.engine import Engine, Grammar
from localaws.containers.messages import as_json, is_integer, is_number
from localaws.containers.settings import ContainerSettings, Version
from localaws.containers.tokens import VOCABULARY_SIZE, Token
from localaws.containers.vllm.chat import chat_of, choice_of, is_chat_form
from localaws.containers.vllm.errors import RequestError
from localaws.containers.vllm.sampling import is_strings, mistyped, out_of_bounds
from localaws.containers.vllm.structure import is_format, is_prescribed_right, structure_of

_COMPLETION_MAX_TOKENS: Final = 16
"""As OpenAI's (vLLM documentation, `CompletionRequest`)."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt.

    Attributes:
        text: Its text; of token ids, whose texts the stand-in does not know, `<id>` for each.
        tokens: Its tokens.
    """

    text: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmRequest:
    """A request that vLLM answers.

    Attributes:
        prompts: The prompts: of a chat the one that the model's chat template makes.
        chat: The chat; None: it is a completion.
        choice: Which tools the model may or must call: `none`, `auto`, `required` or `named`.
        tool: The tool that is named.
        parameters: The payload.
        max_tokens: The number of tokens to generate at most for each prompt.
        model: The model's name to report.
        n: The number of answers to each prompt.
        top_logprobs: Number of alternatives to report for each token; None: not even the token's own probability.
        grammar: What the answer has to keep to.
    """

    prompts: tuple[Prompt, ...]
    chat: Chat | None
    choice: str
    tool: str | None
    parameters: Mapping[str, Any]
    max_tokens: tuple[int, ...]
    model: str
    n: int
    top_logprobs: int | None
    grammar: Grammar | None

    @property
    def is_chat(self) -> bool:
        """True if it has `messages`."""
        return self.chat is not None

    @property
    def echoes(self) -> bool:
        """True if a completion is to begin with its prompt."""
        return not self.is_chat and bool(self.parameters.get("echo"))

    @property
    def prompt_tokens(self) -> int:
        """The number of tokens of all prompts."""
        return sum(len(prompt.tokens) for prompt in self.prompts)

    @property
    def stream(self) -> bool:
        """True if the answer is streamed."""
        return bool(self.parameters.get("stream"))

    def streams(self, option: str) -> bool:
        """Return whether one of `stream_options` is on."""
        return bool((self.parameters.get("stream_options") or {}).get(option))


def parse(body: bytes, settings: ContainerSettings, engine: Engine) -> VllmRequest:
    """Read and check the body of a request.

    Args:
        body: The body.
        settings: The container's settings.
        engine: What writes a chat into a prompt, and counts.

    Raises:
        RequestError: If it is refused.
    """
    try:
        document = as_json(body)
    except ValueError as error:
        raise RequestError(f"JSON decode error: {error}") from error
    is_chat = _is_chat(document, settings.version)
    if not is_chat and not _is_completion(document, settings.version):
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
    choice, tool = choice_of(document, settings) if is_chat else ("none", None)
    chat = chat_of(document, settings) if is_chat else None
    # With `echo`, no token at all may be asked for (`CompletionRequest.to_sampling_params`).
    only_echoes = not is_chat and bool(parameters.get("echo")) and parameters.get("max_tokens") == 0
    problem = out_of_bounds({**parameters, "max_tokens": 1} if only_echoes else parameters)
    if problem is not None:
        raise RequestError(problem)
    prompts = _prompts(document["prompt"], engine) if chat is None else (_prompt(engine.render(chat), engine),)
    asked = parameters.get("max_tokens", None if is_chat else _COMPLETION_MAX_TOKENS)
    return VllmRequest(
        prompts=prompts,
        chat=chat,
        choice=choice,
        tool=tool,
        parameters=parameters,
        max_tokens=tuple(_room(len(prompt.tokens), asked, settings) for prompt in prompts),
        model=model or settings.model[0],
        n=parameters.get("n") or 1,
        top_logprobs=_top_logprobs(parameters, settings, is_chat=is_chat),
        grammar=structure_of(parameters, settings.version),
    )


def _refuse_templates(document: Mapping[str, Any]) -> None:
    """Refuse a chat template of the client's, wherever it stands (vLLM pull request 25794, from 0.11 on)."""
    arguments = document.get("chat_template_kwargs")
    places = [document, arguments] if isinstance(arguments, dict) else [document]
    if any(place.get("chat_template") is not None for place in places):
        raise RequestError(
            "Refused request with untrusted chat template: the server runs without --trust-request-chat-template."
        )


def _is_chat(document: Any, version: Version) -> bool:
    """Return whether a payload has the form of a chat."""
    if not isinstance(document, dict):
        return False
    if not is_chat_form(document):
        return False
    logprobs, top = document.get("logprobs"), document.get("top_logprobs")
    if not (logprobs is None or isinstance(logprobs, bool)) or not (top is None or is_integer(top)):
        return False
    return (
        not (top and not logprobs)
        and is_integer(document.get("max_completion_tokens") or 0)
        and _common(document, version)
    )


def _is_completion(document: Any, version: Version) -> bool:
    """Return whether a payload has the form of a completion."""
    if not isinstance(document, dict) or not _is_prompt(document.get("prompt")):
        return False
    return is_integer(document.get("logprobs") or 0) and _common(document, version)


def _is_prompt(prompt: object) -> bool:
    """Return whether `prompt` is a text, token ids, or a list of either."""
    if isinstance(prompt, str) or is_strings(prompt) or _is_ids(prompt):
        return True
    return isinstance(prompt, list) and all(map(_is_ids, prompt))


def _is_ids(value: object) -> bool:
    return isinstance(value, list) and all(is_integer(item) and item >= 0 for item in value)


def _common(document: Mapping[str, Any], version: Version) -> bool:
    options = document.get("stream_options")
    if options is not None and not (isinstance(options, dict) and document.get("stream")):
        # "Stream options can only be defined when `stream=True`", which no one gets to read on this route.
        return False
    is_typed = all(isinstance(document.get(name) or False, bool) for name in ("stream", "echo"))
    is_named = isinstance(document.get("model") or "", str)
    bias = document.get("logit_bias")
    is_biased = bias is None or (isinstance(bias, dict) and all(map(is_number, bias.values())))
    is_formed = is_typed and is_named and is_biased and is_format(document.get("response_format"))
    is_formed = is_formed and is_prescribed_right(document, version)
    return is_formed and not mistyped(document)


def _prompts(given: str | list[Any], engine: Engine) -> tuple[Prompt, ...]:
    """Return the prompts of a completion: a text or token ids, or a list of either."""
    many = [given] if isinstance(given, str) or (given and all(map(is_integer, given))) else given
    if not many:
        raise RequestError("please provide at least one prompt")
    return tuple(_prompt(item, engine) for item in many)


def _prompt(given: str | list[int], engine: Engine) -> Prompt:
    if not given:
        raise RequestError("The decoder prompt cannot be empty")
    if isinstance(given, str):
        return Prompt(given, tuple(engine.encode(given)))
    for number in given:
        if number >= VOCABULARY_SIZE:
            raise RequestError(f"Token id {number} is out of vocabulary")
    tokens = tuple(Token(number, f"<{number}>", -(number % 4096) / 2048) for number in given)
    return Prompt("".join(token.text for token in tokens), tokens)


def _room(prompt_tokens: int, asked: int | None, settings: ContainerSettings) -> int:
    """Return the number of tokens to generate at most after a prompt; vLLM words the refusal otherwise since 0.16."""
    length = settings.max_total_tokens
    if settings.version >= (0, 16, 0) and (asked or 0) > length:
        # In vLLM's words, without the space.
        raise RequestError(
            f"max_tokens={asked}cannot be greater than max_model_len=max_total_tokens={length}. "
            "Please request fewer output tokens.",
            param="max_tokens",
        )
    if settings.version >= (0, 16, 0) and prompt_tokens > length - (asked or 0):
        raise RequestError(
            f"You passed {prompt_tokens} input tokens and requested {asked or 0} output tokens. However, the model's "
            f"context length is only {length} tokens, resulting in a maximum input length of {length - (asked or 0)} "
            "tokens. Please reduce the length of the input prompt.",
            param="input_tokens",
        )
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


def choices_of(request: VllmRequest) -> Sequence[tuple[int, Prompt, int, int]]:
    """Return the index, the prompt, the number among its answers and the most tokens of every answer to give."""
    return [
        (place * request.n + number, prompt, number, request.max_tokens[place])
        for place, prompt in enumerate(request.prompts)
        for number in range(request.n)
    ]
