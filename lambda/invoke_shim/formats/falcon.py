r"""The two formats of TII's Falcon models.

Falcon writes a chat as plain lines, `User: ...`, so a line of a message that starts with `User:` would open
a turn; only there, after a line break, is it changed. "User:" anywhere else is ordinary text.

Sources: AWS's announcement of Falcon 180B on JumpStart (the chat format and its stop strings
`["\nUser:", "<|endoftext|>", " User:", "###"]`); vLLM's `examples/template_falcon_180b.jinja` and
`template_falcon.jinja`, of which the former takes system messages anywhere. The instruct models were trained without a
system role: their system text goes first, as a line without a name. The tokens are those of the models' tokenizer.

One stop string is narrower than the announcement's: "###" ended every answer at its first Markdown heading, silently.
What it is there for is a model that goes on to another turn in the style of its training data (a line of "###", or
"### Instruction:"), so those end the answer, and "### Step 1" does not. A client that wants the announcement's stop
sends `"stop": ["###"]`; `falcon-chat-announced` has all of them, and the space that the announcement's payload has
after the last "Falcon:", although its other prompts have none: models begin an answer with a space of their own.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from invoke_shim.formats.base import PromptFormat
from invoke_shim.formats.neutral import Borders
from invoke_shim.generation.messages import Message

CHAT_NAMES = MappingProxyType({"system": "System: ", "user": "User: ", "assistant": "Falcon: "})
INSTRUCT_NAMES = MappingProxyType({"user": "User: ", "assistant": "Assistant: "})

_TOKENS = (
    *("<|endoftext|>", ">>TITLE<<", ">>ABSTRACT<<", ">>INTRODUCTION<<", ">>SUMMARY<<", ">>COMMENT<<", ">>ANSWER<<"),
    *(">>QUESTION<<", ">>DOMAIN<<", ">>PREFIX<<", ">>SUFFIX<<", ">>MIDDLE<<"),
)


def _write_chat(messages: Sequence[Message]) -> str:
    return _lines(messages, CHAT_NAMES) + "\nFalcon:"


def _write_announced(messages: Sequence[Message]) -> str:
    return _write_chat(messages) + " "


def _write_instruct(messages: Sequence[Message]) -> str:
    return _lines(messages, INSTRUCT_NAMES) + "\nAssistant:"


def _lines(messages: Sequence[Message], names: Mapping[str, str]) -> str:
    return "\n".join(names.get(message.role, "") + message.content for message in messages)


FALCON_CHAT = PromptFormat(
    name="falcon-chat",
    write=_write_chat,
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
    borders=Borders(tokens=_TOKENS, names=("System", "User", "Falcon")),
    system="anywhere",
    alternates=False,
)

FALCON_CHAT_ANNOUNCED = FALCON_CHAT._replace(
    name="falcon-chat-announced", write=_write_announced, stop=("\nUser:", "<|endoftext|>", " User:", "###")
)
"""Falcon's chat format to the letter of the announcement."""

FALCON_INSTRUCT = PromptFormat(
    name="falcon-instruct",
    write=_write_instruct,
    end_of_turn="<|endoftext|>",
    stop=("\nUser:", "<|endoftext|>"),
    borders=Borders(tokens=_TOKENS, names=("User", "Assistant")),
    system="first",
    alternates=False,
    own_lines=frozenset({"system"}),
)

FORMATS = {known.name: known for known in (FALCON_CHAT, FALCON_CHAT_ANNOUNCED, FALCON_INSTRUCT)}
