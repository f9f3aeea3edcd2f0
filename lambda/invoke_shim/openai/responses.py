"""OpenAI's response bodies."""

import os
import time
from collections.abc import Sequence
from typing import Any

from invoke_shim.generation.types import Answer, Completion, Usage
from invoke_shim.openai.logprobs import chat_logprobs, text_logprobs


def envelope(prefix: str, kind: str, model: str) -> dict[str, Any]:
    """What all objects of one answer have in common.

    Args:
        prefix: the beginning of the id, such as "chatcmpl".
        kind: OpenAI's name of the object.
        model: the model's name to clients.
    """
    return {"id": f"{prefix}-{os.urandom(16).hex()}", "object": kind, "created": int(time.time()), "model": model}


def chat_completion(*, model: str, answer: Answer) -> dict[str, Any]:
    """OpenAI's ChatCompletion."""
    choices = [_chat_choice(index, completion) for index, completion in enumerate(answer.completions)]
    return {**envelope("chatcmpl", "chat.completion", model), "choices": choices, **_usage_member(answer.usage)}


def text_completion(*, model: str, answer: Answer, echoes: Sequence[str] = ()) -> dict[str, Any]:
    """OpenAI's Completion.

    Args:
        model: the model's name to clients.
        answer: the texts.
        echoes: what each choice begins with; empty if with nothing but the answer.
    """
    choices = [
        _text_choice(index, completion, echoes[index] if echoes else "")
        for index, completion in enumerate(answer.completions)
    ]
    return {**envelope("cmpl", "text_completion", model), "choices": choices, **_usage_member(answer.usage)}


def usage_numbers(usage: Usage) -> dict[str, int] | None:
    """OpenAI's CompletionUsage; None without all of its numbers: without the prompt's there is no honest total."""
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def model_card(model: str) -> dict[str, Any]:
    """OpenAI's Model. `created` is 0: when the model was made is known to nobody here."""
    return {"id": model, "object": "model", "created": 0, "owned_by": "aws"}


def model_list(model: str) -> dict[str, Any]:
    """OpenAI's list of models: the one behind this API."""
    return {"object": "list", "data": [model_card(model)]}


def health(model: str) -> dict[str, Any]:
    """What `/health` says: this API answers, for this model. The model itself is not asked."""
    return {"status": "ok", "model": model}


def _chat_choice(index: int, completion: Completion) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": completion.text, "refusal": None},
        "logprobs": chat_logprobs(completion.logprobs),
        "finish_reason": completion.finish_reason,
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
    """`usage` is optional in OpenAI's objects: it is left out rather than invented."""
    numbers = usage_numbers(usage)
    return {} if numbers is None else {"usage": numbers}
