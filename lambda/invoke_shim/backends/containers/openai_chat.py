"""Chats in OpenAI's form: as vLLM takes them, and TGI and LMI by their versions.

Sources: TGI's `router/src/lib.rs` (ChatRequest), `sagemaker.rs`, `chat.rs` and `infer/tool_grammar.rs`; djl-serving's
`djl_python/chat_completions/`, `output_formatter.py` and `lmi_vllm/`; vLLM's `vllm/entrypoints/openai/`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from invoke_shim.backends.containers import openai_answers, openai_messages
from invoke_shim.backends.containers.base import encode
from invoke_shim.backends.containers.lengths import room_for_answer
from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import Function, Tools
from invoke_shim.generation.types import Answer, Generation, GenerationRequest, Piece
from invoke_shim.rules.limits import Limits


class ChatDialect(NamedTuple):
    """The differences between the containers that take chats in OpenAI's form.

    Attributes:
        name: The container's name in CONTAINER.
        refuses_with_424: See `Container`.
        has_tools: Whether calls of tools and their results are messages; otherwise they are written as text.
        fetches_links: Whether it would fetch images that a text names.
        streams_tools: Whether a stream with tools loses nothing.
        names_tools: The form of the choice of a tool: OpenAI's object, TGI's bare name, or TGI 2.4.0's, which has no
            "required".
        grammar: The form of `response_format`: OpenAI's or TGI's.
        counts_streams: Whether it knows `stream_options` and tells the usage in streams.
        fills: Whether it fills the context when it is not told a limit of tokens.
        tells_room: Whether its refusal of too high a limit tells the room that there is (`lengths`).
        max_stop: The most stop strings that it takes; None where there is no limit.
        penalties: OpenAI's penalties that it applies as OpenAI does.
        least_top_logprobs: The fewest alternatives that a request for log probabilities must ask for.
        takes_top_p_of_1: Whether `top_p` may be 1.
        late_text: Whether text may follow the finish reason in a stream.
    """

    name: str
    refuses_with_424: bool = False
    has_tools: bool = True
    fetches_links: bool = False
    streams_tools: bool = True
    names_tools: Literal["object", "name", "name, none required"] = "object"
    grammar: Literal["openai", "tgi"] = "openai"
    counts_streams: bool = True
    fills: bool = True
    tells_room: bool = False
    max_stop: int | None = None
    penalties: tuple[str, ...] = ("presence_penalty", "frequency_penalty")
    least_top_logprobs: int = 0
    takes_top_p_of_1: bool = True
    late_text: bool = False


VLLM = ChatDialect("vllm")

TGI = ChatDialect(
    "tgi",
    # Messages have no calls before 3.1.0, and their results have lost the call's id in all versions.
    has_tools=False,
    # By Markdown's notation in the prompt (`validation.rs`, `prepare_input`).
    fetches_links=True,
    # A tool's call is text that TGI takes apart token by token. Before 3.2 the stream holds that text itself, and what
    # the model says in place of a call ends at its first quotation mark; since then the first argument is lost where
    # one token ends the name and begins the argument, and no finish reason comes.
    streams_tools=False,
    names_tools="name",
    grammar="tgi",
    tells_room=True,
    max_stop=4,
    # It takes the presence penalty, adds 2 and calls that a repetition penalty.
    penalties=("frequency_penalty",),
    takes_top_p_of_1=False,
)
"""TGI 3.0 and newer."""

TGI_FILLS_CHATS_SINCE = (3, 0)
"""The first version of TGI whose chats fill the context without `max_tokens`; before, it is 100 tokens."""

TGI_REQUIRES_TOOLS_SINCE = (2, 4, 1)
"""The first version of TGI that knows `tool_choice: "required"`; 2.4.0 takes it for a function's name."""

LMI = ChatDialect("lmi", refuses_with_424=True)
"""LMI 17 and newer, whose chats are vLLM's own (`lmi_vllm/vllm_async_service.py`)."""

LMI_IS_VLLM_SINCE = (17,)

LMI_KNOWS_TOOLS_SINCE = (14,)
"""The first version of LMI whose rolling batch reads a chat as vLLM does (`vllm_chat_utils.py`)."""


def dialect_of(name: str, version: tuple[int, ...] | None) -> ChatDialect:
    """Return the dialect of a container that takes chats (`contract.chats_problem`).

    Args:
        name: Its name in CONTAINER.
        version: Its version, where known.
    """
    if name == "vllm":
        return VLLM
    known = version or ()
    if name == "tgi":
        return TGI._replace(
            fills=known >= TGI_FILLS_CHATS_SINCE,
            names_tools="name" if known >= TGI_REQUIRES_TOOLS_SINCE else "name, none required",
        )
    if known >= LMI_IS_VLLM_SINCE:
        return LMI
    # The rolling batch: its streams tell no usage, and one step of the engine can end with several tokens.
    rolling = LMI._replace(counts_streams=False, streams_tools=False, late_text=True, least_top_logprobs=1)
    return rolling if known >= LMI_KNOWS_TOOLS_SINCE else rolling._replace(has_tools=False, fills=False)


