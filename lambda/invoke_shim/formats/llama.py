"""The formats of Meta's Llama 3 instruct models.

Sources: Meta's page "Model Cards & Prompt formats, Llama 3" (the special tokens; one optional system message first,
then user and assistant in turn, the user last, then the assistant's header); the chat templates in the models'
`tokenizer_config.json`, which strip the white space around every message.

The template of 3.1 and later always writes a system header with two dates, whether there is a system message or not.
The templates of 3.1 and 3.3 have "26 Jul 2024" for today unless the caller says otherwise; 3.2's asks the clock where
the renderer has one, and falls back to the same date. A prompt that changes overnight can be neither tested nor cached,
so it is that date here: whoever wants today's says it in the system message. Without tools the three are the same.

The templates begin with `<|begin_of_text|>`, and so do AWS's example payloads for these models in JumpStart; a
container whose tokenizer puts that token in front by itself sees it twice.
"""

from collections.abc import Sequence

from invoke_shim.formats.base import SYSTEM_ROLES, PromptFormat
from invoke_shim.generation.messages import Message

KNOWLEDGE_DATE = "December 2023"
TODAY_DATE = "26 Jul 2024"
"""The published templates' own dates."""

# The last is the beginning of some 250 tokens that are kept for later.
_SPECIAL_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|python_tag|>",
    "<|finetune_right_pad_id|>",
    "<|reserved_special_token_",
)
_STOP = ("<|eot_id|>", "<|end_of_text|>", "<|eom_id|>")


def _turn(role: str, text: str) -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"


def _write(system: str | None, messages: Sequence[Message]) -> str:
    turns = [] if system is None else [_turn("system", system)]
    turns += [_turn(message.role, message.content.strip()) for message in messages]
    return "<|begin_of_text|>" + "".join(turns) + "<|start_header_id|>assistant<|end_header_id|>\n\n"


def _split(messages: Sequence[Message]) -> tuple[str | None, Sequence[Message]]:
    if messages[0].role in SYSTEM_ROLES:
        return messages[0].content.strip(), messages[1:]
    return None, messages


def _render(messages: Sequence[Message]) -> str:
    return _write(*_split(messages))


def _render_dated(messages: Sequence[Message]) -> str:
    system, rest = _split(messages)
    dates = f"Cutting Knowledge Date: {KNOWLEDGE_DATE}\nToday Date: {TODAY_DATE}\n\n"
    return _write(dates + (system or ""), rest)


LLAMA_3_INSTRUCT = PromptFormat(
    name="llama-3-instruct",
    render=_render,
    end_of_turn="<|eot_id|>",
    stop=_STOP,
    special_tokens=_SPECIAL_TOKENS,
    turn_markers=(),
    takes_system=True,
    alternates=True,
)
"""Llama 3 8B and 70B instruct."""

LLAMA_3_1_INSTRUCT = PromptFormat(
    name="llama-3.1-instruct",
    render=_render_dated,
    end_of_turn="<|eot_id|>",
    stop=_STOP,
    special_tokens=_SPECIAL_TOKENS,
    turn_markers=(),
    takes_system=True,
    alternates=True,
)
"""Llama 3.1, 3.2 and 3.3 instruct, text only."""
