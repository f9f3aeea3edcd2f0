"""Check and read OpenAI's `messages` and `prompt`."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show, unicode_problems
from invoke_shim.formats.turns import SYSTEM_ROLES
from invoke_shim.generation.messages import Message

ROLES = (*SYSTEM_ROLES, "user", "assistant")

EMPTY_FIELDS = ("refusal", "tool_calls", "function_call", "audio", "annotations")
"""Fields of an assistant's message that a client sends back with the answer; only without a value."""

MESSAGE_FIELDS = ("role", "content", "name", *EMPTY_FIELDS)
"""`name` has no place in any of the formats and is dropped, as OpenAI's own models may do."""


def read_messages(value: Any) -> tuple[list[Message], list[Problem]]:
    """Read the `messages` of a chat request.

    Args:
        value: The request's field, of any JSON type.

    Returns:
        The messages, whole only if there are no problems; and the problems. Roles are not judged here.
    """
    if not isinstance(value, list) or not value:
        return [], [Problem("messages", f"messages is {show(value)}, expected a list of at least one message")]
    messages = []
    problems: list[Problem] = []
    for position, item in enumerate(value):
        if len(problems) >= ENOUGH_PROBLEMS:
            break
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


def role_problems(messages: Sequence[Message]) -> list[Problem]:
    """List the roles that no model has; for chats whose prompt the model's side writes, which judges their order."""
    problems = (
        Problem(
            f"messages[{position}].role",
            f"messages[{position}] has role {show(message.role)}, allowed there: {', '.join(ROLES)}",
        )
        for position, message in enumerate(messages)
        if message.role not in ROLES
    )
    return list(islice(problems, ENOUGH_PROBLEMS))


def read_prompts(value: Any) -> tuple[list[str], list[Problem]]:
    """Read the `prompt` of a completion request: a string, or a list of several.

    Returns:
        The prompts, whole only if there are no problems; and the problems.
    """
    prompts = value if isinstance(value, list) else [value]
    if not prompts:
        return [], [Problem("prompt", "prompt is an empty list, expected at least one prompt")]
    if any(isinstance(prompt, int | list) for prompt in prompts):
        text = "prompt holds token ids, expected text: a non-empty string, or a list of them"
        return [], [Problem("prompt", text)]
    problems: list[Problem] = []
    for position, prompt in enumerate(prompts):
        if len(problems) >= ENOUGH_PROBLEMS:
            break
        where = f"prompt[{position}]" if isinstance(value, list) else "prompt"
        if not isinstance(prompt, str) or not prompt:
            problems.append(Problem(where, f"{where} is {show(prompt)}, expected a non-empty string"))
        else:
            problems += unicode_problems(where, prompt)
    return prompts, problems


def _field_problems(item: dict[str, Any], where: str) -> list[Problem]:
    problems: list[Problem] = []
    for name, value in item.items():
        if len(problems) >= ENOUGH_PROBLEMS:
            break
        if name not in MESSAGE_FIELDS:
            problems.append(Problem(where, f"{where} has an unknown field {show(name)}"))
        elif name in EMPTY_FIELDS and value not in (None, []):
            problems.append(Problem(f"{where}.{name}", f"{where}.{name} is not supported by this model"))
    return problems


def _read_content(value: Any, where: str, problems: list[Problem]) -> str:
    """Read the text of a message; text parts are joined by line breaks."""
    parts = [value]
    if isinstance(value, list) and value:
        parts = []
        for position, part in enumerate(value):
            if len(problems) >= ENOUGH_PROBLEMS:
                break
            parts.append(_read_part(part, f"{where}[{position}]", problems))
    elif not isinstance(value, str):
        problems.append(Problem(where, f"{where} is {show(value)}, expected a string or a list of text parts"))
        return ""
    text = "\n".join(parts)
    problems += unicode_problems(where, text)
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
