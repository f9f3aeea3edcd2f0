r"""The two formats of TII's Falcon models.

Falcon writes a chat as plain lines, `User: ...`, so a line of a message that starts with `User:` would open
a turn; only there, after a line break, is it refused. "User:" anywhere else is ordinary text.

Sources: AWS's announcement of Falcon 180B on JumpStart (the chat format and its stop strings
`["\nUser:", "<|endoftext|>", " User:", "###"]`); vLLM's `examples/template_falcon_180b.jinja` and
`template_falcon.jinja`. The instruct models were trained without a system role: their system text goes first,
as a line without a name.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from invoke_shim.formats.base import Message, PromptFormat

CHAT_NAMES = MappingProxyType(
    {"system": "System: ", "developer": "System: ", "user": "User: ", "assistant": "Falcon: "}
)
INSTRUCT_NAMES = MappingProxyType({"user": "User: ", "assistant": "Assistant: "})


def _render_chat(messages: Sequence[Message]) -> str:
    return _lines(messages, CHAT_NAMES) + "\nFalcon:"


def _render_instruct(messages: Sequence[Message]) -> str:
    return _lines(messages, INSTRUCT_NAMES) + "\nAssistant:"


def _lines(messages: Sequence[Message], names: Mapping[str, str]) -> str:
    return "\n".join(names.get(message.role, "") + message.content for message in messages)


FALCON_CHAT = PromptFormat(
    name="falcon-chat",
    render=_render_chat,
    end_of_turn="<|endoftext|>",
    # The end token last: TGI takes four stop strings, the client's first, and ends at this token anyway.
    stop=("\nUser:", " User:", "###", "<|endoftext|>"),
    special_tokens=("<|endoftext|>",),
    turn_markers=("\nSystem:", "\nUser:", "\nFalcon:"),
    takes_system=True,
    alternates=False,
)

FALCON_INSTRUCT = PromptFormat(
    name="falcon-instruct",
    render=_render_instruct,
    end_of_turn="<|endoftext|>",
    stop=("\nUser:", "<|endoftext|>"),
    special_tokens=("<|endoftext|>",),
    turn_markers=("\nUser:", "\nAssistant:"),
    takes_system=True,
    alternates=False,
)
