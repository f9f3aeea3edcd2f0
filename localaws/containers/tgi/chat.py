"""TGI's chats: OpenAI's form as TGI reads it, by version, and what it makes of one.

Sources: `ChatRequest`, `Message`, `ToolChoice` and `ToolGrammar` in TGI's router, tags v1.4.0 to v3.3.7. The
peculiarities that a client meets:

* `stop` is a list, `logit_bias` a list of numbers, `stream` not null; a field of a wrong type makes the payload none;
* `max_tokens` is 100 without one up to 2.x, and fills the context from 3.0 on; `max_completion_tokens` is known from
  3.0.2 on, and ignored before;
* a message needs `content`, a text or parts; from 3.1.1 on one with `tool_calls` needs none. `tool_call_id` is ignored;
* a tool needs `type`, a name and `parameters` (or `arguments`);
* tools are a grammar: the model calls exactly one, or `no_tool`. From 2.4.1 on it is offered only with `auto`; before,
  `required` is the name of a tool, and a choice as an object is not read;
* `response_format` is TGI's own grammar, and not together with tools;
* unknown fields are ignored, and so is `n`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from localaws.containers.chats import Chat, Tool, ToolCall, Turn
from localaws.containers.engine import Engine
from localaws.containers.messages import compact_json
from localaws.containers.settings import ContainerSettings, Version
from localaws.containers.tgi import reading
from localaws.containers.tgi.errors import InferError
from localaws.containers.tgi.grammar import is_grammar
from localaws.containers.tgi.pictures import seen
from localaws.containers.tgi.reading import is_flag, is_float, is_text, is_unsigned, list_of, optional, struct
from localaws.containers.tgi.requests import GenerateRequest

NO_TOOL: Final = "no_tool"
"""The tool that TGI adds, for answers in text."""

Choice = Literal["auto", "required", "none", "named"]

_TOOL_PROMPT: Final = (
    "\nCall one of the functions that are available, as JSON of the form {name: function name, parameters: dictionary "
    "of argument name and its value}. Do not use variables.\n"
)
_FUNCTION: Final = struct({"name": is_text}, {"description": optional(is_text)})


def _is_function(value: Any) -> bool:
    return _FUNCTION(value) and ("parameters" in value) != ("arguments" in value)


_FIELDS: Final[Mapping[str, reading.Check]] = {
    "model": optional(is_text),
    "frequency_penalty": optional(is_float),
    "logit_bias": optional(list_of(is_float)),
    "logprobs": optional(is_flag),
    "top_logprobs": optional(is_unsigned),
    "max_tokens": optional(is_unsigned),
    "n": optional(is_unsigned),
    "presence_penalty": optional(is_float),
    "stop": optional(list_of(is_text)),
    "stream": is_flag,
    "seed": optional(is_unsigned),
    "temperature": optional(is_float),
    "top_p": optional(is_float),
    "tools": optional(list_of(struct({"type": is_text, "function": _is_function}))),
    "tool_prompt": optional(is_text),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A chat that can be read.

    Attributes:
        document: The payload, whose fields have the right types.
        chat: The chat as the model gets to see it without tools.
        tools: The tools; None: there is no such field.
        choice: Which tools the model may or must call.
        tool: The tool that is named.
        next_id: The id of the next call: the number after those before it, or None where they are no numbers.
    """

    document: Mapping[str, Any]
    chat: Chat
    tools: tuple[Tool, ...] | None
    choice: Choice
    tool: str | None
    next_id: str | None

    @property
    def stream(self) -> bool:
        """True if the answer is streamed."""
        return bool(self.document.get("stream"))

    @property
    def include_usage(self) -> bool:
        """True if a stream is to report its usage."""
        return bool((self.document.get("stream_options") or {}).get("include_usage"))

    def without_tools(self) -> ChatRequest:
        """Return the request with which TGI goes on where no tool was called, from 3.2 on."""
        return replace(self, tools=None)


@dataclass(frozen=True, slots=True)
class PreparedChat:
    """A chat that is ready for the model.

    Attributes:
        request: The request in TGI's own form; its chat is without the prompt for tools, which its text has.
        tools: The tools that it may call; None: its answer is text.
        is_required: Whether it has to call one.
    """

    request: GenerateRequest
    tools: tuple[Tool, ...] | None = None
    is_required: bool = False


