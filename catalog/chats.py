"""Models that were trained to chat, the templates in their weights, and prompt formats that fit them.

The lock says nothing of any of this, so that it is read off the ids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Words in the ids of models that were trained to chat; `f` is Llama 2's.
CHAT_WORDS = frozenset({"chat", "f", "instruct", "it"})
# Families that chat without such a word in their ids.
_CHAT_FAMILIES = re.compile(
    r"llm-r1-distill|qwq|qvq|zephyr|starling|starchat|dolphin|hermes|openorca|mistrallite|falconlite|chatqa"
    r"|llama-guard|^openai-reasoning",
    re.IGNORECASE,
)

# Families whose published tokenizer files hold a chat template. Left out: those that got theirs long after AWS copied
# the weights (Falcon) or in somebody's quantized copy, and those that never had one (StarChat, Calm 2, ELYZA, MPT).
_TEMPLATE_IN_WEIGHTS = re.compile(
    r"deepseek-llm-r1-distill|dbrx-instruct|gemma-(\d+-)?\d+b-instruct|gemma-3-.*instruct|llama-3-.*instruct"
    r"|llama-?3-?[\d-]*-?8b-.*instruct|llama3-8b|llama-guard-3|llama-3-8b|mistral-7b-instruct"
    r"|mixtral-8x\d+b-instruct(?!-gptq)|phi-3-|qwen2|qwq-|qvq-|zephyr|starling|tinyllama-1-1b-chat-v1"
    r"|dolphin-29-|hermes-2|snowflake-arctic-instruct|^openai-reasoning",
    re.IGNORECASE,
)
# Ids that a prompt format was made for; `chatml`, `template` and `none` are anybody's. Mixtral's is that of Mistral
# 7B v0.2, too, which some versions of Mistral 7B Instruct in JumpStart may be. An `-announced` one is to the letter of
# AWS's announcement: it may be declared, but is not what anybody is pointed to.
FORMAT_IDS: Mapping[str, re.Pattern[str]] = {
    "chatml-announced": re.compile(r"snowflake-arctic-instruct"),
    "falcon-chat": re.compile(r"falcon-180b"),
    "falcon-chat-announced": re.compile(r"falcon-180b"),
    "falcon-instruct": re.compile(r"falcon-(7|40)b"),
    "mistral-instruct": re.compile(r"mistral-7b-instruct(?!-v3)"),
    "mistral-instruct-announced": re.compile(r"mistral-7b-instruct(?!-v3)"),
    "mistral-instruct-v0.3": re.compile(r"mistral-7b-instruct-v3"),
    "mixtral-instruct": re.compile(r"mixtral-8x\d+b-instruct|mistral-7b-instruct(?!-v3)", re.IGNORECASE),
    "llama-3-instruct": re.compile(r"llama-?3-\d+b", re.IGNORECASE),
    "llama-3.1-instruct": re.compile(r"llama-3-[123]-"),
    "granite-code": re.compile(r"granite.*code"),
}
# Families that were trained on ChatML, as their model cards say.
_CHATML = re.compile(
    r"qwen2|qwq|qvq|snowflake-arctic-instruct|dolphin|hermes-2|openorca|dbrx-instruct|tinyllama.*chat-v0-6",
    re.IGNORECASE,
)


def is_trained_to_chat(model_id: str) -> bool:
    """Return whether a model was trained to chat, or at least to follow instructions, as its id says."""
    return bool(CHAT_WORDS.intersection(model_id.split("-")) or _CHAT_FAMILIES.search(model_id))


def has_template(model_id: str) -> bool:
    """Return whether the weights of a model are known to hold a chat template."""
    return is_trained_to_chat(model_id) and bool(_TEMPLATE_IN_WEIGHTS.search(model_id))


def formats_for(model_id: str) -> tuple[str, ...]:
    """Return the prompt formats that were made for a model, without `container`, `template` and `none`."""
    if not is_trained_to_chat(model_id):
        return ()
    return ("chatml",) if _CHATML.search(model_id) else usual_formats(model_id)


def usual_formats(model_id: str) -> tuple[str, ...]:
    """Return the formats that were made for a model, but those to the letter of an announcement."""
    formats = (name for name, ids in FORMAT_IDS.items() if ids.search(model_id))
    return tuple(name for name in formats if not name.endswith("-announced"))
