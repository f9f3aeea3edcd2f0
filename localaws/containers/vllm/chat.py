"""vLLM's chats: messages, pictures and tools as pydantic lets them through, and what they become.

Sources: `ChatCompletionRequest` and its validators, `chat_utils`, `create_chat_completion` of vLLM 0.10 and later.

* A message has a role and a content: a text, parts, or null where the assistant called tools. The arguments of earlier
  calls are a text with a JSON object.
* Tools without a `tool_choice` mean `auto`, which needs `--enable-auto-tool-choice` and `--tool-call-parser`.
  `required` and a named tool are structured output and need neither. A choice without tools, and a name that is none of
  them, make the payload no chat.
* Pictures need a multimodal model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from localaws.containers import chats
from localaws.containers.chats import Chat, Tool, ToolCall, Turn
from localaws.containers.images import ImageError, data_of
from localaws.containers.settings import ContainerSettings
from localaws.containers.vllm.errors import RequestError

Choice = Literal["none", "auto", "required"] | str

# Kinds of parts with text; all others are media, or unknown.
_TEXTS: Final = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_MEDIA: Final = ("image_url", "input_image", "audio_url", "input_audio", "video_url")


def is_chat_form(document: Mapping[str, Any]) -> bool:
    """Return whether messages, tools and their choice have the form that vLLM's schema wants."""
    messages = document.get("messages")
    if not isinstance(messages, list) or not all(map(_is_message, messages)):
        return False
    tools = document.get("tools")
    # An empty list is refused as OpenAI does; older versions let it pass.
    return (tools is None or (_is_tools(tools) and bool(tools))) and _is_choice(document, tools)


def choice_of(document: Mapping[str, Any], settings: ContainerSettings) -> tuple[Choice, str | None]:
    """Return the choice of tools, and the name of the tool where it is named.

    Raises:
        RequestError: If it is `auto` and the server reads no calls out of answers.
    """
    choice = document.get("tool_choice", "auto" if document.get("tools") else "none")
    if choice is None or not document.get("tools"):
        return "none", None
    if isinstance(choice, dict):
        return "named", choice["function"]["name"]
    if choice == "auto" and not settings.auto_tools:
        raise RequestError('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set')
    return choice, None


def chat_of(document: Mapping[str, Any], settings: ContainerSettings) -> Chat:
    """Return the chat in a payload that has the form of one.

    Raises:
        RequestError: If the model does not take it.
    """
    turns = tuple(_turn(message) for message in document["messages"])
    chat = Chat(turns, tuple(map(_tool, document.get("tools") or ())))
    if chat.images:
        _check_images(len(chat.images), settings)
    if not settings.loaded.has_template:
        raise RequestError(
            "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template "
            "if the tokenizer does not define one."
        )
    problem = settings.loaded.template_problem(chat)
    if problem is not None:
        raise RequestError(f"{problem} None")
    return chat


def _check_images(number: int, settings: ContainerSettings) -> None:
    most = settings.max_images if settings.loaded.sees else 0
    if number > most:
        raise RequestError(f"At most {most} image(s) may be provided in one prompt.")


def _is_message(message: object) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return False
    content, calls = message.get("content"), message.get("tool_calls")
    if content is None and message["role"] != "assistant":
        return False
    if not isinstance(content, str | list | None):
        return False
    if isinstance(content, list) and not all(isinstance(part, dict | str) for part in content):
        return False
    return calls is None or (isinstance(calls, list) and all(map(_is_call, calls)))


def _is_call(call: object) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return (
        isinstance(call, dict)
        and isinstance(call.get("id"), str)
        and call.get("type") == "function"
        and isinstance(function, dict)
        and isinstance(function.get("name"), str)
        and isinstance(function.get("arguments"), str)
    )


def _is_tools(tools: object) -> bool:
    return isinstance(tools, list) and all(map(_is_tool, tools))


def _is_tool(tool: object) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return (
        isinstance(tool, dict)
        and tool.get("type", "function") == "function"
        and isinstance(function, dict)
        and isinstance(function.get("name"), str)
        and isinstance(function.get("description"), str | None)
        and isinstance(function.get("parameters"), dict | None)
    )


def _is_choice(document: Mapping[str, Any], tools: Sequence[Mapping[str, Any]] | None) -> bool:
    choice = document.get("tool_choice")
    if choice is None or choice == "none":
        return True
    if not tools:
        return False
    if isinstance(choice, dict):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        is_known = any(tool["function"]["name"] == name for tool in tools)
        return is_known and choice.get("type", "function") == "function"
    return choice in ("auto", "required")


def _turn(message: Mapping[str, Any]) -> Turn:
    content = message.get("content")
    parts = [content] if isinstance(content, str) else content or []
    texts: list[str] = []
    images: list[str] = []
    for part in parts:
        kind = "text" if isinstance(part, str) else part.get("type")
        if isinstance(part, str):
            texts.append(part)
        elif kind in _TEXTS and isinstance(part.get(_TEXTS[kind]), str):
            texts.append(part[_TEXTS[kind]])
        elif kind in _MEDIA:
            images.append(_image(part, str(kind)))
        else:
            raise RequestError(f"Unknown part type: {kind}")
    calls = tuple(_call(call) for call in message.get("tool_calls") or ())
    return Turn(message["role"], "\n".join(texts), tuple(images), calls)


def _image(part: Mapping[str, Any], kind: str) -> str:
    """Return the digest of a picture; other media count as pictures that no model here takes."""
    image = part.get(kind)
    url = image.get("url") if isinstance(image, dict) else image
    if kind not in ("image_url", "input_image") or not isinstance(url, str):
        raise RequestError(f"At most 0 {kind.split('_', maxsplit=1)[0]}(s) may be provided in one prompt.")
    if url.startswith(("http://", "https://")):
        # vLLM fetches it; the stand-in has no network, like a container in a VPC without a way out.
        raise RequestError(f"Cannot connect to the host of {url}")
    try:
        return chats.digest_of(data_of(url))
    except ImageError as error:
        raise RequestError(f"cannot identify image file: {error}") from error


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = call["function"]
    try:
        arguments = json.loads(function["arguments"] or "{}")
    except ValueError as error:
        raise RequestError(f"{error} None") from error
    return ToolCall(function["name"], arguments)


def _tool(tool: Mapping[str, Any]) -> Tool:
    function = tool["function"]
    return Tool(function["name"], function.get("description") or "", function.get("parameters"))
