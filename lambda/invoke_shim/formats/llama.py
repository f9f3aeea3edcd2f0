"""The formats of Meta's Llama 3 instruct models.

Sources: Meta's page "Model Cards & Prompt formats, Llama 3" (the special tokens); the chat templates in the models'
`tokenizer_config.json`, plain loops over the messages, whatever their order, which strip the white space around each.

The template of 3.1 and later has forms for tools: a call is JSON with `name` and `parameters` in the assistant's turn,
a result a turn of `ipython`, as a JSON string. It refuses more than one call a turn and drops the text beside a call;
here several calls stand in one turn, "; " between them, as vLLM's parser for these models reads them, after the text.
3 knows no tools: its calls and results are written as text.

The template of 3.1 and later always writes a system header with two dates, whether there is a system message or not.
The templates of 3.1 and 3.3 have "26 Jul 2024" for today unless the caller says otherwise; 3.2's asks the clock where
the renderer has one, and falls back to the same date. A prompt that changes overnight can be neither tested nor cached,
so it is that date here: whoever wants today's says it in the system message. Without tools the three are the same.

The templates begin with `<|begin_of_text|>`, and so do AWS's example payloads for these models in JumpStart; a
container whose tokenizer puts that token in front by itself sees it twice.
"""

import json
from collections.abc import Sequence

from invoke_shim.formats.base import PromptFormat
from invoke_shim.formats.neutral import Borders
from invoke_shim.generation.messages import Message

KNOWLEDGE_DATE = "December 2023"
TODAY_DATE = "26 Jul 2024"
"""The published templates' own dates."""

_BORDERS = Borders(
    tokens=(
        *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        *("<|eom_id|>", "<|python_tag|>", "<|finetune_right_pad_id|>", "<|step_id|>", "<|image|>"),
    ),
    # Some 250 tokens that are kept for later.
    families=(r"<\|reserved_special_token_\d+\|>",),
)
_STOP = ("<|eot_id|>", "<|end_of_text|>", "<|eom_id|>")


def _turn(role: str, text: str) -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"


def _write(messages: Sequence[Message]) -> str:
    turns = (_turn(message.role, message.content.strip()) for message in messages)
    return "<|begin_of_text|>" + "".join(turns) + "<|start_header_id|>assistant<|end_header_id|>\n\n"


def _write_dated(messages: Sequence[Message]) -> str:
    dates = f"Cutting Knowledge Date: {KNOWLEDGE_DATE}\nToday Date: {TODAY_DATE}\n\n"
    system = ""
    if messages[0].role == "system":
        system, messages = messages[0].content.strip(), messages[1:]
    turns = (_tool_turn(message) for message in messages)
    return (
        "<|begin_of_text|>"
        + _turn("system", dates + system)
        + "".join(turns)
        + "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def _tool_turn(message: Message) -> str:
    if message.role == "tool":
        return _turn("ipython", json.dumps(message.content, ensure_ascii=False))
    text = message.content.strip()
    if message.tool_calls:
        calls = "; ".join(f'{{"name": "{call.name}", "parameters": {call.arguments}}}' for call in message.tool_calls)
        text = f"{text}\n\n{calls}" if text else calls
    return _turn(message.role, text)


LLAMA_3_INSTRUCT = PromptFormat(
    name="llama-3-instruct",
    write=_write,
    end_of_turn="<|eot_id|>",
    stop=_STOP,
    borders=_BORDERS,
    system="anywhere",
    alternates=False,
)
"""Llama 3 8B and 70B instruct."""

LLAMA_3_1_INSTRUCT = PromptFormat(
    name="llama-3.1-instruct",
    write=_write_dated,
    end_of_turn="<|eot_id|>",
    stop=_STOP,
    borders=_BORDERS,
    system="anywhere",
    alternates=False,
    tools=True,
)
"""Llama 3.1, 3.2 and 3.3 instruct, text only."""

FORMATS = {known.name: known for known in (LLAMA_3_INSTRUCT, LLAMA_3_1_INSTRUCT)}
