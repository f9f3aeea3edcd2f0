"""Environments that share an account, and so its quotas."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from stacks.environments import Environment
from stacks.preflight.findings import Finding, Level

CREDENTIALS_ACCOUNT = "that of the credentials"
"""Account of all environments that name none: `cdk deploy` takes that of its credentials, mostly the same ones."""


def account_of(environment: Environment) -> str:
    """Return the account that an environment is counted in."""
    return environment.account or CREDENTIALS_ACCOUNT


def names(environments: Iterable[Environment]) -> list[str]:
    """Return the names of environments, each once, in order."""
    return list(dict.fromkeys(environment.name for environment in environments))


def at_most(quota: int, name: str) -> str:
    """Return what a quota allows, in words: itself, where it is any, or a raised one."""
    return f"{quota} or fewer, or a raised quota {name}" if quota > 0 else f"a raised quota {name}"


def in_words(words: Sequence[str]) -> str:
    """Join words as an enumeration: `dev, staging and prod`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def is_certain(environments: Iterable[Environment]) -> bool:
    """Return whether environments of one group do share an account: they name it, or are one environment."""
    group = list(environments)
    return len(names(group)) == 1 or all(environment.account for environment in group)


def shared(finding: Finding, environments: Iterable[Environment]) -> Finding:
    """Return a finding about a sum over environments, which concerns them all.

    Where they only may share an account, since none names one, it is a warning that says so.
    """
    group = list(environments)
    concerned = names(group)
    finding = replace(finding, concerns=tuple(concerned))
    if is_certain(group):
        return finding
    assumed = f"{in_words(concerned)} name no account, and count as one"
    suggestion = " or ".join(filter(None, [finding.suggestion, "an account for each"]))
    return replace(finding, message=f"{finding.message}; {assumed}", suggestion=suggestion, level=Level.WARNING)


def check_shared_quotas(
    needed: Sequence[tuple[Environment, Mapping[tuple[str, str], int]]],
) -> Iterator[Finding]:
    """Check the instances of environments that share an account against the lowest quota that any of them declares.

    An environment whose own instances are too many has a finding of its own.

    Args:
        needed: Environments, each with its instances by region and instance type.
    """
    groups: dict[tuple[str, str, str], list[tuple[Environment, int]]] = {}
    for environment, counts in needed:
        for (region, instance_type), count in counts.items():
            groups.setdefault((account_of(environment), region, instance_type), []).append((environment, count))
    for (_, region, instance_type), group in sorted(groups.items()):
        declared = [one for one, _ in group if instance_type in one.quotas]
        environments = [environment for environment, _ in group]
        if not declared or not names(environments)[1:]:
            continue
        strictest = min(declared, key=lambda environment: environment.quotas[instance_type])
        quota = strictest.quotas[instance_type]
        total = sum(count for _, count in group)
        if total > quota and all(count <= one.quotas.get(instance_type, count) for one, count in group):
            finding = Finding(
                rule="over-quota",
                place=f"{strictest.name}.quotas[{instance_type!r}]",
                value=f"{quota}",
                message=f"the models of {in_words(names(environments))} take {total} instances in {region}",
                allowed=at_most(quota, f"'{instance_type} for endpoint usage'"),
            )
            yield shared(finding, environments)
