"""The formats of Mistral AI's instruct models.

Sources: the chat templates in the models' `tokenizer_config.json` (v0.1 and Mixtral as kept in TGI's
`chat_template.rs`, v0.3 as kept in several public projects) and AWS's announcement of Mistral 7B on JumpStart. They
differ in spaces, which are tokens:

| format | a user's turn | an assistant's turn |
|---|---|---|
| v0.1 | `[INST] text [/INST]` | `text</s> ` with a space after it |
| Mixtral 8x7B, Mistral 7B v0.2 | `[INST] text [/INST]` | `text</s>` |
| v0.3 | `[INST] text[/INST]` | ` text</s>`, stripped, with a space before it |

v0.3 knows a system message, and writes it in front of the last user's text; the others have no place for one.

All start with `<s>`, and so does every prompt of the announcement, although TGI's tokenizer puts that token in front of
`inputs` by itself: the sources are followed to the letter. The announcement writes several turns with other spaces
than v0.1's template; there the template is followed.

`<s>` and `</s>` are control tokens to all of them, `[INST]` and the like only to v0.3, plain text to the others.
"""

from collections.abc import Sequence

from invoke_shim.formats.base import SYSTEM_ROLES, PromptFormat
from invoke_shim.generation.messages import Message


def _render(messages: Sequence[Message]) -> str:
    return _write(messages, answer_end="</s> ")


def _render_mixtral(messages: Sequence[Message]) -> str:
    return _write(messages, answer_end="</s>")


def _write(messages: Sequence[Message], *, answer_end: str) -> str:
    turns = [
        f"[INST] {message.content} [/INST]" if message.role == "user" else message.content + answer_end
        for message in messages
    ]
    return "<s>" + "".join(turns)


def _render_v0_3(messages: Sequence[Message]) -> str:
    system = f"{messages[0].content}\n\n" if messages[0].role in SYSTEM_ROLES else ""
    *turns, last = messages[1:] if system else messages
    written = [
        f"[INST] {message.content}[/INST]" if message.role == "user" else f" {message.content.strip()}</s>"
        for message in turns
    ]
    return "<s>" + "".join(written) + f"[INST] {system}{last.content}[/INST]"


MISTRAL_INSTRUCT = PromptFormat(
    name="mistral-instruct",
    render=_render,
    end_of_turn="</s>",
    # No stop strings: the model ends at its end token, and "</s>" in an answer may be a piece of HTML.
    stop=(),
    special_tokens=("<s>", "</s>"),
    turn_markers=("[INST]", "[/INST]"),
    takes_system=False,
    alternates=True,
)
"""Mistral 7B Instruct v0.1."""

MIXTRAL_INSTRUCT = PromptFormat(
    name="mixtral-instruct",
    render=_render_mixtral,
    end_of_turn="</s>",
    stop=(),
    special_tokens=("<s>", "</s>"),
    turn_markers=("[INST]", "[/INST]"),
    takes_system=False,
    alternates=True,
)
"""Mixtral 8x7B Instruct v0.1, and Mistral 7B Instruct v0.2."""

MISTRAL_INSTRUCT_V0_3 = PromptFormat(
    name="mistral-instruct-v0.3",
    render=_render_v0_3,
    end_of_turn="</s>",
    stop=(),
    special_tokens=(
        "<s>",
        "</s>",
        "[INST]",
        "[/INST]",
        "[AVAILABLE_TOOLS]",
        "[/AVAILABLE_TOOLS]",
        "[TOOL_CALLS]",
        "[TOOL_RESULTS]",
        "[/TOOL_RESULTS]",
    ),
    turn_markers=(),
    takes_system=True,
    alternates=True,
)
"""Mistral 7B Instruct v0.3."""
