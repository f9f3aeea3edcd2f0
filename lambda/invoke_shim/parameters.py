"""OpenAI's request parameters, checked and read into a `Generation`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.chat import unicode_problems
from invoke_shim.errors import Problem, show
from invoke_shim.generation import Generation

DEFAULT_MAX_TOKENS = 256
"""Tokens to generate when the client does not say.

The containers' own defaults are of no use (LMI 30, TGI 1.1 20). 256 is what AWS's Falcon 180B examples ask
for; at the 57 ms a token of Falcon 40B it is 15 s, which fits into API Gateway's 29 s.
"""

MAX_STOP = 4
"""OpenAI's and TGI's limit."""

MAX_SEED = 2**63 - 1
"""Fits TGI's unsigned and vLLM's signed 64 bits."""

IGNORED = frozenset(
    {
        "metadata",
        "parallel_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
"""What OpenAI's clients send routinely and what changes nothing about the answer."""

COMMON = frozenset(
    {
        "decoder_input_details",
        "frequency_penalty",
        "max_tokens",
        "model",
        "presence_penalty",
        "seed",
        "stop",
        "temperature",
        "top_p",
    }
)

COMMON_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "logit_bias": (None, {}),
    "n": (None, 1),
    "stream": (None, False),
    "stream_options": (None,),
}
"""Parameters that are accepted only with a value that asks for nothing."""

CHAT = COMMON | {"max_completion_tokens", "messages"}
CHAT_NEUTRAL: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        **COMMON_NEUTRAL,
        "audio": (None,),
        "function_call": (None, "none", "auto"),
        "functions": (None, []),
        "logprobs": (None, False),
        "modalities": (None, ["text"]),
        "prediction": (None,),
        "reasoning_effort": (None,),
        "response_format": (None, {"type": "text"}),
        "tool_choice": (None, "none", "auto"),
        "tools": (None, []),
        "top_logprobs": (None,),
        "verbosity": (None,),
        "web_search_options": (None,),
    }
)

COMPLETION = COMMON | {"prompt"}
COMPLETION_NEUTRAL: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        **COMMON_NEUTRAL,
        "best_of": (None, 1),
        "echo": (None, False),
        "logprobs": (None,),
        "suffix": (None, ""),
    }
)

STREAM_PROBLEM = Problem("stream", "stream is true, but this API does not stream yet: leave stream out or send false")


def name_problems(
    body: Mapping[str, Any], *, known: frozenset[str], neutral: Mapping[str, tuple[Any, ...]]
) -> list[Problem]:
    """Parameters that are unknown, or that ask for something no container here can do.

    Args:
        body: the request.
        known: the parameters that are read elsewhere.
        neutral: the parameters accepted only with one of the values given.
    """
    problems = []
    for name, value in body.items():
        if name in known or name in IGNORED:
            continue
        if name not in neutral:
            text = f"unknown parameter {show(name)} (a container's own parameters are for /invocations)"
            problems.append(Problem(name, text))
        elif name == "stream" and value is True:
            problems.append(STREAM_PROBLEM)
        elif not _is_one_of(value, neutral[name]):
            problems.append(Problem(name, f"{name} is not supported by this model: leave it out"))
    return problems


def _is_one_of(value: Any, allowed: tuple[Any, ...]) -> bool:
    """Like `in`, without taking true for 1."""
    return any(type(value) is type(item) and value == item for item in allowed)


class ParameterReader:
    """Reads the sampling parameters of one request.

    Args:
        body: the request.
        takes_penalties: whether the container knows presence and frequency penalties.
        max_input_tokens: the container's limit of the prompt, where known.
        max_total_tokens: the container's limit of prompt and answer, where known.
    """

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        takes_penalties: bool,
        max_input_tokens: int | None,
        max_total_tokens: int | None,
    ) -> None:
        self._body = body
        self._takes_penalties = takes_penalties
        self._max_input_tokens = max_input_tokens
        self._max_total_tokens = max_total_tokens
        self.problems: list[Problem] = []

    def read(self) -> Generation:
        """The generation asked for; not to be used if there are `problems` afterwards."""
        return Generation(
            max_tokens=self._max_tokens(),
            temperature=self._number("temperature", 0, 2),
            top_p=self._number("top_p", 0, 1),
            stop=self._stop(),
            seed=self._integer("seed", 0, MAX_SEED),
            presence_penalty=self._penalty("presence_penalty"),
            frequency_penalty=self._penalty("frequency_penalty"),
            decoder_input_details=self._flag("decoder_input_details"),
        )

    def _refuse(self, name: str, expected: str) -> None:
        self.problems.append(Problem(name, f"{name} is {show(self._body[name])}, {expected}"))

    def _number(self, name: str, lowest: float, highest: float) -> float | None:
        value = self._body.get(name)
        if value is None:
            return None
        # bool is an int to Python; the comparison is false for NaN
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            self._refuse(name, f"expected a number from {lowest} to {highest}")
            return None
        return value

    def _integer(self, name: str, lowest: int, highest: int) -> int | None:
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self._refuse(name, f"expected an integer from {lowest} to {highest}")
            return None
        return value

    def _flag(self, name: str) -> bool:
        value = self._body.get(name)
        if value is not None and not isinstance(value, bool):
            self._refuse(name, "expected true or false")
        return value is True

    def _penalty(self, name: str) -> float | None:
        value = self._number(name, -2, 2)
        if value and not self._takes_penalties:
            self._refuse(name, "but this model's container knows no such penalty: leave it out or send 0")
        return value or None

    def _max_tokens(self) -> int:
        values = [self._token_limit(name) for name in ("max_completion_tokens", "max_tokens")]
        given = {value for value in values if value is not None}
        if len(given) > 1:
            self.problems.append(Problem("max_tokens", "max_tokens and max_completion_tokens differ: send one of them"))
        if given:
            return given.pop()
        if self._max_total_tokens is None:
            return DEFAULT_MAX_TOKENS
        return min(DEFAULT_MAX_TOKENS, self._max_total_tokens // 2)

    def _token_limit(self, name: str) -> int | None:
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self._refuse(name, "expected an integer of at least 1")
            return None
        # A prompt has at least one token.
        if self._max_total_tokens is not None and value >= self._max_total_tokens:
            prompt = f" (at most {self._max_input_tokens} for the prompt)" if self._max_input_tokens else ""
            self._refuse(
                name, f"but this model takes {self._max_total_tokens} tokens, prompt and answer together{prompt}"
            )
            return None
        return value

    def _stop(self) -> tuple[str, ...]:
        value = self._body.get("stop")
        if value is None:
            return ()
        strings = [value] if isinstance(value, str) else value
        if (
            not isinstance(strings, list)
            or len(strings) > MAX_STOP
            or not all(isinstance(string, str) and string for string in strings)
        ):
            self._refuse("stop", f"expected a non-empty string, or a list of at most {MAX_STOP} of them")
            return ()
        for string in strings:
            self.problems += unicode_problems(string, "stop")
        return tuple(strings)
