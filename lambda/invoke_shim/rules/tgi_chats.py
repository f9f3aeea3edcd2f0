"""TGI's payloads of OpenAI's form, which its `/invocations` takes from 2.4.0 on beside its own.

Source: `router/src/sagemaker.rs`, ChatRequest and CompletionRequest in `lib.rs`. What it would ignore in silence is
refused, and so are links to images, which it would fetch from within the deployment's network.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.rules import forms
from invoke_shim.rules.base import Check, ContainerRules, Payload
from invoke_shim.rules.checks import (
    anything,
    flag,
    integer,
    list_of,
    nullable,
    number,
    number_between,
    object_of,
    positive,
    text,
    texts,
)
from invoke_shim.rules.openai import messages
from invoke_shim.rules.tgi import MAX_SEED, MAX_STOP, MAX_TOP_N_TOKENS, MAX_UINT32, TGI, grammar

MAX_TOOL_PROMPT = 16 * 1024
"""Characters of the text that stands before the tools: as many as of a tool's schema."""


def chat_messages(value: Any) -> str | None:
    """Check for a chat whose images are data, not links."""
    if (expected := messages(value)) is not None:
        return expected
    links = any(_is_link(part) for message in value for part in _parts(message.get("content")))
    return "messages whose images are data: URLs, which nothing has to fetch" if links else None


def _parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []


def _is_link(part: Any) -> bool:
    image = part.get("image_url") if isinstance(part, dict) else None
    url = image.get("url") if isinstance(image, dict) else image
    return url is not None and not (isinstance(url, str) and url.startswith("data:"))


def tool_prompt(value: Any) -> str | None:
    """Check for a text of a bounded length."""
    right = isinstance(value, str) and len(value) <= MAX_TOOL_PROMPT
    return None if right else f"a text of at most {MAX_TOOL_PROMPT} characters"


def prompts(value: Any) -> str | None:
    """Check for a prompt as text, or several of them."""
    right = text(value) is None or list_of(text, "prompts")(value) is None
    return None if right else "a non-empty string, or a list of them"


_BOTH: Mapping[str, Check] = {
    "frequency_penalty": number(-2, 2),
    "max_tokens": integer(1, MAX_UINT32),
    "model": text,
    "seed": integer(0, MAX_SEED),
    "stop": texts(MAX_STOP),
    "temperature": number(0, 2),
    "top_p": number_between(0, 1),
}

_CHAT: Mapping[str, Check] = {
    **_BOTH,
    "logprobs": flag,
    "response_format": grammar,
    "stream_options": object_of({"include_usage": flag}),
    "tool_choice": anything,
    "tool_prompt": tool_prompt,
    "tools": forms.tools,
    "top_logprobs": integer(0, MAX_TOP_N_TOKENS),
}

_COMPLETION: Mapping[str, Check] = {**_BOTH, "repetition_penalty": positive, "suffix": text}

_REASONS = MappingProxyType(
    {
        "logit_bias": "this container ignores it",
        "max_completion_tokens": "this container's name of it is max_tokens",
        "max_new_tokens": "this container's name of it is max_tokens beside messages or a prompt",
        "n": "this container gives one answer to a request",
        "parameters": "it goes with inputs: here, they stand beside messages or the prompt",
        "presence_penalty": "this container would take it for a repetition penalty: use frequency_penalty",
    }
)


def _fields(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Mapping[str, Check]:
    values = {name: nullable(check) for name, check in optional.items()}
    return MappingProxyType({**required, "stream": flag, **values})


TGI_CHATS = ContainerRules(
    rules=TGI.rules,
    payloads=(
        Payload(prompt="messages", fields=_fields({"messages": chat_messages}, _CHAT), reasons=_REASONS),
        Payload(prompt="prompt", fields=_fields({"prompt": prompts}, _COMPLETION), reasons=_REASONS),
    ),
)
"""For 2.4.0 and newer; `rules` are those of any version, and of no use here."""
