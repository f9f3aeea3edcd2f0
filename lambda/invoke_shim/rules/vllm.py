"""vLLM's OpenAI-compatible server.

Source: `vllm/entrypoints/openai/protocol.py` and `vllm/sampling_params.py`. Not taken: what runs code or templates of
the client's (`refused`), of a chat template's arguments all but flags (`template_arguments`). What prescribes the
answer's form is bounded (`forms`), and what changes it (`prompt_logprobs`, `return_tokens_as_token_ids`) is for
`/invocations` only.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.errors import Problem
from invoke_shim.rules import forms
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
    text_object,
    texts,
)
from invoke_shim.rules.openai import (
    MAX_N,
    MAX_TOP_LOGPROBS,
    messages,
    native_conflicts,
    prompts,
    response_format,
    stream_options,
)
from invoke_shim.rules.template_arguments import template_arguments

MAX_TOKEN_IDS = 1024
"""Token ids in a list: more than any vocabulary has of control tokens."""

MAX_BIAS = 100
"""OpenAI's limit of a token's bias."""


def logit_bias(value: Any) -> str | None:
    """Check for the biases of tokens, by their ids."""
    right = isinstance(value, dict) and len(value) <= MAX_TOKEN_IDS
    if right and all(number(-MAX_BIAS, MAX_BIAS)(bias) is None for bias in value.values()):
        return None
    return f"an object of at most {MAX_TOKEN_IDS} token ids, each with a number from -{MAX_BIAS} to {MAX_BIAS}"


MAX_DOCUMENTS = 128
"""Documents of a chat: what a search finds for a question is a tenth of it."""

MAX_DOCUMENTS_TEXT = 256 * 1024
"""Characters of all documents, which are written into the prompt, with the names of their members."""


def documents(value: Any) -> str | None:
    """Check for the documents that a chat is about."""
    expected = (
        f"a list of 1 to {MAX_DOCUMENTS} objects of texts, such as title and text, "
        f"of at most {MAX_DOCUMENTS_TEXT} characters in all"
    )
    if not isinstance(value, list) or not 0 < len(value) <= MAX_DOCUMENTS or any(map(text_object, value)):
        return expected
    size = sum(len(name) + len(item) for document in value for name, item in document.items())
    return None if size <= MAX_DOCUMENTS_TEXT else expected


_BOTH: Mapping[str, Check] = {
    "add_special_tokens": flag,
    "allowed_token_ids": integers(0, MAX_TOKEN_IDS),
    "bad_words": texts(MAX_TOKEN_IDS),
    "cache_salt": text,
    "guided_choice": forms.choices,
    "guided_grammar": forms.grammar,
    "guided_json": forms.schema,
    "guided_regex": forms.regex,
    "ignore_eos": flag,
    "logit_bias": logit_bias,
    "min_p": number(0, 1),
    "min_tokens": integer(0),
    "repetition_penalty": positive,
    "skip_special_tokens": flag,
    "spaces_between_special_tokens": flag,
    "stop_token_ids": integers(0, MAX_STOPS),
    "structured_outputs": forms.structured_outputs("disable_additional_properties", "disable_any_whitespace"),
    "top_k": integer(-1, MAX_INT32),
    "truncate_prompt_tokens": integer(1),
}

_EXTRA: Mapping[str, Check] = {
    **_BOTH,
    "chat_template_kwargs": template_arguments,
    "reasoning_effort": text,
}


def _native(extra: Mapping[str, Check]) -> Mapping[str, Check]:
    """Return the fields of a payload of vLLM's own, each of which may be null but the prompt or the chat."""
    fields = {
        **_BOTH,
        "echo": flag,
        "frequency_penalty": number(-2, 2),
        "include_stop_str_in_output": flag,
        "max_tokens": integer(1),
        "model": text,
        "n": integer(1, MAX_N),
        "presence_penalty": number(-2, 2),
        "prompt_logprobs": integer(0, MAX_TOP_LOGPROBS),
        "response_format": response_format,
        "return_tokens_as_token_ids": flag,
        "seed": integer(-MAX_INT64 - 1, MAX_INT64),
        "stop": stop_or_texts,
        "stream": flag,
        "stream_options": stream_options,
        "temperature": number(0, 2),
        "top_p": fraction,
        "user": text,
        **extra,
    }
    needed = ("messages", "prompt")
    return MappingProxyType({name: check if name in needed else nullable(check) for name, check in fields.items()})


def _native_conflicts(parameters: Mapping[str, Any], /, *, stream: bool, samples: bool) -> list[Problem]:
    return conflicts(parameters, stream=stream, samples=samples) + native_conflicts(parameters, stream=stream)


def conflicts(parameters: Mapping[str, Any], /, **_how: bool) -> list[Problem]:
    """List the conflicts that vLLM answers with 400 though every value is right by itself."""
    problems = []
    n = parameters.get("n") or 1
    # vLLM samples by default.
    if n > 1 and (parameters.get("temperature") == 0 or parameters.get("top_p") == 0):
        problems.append(Problem("n", f"n is {n}, which needs a temperature above 0: greedy answers are all the same"))
    least = parameters.get("min_tokens") or 0
    most = parameters.get("max_completion_tokens") or parameters.get("max_tokens")
    if most is not None and least > most:
        problems.append(Problem("min_tokens", f"min_tokens is {least}, but at most {most} tokens are asked for"))
    forms = [name for name in _FORMS if parameters.get(name) is not None]
    if len(forms) > 1:
        problems.append(Problem(forms[1], f"{' and '.join(forms)} each tell the answer's form: send one of them"))
    if parameters.get("add_generation_prompt") is not False and parameters.get("continue_final_message") is True:
        text = "continue_final_message is true, which needs add_generation_prompt to be false"
        problems.append(Problem("continue_final_message", text))
    return problems


_FORMS = ("guided_choice", "guided_grammar", "guided_json", "guided_regex", "response_format", "structured_outputs")

PAYLOADS = (
    Payload(
        prompt="messages",
        fields=_native(
            {
                "add_generation_prompt": flag,
                "chat_template_kwargs": template_arguments,
                "continue_final_message": flag,
                "documents": documents,
                "logprobs": flag,
                "max_completion_tokens": integer(1),
                "messages": messages,
                "parallel_tool_calls": flag,
                "reasoning_effort": text,
                "tool_choice": anything,
                "tools": forms.tools,
                "top_logprobs": integer(0, MAX_TOP_LOGPROBS),
            }
        ),
        limits=("max_tokens", "max_completion_tokens"),
        truncate="truncate_prompt_tokens",
        conflicts=_native_conflicts,
    ),
    Payload(
        prompt="prompt",
        fields=_native(
            {"best_of": integer(1, MAX_N), "logprobs": integer(0, MAX_TOP_LOGPROBS), "prompt": prompts, "suffix": text}
        ),
        truncate="truncate_prompt_tokens",
        conflicts=_native_conflicts,
    ),
)
"""The payloads of vLLM by itself, and behind LMI."""

VLLM = ContainerRules(
    rules=Rules(
        fills=True,
        tools=True,
        tool_choices=frozenset({"required", "named"}),
        images=True,
        streams_usage=True,
        penalties=frozenset({"presence_penalty", "frequency_penalty"}),
        max_n=MAX_N,
        max_top_logprobs=MAX_TOP_LOGPROBS,
        response_format=True,
        json_object=True,
        token_ids=True,
        echo_logprobs=True,
        extra=MappingProxyType(_EXTRA),
        conflicts=conflicts,
    ),
    payloads=PAYLOADS,
)
