"""ChatML, the format of Snowflake Arctic Instruct.

Source: AWS's announcement of Arctic on JumpStart (the template, the role order: a user first, then user and
assistant in turn, a system message before them, few-shot turns allowed). Arctic's tokenizer is Llama's, so
`<s>` and `</s>` are tokens of it, too.
"""

from collections.abc import Sequence

from invoke_shim.formats.base import SYSTEM_ROLES, PromptFormat
from invoke_shim.generation.messages import Message


def _render(messages: Sequence[Message]) -> str:
    turns = [
        f"<|im_start|>{'system' if message.role in SYSTEM_ROLES else message.role}\n{message.content}<|im_end|>\n"
        for message in messages
    ]
    return "".join(turns) + "<|im_start|>assistant\n"


CHATML = PromptFormat(
    name="chatml",
    render=_render,
    end_of_turn="<|im_end|>",
    stop=("<|im_end|>",),
    special_tokens=("<|im_start|>", "<|im_end|>", "<s>", "</s>"),
    turn_markers=(),
    takes_system=True,
    alternates=True,
)
