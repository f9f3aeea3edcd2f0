"""Chats and tools that the tests of all dialects send."""

from __future__ import annotations

from typing import Any

# A picture of one pixel.
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather of a city",
        "parameters": {
            "type": "object",
            # Text with all that JSON escapes.
            "properties": {"city": {"type": "string"}, "note": {"enum": ['say "hi"\n']}},
            "required": ["city"],
        },
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "description": "Tell the hour", "parameters": {}}}
ARGUMENTS = {"city": "stand-in", "note": 'say "hi"\n'}


def user(text: Any) -> dict[str, Any]:
    """Return a user's message."""
    return {"role": "user", "content": text}


RAIN = user("What is the weather in Paris?")
HELLO = user("Hello there")


def called(call_id: str, arguments: Any) -> dict[str, Any]:
    """Return an assistant's message that called a tool."""
    function = {"name": "get_weather", "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }


def told(call_id: str, text: str) -> dict[str, Any]:
    """Return a tool's message."""
    return {"role": "tool", "tool_call_id": call_id, "content": text}
