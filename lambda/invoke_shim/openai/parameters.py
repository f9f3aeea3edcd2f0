"""Check OpenAI's request parameters, and the container's own beside them, and read them into a `Generation`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show
from invoke_shim.generation.messages import Tools
from invoke_shim.generation.types import Generation
from invoke_shim.rules.base import Check, Rules, unknown
from invoke_shim.rules.checks import MAX_INT64, flag, integer, number, stop_or_texts
from invoke_shim.rules.joint import is_greedy, joint_problems
from invoke_shim.rules.limits import Limits
from invoke_shim.rules.openai import (
    MAX_COMPLETION_LOGPROBS,
    MAX_N,
    MAX_TOP_LOGPROBS,
    response_format,
    stream_options,
)

Kind = Literal["chat", "completion"]

TOOL_FIELDS = frozenset({"tools", "tool_choice", "functions", "function_call"})
"""Parameters of a chat that `tools.read_tools` reads."""

IGNORED = frozenset(
    {
        "metadata",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
"""Parameters that OpenAI's clients send routinely and that change nothing about the answer."""

_COMMON: Mapping[str, Check] = {
    "frequency_penalty": number(-2, 2),
    "max_tokens": integer(1),
    "n": integer(1, MAX_N),
    "presence_penalty": number(-2, 2),
    "response_format": response_format,
    # Fits TGI's unsigned and vLLM's signed 64 bits.
    "seed": integer(0, MAX_INT64),
    # The shim cuts at those that the container does not take.
    "stop": stop_or_texts,
    "stream": flag,
    "stream_options": stream_options,
    "temperature": number(0, 2),
    "top_p": number(0, 1),
}

_CHECKS: Mapping[Kind, Mapping[str, Check]] = MappingProxyType(
    {
        "chat": {
            **_COMMON,
            "logprobs": flag,
            "max_completion_tokens": integer(1),
            "top_logprobs": integer(0, MAX_TOP_LOGPROBS),
        },
        "completion": {
            **_COMMON,
            "echo": flag,
            "logprobs": integer(0, MAX_COMPLETION_LOGPROBS),
        },
    }
)

_READ_ELSEWHERE: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        "chat": frozenset({"model", "messages", *TOOL_FIELDS}),
        "completion": frozenset({"model", "prompt"}),
    }
)

_NEUTRAL: Mapping[Kind, Mapping[str, tuple[Any, ...]]] = MappingProxyType(
    {
        "chat": {
            "audio": (),
            "logit_bias": ({},),
            "modalities": (["text"],),
            "prediction": (),
            "reasoning_effort": (),
            "verbosity": (),
            "web_search_options": (),
        },
        "completion": {"best_of": (1,), "logit_bias": ({},), "suffix": ("",)},
    }
)
"""Parameters that no container here can do: accepted only as null or with a value that asks for nothing."""

_OTHER_NAMES = MappingProxyType(
    {
        "inputs": "it is for /invocations",
        "max_new_tokens": "OpenAI's name of it is max_tokens",
        "parameters": "send them beside the prompt, or to /invocations",
        "stop_sequences": "OpenAI's name of it is stop",
    }
)

_NO_EFFECT_WHEN_GREEDY = frozenset({"min_p", "top_k", "typical_p"})
"""Parameters that narrow the choice of a token: without effect where the likeliest is taken, but TGI would sample."""

_READ_INTO_FIELDS = frozenset({"decoder_input_details", "do_sample", "return_full_text", "top_n_tokens"})
"""The container's own parameters that are fields of a `Generation`."""


def read(
    body: Mapping[str, Any],
    *,
    kind: Kind,
    rules: Rules,
    max_input_tokens: int | None,
    max_total_tokens: int | None,
    default_max_tokens: int | None = None,
) -> tuple[Generation, list[Problem]]:
    """Read the parameters of a chat or a completion.

    Args:
        body: The request.
        kind: OpenAI's kind of request.
        rules: The backend's rules.
        max_input_tokens: The most tokens a prompt may have, where known.
        max_total_tokens: The most tokens of prompt and answer together, where known.
        default_max_tokens: The most tokens of an answer whose request has no limit; None for as many as fit.

    Returns:
        The generation asked for, of use only if there are no problems; and the problems: names that are unknown,
        values of a wrong type or out of range, things that the model cannot do, parameters that cannot go together.
    """
    given, problems = _check(body, kind, rules)
    tools = None
    if kind == "chat" and any(body.get(name) is not None for name in TOOL_FIELDS):
        # Few chats have tools, and none needs what checks their schemas without them.
        from invoke_shim.openai.tools import read_tools  # noqa: PLC0415 - see above

        tools, tool_problems = read_tools(body, rules)
        problems += tool_problems
    limits = Limits(max_input_tokens, max_total_tokens)
    problems += joint_problems(given, rules, limits, is_chat=kind == "chat")
    return _generation(given, rules, tools, default_max_tokens), problems


def _check(body: Mapping[str, Any], kind: Kind, rules: Rules) -> tuple[dict[str, Any], list[Problem]]:
    """Return the parameters that have a value, and the problems of each by itself. Null counts as absent."""
    given: dict[str, Any] = {}
    problems: list[Problem] = []
    checks, extra, neutral, elsewhere = _CHECKS[kind], rules.extra, _NEUTRAL[kind], _READ_ELSEWHERE[kind]
    for name, value in body.items():
        if name in elsewhere or name in IGNORED:
            continue
        check = checks.get(name) or extra.get(name)
        if check is not None:
            if value is None:
                continue
            if (expected := check(value)) is None:
                given[name] = value
            else:
                problems.append(Problem(name, f"{name} is {show(value)}, expected {expected}"))
        elif name not in neutral:
            problems.append(unknown(name, {**checks, **extra}, reasons=_OTHER_NAMES))
        elif value is not None and not _is_one_of(value, neutral[name]):
            problems.append(Problem(name, f"{name} is not supported by this model: leave it out"))
        if len(problems) == ENOUGH_PROBLEMS:
            break
    return given, problems


def _is_one_of(value: Any, allowed: tuple[Any, ...]) -> bool:
    """Compare like `in`, without taking true for 1."""
    return any(type(value) is type(item) and value == item for item in allowed)


def _generation(
    given: Mapping[str, Any], rules: Rules, tools: Tools | None, default_max_tokens: int | None
) -> Generation:
    greedy = is_greedy(given)
    stop = given.get("stop", ())
    logprobs = given.get("logprobs", False)
    top = given.get("top_logprobs", 0) if isinstance(logprobs, bool) else logprobs
    form = given.get("response_format")
    passed_on = rules.extra.keys() - rules.dropped - _READ_INTO_FIELDS
    if greedy:
        passed_on -= _NO_EFFECT_WHEN_GREEDY
    return Generation(
        max_tokens=given.get("max_completion_tokens") or given.get("max_tokens") or default_max_tokens,
        temperature=0 if given.get("do_sample") is False else given.get("temperature"),
        top_p=given.get("top_p"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=given.get("seed"),
        # 0 asks for nothing, and not every container knows them.
        presence_penalty=given.get("presence_penalty") or None,
        frequency_penalty=given.get("frequency_penalty") or None,
        n=given.get("n", 1),
        logprobs=logprobs is not False or "top_n_tokens" in given,
        top_logprobs=top or given.get("top_n_tokens", 0),
        echo=bool(given.get("echo") or given.get("return_full_text")),
        response_format=None if form is None or form["type"] == "text" else form,
        decoder_input_details=given.get("decoder_input_details", False),
        tools=tools,
        extra={name: given[name] for name in given if name in passed_on},
    )
