"""Lengths of prompts and answers: containers' refusals for them, and the room that is left for an answer."""

import json
import re

from invoke_shim.errors import TOO_LONG, ApiError
from invoke_shim.generation.estimate import most_tokens
from invoke_shim.generation.types import GenerationRequest
from invoke_shim.rules.joint import TRUNCATE
from invoke_shim.rules.limits import Limits, fewest_tokens

UNBOUNDED = 1_000_000
"""Tokens of answer to ask for where the model's limit is not known: no model here has as many."""

_TEMPLATE_TOKENS = 64
_MESSAGE_TOKENS = 16
_TOOLS_TOKENS = 128
"""Tokens that a chat template adds, those around each message, and those that explain tools to a model.

More than that costs a request, no answer.
"""

# Compiled by the first refusal, not by a cold start.
_TGI_TOTAL = r"`max_new_tokens` must be <= (?P<total>\d+)\. Given: (?P<prompt>\d+) `inputs` tokens"
_TGI_ANSWER = r"^(?:Input validation error: )?`max_new_tokens` must be <= (?P<room>\d+)\. Given: \d+$"
_VLLM = (
    # up to 0.8, then 0.9 and newer, then those of 2026
    r"context length is (?P<total>\d+) tokens\. However, you requested \d+ tokens \((?P<prompt>\d+) in the",
    r"context length is (?P<total>\d+) tokens and your request has (?P<prompt>\d+) input tokens",
    r"passed (?P<prompt>\d+) input tokens and requested .* context length is only (?P<total>\d+) tokens",
)
_WITH_ROOM = (_TGI_TOTAL, *_VLLM)

_WORDS = (
    "maximum context length",
    "context length is only",
    "`inputs` must have less than",
    "`inputs` tokens + `max_new_tokens` must be <=",
    "is too long to fit into the model",
    "longer than the maximum model length",
    "too long and exceeds limit",
    "max_model_len",
)
"""Words of TGI's (`validation.rs`) and vLLM's refusals of a length, which LMI passes on, in all versions."""


def is_too_long(message: str) -> bool:
    """Check for a container's message about a length of prompt and answer."""
    return any(words in message for words in _WORDS) or re.match(_TGI_ANSWER, message.strip()) is not None


def room_in(message: str) -> int | None:
    """Return the tokens of answer that fit after the prompt, where a refusal tells both lengths; None otherwise."""
    if (found := re.match(_TGI_ANSWER, message.strip())) is not None:
        return int(found["room"])
    for pattern in _WITH_ROOM:
        if (found := re.search(pattern, message)) is not None:
            return int(found["total"]) - int(found["prompt"])
    return None


def fitted(request: GenerationRequest, error: ApiError) -> GenerationRequest | None:
    """Return a request that was refused for its length with the limit that fits; None if there is none.

    Only one that leaves the limit to the shim. TGI and vLLM check the length before they generate anything, so
    nothing is generated twice.
    """
    if request.generation.max_tokens is not None or error.code != TOO_LONG:
        return None
    room = room_in(error.message)
    if room is None or room < 1:
        return None
    return request._replace(generation=request.generation._replace(max_tokens=room))


def room_for_answer(request: GenerationRequest, limits: Limits, *, told: bool) -> int:
    """Return the limit of tokens for a request without one, for a container that must be told a number.

    Args:
        request: A prompt or a chat.
        limits: The model's limits.
        told: Whether the container refuses what does not fit and tells the room (TGI); otherwise it ends the answer
            where the context ends (vLLM's engine behind LMI).
    """
    total = limits.max_total_tokens
    if total is None:
        return UNBOUNDED
    texts = [request.prompt] if request.prompt is not None else [message.content for message in request.messages]
    most = sum(map(most_tokens, texts))
    if request.prompt is None:
        most += _TEMPLATE_TOKENS + _MESSAGE_TOKENS * len(texts)
    if request.generation.tools is not None:
        tools = [function._asdict() for function in request.generation.tools.functions]
        most += _TOOLS_TOKENS + most_tokens(json.dumps(tools, ensure_ascii=False))
    for name in TRUNCATE:
        most = min(most, int(request.generation.extra.get(name, most)))
    surely = limits.room_for_answer(most)
    # Where so much would leave little, the refusal tells the room exactly.
    if told and 2 * surely >= total:
        return surely
    return max(1, total - max(1, min(most, sum(map(fewest_tokens, texts)))))
