"""The format of Mistral 7B Instruct v0.1.

Source: the model's chat template (as kept in TGI's `chat_template.rs`) and AWS's announcement of Mistral 7B on
JumpStart. The template starts with `<s>`, and so does every prompt of the announcement, although TGI's
tokenizer puts that token in front of `inputs` by itself: the source is followed to the letter.

`[INST]` and `[/INST]` are plain text to this version's tokenizer, `<s>` and `</s>` are control tokens.
"""

from collections.abc import Sequence

from invoke_shim.formats.base import Message, PromptFormat


def _render(messages: Sequence[Message]) -> str:
    turns = [
        f"[INST] {message.content} [/INST]" if message.role == "user" else f"{message.content}</s> "
        for message in messages
    ]
    return "<s>" + "".join(turns)


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
