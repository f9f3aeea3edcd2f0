r"""The format of IBM's Granite Code instruct models, 3B to 34B.

Source: the chat template in the models' `tokenizer_config.json`: paragraphs under a line with the speaker's name,
`System:`, `Question:`, `Answer:`. The template takes roles in any order; here a system message goes first only.

A message stands on lines of its own, so a line of it that is nothing but `Question:` would open a turn, also the first
one or the last; only such a line is refused. "Question: why?" is ordinary text, and does not end an answer.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from invoke_shim.formats.base import SYSTEM_ROLES, PromptFormat
from invoke_shim.generation.messages import Message

NAMES: Mapping[str, str] = MappingProxyType(
    {**dict.fromkeys(SYSTEM_ROLES, "System"), "user": "Question", "assistant": "Answer"}
)


def _render(messages: Sequence[Message]) -> str:
    return "".join(f"{NAMES[message.role]}:\n{message.content}\n\n" for message in messages) + "Answer:\n"


GRANITE_CODE = PromptFormat(
    name="granite-code",
    render=_render,
    end_of_turn="<|endoftext|>",
    stop=("\nQuestion:\n", "<|endoftext|>"),
    special_tokens=("<|endoftext|>",),
    turn_markers=("\nSystem:\n", "\nQuestion:\n", "\nAnswer:\n"),
    takes_system=True,
    alternates=False,
    own_lines=frozenset(NAMES),
)
