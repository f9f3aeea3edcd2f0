"""Write an assistant's message in OpenAI's form, whole and in deltas: its text, its reasoning, its calls of tools."""

from typing import Any

from invoke_shim.generation.types import Completion, FinishReason, ToolCallPiece


def message(completion: Completion, *, legacy: bool) -> dict[str, Any]:
    """Build the message of a whole answer.

    Args:
        completion: The answer, whose calls have ids.
        legacy: Whether a call goes as OpenAI's older `function_call`.
    """
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in completion.tool_calls
    ]
    content = None if calls and not completion.text else completion.text
    built: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if completion.reasoning:
        built |= reasoning_members(completion.reasoning)
    if calls and legacy:
        built["function_call"] = calls[0]["function"]
    elif calls:
        built["tool_calls"] = calls
    return built


def reasoning_members(text: str) -> dict[str, str]:
    """Build the members that hold reasoning: by the name that most clients know, and by vLLM's newer one."""
    return {"reasoning_content": text, "reasoning": text}


def call_delta(piece: ToolCallPiece, *, legacy: bool) -> dict[str, Any] | None:
    """Build the delta of a piece of a call; None where the older form has no place for it.

    Args:
        piece: The piece; the first one of its call has id and name.
        legacy: Whether it goes as OpenAI's older `function_call`, of which an answer has one.
    """
    function: dict[str, Any] = {"arguments": piece.arguments}
    if piece.name is not None:
        function = {"name": piece.name, **function}
    if legacy:
        return {"function_call": function} if piece.position == 0 else None
    call: dict[str, Any] = {"index": piece.position, "function": function}
    if piece.id is not None:
        call = {"index": piece.position, "id": piece.id, "type": "function", "function": function}
    return {"tool_calls": [call]}


def finish_reason(reason: FinishReason, *, legacy: bool) -> str:
    """Return OpenAI's name of a finish reason."""
    return "function_call" if legacy and reason == "tool_calls" else reason
