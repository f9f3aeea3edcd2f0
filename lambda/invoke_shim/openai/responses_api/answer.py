"""OpenAI's Response, and the items of its output."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from invoke_shim.errors import ApiError
from invoke_shim.generation.types import TokenLogprob, Usage
from invoke_shim.openai.bodies import usage_numbers
from invoke_shim.openai.logprobs import chat_logprobs

Status = Literal["in_progress", "completed", "incomplete", "failed"]


def new_id(prefix: str) -> str:
    """Return an id that nothing else has."""
    return f"{prefix}_{os.urandom(24).hex()}"


def new_response(*, model: str, echo: Mapping[str, Any]) -> dict[str, Any]:
    """Build a Response that has only begun.

    Args:
        model: The model's name to clients.
        echo: The members that repeat the request.
    """
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": None,
        "service_tier": "default",
        "store": False,
        "truncation": "disabled",
        "usage": None,
        **echo,
    }


def message(item_id: str, parts: list[dict[str, Any]], status: Status) -> dict[str, Any]:
    """Build the item of a message."""
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": parts}


def text_part(text: str, logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
    """Build the part of a message that is its text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": token_logprobs(logprobs)}


def reasoning(item_id: str, parts: list[dict[str, Any]], status: Status) -> dict[str, Any]:
    """Build the item of a model's reasoning, as OpenAI's models of open weights have it: whole, without a summary."""
    return {"id": item_id, "type": "reasoning", "summary": [], "content": parts, "status": status}


def reasoning_part(text: str) -> dict[str, Any]:
    """Build the part of a reasoning that is its text."""
    return {"type": "reasoning_text", "text": text}


def function_call(item_id: str, call_id: str, name: str, arguments: str, status: Status) -> dict[str, Any]:
    """Build the item of a call."""
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def token_logprobs(tokens: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """Build the log probabilities of a text."""
    shown = chat_logprobs(tokens)
    return [] if shown is None else list(shown["content"])


def usage_members(usage: Usage) -> dict[str, Any] | None:
    """Build OpenAI's ResponseUsage; None unless both counts are known. It must have the details: 0 where unknown."""
    numbers = usage_numbers(usage)
    if numbers is None:
        return None
    return {
        "input_tokens": numbers["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0, "cache_write_tokens": 0},
        "output_tokens": numbers["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": numbers["total_tokens"],
    }


def error_code(error: Mapping[str, Any]) -> str:
    """Return OpenAI's code of a response that failed; there are few of them.

    Args:
        error: The members of OpenAI's error.
    """
    codes = {"rate_limit_error": "rate_limit_exceeded", "invalid_request_error": "invalid_prompt"}
    return codes.get(error["type"], "server_error")


def no_such_response(path: str) -> ApiError:
    """Return the error of a request for an earlier response.

    Args:
        path: The request's path, below that of responses.
    """
    name = path.split("/")[3][:60].encode("ascii", "backslashreplace").decode("ascii")
    return ApiError(
        f"there is no response {name!r}: nothing is stored here (a response says store: false), so that it cannot be "
        "read, listed, cancelled or deleted later; keep it yourself, and send its output in the next input",
        status=404,
        type="not_found_error",
        code="response_not_found",
    )
