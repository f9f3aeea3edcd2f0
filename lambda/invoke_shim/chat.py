"""OpenAI's `messages` and `prompt`, checked and read."""

from typing import Any

from invoke_shim.errors import Problem, show
from invoke_shim.formats import Message

EMPTY_FIELDS = ("refusal", "tool_calls", "function_call", "audio", "annotations")
"""Fields of an assistant's message that a client sends back with the answer; only without a value."""

MESSAGE_FIELDS = ("role", "content", "name", *EMPTY_FIELDS)
"""`name` has no place in any of the formats and is dropped, as OpenAI's own models may do."""


def read_messages(value: Any) -> tuple[list[Message], list[Problem]]:
    """Read the `messages` of a chat request.

    Args:
        value: the request's field, of any JSON type.

    Returns:
        The messages, whole only if there are no problems; and the problems. Roles are not judged here.
    """
    if not isinstance(value, list) or not value:
        return [], [Problem("messages", f"messages is {show(value)}, expected a list of at least one message")]
    messages = []
    problems: list[Problem] = []
    for position, item in enumerate(value):
        where = f"messages[{position}]"
        if not isinstance(item, dict):
            problems.append(Problem(where, f"{where} is {show(item)}, expected an object with role and content"))
            continue
        problems += _field_problems(item, where)
        role = item.get("role")
        if not isinstance(role, str):
            problems.append(Problem(f"{where}.role", f"{where}.role is {show(role)}, expected a string"))
            continue
        messages.append(Message(role, _read_content(item.get("content"), f"{where}.content", problems)))
    return messages, problems


def read_prompt(value: Any) -> tuple[str, list[Problem]]:
    """Read the `prompt` of a completion request: a string, or a list of one.

    Returns:
        The prompt, empty if it has problems; and the problems.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str) or not value:
        return "", [Problem("prompt", f"prompt is {show(value)}, expected a non-empty string, or a list of one")]
    return value, unicode_problems(value, "prompt")


def unicode_problems(text: str, where: str) -> list[Problem]:
    r"""JSON can spell half a character (`"\ud800"`); no container takes that."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return [Problem(where, f"{where} holds a lone surrogate, which is not Unicode text")]
    return []


def _field_problems(item: dict[str, Any], where: str) -> list[Problem]:
    problems = []
    for name, value in item.items():
        if name not in MESSAGE_FIELDS:
            problems.append(Problem(where, f"{where} has an unknown field {show(name)}"))
        elif name in EMPTY_FIELDS and value not in (None, []):
            problems.append(Problem(f"{where}.{name}", f"{where}.{name} is not supported by this model"))
    return problems


def _read_content(value: Any, where: str, problems: list[Problem]) -> str:
    """The text of a message; text parts are joined by line breaks."""
    parts = [value]
    if isinstance(value, list) and value:
        parts = [_read_part(part, f"{where}[{position}]", problems) for position, part in enumerate(value)]
    elif not isinstance(value, str):
        problems.append(Problem(where, f"{where} is {show(value)}, expected a string or a list of text parts"))
        return ""
    text = "\n".join(parts)
    problems += unicode_problems(text, where)
    return text


def _read_part(part: Any, where: str, problems: list[Problem]) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind != "text":
        found = show(part) if kind is None else f"of type {show(kind)}"
        problems.append(Problem(where, f"{where} is {found}, this model takes only parts of type 'text'"))
        return ""
    text = part.get("text")
    if not isinstance(text, str):
        problems.append(Problem(f"{where}.text", f"{where}.text is {show(text)}, expected a string"))
        return ""
    return text