def read(document: Any, version: Version) -> ChatRequest | None:
    """Return the chat in a payload, or None if it has not the form of one."""
    if not isinstance(document, dict) or not all(_is_right(name, document, version) for name in document):
        return None
    messages = document.get("messages")
    if not isinstance(messages, list) or not all(_is_message(message, version) for message in messages):
        return None
    if version >= (3, 0, 2) and "max_tokens" in document and "max_completion_tokens" in document:
        # Two names of one field.
        return None
    choice = _choice(document.get("tool_choice"), version)
    if choice is None:
        return None
    tools = document.get("tools")
    return ChatRequest(
        document=document,
        chat=Chat(tuple(_turn(message, version) for message in messages)),
        tools=None if tools is None else tuple(map(_tool, tools)),
        choice=choice[0],
        tool=choice[1],
        next_id=_next_id(messages),
    )


def prepared(request: ChatRequest, settings: ContainerSettings, engine: Engine) -> PreparedChat:
    """Write a chat into a request of TGI's own form.

    Raises:
        InferError: If the model's template or the choice of tools refuses it.
    """
    document, version = request.document, settings.version
    if document.get("response_format") is not None and request.tools is not None:
        raise InferError("tool_error", "Tool error: Grammar and tools are mutually exclusive")
    offered, is_required = _offered(request, version)
    shown = offered if offered is not None or version >= (2, 4, 1) else request.tools
    chat = request.chat if shown is None else _with_prompt(request, shown)
    parameters = _parameters(document, version)
    if document.get("response_format") is not None:
        parameters["grammar"] = document["response_format"]
    if offered is not None:
        parameters["grammar"] = {"type": "json", "value": _schema(offered)}
    prompt = _rendered(chat, settings, engine)
    turns = request.chat.turns
    asked = Chat(tuple(map(seen, turns)) if settings.loaded.sees else turns, chat.tools)
    return PreparedChat(GenerateRequest(prompt, parameters, request.stream, asked), offered, is_required)


def _rendered(chat: Chat, settings: ContainerSettings, engine: Engine) -> str:
    problem = settings.loaded.template_problem(chat)
    if not settings.loaded.has_template:
        raise InferError("template_error", "Template error: template not found")
    if problem is not None:
        raise InferError("template_error", f"Template error: syntax error: {problem} (in <string>:1)")
    return engine.render(chat)


