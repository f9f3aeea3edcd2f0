"""The formats of Mistral AI's instruct models.

Sources: the chat templates in the models' `tokenizer_config.json` (v0.1 and Mixtral as kept in TGI's
`chat_template.rs`, v0.3 as kept in several public projects) and AWS's announcement of Mistral 7B on JumpStart. They
differ in spaces, which are tokens:

| format | a user's turn | an assistant's turn |
|---|---|---|
| v0.1 | `[INST] text [/INST]` | `text</s> ` with a space after it |
| Mixtral 8x7B, Mistral 7B v0.2 | `[INST] text [/INST]` | `text</s>` |
| v0.3 | `[INST] text[/INST]` | ` text</s>`, stripped, with a space before it |

v0.3's template writes a system message in front of the last user's text. The others know none, and refuse it; here it
goes in front of the first user's text, as Mistral AI's own advice has it.

v0.3 has forms for tools, too: `[TOOL_CALLS]` with a list of calls, `[TOOL_RESULTS]` with a result, whose ids have nine
letters or digits. The others' calls and results are written as text.

All start with `<s>`, and so does every prompt of the announcement, although TGI's tokenizer puts that token in front of
`inputs` by itself: the sources are followed to the letter. The announcement writes several turns with other spaces
than v0.1's template, and a `<s>` before each question; the template is followed, which the model was trained on, and
`mistral-instruct-announced` writes the announcement's.

`<s>` and `</s>` are control tokens to all of them, `[INST]` and the like only to v0.3, plain text to the others.
"""

from collections.abc import Sequence

from invoke_shim.formats.base import PromptFormat
from invoke_shim.formats.neutral import Borders
from invoke_shim.generation.messages import Message

_ID_LENGTH = 9
"""Letters and digits of a call's id in v0.3's template."""


def _write(messages: Sequence[Message]) -> str:
    return _write_turns(messages, answer_end="</s> ")


def _write_mixtral(messages: Sequence[Message]) -> str:
    return _write_turns(messages, answer_end="</s>")


def _write_turns(messages: Sequence[Message], *, answer_end: str) -> str:
    turns = [
        f"[INST] {message.content} [/INST]" if message.role == "user" else message.content + answer_end
        for message in messages
    ]
    return "<s>" + "".join(turns)


def _write_announced(messages: Sequence[Message]) -> str:
    turns = [
        f"<s>[INST] {message.content} [/INST]" if message.role == "user" else f" {message.content} </s>"
        for message in messages
    ]
    return "".join(turns)


def _write_v0_3(messages: Sequence[Message]) -> str:
    system = ""
    if messages[0].role == "system":
        system, messages = f"{messages[0].content}\n\n", messages[1:]
    last_user = max((place for place, message in enumerate(messages) if message.role == "user"), default=None)
    turns = [_v0_3_turn(message, system if place == last_user else "") for place, message in enumerate(messages)]
    return "<s>" + "".join(turns)


def _v0_3_turn(message: Message, system: str) -> str:
    if message.role == "user":
        return f"[INST] {system}{message.content}[/INST]"
    if message.role == "tool":
        call_id = _v0_3_id(message.tool_call_id or "")
        return f'[TOOL_RESULTS] {{"content": {message.content}, "call_id": "{call_id}"}}[/TOOL_RESULTS]'
    text = message.content.strip()
    if not message.tool_calls:
        return f" {text}</s>"
    calls = ", ".join(
        f'{{"name": "{call.name}", "arguments": {call.arguments}, "id": "{_v0_3_id(call.id)}"}}'
        for call in message.tool_calls
    )
    return (f" {text}" if text else "") + f"[TOOL_CALLS] [{calls}]</s>"


def _v0_3_id(call_id: str) -> str:
    """Return an id of the form that the template asks for: the end of another's, as vLLM takes it."""
    letters = "".join(sign for sign in call_id if sign.isascii() and sign.isalnum())
    return letters[-_ID_LENGTH:].rjust(_ID_LENGTH, "0")


MISTRAL_INSTRUCT = PromptFormat(
    name="mistral-instruct",
    write=_write,
    end_of_turn="</s>",
    # No stop strings: the model ends at its end token, and "</s>" in an answer may be a piece of HTML.
    stop=(),
    borders=Borders(tokens=("<s>", "</s>", "<unk>", "[INST]", "[/INST]")),
    system="none",
    alternates=True,
)
"""Mistral 7B Instruct v0.1."""

MISTRAL_INSTRUCT_ANNOUNCED = MISTRAL_INSTRUCT._replace(name="mistral-instruct-announced", write=_write_announced)
"""Mistral 7B Instruct v0.1 to the letter of the announcement."""

MIXTRAL_INSTRUCT = PromptFormat(
    name="mixtral-instruct",
    write=_write_mixtral,
    end_of_turn="</s>",
    stop=(),
    borders=Borders(tokens=("<s>", "</s>", "<unk>", "[INST]", "[/INST]")),
    system="none",
    alternates=True,
)
"""Mixtral 8x7B Instruct v0.1, and Mistral 7B Instruct v0.2."""

MISTRAL_INSTRUCT_V0_3 = PromptFormat(
    name="mistral-instruct-v0.3",
    write=_write_v0_3,
    end_of_turn="</s>",
    stop=(),
    borders=Borders(
        tokens=(
            *("<s>", "</s>", "<unk>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
            *("[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
        ),
        # Some 760 tokens that are kept for later.
        families=(r"\[control_\d+\]",),
    ),
    system="first",
    alternates=True,
    tools=True,
)
"""Mistral 7B Instruct v0.3."""

FORMATS = {
    known.name: known
    for known in (MISTRAL_INSTRUCT, MISTRAL_INSTRUCT_ANNOUNCED, MISTRAL_INSTRUCT_V0_3, MIXTRAL_INSTRUCT)
}
