"""Prompt formats: turn a chat into the one string that a text-generation container takes.

`invoke_shim.formats.template` holds one more, "template", which is made of the declared template.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from invoke_shim.formats.base import PromptFormat

_FAMILIES = {
    "chatml": "chatml",
    "chatml-announced": "chatml",
    "falcon-chat": "falcon",
    "falcon-chat-announced": "falcon",
    "falcon-instruct": "falcon",
    "mistral-instruct": "mistral",
    "mistral-instruct-announced": "mistral",
    "mistral-instruct-v0.3": "mistral",
    "mixtral-instruct": "mistral",
    "llama-3-instruct": "llama",
    "llama-3.1-instruct": "llama",
    "granite-code": "granite",
}
"""The module of each format, whose FORMATS has it."""


class _Formats(Mapping[str, "PromptFormat"]):
    """The fixed formats by their names, each imported when it is asked for: a function has one of them, or none."""

    def __getitem__(self, name: str) -> "PromptFormat":
        module = import_module(f"{__name__}.{_FAMILIES[name]}")
        return cast("dict[str, PromptFormat]", module.FORMATS)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_FAMILIES)

    def __len__(self) -> int:
        return len(_FAMILIES)


FORMATS = _Formats()
"""Every fixed format by its name in PROMPT_FORMAT; "none" (a base model) has none, "template" a declared one."""