def _parameters(document: Mapping[str, Any], version: Version) -> dict[str, Any]:
    most = document.get("max_tokens")
    if version >= (3, 0, 2) and most is None:
        most = document.get("max_completion_tokens")
    temperature = document.get("temperature")
    # Only 0 is greedy, and that from 2.0.4 on; before, 0 is refused as a temperature.
    is_greedy = temperature == 0 and version >= (2, 0, 4)
    presence = document.get("presence_penalty")
    given = {
        "temperature": None if is_greedy else temperature,
        # OpenAI's -2 to 2 become TGI's 0 to 4.
        "repetition_penalty": None if presence is None else presence + 2.0,
        "frequency_penalty": document.get("frequency_penalty"),
        "top_p": document.get("top_p"),
        "seed": document.get("seed"),
        "top_n_tokens": document.get("top_logprobs"),
        "stop": document.get("stop"),
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    parameters |= {"do_sample": not is_greedy, "details": True}
    parameters["max_new_tokens"] = 100 if most is None and version < (3, 0, 0) else most
    return parameters


def _offered(request: ChatRequest, version: Version) -> tuple[tuple[Tool, ...] | None, bool]:
    """Return the tools that the model may call, None where it answers in text, and whether it must call one."""
    if request.tools is None or request.choice == "none":
        return None, False
    if version < (2, 4, 1) and not request.tools:
        return None, False
    if request.choice == "named":
        known = {tool.name: tool for tool in request.tools}
        if request.tool not in known:
            raise InferError("tool_error", f"Tool error: Tool with name {request.tool} not found")
        return (known[str(request.tool)],), True
    if request.choice == "required":
        return (request.tools or None), True
    return request.tools, False


def _schema(tools: Sequence[Tool]) -> dict[str, Any]:
    """Return the schema that makes the model call one of some tools."""
    functions = {}
    for tool in tools:
        schema = tool.schema if isinstance(tool.schema, dict) else {}
        properties = {"_name": {"type": "string", "const": tool.name}, **(schema.get("properties") or {})}
        functions[tool.name] = {
            "properties": properties,
            "required": ["_name", *(schema.get("required") or ())],
            "additionalProperties": False,
        }
    functions.setdefault(NO_TOOL, {"properties": {"_name": {"type": "string", "const": NO_TOOL}}})
    references = [{"$ref": f"#/$functions/{name}"} for name in functions]
    return {"$functions": functions, "properties": {"function": {"anyOf": references}}}


def _with_prompt(request: ChatRequest, tools: tuple[Tool, ...]) -> Chat:
    """Return the chat with the prompt for tools after its last message, where TGI puts it."""
    *before, last = request.chat.turns or (Turn("user", ""),)
    prompt = request.document.get("tool_prompt") or _TOOL_PROMPT
    return Chat((*before, replace(last, text=f"{last.text}\n---\n{prompt}")), tools)


def _is_right(name: str, document: Mapping[str, Any], version: Version) -> bool:
    value = document[name]
    if name == "max_completion_tokens":
        return version < (3, 0, 2) or optional(is_unsigned)(value)
    if name == "response_format":
        return value is None or is_grammar(value, version)
    if name == "stream_options":
        if version >= (3, 2, 0):
            return isinstance(value, dict) and is_flag(value.get("include_usage", False))
        return value is None or (isinstance(value, dict) and is_flag(value.get("include_usage")))
    check = _FIELDS.get(name)
    return check is None or check(value)


def _is_message(message: Any, version: Version) -> bool:
    if not isinstance(message, dict) or not is_text(message.get("role")):
        return False
    if not optional(is_text)(message.get("name")):
        return False
    content = message.get("content")
    if is_text(content) or (isinstance(content, list) and all(map(_is_part, content))):
        return True
    calls = message.get("tool_calls")
    return version >= (3, 1, 1) and isinstance(calls, list) and all(map(_is_call, calls))


def _is_part(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    if part.get("type") == "text":
        return is_text(part.get("text"))
    image = part.get("image_url")
    return part.get("type") == "image_url" and isinstance(image, dict) and is_text(image.get("url"))


def _is_call(call: Any) -> bool:
    return struct({"id": is_text, "type": is_text, "function": _is_function})(call)


def _turn(message: Mapping[str, Any], version: Version) -> Turn:
    content = message.get("content")
    if content is None and version >= (3, 1, 1):
        calls = tuple(_call(call) for call in message["tool_calls"])
        return Turn(message["role"], compact_json(message["tool_calls"]) if not calls else "", calls=calls)
    if isinstance(content, str):
        return Turn(message["role"], content)
    texts = (part["text"] if part["type"] == "text" else f"![]({part['image_url']['url']})" for part in content or ())
    return Turn(message["role"], "".join(texts))


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = call["function"]
    return ToolCall(function["name"], function.get("arguments", function.get("parameters")))


def _tool(tool: Mapping[str, Any]) -> Tool:
    function = tool["function"]
    schema = function.get("parameters", function.get("arguments"))
    return Tool(function["name"], function.get("description") or "", schema)


def _choice(value: Any, version: Version) -> tuple[Choice, str | None] | None:
    """Return the choice of tools and the name of the tool, or None if `value` is none."""
    if value is None:
        return "auto", None
    if isinstance(value, str):
        if value in ("none", "auto") or (value == "required" and version >= (2, 4, 1)):
            return value, None  # type: ignore[return-value]  # one of the literals
        return "named", value
    if not isinstance(value, dict):
        return None
    if version < (2, 4, 1):
        # The names of Rust's variants: OpenAI's form is none of them.
        function = value.get("Function") if len(value) == 1 else None
    else:
        function = value.get("function") if value.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    return ("named", name) if isinstance(name, str) else None


def _next_id(messages: Sequence[Mapping[str, Any]]) -> str | None:
    ids = [call["id"] for message in messages if message.get("content") is None for call in message["tool_calls"]]
    if not all(item.isdecimal() for item in ids):
        return None
    return str(max((int(item) + 1 for item in ids), default=0))
