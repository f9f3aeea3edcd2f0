"""Count the tokens that a container does not tell."""

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from invoke_shim.generation.types import GenerationRequest, Usage
from invoke_shim.settings import Settings

ESTIMATE_HEADERS: Mapping[str, str] = MappingProxyType({"x-usage": "estimate"})
"""Marks an answer whose `usage` the shim has estimated."""

MESSAGE_TOKENS = 4
"""Tokens that a chat template writes around a message: two to five control tokens and a line break."""

IMAGE_TOKENS = 576
"""Tokens of an image: the 24 x 24 patches of LLaVA 1.5's and of many later models' vision tower. Others have a quarter
of it to ten times as many."""


class Counter:
    """Counts tokens: by the model's own tokenizer where it is packed, otherwise by an estimate.

    Args:
        has_tokenizer: Whether it is packed.

    Attributes:
        exact: Whether the tokenizer counts.
    """

    def __init__(self, *, has_tokenizer: bool = False) -> None:
        self.exact = has_tokenizer

    def count(self, text: str, *, as_prompt: bool = False) -> int:
        """Count a text's tokens.

        Args:
            text: The text.
            as_prompt: Count the tokens that the tokenizer adds to a prompt, too.
        """
        # Few answers need either: most containers tell.
        if self.exact:
            from invoke_shim.generation import tokenizer  # noqa: PLC0415 - see above

            try:
                return tokenizer.count(text, as_prompt=as_prompt)
            except tokenizer.TokenizerError:
                # An answer is worth more than its exact count; the header says that it is an estimate.
                self.exact = False
        from invoke_shim.generation.estimate import estimate_tokens  # noqa: PLC0415 - see above

        return estimate_tokens(text)

    def counts(self, request: GenerationRequest) -> bool:
        """Check whether it counts a request's prompt exactly: not a chat whose template only the model's side knows."""
        return bool(request.token_ids) or (self.exact and request.prompt is not None)


def create_counter(settings: Settings) -> Counter | None:
    """Create what counts the tokens that the container does not tell; None where they are left out."""
    if settings.usage == "omit" and not settings.has_tokenizer:
        return None
    return Counter(has_tokenizer=settings.has_tokenizer)


def complete_usage(usage: Usage, request: GenerationRequest, answers: Iterable[str], counter: Counter | None) -> Usage:
    """Return all counts: those that the container told, and of the others the shim's own.

    Args:
        usage: The counts that the container told.
        request: The request.
        answers: The answers' texts, in parts of any size, with their reasoning and the arguments of their calls.
        counter: Counts; None where counts that the container does not tell are left out.
    """
    if counter is None or (usage.prompt_tokens is not None and usage.completion_tokens is not None):
        return usage
    prompt, completion, estimated = usage.prompt_tokens, usage.completion_tokens, False
    if prompt is None:
        prompt = _prompt_tokens(request, counter)
        estimated = not counter.counts(request)
    if completion is None:
        completion = counter.count("".join(answers))
        estimated |= not counter.exact
    return usage._replace(prompt_tokens=prompt, completion_tokens=completion, estimated=estimated)


def _prompt_tokens(request: GenerationRequest, counter: Counter) -> int:
    if request.token_ids:
        return len(request.token_ids)
    if request.prompt is not None:
        return counter.count(request.prompt, as_prompt=True)
    tokens = 0
    for message in request.messages:
        calls = "".join(f"{call.name} {call.arguments}" for call in message.tool_calls)
        images = sum(not isinstance(part, str) for part in message.parts)
        tokens += counter.count(message.content) + counter.count(calls) + MESSAGE_TOKENS + IMAGE_TOKENS * images
    if request.generation.tools is not None:
        described = ((tool.name, tool.description, tool.parameters) for tool in request.generation.tools.functions)
        tokens += counter.count(json.dumps([*described], default=dict))
    return tokens


def add(total: Usage, more: Usage) -> Usage:
    """Add the counts of two answers; a count that is unknown in one is unknown in the sum."""
    return Usage(
        _add(total.prompt_tokens, more.prompt_tokens),
        _add(total.completion_tokens, more.completion_tokens),
        _add(total.reasoning_tokens, more.reasoning_tokens),
        _add(total.cached_tokens, more.cached_tokens),
        total.estimated or more.estimated,
    )


def _add(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more


NONE = Usage(0, 0, 0, 0)
"""The usage of nothing, to which others are added."""
