"""Check and read OpenAI's `prompt`: text, several texts, or token ids."""

from typing import Any, NamedTuple

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show, unicode_problems
from invoke_shim.rules.checks import MAX_INT32

TokenIds = tuple[int, ...]


class Texts(NamedTuple):
    """The prompts of a completion request.

    Attributes:
        prompts: The prompts as text.
        token_ids: Instead of them, the prompts as token ids.
        problems: The problems; without any, the rest is valid.
    """

    prompts: tuple[str, ...] = ()
    token_ids: tuple[TokenIds, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_texts(value: Any, *, token_ids: bool = False) -> Texts:
    """Read the `prompt` of a completion request.

    Args:
        value: The request's field, of any JSON type.
        token_ids: Whether the model takes prompts of token ids.
    """
    prompts = value if isinstance(value, list) else [value]
    if not prompts:
        return _refused("prompt is an empty list, expected at least one prompt")
    if any(isinstance(prompt, int | list) for prompt in prompts):
        return _read_ids(prompts, allowed=token_ids)
    problems: list[Problem] = []
    for position, prompt in enumerate(prompts):
        if len(problems) >= ENOUGH_PROBLEMS:
            break
        where = f"prompt[{position}]" if isinstance(value, list) else "prompt"
        if not isinstance(prompt, str) or not prompt:
            problems.append(Problem(where, f"{where} is {show(prompt)}, expected a non-empty string"))
        else:
            problems += unicode_problems(where, prompt)
    return Texts(prompts=tuple(prompts), problems=tuple(problems))


def _read_ids(value: list[Any], *, allowed: bool) -> Texts:
    """Read one list of token ids, or several."""
    if not allowed:
        return _refused("prompt holds token ids, expected text: a non-empty string, or a list of them")
    lists = value if all(isinstance(item, list) for item in value) else [value]
    if not all(ids and all(type(item) is int and 0 <= item <= MAX_INT32 for item in ids) for ids in lists):
        return _refused("prompt holds token ids and other things, expected a list of ids, or non-empty lists of them")
    return Texts(token_ids=tuple(tuple(ids) for ids in lists))


def _refused(message: str) -> Texts:
    return Texts(problems=(Problem("prompt", message),))
