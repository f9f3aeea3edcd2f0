"""The arguments of a chat template that callers may set: flags and words, by the names that models publish.

vLLM and LMI give every member of `chat_template_kwargs` to the template's renderer, beside their own: `chat_template`
replaces the template by code of the caller's, `tokenize` blocks the server (CVE-2025-61620, CVE-2025-62426), and
`documents` and `tools` stand in the prompt unchecked. So the names that may be set are listed, not those that may not.
"""

import string
from types import MappingProxyType
from typing import Any

from invoke_shim.rules.checks import object_of

NAMES = (
    # Qwen3, GLM-4.5, Gemma 4 and others: vLLM documentation, "Reasoning outputs".
    "enable_thinking",
    # IBM Granite 3.2, DeepSeek-V3.1: the same page.
    "thinking",
    # gpt-oss, and what vLLM derives from OpenAI's parameter: vLLM pull requests 38100 and 43401.
    "reasoning_effort",
    # Qwen3.6: whether earlier turns keep their reasoning (its chat template).
    "preserve_thinking",
    # GLM-4.7: the same, the other way round (Z.ai's documentation).
    "clear_thinking",
    # NVIDIA Nemotron 3 Super: its chat template.
    "low_effort",
    # MiniMax-M3: vLLM's and SGLang's reasoning parsers read it.
    "thinking_mode",
)

MAX_WORD = 32
"""Characters of a word, such as "low" or "disabled"."""

_LETTERS = frozenset(string.ascii_letters + string.digits + "_-")


def _plain(value: Any) -> str | None:
    is_word = isinstance(value, str) and 0 < len(value) <= MAX_WORD and _LETTERS.issuperset(value)
    right = value is None or isinstance(value, bool) or is_word
    return None if right else f"true, false or a word of at most {MAX_WORD} letters"


template_arguments = object_of(
    MappingProxyType(dict.fromkeys(NAMES, _plain)), "the model's own template writes the prompt"
)
"""Checks arguments of the model's own chat template."""
