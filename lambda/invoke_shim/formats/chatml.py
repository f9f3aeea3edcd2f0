"""ChatML, the format of Snowflake Arctic Instruct, and of many models that others have tuned, Qwen 2.5 among them.

Sources: AWS's announcement of Arctic on JumpStart (the form of a turn); Arctic's own template, a plain loop over the
messages (a copy is in optimum-habana's `tokenization_arctic.py`); for tools, of which Arctic has no notion, the
template of Qwen 2.5, whose forms Hermes 2 Pro has, too.

The announcement asks for user and assistant in turn, and strips the texts. `chatml-announced` does both.

Arctic's tokenizer is Llama's, so `<s>` and `</s>` are tokens of it, too.
"""

from collections.abc import Sequence

from invoke_shim.formats.base import PromptFormat
from invoke_shim.formats.neutral import Borders
from invoke_shim.generation.messages import Message


def _write(messages: Sequence[Message]) -> str:
    written: list[str] = []
    last = ""
    for message in messages:
        if message.role == "tool":
            # The results of one step stand in one turn of the user's.
            if last == "tool":
                written.pop()
            else:
                written.append("<|im_start|>user")
            written.append(f"\n<tool_response>\n{message.content}\n</tool_response>")
        else:
            written.append(f"<|im_start|>{message.role}")
            if message.content or not message.tool_calls:
                written.append(f"\n{message.content}")
            written += [
                f'\n<tool_call>\n{{"name": "{call.name}", "arguments": {call.arguments}}}\n</tool_call>'
                for call in message.tool_calls
            ]
        written.append("<|im_end|>\n")
        last = message.role
    return "".join(written) + "<|im_start|>assistant\n"


def _write_announced(messages: Sequence[Message]) -> str:
    return _write([message._replace(content=message.content.strip()) for message in messages])


CHATML = PromptFormat(
    name="chatml",
    write=_write,
    end_of_turn="<|im_end|>",
    stop=("<|im_end|>",),
    borders=Borders(
        tokens=(
            *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "</s>", "<unk>"),
            *("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"),
        )
    ),
    system="anywhere",
    alternates=False,
    tools=True,
)

CHATML_ANNOUNCED = CHATML._replace(
    name="chatml-announced", write=_write_announced, system="first", alternates=True, tools=False
)
"""ChatML to the letter of the announcement of Arctic."""

FORMATS = {known.name: known for known in (CHATML, CHATML_ANNOUNCED)}
