"""A model by its name, as far as the stand-in knows it: whether it has a chat template, and whether it takes pictures.

Names come from the environment (`HF_MODEL_ID` and the like) and from where the weights lie. A name that says nothing is
taken for a chat model whose template takes any chat and no pictures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from localaws.containers.chats import Chat

# Multimodal models by the names that their publishers gave them.
_SEES: Final = re.compile(
    r"vlm|vision|llava|idefics|paligemma|gemma-?3(?!-1b|-270m|n)|pixtral|qwen\d?(?:[.-]\d)?-vl|-vl-|internvl|smolvlm"
    r"|llama-?4|mistral-small-3\.[12]|minicpm-v|phi-(?:3\.5-vision|4-multimodal)"
)
# JumpStart's folders of text generation: of what lies there, only this has a chat template (`tokenizer_config.json`).
_GENERATES: Final = re.compile(r"(?:huggingface-(?:llm|textgeneration\d?)|meta-textgeneration)-")
_CHATS: Final = re.compile(
    r"instruct|chat|-it(?:-|/|$)|zephyr|starling|distill|guard|vlm|vision|phi-[34]|qwen|qwq|reason|hermes|dolphin|orca"
    r"|llama-2-\d+b-f\b"
)
# Templates that refuse a system message, and all but user and assistant in turn (`tokenizer_config.json` of Mistral 7B
# Instruct 0.1 and 0.2, of Mixtral 8x7B and of Gemma 1 and 2).
_MISTRAL: Final = re.compile(r"mistral-7b-instruct(?!-v?(?:0\.)?3)|mixtral-8x(?:7|22)b-instruct")
_GEMMA: Final = re.compile(r"gemma-(?:1\.1-)?(?:2-)?\d+b-(?:it|instruct)")


@dataclass(frozen=True, slots=True)
class Model:
    """A model.

    Attributes:
        name: All that is known of its name, in lower case.
    """

    name: str = ""

    @property
    def sees(self) -> bool:
        """True if it takes pictures."""
        return _SEES.search(self.name) is not None

    @property
    def has_template(self) -> bool:
        """True if its tokenizer has a chat template."""
        return _GENERATES.search(self.name) is None or _CHATS.search(self.name) is not None

    def template_problem(self, chat: Chat) -> str | None:
        """Return what the model's chat template raises for a chat, or None."""
        is_gemma = _GEMMA.search(self.name) is not None
        if not is_gemma and _MISTRAL.search(self.name) is None:
            return None
        if is_gemma and chat.turns and chat.turns[0].role == "system":
            return "System role not supported"
        for place, turn in enumerate(chat.turns):
            if turn.role != ("assistant" if place % 2 else "user"):
                return "Conversation roles must alternate user/assistant/user/assistant/..."
        return None
