"""vLLM's OpenAI-compatible server."""

from types import MappingProxyType

from invoke_shim.backends.base import Rules
from invoke_shim.rules.base import ContainerRules, Payload
from invoke_shim.rules.checks import MAX_INT32, anything, flag, integer, nullable, number, positive

_EXTRA = {
    "ignore_eos": flag,
    "min_p": number(0, 1),
    "min_tokens": integer(0),
    "repetition_penalty": positive,
    "skip_special_tokens": flag,
    "top_k": integer(-1, MAX_INT32),
    "truncate_prompt_tokens": integer(1),
}

VLLM = ContainerRules(
    rules=Rules(
        penalties=frozenset({"presence_penalty", "frequency_penalty"}),
        max_n=128,
        max_top_logprobs=20,
        response_format=True,
        extra=MappingProxyType(_EXTRA),
    ),
    payloads=(
        Payload(prompt="messages", fields=MappingProxyType({"messages": anything, "max_tokens": nullable(integer(1))})),
        Payload(prompt="prompt", fields=MappingProxyType({"prompt": anything, "max_tokens": nullable(integer(1))})),
    ),
)
