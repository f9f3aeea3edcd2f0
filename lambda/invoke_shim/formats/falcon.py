r"""The two formats of TII's Falcon models.

Falcon writes a chat as plain lines, `User: ...`, so a line of a message that starts with `User:` would open
a turn; only there, after a line break, is it refused. "User:" anywhere else is ordinary text.

Sources: AWS's announcement of Falcon 180B on JumpStart (the chat format and its stop strings
`["\nUser:", "<|endoftext|>", " User:", "###"]`); vLLM's `examples/template_falcon_180b.jinja` and
`template_falcon.jinja`. The instruct models were trained without a system role: their system text goes first,
as a line without a name.

One stop string is narrower than the announcement's: "###" ended every answer at its first Markdown heading, silently.
What it is there for is a model that goes on to another turn in the style of its training data (a line of "###", or
"### Instruction:"), so those end the answer, and "### Step 1" does not. A client that wants the announcement's stop
sends `"stop": ["###"]`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from invoke_shim.formats.base import SYSTEM_ROLES, PromptFormat
from invoke_shim.generation.messages import Message

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
    # TGI takes four stop strings, the client's first, and the shim cuts at the others. The end token is the last:
    # every container ends there by itself.
    stop=(
        "\nUser:",
        " User:",
        "\n###\n",
        "\n### User:",
        "\n### Human:",
        "\n### Instruction:",
        "<|endoftext|>",
    ),
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
    own_lines=frozenset(SYSTEM_ROLES),
)
