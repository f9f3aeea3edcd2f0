"""Check the parameters of a chat or completion together, each of them right by itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from invoke_shim.errors import Problem, show
from invoke_shim.rules.base import Rules
from invoke_shim.rules.limits import Limits, limit_problem

TRUNCATE = ("truncate", "truncate_prompt_tokens")
"""The parameter that shortens the prompt to so many tokens: TGI's and LMI's name, and vLLM's."""


def joint_problems(given: Mapping[str, Any], rules: Rules, limits: Limits, *, is_chat: bool) -> list[Problem]:
    """List the problems of the parameters together, and of those beyond the model's abilities.

    Args:
        given: The parameters that have a value, each right by itself.
        rules: The backend's rules.
        limits: The model's limits of tokens.
        is_chat: Whether it is a chat, not a completion.
    """
    problems = [*_of_lengths(given, limits), *_of_abilities(given, rules), *_of_logprobs(given, rules)]
    stream = given.get("stream", False)
    if "stream_options" in given and not stream:
        problems.append(Problem("stream_options", "stream_options is given, which needs stream to be true"))
    if is_chat and given.get("return_full_text"):
        problems.append(Problem("return_full_text", "return_full_text is true, which is for /v1/completions only"))
    if given.get("do_sample") is True and given.get("temperature") == 0:
        text = "do_sample is true, but temperature is 0, which takes the likeliest token: leave one of them out"
        problems.append(Problem("do_sample", text))
    if rules.conflicts is not None:
        problems += rules.conflicts(given, stream=stream, samples=not is_greedy(given))
    return problems


def is_greedy(given: Mapping[str, Any]) -> bool:
    """Check whether only the likeliest token is ever to be taken."""
    return given.get("temperature") == 0 or given.get("top_p") == 0 or given.get("do_sample") is False


def _of_lengths(given: Mapping[str, Any], limits: Limits) -> Iterator[Problem]:
    names = [name for name in ("max_completion_tokens", "max_tokens") if name in given]
    for name in names:
        if (problem := limit_problem(name, given[name], limits)) is not None:
            yield problem
    if len({given[name] for name in names}) > 1:
        yield Problem("max_tokens", "max_tokens and max_completion_tokens differ: send one of them")
    for name in TRUNCATE:
        if (problem := limits.truncate_problem(name, given.get(name))) is not None:
            yield problem


def _of_abilities(given: Mapping[str, Any], rules: Rules) -> Iterator[Problem]:
    if (n := given.get("n", 1)) > rules.max_n:
        able = "one answer" if rules.max_n == 1 else f"at most {rules.max_n} answers"
        yield Problem("n", f"n is {n}, but this model gives {able} to a request")
    for name in ("presence_penalty", "frequency_penalty"):
        if given.get(name) and name not in rules.penalties:
            instead = ", or use repetition_penalty" if "repetition_penalty" in rules.extra else ""
            yield Problem(
                name,
                f"{name} is {show(given[name])}, but this model's container knows no such penalty: "
                f"leave it out or send 0{instead}",
            )
    kind = given.get("response_format", {}).get("type", "text")
    if kind != "text" and not (rules.json_object if kind == "json_object" else rules.response_format):
        able = "this model answers with text only"
        if rules.response_format:
            able = "this model's container needs a json_schema"
        yield Problem("response_format", f"response_format is {kind}, but {able}")


def _of_logprobs(given: Mapping[str, Any], rules: Rules) -> Iterator[Problem]:
    wanted = given.get("logprobs", False)
    # A completion's logprobs is a number: 0 asks for the tokens' own.
    if wanted is False:
        if given.get("top_logprobs"):
            yield Problem("top_logprobs", f"top_logprobs is {given['top_logprobs']}, which needs logprobs to be true")
        return
    if rules.max_top_logprobs is None:
        yield Problem("logprobs", "logprobs is not supported by this model: leave it out")
        return
    name, most = ("top_logprobs", given.get("top_logprobs", 0)) if wanted is True else ("logprobs", wanted)
    if most > rules.max_top_logprobs:
        yield Problem(name, f"{name} is {most}, but this model's container tells at most {rules.max_top_logprobs}")
    if (given.get("echo") or given.get("return_full_text")) and not rules.echo_logprobs:
        yield Problem("logprobs", "logprobs cannot go with echo: this model tells them for the answer only")
