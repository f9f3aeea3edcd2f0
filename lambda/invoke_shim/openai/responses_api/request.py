"""Read a Responses request: as the chat that it asks for, and as what the response says of it again."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from invoke_shim.errors import ENOUGH_PROBLEMS, ApiError, Problem, refuse, show
from invoke_shim.openai.answers import CompletionJob
from invoke_shim.openai.requests import Options, RequestReader
from invoke_shim.openai.responses_api.items import NOTHING_STORED, ItemReader
from invoke_shim.openai.responses_api.names import Names
from invoke_shim.rules.base import Check, unknown
from invoke_shim.rules.checks import flag, integer, text

LOGPROBS = "message.output_text.logprobs"

MAX_METADATA = 16
MAX_KEY = 64
MAX_VALUE = 512
"""OpenAI's limits of `metadata`: pairs, characters of a key and of a value."""

_SUMMARIES = ("auto", "concise", "detailed")


class Asked(NamedTuple):
    """A request that has been read.

    Attributes:
        job: The work.
        options: The form of the answer.
        echo: The members of the response that repeat the request.
    """

    job: CompletionJob
    options: Options
    echo: Mapping[str, Any]


def read_request(body: Mapping[str, Any], reader: RequestReader, *, extra: Iterable[str]) -> Asked:
    """Read a request.

    Args:
        body: The request.
        reader: Reads chats.
        extra: The container's own parameters, which a chat may carry.

    Raises:
        ApiError: 400, with all that is wrong, by the request's own names; 404, another model is meant.
    """
    request = _Request(body, frozenset(extra))
    chat = request.chat()
    if request.problems:
        raise refuse(request.problems)
    try:
        job, options = reader.read(chat, "chat")
    except ApiError as error:
        raise request.names.rename(error) from None
    return Asked(job, options, request.echo())


def _string(value: Any) -> str | None:
    return None if isinstance(value, str) else "a string"


def _metadata(value: Any) -> str | None:
    right = isinstance(value, dict) and len(value) <= MAX_METADATA
    if right and all(len(k) <= MAX_KEY and isinstance(v, str) and len(v) <= MAX_VALUE for k, v in value.items()):
        return None
    return f"at most {MAX_METADATA} strings of at most {MAX_VALUE} characters, by keys of at most {MAX_KEY}"


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "an object"


_CHECKS: Mapping[str, Check] = {
    "background": flag,
    "max_tool_calls": integer(1),
    "metadata": _metadata,
    "parallel_tool_calls": flag,
    "prompt_cache_key": _string,
    "prompt_cache_options": _object,
    "prompt_cache_retention": _string,
    "reasoning": _object,
    "safety_identifier": _string,
    "service_tier": _string,
    "store": flag,
    "text": _object,
    "user": _string,
}
"""Parameters that the reader of chats has no use for, or takes whatever they are, while the response repeats them."""

_PASSED = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "model",
        "parallel_tool_calls",
        "presence_penalty",
        "seed",
        "stop",
        "stream",
        "temperature",
        "top_logprobs",
        "top_p",
    }
)
"""Parameters that a chat has, too, by the same name."""

_READ = frozenset(
    {"include", "input", "instructions", "max_output_tokens", "stream_options", "tool_choice", "tools", "truncation"}
)

_SEND_ALL = f"{NOTHING_STORED}, so send the earlier items in input, the response's output among them"

_REFUSED: Mapping[str, str] = {
    "context_management": "nothing shortens a conversation here, so send less of it in input",
    "conversation": _SEND_ALL,
    "moderation": "there is no moderation model behind this API",
    "previous_response_id": _SEND_ALL,
    "prompt": f"{NOTHING_STORED}, so send instructions and input",
}
"""Parameters that ask for something that is not there, each with what to do instead; null asks for nothing."""

_OTHER_NAMES: Mapping[str, str] = {
    "function_call": "its name is tool_choice",
    "functions": "its name is tools",
    "logprobs": f"include ['{LOGPROBS}'] asks for them",
    "max_completion_tokens": "its name here is max_output_tokens",
    "max_tokens": "its name here is max_output_tokens",
    "messages": "its name here is input",
    "n": "a response is one answer: send several requests, or n to /v1/chat/completions",
    "reasoning_effort": "its name here is reasoning.effort",
    "response_format": "its name here is text.format",
    "verbosity": "its name here is text.verbosity",
}


