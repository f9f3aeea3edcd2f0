"""Prompt formats: how a chat becomes the one string that a text-generation container takes."""

from collections.abc import Mapping
from types import MappingProxyType

from invoke_shim.formats.base import Message, PromptFormat
from invoke_shim.formats.chatml import CHATML
from invoke_shim.formats.falcon import FALCON_CHAT, FALCON_INSTRUCT
from invoke_shim.formats.mistral import MISTRAL_INSTRUCT

FORMATS: Mapping[str, PromptFormat] = MappingProxyType(
    {prompt_format.name: prompt_format for prompt_format in (FALCON_CHAT, FALCON_INSTRUCT, MISTRAL_INSTRUCT, CHATML)}
)
"""Every format by its name in PROMPT_FORMAT; "none" (a base model) has none."""

__all__ = ["FORMATS", "Message", "PromptFormat"]
