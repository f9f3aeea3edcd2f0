"""AWS's DJL-LMI with vLLM behind it.

Source: `serving/docs/lmi/user_guides/lmi_input_output_schema.md` of djl-serving. Its two modes take different names:
with rolling batches (up to LMI 16) `stop_sequences` and `ignore_eos_token` are translated and vLLM's own names pass
through, in the asynchronous mode (the default since) only vLLM's own names do. So vLLM's are the ones taken here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.errors import Problem
from invoke_shim.rules.base import Check, ContainerRules, Payload, Rules
from invoke_shim.rules.checks import (
    MAX_INT32,
    MAX_INT64,
    MAX_STOPS,
    anything,
    flag,
    fraction,
    integer,
    integers,
    nullable,
    number,
    positive,
    stop_or_texts,
    text,
)
from invoke_shim.rules.vllm import PAYLOADS

_EXTRA: Mapping[str, Check] = {
    "details": flag,
    "do_sample": flag,
    "ignore_eos": flag,
    "min_p": number(0, 1),
    "repetition_penalty": positive,
    "return_full_text": flag,
    "skip_special_tokens": flag,
    "spaces_between_special_tokens": flag,
    "stop_token_ids": integers(0, MAX_STOPS),
    "top_k": integer(-1, MAX_INT32),
    "truncate": integer(1),
}

_PARAMETERS: Mapping[str, Check] = {
    **{name: nullable(check) for name, check in _EXTRA.items()},
    "decoder_input_details": nullable(flag),
    "frequency_penalty": nullable(number(-2, 2)),
    "include_stop_str_in_output": nullable(flag),
    "max_new_tokens": nullable(integer(1)),
    "min_tokens": nullable(integer(0)),
    "presence_penalty": nullable(number(-2, 2)),
    "seed": nullable(integer(0, MAX_INT64)),
    "stop": nullable(stop_or_texts),
    "temperature": nullable(number(0, 2)),
    "top_p": nullable(fraction),
}

_REASONS = MappingProxyType(
    {
        "best_of": "this container gives the first answer",
        "ignore_eos_token": "the container ignores it since its version 17, ignore_eos works in all",
        "max_tokens": "this container's name of it is max_new_tokens",
        "n": "this container's answer has room for one text",
        "stop_sequences": "the container ignores it since its version 17, stop works in all",
        "top_n_tokens": "the container takes it for the number of answers",
        "typical_p": "this container has top_p, top_k and min_p",
        "watermark": "this container has no watermark",
    }
)


def conflicts(parameters: Mapping[str, Any], /, *, stream: bool, **_how: bool) -> list[Problem]:
    """List the conflicts that LMI refuses, or answers with an empty text, though every value is right by itself."""
    problems = []
    if stream and parameters.get("decoder_input_details") is True:
        text = "decoder_input_details is true, which cannot be streamed: leave it or stream out"
        problems.append(Problem("decoder_input_details", text))
    if parameters.get("top_k") == 0:
        # Rolling batches hand 0 to vLLM, whose older versions take -1 for "all" and refuse 0.
        problems.append(Problem("top_k", "top_k is 0, expected -1 for all tokens, or an integer of at least 1"))
    return problems


LMI = ContainerRules(
    rules=Rules(
        fills=True,
        penalties=frozenset({"presence_penalty", "frequency_penalty"}),
        max_top_logprobs=0,
        extra=MappingProxyType({**_EXTRA, "decoder_input_details": flag}),
        dropped=frozenset({"details"}),
        conflicts=conflicts,
    ),
    payloads=(
        Payload(
            prompt="inputs",
            fields=MappingProxyType({"inputs": text, "parameters": anything, "stream": flag}),
            parameters=MappingProxyType(_PARAMETERS),
            reasons=_REASONS,
            limits=("max_new_tokens",),
            truncate="truncate",
            conflicts=conflicts,
        ),
        *PAYLOADS,
    ),
)
