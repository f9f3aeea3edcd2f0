"""The types of rules, and the checks of a payload by them.

Named tuples, because a dataclass takes up to a millisecond of a cold start to make.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show
from invoke_shim.rules.limits import Limits, generations_problem, limit_problem

MAX_NAME = 64
"""Characters of an unknown name that are compared with the known ones."""

_NONE: Mapping[str, Any] = MappingProxyType({})


class Check(Protocol):
    """Returns what is allowed instead of a parameter's value, or None where the value is allowed."""

    def __call__(self, value: Any, /) -> str | None:
        """Judge the value."""


class Conflicts(Protocol):
    """Returns the conflicts between a request's parameters, each of them right by itself."""

    def __call__(self, parameters: Mapping[str, Any], /, *, stream: bool, samples: bool) -> list[Problem]:
        """Judge the parameters, by the container's names; `samples` when tokens are not just the likeliest."""


class Rules(NamedTuple):
    """The parameters that a backend takes beside a prompt.

    Attributes:
        fills: Whether an answer may have no limit of tokens: it ends where the model ends it, or the context does.
        max_stop: The most stop strings that it ends at by itself; None where there is no limit. The shim cuts
            at the others.
        penalties: Those of `presence_penalty` and `frequency_penalty` that it knows.
        max_n: The most answers to one request.
        max_top_logprobs: The most alternatives at a token; None where it reports no log probabilities at all.
        response_format: Whether it takes OpenAI's `response_format` with a JSON schema.
        json_object: Whether it takes OpenAI's `response_format` of any JSON object.
        tools: Whether it takes functions to call, where it takes a chat's messages.
        tool_choices: Those of `required` and `named` that it can force, beside letting the model choose.
        images: Whether it takes images, where it takes a chat's messages.
        token_ids: Whether a completion's prompt may be token ids.
        echo_logprobs: Whether it tells the log probabilities of a completion's prompt, with the prompt echoed.
        streams_usage: Whether a stream tells the tokens of prompt and answer.
        extra: Its own parameters that a chat or completion may carry, by name, each with its check.
        dropped: Those of `extra` that a chat or completion may carry and that are not passed on, because the
            container has nothing for them or the shim decides them.
        conflicts: Finds parameters that cannot go together.
    """

    extra: Mapping[str, Check]
    fills: bool = False
    max_stop: int | None = None
    penalties: frozenset[str] = frozenset()
    max_n: int = 1
    max_top_logprobs: int | None = None
    response_format: bool = False
    json_object: bool = False
    tools: bool = False
    tool_choices: frozenset[str] = frozenset()
    images: bool = False
    token_ids: bool = False
    echo_logprobs: bool = False
    streams_usage: bool = False
    dropped: frozenset[str] = frozenset()
    conflicts: Conflicts | None = None


class Payload(NamedTuple):
    """One form of a container's own payload.

    Attributes:
        prompt: The field that holds the prompt or the chat, which distinguishes the forms.
        fields: The top-level fields that may be there, `prompt` among them, each with its check.
        parameters: What the field `nested` may hold; None where parameters are top-level fields.
        nested: The name of the field that holds the parameters.
        required: Fields that must be there beside `prompt`.
        reasons: Names that other containers know and this one does not, each with what to do instead.
        limits: The parameters that are the most tokens to generate.
        truncate: The parameter that shortens the prompt to so many tokens, if there is one.
        sampling: Parameters that make the container sample when they have a value, beside `do_sample`.
        conflicts: Finds parameters that cannot go together.
    """

    prompt: str
    fields: Mapping[str, Check]
    parameters: Mapping[str, Check] | None = None
    nested: str = "parameters"
    required: tuple[str, ...] = ()
    reasons: Mapping[str, str] = _NONE
    limits: tuple[str, ...] = ("max_tokens",)
    truncate: str | None = None
    sampling: frozenset[str] = frozenset()
    conflicts: Conflicts | None = None

    def problems(self, body: Mapping[str, Any], limits: Limits) -> list[Problem]:
        """List the problems of a payload of this form."""
        problems = [Problem(name, f"{name} is missing") for name in self.required if name not in body]
        right, field_problems = check_all(body, self.fields, reasons=self.reasons)
        problems += field_problems
        where = ""
        if self.parameters is not None:
            parameters, where = body.get(self.nested, {}), f"{self.nested}."
            if not isinstance(parameters, dict):
                problems.append(Problem(self.nested, f"{self.nested} is {show(parameters)}, expected an object"))
                return problems
            right, field_problems = check_all(parameters, self.parameters, where=where, reasons=self.reasons)
            problems += field_problems
        problems += self._prompt_problems(body.get(self.prompt), right, limits)
        return problems + self._joint_problems(right, where, limits, stream=body.get("stream") is True)

    def generations_problem(self, body: Mapping[str, Any], most: int) -> Problem | None:
        """Return the problem of a payload that makes more generations than a request may, if it does."""
        prompts = body.get(self.prompt)
        # A list of numbers is one prompt of token ids; messages are one chat.
        several = self.prompt == "prompt" and isinstance(prompts, list) and type(next(iter(prompts), 0)) is not int
        parameters = body if self.parameters is None else body.get(self.nested)
        of_each, name = 1, "n"
        for candidate in ("n", "best_of"):
            count = parameters.get(candidate) if isinstance(parameters, dict) else None
            if type(count) is int and count > of_each:
                of_each, name = count, candidate
        where = "" if self.parameters is None else f"{self.nested}."
        counts = {self.prompt: len(prompts) if several and prompts else 1, f"{where}{name}": of_each}
        return generations_problem(counts, most=most)

    def _prompt_problems(self, prompt: Any, parameters: Mapping[str, Any], limits: Limits) -> list[Problem]:
        if not isinstance(prompt, str) or (self.truncate is not None and parameters.get(self.truncate) is not None):
            return []
        asked = next((parameters[name] for name in self.limits if parameters.get(name) is not None), None)
        problem = limits.prompt_problem(self.prompt, prompt, max_tokens=asked)
        return [] if problem is None else [problem]

    def _joint_problems(
        self, parameters: Mapping[str, Any], where: str, limits: Limits, *, stream: bool
    ) -> list[Problem]:
        """List the problems of values that are right one by one."""
        found = [limit_problem(name, parameters.get(name), limits) for name in self.limits]
        if self.truncate is not None:
            found.append(limits.truncate_problem(self.truncate, parameters.get(self.truncate)))
        problems = [problem for problem in found if problem is not None]
        if self.conflicts is not None:
            samples = parameters.get("do_sample") is True or any(
                parameters.get(name) is not None for name in self.sampling
            )
            problems += self.conflicts(parameters, stream=stream, samples=samples)
        return [Problem(f"{where}{problem.param}", f"{where}{problem.message}") for problem in problems]


