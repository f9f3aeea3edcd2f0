"""Build the bodies of OpenAI's chat and text completions, and what all objects share."""

import os
import time
from collections.abc import Sequence
from typing import Any

from invoke_shim.generation.types import Answer, Completion, Usage
from invoke_shim.openai.chat import finish_reason, message
from invoke_shim.openai.logprobs import chat_logprobs, text_logprobs


def envelope(prefix: str, kind: str, model: str) -> dict[str, Any]:
    """Build the members that all objects of one answer share.

    Args:
        prefix: The beginning of the id, such as "chatcmpl".
        kind: OpenAI's name of the object.
        model: The model's name to clients.
    """
    return {"id": f"{prefix}-{os.urandom(16).hex()}", "object": kind, "created": int(time.time()), "model": model}


def chat_completion(*, model: str, answer: Answer, legacy_functions: bool = False) -> dict[str, Any]:
    """Build OpenAI's ChatCompletion.

    Args:
        model: The model's name to clients.
        answer: The messages.
        legacy_functions: Whether calls go as OpenAI's older `function_call`.
    """
    choices = [
        _chat_choice(index, completion, legacy=legacy_functions) for index, completion in enumerate(answer.completions)
    ]
    return {**envelope("chatcmpl", "chat.completion", model), "choices": choices, **_usage_member(answer.usage)}


def text_completion(*, model: str, answer: Answer, echoes: Sequence[str] = ()) -> dict[str, Any]:
    """Build OpenAI's Completion.

    Args:
        model: The model's name to clients.
        answer: The texts.
        echoes: The prompt that each choice begins with; empty without an echo.
    """
    choices = [
        _text_choice(index, completion, echoes[index] if echoes else "")
        for index, completion in enumerate(answer.completions)
    ]
    return {**envelope("cmpl", "text_completion", model), "choices": choices, **_usage_member(answer.usage)}


def usage_numbers(usage: Usage) -> dict[str, Any] | None:
    """Build OpenAI's CompletionUsage; None unless both counts are known, without which there is no honest total."""
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    numbers: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
    if usage.cached_tokens is not None:
        numbers["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens is not None:
        numbers["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return numbers


def _chat_choice(index: int, completion: Completion, *, legacy: bool) -> dict[str, Any]:
    return {
        "index": index,
        "message": message(completion, legacy=legacy),
        "logprobs": chat_logprobs(completion.logprobs),
        "finish_reason": finish_reason(completion.finish_reason, legacy=legacy),
    }


def _text_choice(index: int, completion: Completion, echo: str) -> dict[str, Any]:
    return {
        "index": index,
        "text": echo + completion.text,
        # Never with an echo, which has none: the request is refused.
        "logprobs": text_logprobs(completion.logprobs),
        "finish_reason": completion.finish_reason,
    }


def _usage_member(usage: Usage) -> dict[str, Any]:
    """Build the optional `usage`, which is left out rather than invented."""
    numbers = usage_numbers(usage)
    return {} if numbers is None else {"usage": numbers}
