"""The bodies that Bedrock takes for imported models."""

from types import MappingProxyType

from invoke_shim.backends.base import Rules
from invoke_shim.rules.base import ContainerRules, Payload
from invoke_shim.rules.checks import anything, integer, nullable

BEDROCK_CHAT = ContainerRules(
    rules=Rules(max_top_logprobs=20, response_format=True, extra={}),
    payloads=(
        Payload(prompt="messages", fields=MappingProxyType({"messages": anything, "max_tokens": nullable(integer(1))})),
    ),
)
BEDROCK_COMPLETION = ContainerRules(
    rules=Rules(max_top_logprobs=5, response_format=True, extra={}),
    payloads=(
        Payload(prompt="prompt", fields=MappingProxyType({"prompt": anything, "max_tokens": nullable(integer(1))})),
    ),
)
BEDROCK_NATIVE = ContainerRules(
    rules=Rules(response_format=True, extra={}),
    payloads=(
        Payload(prompt="prompt", fields=MappingProxyType({"prompt": anything, "max_gen_len": nullable(integer(1))})),
    ),
)
BEDROCK_CONVERSE = ContainerRules(
    rules=Rules(extra={}),
    payloads=(Payload(prompt="messages", fields=MappingProxyType({"messages": anything})),),
)
