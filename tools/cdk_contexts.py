"""Contexts with which the app builds only the stacks that a CDK command asks for.

`cdk deploy dev/mistral-7b-instruct` becomes `cdk deploy -c environments=dev -c models=mistral-7b-instruct
dev/mistral-7b-instruct`. Where anything of a command line is not understood, no context is added, and all is built.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache

from tools.deployed import all_declared_stacks
from tools.processes import ROOT

# The CLI's own description of its commands and options; it is pinned in package.json.
_REGISTRY = ROOT / "node_modules" / "aws-cdk" / "lib" / "cli" / "cli-type-registry.json"
# Of the CLI's globs only those that mean the same in every library.
_SIMPLE_GLOB = re.compile(r"[A-Za-z0-9_.*-]+")
_TAKES_VALUE = {"array", "number", "string"}
# With these, what a command line builds is somebody else's choice.
_CHOSEN = {"app", "all", "help"}

_Options = Mapping[str, str]
"""Type of each option by its name and its aliases, without hyphens."""


def with_contexts(arguments: Sequence[str]) -> list[str]:
    """Return a command line with the contexts for its stacks.

    Args:
        arguments: The CLI's, such as `deploy dev/*`.
    """
    position = next((at for at, word in enumerate(arguments) if not word.startswith("-")), None)
    options = _options(arguments[position]) if position is not None else None
    if position is None or options is None:
        return list(arguments)
    rest = arguments[position + 1 :]
    contexts = _contexts(_patterns([*arguments[:position], *rest], options) or [])
    return [*arguments[: position + 1], *contexts, *rest]


@cache
def _registry() -> Mapping[str, Mapping[str, Mapping[str, object]]]:
    try:
        registry: Mapping[str, Mapping[str, Mapping[str, object]]] = json.loads(_REGISTRY.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"globalOptions": {}, "commands": {}}
    return registry


def _options(command: str) -> _Options | None:
    """Return the options of a command that takes stacks; None for any other."""
    for name, described in _registry()["commands"].items():
        aliases = described.get("aliases") or []
        argument = described.get("arg")
        if not isinstance(aliases, list) or not isinstance(argument, dict) or argument.get("name") != "STACKS":
            continue
        if command in {name, *aliases}:
            own = described.get("options") or {}
            return _by_name({**_registry()["globalOptions"], **(own if isinstance(own, dict) else {})})
    return None


def _by_name(options: Mapping[str, Mapping[str, object]]) -> _Options:
    types = {"help": "boolean", "h": "boolean"}
    for name, described in options.items():
        alias = described.get("alias") or []
        for one in (name, *(alias if isinstance(alias, list) else [alias])):
            types[str(one)] = str(described["type"])
    return types


def _patterns(words: Iterable[str], options: _Options) -> list[str] | None:
    """Return a command line's stack patterns; None where it is not understood, or names its stacks otherwise."""
    patterns = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            patterns.append(word)
            continue
        name, has_value, value = word.lstrip("-").partition("=")
        is_negated = name.startswith("no-") and name not in options
        kind = options.get(name.removeprefix("no-") if is_negated else name)
        if kind is None or name in {*_CHOSEN, "a", "h"}:
            return None
        if kind in _TAKES_VALUE and not has_value:
            value = next(rest, "")
        if name in {"c", "context"} and value.partition("=")[0] in {"environments", "models"}:
            return None
    return patterns


def _contexts(patterns: Sequence[str]) -> list[str]:
    """Return the contexts for patterns such as `dev/*`; none where one of them names no declared model."""
    environments: set[str] = set()
    models: set[str] = set()
    every_model = False
    for pattern in patterns:
        wanted_environment, slash, wanted_model = pattern.partition("/")
        if not (slash and _SIMPLE_GLOB.fullmatch(wanted_environment) and _SIMPLE_GLOB.fullmatch(wanted_model)):
            return []
        found = [
            (stack.environment_name, stack.model.name)
            for stack in all_declared_stacks()
            if fnmatchcase(stack.environment_name, wanted_environment) and fnmatchcase(stack.model.name, wanted_model)
        ]
        if not found or "**" in pattern:
            return []
        environments.update(environment for environment, _ in found)
        models.update(model for _, model in found)
        every_model |= wanted_model == "*"
    if not patterns:
        return []
    contexts = ["-c", f"environments={','.join(sorted(environments))}"]
    return contexts if every_model else [*contexts, "-c", f"models={','.join(sorted(models))}"]
