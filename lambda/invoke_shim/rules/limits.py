"""A model's limits of tokens, as far as they can be checked without its tokenizer."""

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

from invoke_shim.errors import TOO_LONG, Problem, show

LONGEST_TOKEN = 256
"""Characters of a prompt that are at least one token, whitespace aside.

The longest entries of the published vocabularies of the models here are runs of one character, mostly of 16 (what
SentencePiece allows by default) to 128; twice that, so that no prompt is refused that would fit. The
whitespace of a prompt is not counted, because a tokenizer may drop it.
"""

ROOM_OF_UNKNOWN = 1024
"""Tokens of answer where the model's limits are not known.

TGI's launcher, where it is not told either, takes prompts of 1024 tokens, and 2048 with the answer
(`--max-input-length` and `--max-total-tokens` in its versions up to 1.4).
"""


class Limits(NamedTuple):
    """A model's limits; each None where it is not known.

    Attributes:
        max_input_tokens: The most tokens a prompt may have.
        max_total_tokens: The most tokens of prompt and answer together.
    """

    max_input_tokens: int | None = None
    max_total_tokens: int | None = None

    def truncate_problem(self, name: str, value: Any) -> Problem | None:
        """Return the problem of shortening the prompt to so many tokens, if there is one."""
        if value is None or self.max_input_tokens is None or value <= self.max_input_tokens:
            return None
        return Problem(name, f"{name} is {show(value)}, but this model takes prompts of {self.max_input_tokens} tokens")

    def prompt_problem(self, name: str, text: str, *, max_tokens: int | None) -> Problem | None:
        """Return the problem of a prompt that cannot fit, however it is cut into tokens.

        Args:
            name: The request's field.
            text: The prompt.
            max_tokens: The most tokens of answer that the request asks for; None for as many as fit.
        """
        allowed = [] if self.max_input_tokens is None else [self.max_input_tokens]
        # An answer that leaves no room at all is a problem of its own.
        answer = 1 if max_tokens is None else max_tokens
        if self.max_total_tokens is not None and self.max_total_tokens > answer:
            allowed.append(self.max_total_tokens - answer)
        if not allowed or len(text) <= min(allowed) * LONGEST_TOKEN:
            return None
        least = fewest_tokens(text)
        if least <= min(allowed):
            return None
        found = f"{name} has {len(text)} characters, which are {least} tokens at the very least"
        return Problem(name, f"{found}; {self._room(max_tokens)}", TOO_LONG)

    def tokens_problem(self, name: str, tokens: int, *, max_tokens: int | None) -> Problem | None:
        """Return the problem of a prompt of so many tokens, if it is too long.

        Args:
            name: The request's field.
            tokens: The prompt's tokens.
            max_tokens: The most tokens of answer that the request asks for; None for as many as fit.
        """
        too_long = self.max_input_tokens is not None and tokens > self.max_input_tokens
        if self.max_total_tokens is not None:
            too_long |= tokens + (1 if max_tokens is None else max_tokens) > self.max_total_tokens
        return Problem(name, f"{name} has {tokens} tokens; {self._room(max_tokens)}", TOO_LONG) if too_long else None

    def _room(self, max_tokens: int | None) -> str:
        """Say what fits, in the words by which clients know such an error (LiteLLM looks for them)."""
        if self.max_total_tokens is None:
            return f"this model takes {self.max_input_tokens} tokens of prompt"
        of_answer = "" if max_tokens is None else f"{max_tokens} of "
        room = f"this model's maximum context length is {self.max_total_tokens} tokens, prompt and {of_answer}answer"
        if self.max_input_tokens is None:
            return f"{room} together"
        return f"{room} together, at most {self.max_input_tokens} of prompt"

    def room_for_answer(self, prompt_tokens: int) -> int:
        """Return the tokens of answer that fit after a prompt, for a container that must be told a number.

        Args:
            prompt_tokens: The most tokens that the prompt may have; one that has more than the model takes is refused.
        """
        if self.max_total_tokens is None:
            return ROOM_OF_UNKNOWN
        taken = prompt_tokens if self.max_input_tokens is None else min(prompt_tokens, self.max_input_tokens)
        return max(1, self.max_total_tokens - taken)


def limit_problem(name: str, value: Any, limits: Limits) -> Problem | None:
    """Return the problem of requesting so many tokens of answer, if there is one: a prompt has at least one."""
    total = limits.max_total_tokens
    if value is None or total is None or value < total:
        return None
    prompt = f" (at most {limits.max_input_tokens} for the prompt)" if limits.max_input_tokens else ""
    return Problem(
        name, f"{name} is {show(value)}, but this model takes {total} tokens, prompt and answer together{prompt}"
    )


def generations_problem(counts: Mapping[str, int], *, most: int) -> Problem | None:
    """Return the problem of a request that makes more generations than one may, if it does.

    Args:
        counts: Factors of the number of generations, by the fields that tell them.
        most: The most generations of one request.
    """
    total = prod(counts.values())
    if total <= most:
        return None
    names = [name for name, count in counts.items() if count > 1]
    makes = "makes" if len(names) == 1 else "make"
    text = f"{' and '.join(names)} {makes} {total} generations, but one request may make at most {most}"
    return Problem(names[0], f"{text}: send several requests")


def fewest_tokens(text: str) -> int:
    """Return a lower bound of a text's number of tokens, whatever the tokenizer."""
    characters = len("".join(text.split()))
    return -(-characters // LONGEST_TOKEN)
