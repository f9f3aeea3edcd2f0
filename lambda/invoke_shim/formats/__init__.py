"""Prompt formats: turn a chat into the one string that a text-generation container takes.

`invoke_shim.formats.template` holds one more, "template", which is made of the declared template.
"""

from collections.abc import Mapping
from types import MappingProxyType

from invoke_shim.formats.base import PromptFormat
from invoke_shim.formats.chatml import CHATML, CHATML_ANNOUNCED
from invoke_shim.formats.falcon import FALCON_CHAT, FALCON_CHAT_ANNOUNCED, FALCON_INSTRUCT
from invoke_shim.formats.granite import GRANITE_CODE
from invoke_shim.formats.llama import LLAMA_3_1_INSTRUCT, LLAMA_3_INSTRUCT
from invoke_shim.formats.mistral import (
    MISTRAL_INSTRUCT,
    MISTRAL_INSTRUCT_ANNOUNCED,
    MISTRAL_INSTRUCT_V0_3,
    MIXTRAL_INSTRUCT,
)

FORMATS: Mapping[str, PromptFormat] = MappingProxyType(
    {
        prompt_format.name: prompt_format
        for prompt_format in (
            CHATML,
            CHATML_ANNOUNCED,
            FALCON_CHAT,
            FALCON_CHAT_ANNOUNCED,
            FALCON_INSTRUCT,
            MISTRAL_INSTRUCT,
            MISTRAL_INSTRUCT_ANNOUNCED,
            MISTRAL_INSTRUCT_V0_3,
            MIXTRAL_INSTRUCT,
            LLAMA_3_INSTRUCT,
            LLAMA_3_1_INSTRUCT,
            GRANITE_CODE,
        )
    }
)
"""Every fixed format by its name in PROMPT_FORMAT; "none" (a base model) has none, "template" a declared one."""

__all__ = ["FORMATS", "PromptFormat"]
