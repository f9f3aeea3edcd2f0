"""AWS's DJL-LMI with vLLM behind it.

Source: `serving/docs/lmi/user_guides/lmi_input_output_schema.md` of djl-serving, and its vLLM handler, which passes on
to vLLM what it does not know by name.
"""

from types import MappingProxyType

from invoke_shim.backends.base import Rules
from invoke_shim.rules.base import ContainerRules, Payload
from invoke_shim.rules.checks import (
    MAX_INT32,
    MAX_INT64,
    anything,
    flag,
    integer,
    nullable,
    number,
    positive,
    text,
    texts,
)

_EXTRA = {
    "do_sample": flag,
    "ignore_eos": flag,
    "min_p": number(0, 1),
    "repetition_penalty": positive,
    "return_full_text": flag,
    "top_k": integer(-1, MAX_INT32),
    "truncate": integer(1),
}

LMI = ContainerRules(
    rules=Rules(
        penalties=frozenset({"presence_penalty", "frequency_penalty"}),
        max_top_logprobs=0,
        extra=MappingProxyType(_EXTRA),
    ),
    payloads=(
        Payload(
            prompt="inputs",
            fields=MappingProxyType({"inputs": text, "parameters": anything, "stream": flag}),
            parameters=MappingProxyType(
                {
                    **{name: nullable(check) for name, check in _EXTRA.items()},
                    "decoder_input_details": nullable(flag),
                    "details": nullable(flag),
                    "frequency_penalty": nullable(number(-2, 2)),
                    "max_new_tokens": nullable(integer(1)),
                    "presence_penalty": nullable(number(-2, 2)),
                    "seed": nullable(integer(0, MAX_INT64)),
                    "stop": nullable(texts()),
                    "temperature": nullable(number(0, 100)),
                    "top_p": nullable(number(0, 1)),
                }
            ),
            limit="max_new_tokens",
            truncate="truncate",
        ),
    ),
)
