"""Checks of the declarations as a whole, before any construct sees them.

What one model needs to run is checked by the constructs; what only the sight of all declarations shows is checked
here. Both report everything at once.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from stacks.environments import Environment
from stacks.models import JumpStartModel

Deployments = Sequence[tuple[Environment, Sequence[JumpStartModel]]]

# The stage of the accounts' own stacks, beside the environments.
ACCOUNT_STAGE = "account"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ACCOUNT = re.compile(r"[0-9]{12}")
# CloudWatch Logs, API PutRetentionPolicy, retentionInDays.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def declaration_problems(deployments: Deployments) -> list[str]:
    """List what is wrong with the declarations taken together.

    Args:
        deployments: Environments with the models that each runs.

    Returns:
        One line a problem: its place, the value, and what is allowed. Empty when all is well.
    """
    problems = [
        f"{name}: declared {count} times: each environment's name is allowed once"
        for name, count in _repeated(environment.name for environment, _ in deployments)
    ]
    for environment, models in deployments:
        problems += [f"{environment.name}: {problem}" for problem in _environment_problems(environment)]
        problems += [
            f"{environment.name}/{name}: declared {count} times: each model's name is allowed once an environment"
            for name, count in _repeated(model.name for model in models)
        ]
        problems += [
            f"{environment.name}/{model.name}: {problem}" for model in models for problem in _name_problems(model.name)
        ]
    problems += [
        f"{stack}: {count} environments and models give this stack name: names must differ when joined"
        for stack, count in _repeated(
            f"{environment.name}-{name}" for environment, models in deployments for name in {m.name for m in models}
        )
    ]
    return problems


def _repeated(names: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, count) for name, count in Counter(names).items() if count > 1]


def _name_problems(name: str) -> list[str]:
    if _NAME.fullmatch(name):
        return []
    return [f"name is {name!r}: allowed are lower-case letters, digits and inner hyphens, a letter first"]


def _environment_problems(environment: Environment) -> list[str]:
    problems = _name_problems(environment.name)
    if environment.name == ACCOUNT_STAGE:
        problems.append(f"name is {ACCOUNT_STAGE!r}: it is taken by the stage of the accounts' own stacks")
    if environment.account is not None and not _ACCOUNT.fullmatch(environment.account):
        problems.append(f"account is {environment.account!r}: allowed are 12 digits, or None")
    if environment.log_retention_days not in LOG_RETENTION_DAYS:
        allowed = ", ".join(str(days) for days in LOG_RETENTION_DAYS)
        problems.append(f"log_retention_days is {environment.log_retention_days}: allowed are {allowed}")
    return problems