class _Request:
    """One request.

    Args:
        body: The request.
        extra: The container's own parameters.

    Attributes:
        problems: The problems that the reader of chats cannot find, so far.
        names: The request's names of what is in the chat.
    """

    def __init__(self, body: Mapping[str, Any], extra: frozenset[str]) -> None:
        # Null counts as absent.
        self._given = {name: value for name, value in body.items() if value is not None}
        self._extra = extra - _OTHER_NAMES.keys()
        self.problems: list[Problem] = []
        self.names = Names(logprobs="include" if self._wants_logprobs() else "top_logprobs")

    def chat(self) -> dict[str, Any]:
        """Return the body of the chat, of use only if there are no problems."""
        self._check()
        given = self._given
        items = ItemReader(self.names)
        items.read_instructions(given.get("instructions"))
        items.read_input(given.get("input"))
        self.problems += items.problems
        passed = _PASSED | self._extra
        chat = {name: value for name, value in given.items() if name in passed}
        chat["messages"] = items.messages
        if "max_output_tokens" in given:
            chat["max_completion_tokens"] = given["max_output_tokens"]
        if self._wants_logprobs() or given.get("top_logprobs"):
            chat["logprobs"] = True
        self._read_tools(chat)
        self._read_text(chat)
        self._read_reasoning(chat)
        self._read_stream_options(chat)
        return chat

    def echo(self) -> dict[str, Any]:
        """Return the members of the response that repeat a request without problems."""
        given = self._given
        form = self._format() or {"type": "text"}
        verbosity = given.get("text", {}).get("verbosity")
        same = ("instructions", "max_output_tokens", "max_tool_calls", "prompt_cache_key", "safety_identifier", "user")
        return {
            **{name: given.get(name) for name in (*same, "temperature", "top_p")},
            "metadata": given.get("metadata", {}),
            "parallel_tool_calls": given.get("parallel_tool_calls", True),
            "reasoning": {"effort": given.get("reasoning", {}).get("effort"), "summary": None},
            "text": {"format": form, **({} if verbosity is None else {"verbosity": verbosity})},
            "tool_choice": given.get("tool_choice", "auto"),
            "tools": [
                {"type": "function", **{name: tool.get(name) for name in (*_TOOL, "strict")}}
                for tool in given.get("tools", ())
            ],
            "top_logprobs": given.get("top_logprobs", 0),
        }

    def _check(self) -> None:
        allowed = _PASSED | _READ | _CHECKS.keys() | self._extra
        for name, value in self._given.items():
            if len(self.problems) >= ENOUGH_PROBLEMS:
                break
            if name in _REFUSED:
                self._add(name, f"is not taken here: {_REFUSED[name]}")
            elif name not in allowed:
                self.problems.append(unknown(name, allowed, reasons=_OTHER_NAMES))
            elif name in _CHECKS and (expected := _CHECKS[name](value)) is not None:
                self._add(name, f"is {show(value)}, expected {expected}")
        if self._given.get("background") is True:
            self._add("background", "is true, but an answer is not kept here: wait for it, or take it with stream")
        truncation = self._given.get("truncation", "disabled")
        if truncation != "disabled":
            how = "leave out earlier items of input when the error's code is context_length_exceeded"
            self._add("truncation", f"is {show(truncation)}, only 'disabled' is taken: {how}")
        self._check_include(self._given.get("include", []))

    def _check_include(self, include: Any) -> None:
        if not isinstance(include, list):
            self._add("include", f"is {show(include)}, expected a list")
            return
        # Reasoning is not encrypted here, so that there is nothing to add.
        known = (LOGPROBS, "reasoning.encrypted_content")
        for position, value in enumerate(include[:ENOUGH_PROBLEMS]):
            if value not in known:
                self._add(f"include[{position}]", f"is {show(value)}, taken are {' and '.join(known)}")

    def _wants_logprobs(self) -> bool:
        include = self._given.get("include")
        return isinstance(include, list) and LOGPROBS in include

    def _read_tools(self, chat: dict[str, Any]) -> None:
        tools, choice = self._given.get("tools"), self._given.get("tool_choice")
        if isinstance(tools, list):
            for position, tool in enumerate(tools[:ENOUGH_PROBLEMS]):
                if not isinstance(tool, dict) or tool.get("type") != "function":
                    found = show(tool) if not isinstance(tool, dict) else f"of type {show(tool.get('type'))}"
                    self._add(
                        f"tools[{position}]", f"is {found}, taken are tools of type 'function', which the client runs"
                    )
            tools = [{"type": "function", "function": tool} for tool in tools]
        if tools is not None:
            chat["tools"] = tools
        if isinstance(choice, dict) and choice.get("type") == "function":
            self._given["tool_choice"] = {"type": "function", "name": choice.get("name")}
            choice = {"type": "function", "function": {"name": choice.get("name")}}
        if choice is not None:
            chat["tool_choice"] = choice

    def _read_text(self, chat: dict[str, Any]) -> None:
        value = self._given.get("text")
        if not isinstance(value, dict):
            return
        self._check_members("text", value, ("format", "verbosity"))
        if value.get("verbosity") is not None:
            chat["verbosity"] = value["verbosity"]
        form = self._format()
        if form is None:
            return
        if not isinstance(form, dict) or form.get("type") not in ("text", "json_object", "json_schema"):
            kinds = "'text', 'json_object' or 'json_schema'"
            found = f"of type {show(form.get('type'))}" if isinstance(form, dict) else show(form)
            self._add("text.format", f"is {found}, expected an object of type {kinds}")
        elif form["type"] == "json_schema":
            self._check_schema(form)
            chat["response_format"] = {
                "type": "json_schema",
                "json_schema": {name: form[name] for name in _SCHEMA if form.get(name) is not None},
            }
        else:
            chat["response_format"] = {"type": form["type"]}

    def _check_schema(self, form: dict[str, Any]) -> None:
        if (expected := text(form.get("name"))) is not None:
            self._add("text.format.name", f"is {show(form.get('name'))}, expected {expected}")
        checks: tuple[tuple[str, type, str], ...] = (
            ("schema", dict, "a JSON schema"),
            ("description", str, "a string"),
            ("strict", bool, "true or false"),
        )
        for name, kind, expected in checks:
            value = form.get(name)
            if not isinstance(value, kind) and (value is not None or name == "schema"):
                self._add(f"text.format.{name}", f"is {show(value)}, expected {expected}")

    def _format(self) -> Any:
        """Return the form of the text, with OpenAI's members only."""
        form = self._given.get("text", {}).get("format")
        if not isinstance(form, dict):
            return form
        return {name: form[name] for name in ("type", *_SCHEMA) if form.get(name) is not None}

    def _read_reasoning(self, chat: dict[str, Any]) -> None:
        value = self._given.get("reasoning")
        if not isinstance(value, dict):
            return
        self._check_members("reasoning", value, ("effort", "summary", "generate_summary"))
        if value.get("effort") is not None:
            chat["reasoning_effort"] = value["effort"]
        # A model that reasons tells all of it.
        for name in ("summary", "generate_summary"):
            if value.get(name) is not None and value[name] not in _SUMMARIES:
                self._add(f"reasoning.{name}", f"is {show(value[name])}, expected one of {', '.join(_SUMMARIES)}")

    def _read_stream_options(self, chat: dict[str, Any]) -> None:
        """Ask for the usage, which the last event of every stream has."""
        options = self._given.get("stream_options")
        if options is None:
            if self._given.get("stream") is True:
                chat["stream_options"] = {"include_usage": True}
        else:
            chat["stream_options"] = {**options, "include_usage": True} if isinstance(options, dict) else options

    def _check_members(self, where: str, value: dict[str, Any], names: tuple[str, ...]) -> None:
        for name in [name for name in value if name not in names and value[name] is not None][:ENOUGH_PROBLEMS]:
            self.problems.append(unknown(name, names, where=f"{where}."))

    def _add(self, where: str, text: str) -> None:
        self.problems.append(Problem(where, f"{where} {text}"))


_TOOL = ("name", "description", "parameters")
_SCHEMA = ("name", "description", "schema", "strict")
