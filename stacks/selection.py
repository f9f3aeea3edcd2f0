"""Selection of the stacks that one synthesis defines, by lists of names from the CDK context."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.nearest import did_you_mean
from stacks.placement import Deployments


class SelectionError(ValueError):
    """A list names an environment or a model that is not declared."""


def select(deployments: Deployments, *, environments: str | None = None, models: str | None = None) -> Deployments:
    """Return the declarations of the named environments and models.

    Args:
        deployments: All environments with the models that each runs.
        environments: Environments' names, joined by commas; None for all.
        models: Models' names, joined by commas; None for all. A model is selected in each selected environment that
            runs it.

    Returns:
        Selected environments with the selected models that each runs; none without a model.

    Raises:
        SelectionError: If a name is not declared, or if no selected environment runs a model; the message has a line
            for every such name, with the names that are allowed.
    """
    problems: list[str] = []
    wanted = _names("environments", environments, [environment.name for environment, _ in deployments], problems)
    # With wrong names of environments, a model may be anywhere.
    within = [(environment, runs) for environment, runs in deployments if problems or environment.name in wanted]
    where = "" if environments is None or problems else f" in {environments}"
    named = _names("models", models, [model.name for _, runs in within for model in runs], problems, where=where)
    if problems:
        raise SelectionError("\n".join(problems))
    selected = [(environment, [model for model in runs if model.name in named]) for environment, runs in within]
    return [(environment, runs) for environment, runs in selected if runs]


def _names(
    context: str, listed: str | None, declared: Iterable[str], problems: list[str], *, where: str = ""
) -> set[str]:
    """Return the listed names, or all declared ones where nothing is listed; add a problem for each unknown name."""
    known = list(dict.fromkeys(declared))
    if listed is None:
        return set(known)
    names = {name.strip() for name in listed.split(",")}
    for name in sorted(names - set(known)):
        problem = f"context {context} is {listed!r}: {name!r} is not declared{where}; allowed: {', '.join(known)}"
        hint = did_you_mean(name, known)
        problems.append(f"{problem}; {hint}" if hint else problem)
    return names