class OpenAiChats:
    """Chats of one container.

    Args:
        dialect: The container's dialect.
        limits: The model's limits of tokens.
    """

    takes_messages = True

    def __init__(self, dialect: ChatDialect, limits: Limits) -> None:
        self.name = dialect.name
        self.refuses_with_424 = dialect.refuses_with_424
        self._dialect = dialect
        self._limits = limits

    def payload(self, request: GenerationRequest, *, stream: bool) -> bytes:
        """Encode the request body of a chat."""
        generation, dialect = request.generation, self._dialect
        messages = (
            openai_messages.write(request.messages)
            if dialect.has_tools
            else openai_messages.write_without_tools(request.messages, fetches_links=dialect.fetches_links)
        )
        payload = {"messages": messages, **common(generation, dialect)}
        max_tokens = generation.max_tokens
        if max_tokens is None and not dialect.fills:
            max_tokens = room_for_answer(request, self._limits, told=dialect.tells_room)
        if max_tokens is not None:
            payload["max_tokens"] = max_tokens
        if generation.logprobs:
            payload |= {
                "logprobs": True,
                "top_logprobs": max(generation.top_logprobs, dialect.least_top_logprobs),
            }
        payload |= _tools(generation.tools, dialect)
        if generation.response_format is not None:
            payload["response_format"] = _form(generation.response_format, dialect)
        payload |= generation.extra
        if stream:
            payload |= streamed(dialect)
        return encode(payload)

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """
        return openai_answers.read(body, request.generation, refuses_with_424=self.refuses_with_424)

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer; the counts come once, after all else.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """
        return openai_answers.read_stream(
            chunks,
            request.generation,
            refuses_with_424=self.refuses_with_424,
            late_text=self._dialect.late_text,
        )

    def streams(self, request: GenerationRequest) -> bool:
        """Check whether a streamed answer to this request loses nothing."""
        tools = request.generation.tools
        return self._dialect.streams_tools or tools is None or tools.choice == "none"


def common(generation: Generation, dialect: ChatDialect) -> dict[str, Any]:
    """Return the parameters that chats and completions of OpenAI's form share, but for the limit of tokens."""
    values = _sampling(generation, dialect)
    if generation.stop:
        values["stop"] = list(generation.stop[: dialect.max_stop])
    if generation.n > 1:
        values["n"] = generation.n
    for name in ("seed", *dialect.penalties):
        if (value := getattr(generation, name)) is not None:
            values[name] = value
    return values


def streamed(dialect: ChatDialect) -> dict[str, Any]:
    """Return the parameters of a stream."""
    return {"stream": True, **({"stream_options": {"include_usage": True}} if dialect.counts_streams else {})}


def _sampling(generation: Generation, dialect: ChatDialect) -> dict[str, Any]:
    """Return the sampling parameters; none takes a top_p of 0, which selects the likeliest token."""
    if generation.greedy:
        return {"temperature": 0}
    values: dict[str, Any] = {"temperature": generation.temperature, "top_p": generation.top_p}
    if generation.top_p is not None and generation.top_p >= 1 and not dialect.takes_top_p_of_1:
        values["top_p"] = None
    return {name: value for name, value in values.items() if value is not None}


def _tools(tools: Tools | None, dialect: ChatDialect) -> dict[str, Any]:
    """Return the tools and their choice."""
    if tools is None:
        return {}
    if dialect.names_tools == "object":
        choice: Any = tools.choice
        if tools.choice == "named":
            choice = {"type": "function", "function": {"name": tools.name}}
        found = {"tools": [_tool(function) for function in tools.functions], "tool_choice": choice}
        return found if tools.parallel is None else {**found, "parallel_tool_calls": tools.parallel}
    if tools.choice == "none":
        # 2.4.0 would still write them into the prompt.
        return {}
    from invoke_shim.backends.containers.schemas import tgi_function  # noqa: PLC0415 - for chats with tools only

    choice = tools.name if tools.choice == "named" else tools.choice
    if choice == "required" and dialect.names_tools != "name":
        if len(tools.functions) > 1:
            raise ApiError(
                "tool_choice is required with several tools, which this version of the model's container cannot do: "
                "send one tool, or name one in tool_choice",
                status=400,
                type="invalid_request_error",
                param="tool_choice",
            )
        choice = tools.functions[0].name
    written = [tgi_function(function) for function in tools.functions]
    # The template writes them into the prompt, out of which images are taken.
    return {"tools": openai_messages.without_links_within(written), "tool_choice": choice}


def _tool(function: Function) -> dict[str, Any]:
    values = {name: value for name, value in function._asdict().items() if value is not None}
    return {"type": "function", "function": values}


def _form(form: Mapping[str, Any], dialect: ChatDialect) -> Mapping[str, Any]:
    if dialect.grammar == "openai":
        return form
    from invoke_shim.backends.containers.schemas import tgi_grammar  # noqa: PLC0415 - for a prescribed form only

    return tgi_grammar(form)