class ContainerRules(NamedTuple):
    """The rules of one kind of container, or of one kind of body at Bedrock.

    Attributes:
        rules: For completions, and for chats whose prompt the shim writes.
        payloads: For payloads of its own, every form it knows.
        chat_rules: For chats whose prompt the model's side writes, where they differ.
    """

    rules: Rules
    payloads: tuple[Payload, ...]
    chat_rules: Rules | None = None

    def native_problems(
        self,
        body: Mapping[str, Any],
        *,
        max_input_tokens: int | None = None,
        max_total_tokens: int | None = None,
        max_generations: int | None = None,
    ) -> list[Problem]:
        """List the problems of a payload of the container's own form.

        Args:
            body: The payload.
            max_input_tokens: The most tokens a prompt may have, where known.
            max_total_tokens: The most tokens of prompt and answer together, where known.
            max_generations: The most generations of one request; None for any number.
        """
        for payload in self.payloads:
            if payload.prompt in body:
                problems = payload.problems(body, Limits(max_input_tokens, max_total_tokens))
                if not problems and max_generations is not None:
                    too_many = payload.generations_problem(body, max_generations)
                    problems = [] if too_many is None else [too_many]
                return problems
        first = self.payloads[0]
        forms = " or ".join(payload.prompt for payload in self.payloads)
        missing = Problem(first.prompt, f"{forms} is missing")
        return [missing, *first.problems(body, Limits(max_input_tokens, max_total_tokens))]


def check_all(
    values: Mapping[str, Any],
    checks: Mapping[str, Check],
    *,
    where: str = "",
    reasons: Mapping[str, str] = _NONE,
) -> tuple[dict[str, Any], list[Problem]]:
    """Check values by name, until there are problems enough.

    Args:
        values: The client's values by name.
        checks: The checks by name.
        where: The JSON path of the values, with a dot at its end.
        reasons: The reason why a name is not allowed, with what to do instead.

    Returns:
        The values that are right, and the problems of the others.
    """
    right: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in values.items():
        check = checks.get(name)
        if check is None:
            problems.append(unknown(name, checks, where=where, reasons=reasons))
        elif (expected := check(value)) is not None:
            problems.append(Problem(f"{where}{name}", f"{where}{name} is {show(value)}, expected {expected}"))
        else:
            right[name] = value
        if len(problems) == ENOUGH_PROBLEMS:
            break
    return right, problems


def unknown(name: str, allowed: Iterable[str], *, where: str = "", reasons: Mapping[str, str] = _NONE) -> Problem:
    """Return the problem of a name that is not known here, with the reason or with similar names."""
    if name in reasons:
        return Problem(f"{where}{name}", f"{where}{name} is not taken here: {reasons[name]}")
    from invoke_shim.rules.refused import REASONS  # noqa: PLC0415 - only ever needed for a mistake

    if name in REASONS:
        return Problem(f"{where}{name}", f"{where}{name} is not taken here: {REASONS[name]}")
    import difflib  # noqa: PLC0415 - only ever needed for a mistake, and slow to load

    near = difflib.get_close_matches(name[:MAX_NAME], allowed, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}" if near else f"allowed: {', '.join(sorted(allowed))}"
    return Problem(f"{where}{name}", f"unknown parameter {show(f'{where}{name}')}, {hint}")
