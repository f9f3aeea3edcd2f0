"""Read parameters as a request's reader does."""

from typing import Any

from invoke_shim import rules
from invoke_shim.errors import Problem
from invoke_shim.generation.types import Generation
from invoke_shim.openai import parameters
from invoke_shim.openai.parameters import Kind
from invoke_shim.rules.base import ContainerRules

KINDS: tuple[Kind, ...] = ("chat", "completion")
CONTAINERS = {
    name: getattr(rules, name)
    for name in (
        "TGI",
        "TGI_GUIDED",
        "LMI",
        "VLLM",
        "BEDROCK_CHAT",
        "BEDROCK_COMPLETION",
        "BEDROCK_NATIVE",
        "BEDROCK_CONVERSE",
    )
}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "car", "schema": {"type": "object", "properties": {}}}}


def read(
    body: dict[str, Any],
    *,
    kind: Kind = "chat",
    container: ContainerRules = rules.TGI,
    max_input_tokens: int | None = None,
    max_total_tokens: int | None = None,
    default_max_tokens: int | None = None,
) -> tuple[Generation, list[Problem]]:
    return parameters.read(
        body,
        kind=kind,
        rules=container.rules,
        max_input_tokens=max_input_tokens,
        max_total_tokens=max_total_tokens,
        default_max_tokens=default_max_tokens,
    )


def accepted(body: dict[str, Any], **how: Any) -> Generation:
    generation, problems = read(body, **how)
    assert not problems
    return generation


def refused(body: dict[str, Any], **how: Any) -> dict[str | None, str]:
    """The problems' messages by the parameter; each parameter has one."""
    problems = read(body, **how)[1]
    assert problems
    assert len({problem.param for problem in problems}) == len(problems)
    return {problem.param: problem.message for problem in problems}
