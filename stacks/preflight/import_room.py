"""Whether the account's quota of imported models has room for what is declared, and for changing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog.limits import model_import as limits
from stacks.declarations import BedrockImport
from stacks.environments import Environment
from stacks.placement import AnyPlacement
from stacks.preflight.findings import Finding, Severity

_QUOTA = f"quota 'Imported models per account' ({limits.MODELS_QUOTA_CODE})"


def imported_models_findings(environment: Environment) -> Iterator[Finding]:
    """Check that the number of imported models that an environment declares is one."""
    quota = environment.imported_models
    if isinstance(quota, bool) or quota != int(quota) or quota < 1:
        yield Finding(
            rule="quota-form", place=f"{environment.name}.imported_models", value=f"{quota}", allowed="1 or more"
        )


def import_room_findings(placements: Sequence[AnyPlacement]) -> Iterator[Finding]:
    """Check all imported models against the quotas that their environments declare, by account and region.

    An update imports the new version while the served one stays, and makes room by removing old versions of its own
    model only (lambda/model_import/planning.py). So it needs two of its own beside all that the others keep.
    Environments that name the same account share its quota; one that names none is taken to be alone.

    Args:
        placements: All models of all environments.
    """
    groups: dict[tuple[str, str], list[tuple[AnyPlacement, int]]] = {}
    for placement in placements:
        environment = placement.environment
        # A number that is out of range has a finding of its own.
        if placement.bedrock and not list(imported_models_findings(environment)):
            yield from _never_kept(placement, placement.bedrock)
            kept = min(max(placement.bedrock.keep_versions, 1), limits.MOST_VERSIONS)
            account = environment.account or f"that of {environment.name}"
            groups.setdefault((account, placement.region), []).append((placement, kept))
    for (_, region), group in groups.items():
        yield from _room(region, group)


def _never_kept(placement: AnyPlacement, declared: BedrockImport) -> Iterator[Finding]:
    environment, quota = placement.environment.name, placement.environment.imported_models
    if quota < declared.keep_versions <= limits.MOST_VERSIONS:
        yield Finding(
            rule="keep-versions",
            place=f"{placement}.bedrock.keep_versions",
            value=f"{declared.keep_versions}",
            message=f"{environment}.imported_models is {quota}, so that the oldest go earlier, to make room",
            suggestion=f"{quota}",
            severity=Severity.WARNING,
        )


def _room(region: str, group: Sequence[tuple[AnyPlacement, int]]) -> Iterator[Finding]:
    """Check one account and region; `group` has its models, each with the number of versions that it keeps."""
    environment = min((placement.environment for placement, _ in group), key=lambda one: one.imported_models)
    quota, field = environment.imported_models, f"{environment.name}.imported_models"
    names = list(dict.fromkeys(placement.environment.name for placement, _ in group))
    if len(group) > quota:
        importing = f"the environments {' and '.join(names)} import" if names[1:] else "the environment imports"
        yield Finding(
            rule="imports-over-quota",
            place=field,
            value=f"{quota}",
            message=f"{importing} {len(group)} models in {region}, of which each keeps a version at least",
            allowed=f"{quota} or fewer, or a raised {_QUOTA}",
        )
        return
    total, most = sum(kept for _, kept in group), max(kept for _, kept in group)
    others = {str(placement): total - kept for placement, kept in group}
    stuck = [name for name, count in others.items() if count + 2 > quota]
    if stuck:
        needed = limits.models_for_update([kept for _, kept in group])
        # With one version each there are as many as models, and one more during an update.
        fewer = "keep_versions=1 for each, or " if len(group) < quota and most > 1 else ""
        beside = f", beside the {max(others.values())} that the others keep" if len(group) > 1 else ""
        yield Finding(
            rule="import-room",
            place=field,
            value=f"{quota}",
            message=f"an update of {' or '.join(stuck)} takes {needed} in {region}: the served version stays until the "
            f"new one serves{beside}",
            suggestion=f"{fewer}{needed}, with a raised {_QUOTA}",
            severity=Severity.WARNING,
        )
