"""OpenAI's response bodies."""

import time
import uuid
from typing import Any

from invoke_shim.generation import Completion


def chat_completion(*, model: str, completion: Completion) -> dict[str, Any]:
    """OpenAI's ChatCompletion of one choice."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": completion.text, "refusal": None},
        "logprobs": None,
        "finish_reason": completion.finish_reason,
    }
    return _reply("chatcmpl", "chat.completion", model, choice, completion)


def text_completion(*, model: str, completion: Completion) -> dict[str, Any]:
    """OpenAI's Completion of one choice."""
    choice = {
        "index": 0,
        "text": completion.text,
        "logprobs": None,
        "finish_reason": completion.finish_reason,
    }
    return _reply("cmpl", "text_completion", model, choice, completion)


def model_card(model: str) -> dict[str, Any]:
    """OpenAI's Model. `created` is 0: when the model was made is known to nobody here."""
    return {"id": model, "object": "model", "created": 0, "owned_by": "amazon-sagemaker"}


def model_list(model: str) -> dict[str, Any]:
    """OpenAI's list of models: the one behind this API."""
    return {"object": "list", "data": [model_card(model)]}


def _reply(prefix: str, kind: str, model: str, choice: dict[str, Any], completion: Completion) -> dict[str, Any]:
    reply = {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
    }
    # `usage` is optional but its numbers are not: without the prompt's count there is no honest one.
    if completion.prompt_tokens is not None and completion.completion_tokens is not None:
        reply["usage"] = {
            "prompt_tokens": completion.prompt_tokens,
            "completion_tokens": completion.completion_tokens,
            "total_tokens": completion.prompt_tokens + completion.completion_tokens,
        }
    return reply
