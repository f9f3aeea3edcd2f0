"""Whether the account's quota of imported models has room for what is declared, and for changing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from catalog import import_limits as limits
from stacks.checks.findings import Finding, Place, Severity
from stacks.environments import Environment

_QUOTA = f"quota 'Imported models per account' ({limits.MODELS_QUOTA_CODE})"


def import_room_findings(environment: Environment, places: Sequence[Place]) -> Iterator[Finding]:
    """Check the imported models of an environment against the quota that it declares, region by region.

    An update imports the new version while the served one stays, and makes room by removing old versions of its own
    model only (lambda/model_import/planning.py). So it needs two of its own beside all that the others keep.

    Args:
        environment: The environment.
        places: All its models.
    """
    quota = environment.imported_models
    if isinstance(quota, bool) or quota != int(quota) or quota < 1:
        yield Finding(
            rule="quota-form", place=f"{environment.name}.imported_models", value=f"{quota}", allowed="1 or more"
        )
        return
    yield from _never_kept(environment, places)
    by_region: dict[str, dict[str, int]] = {}
    for place in places:
        if place.bedrock:
            # What is out of range has a finding of its own.
            own = min(max(place.bedrock.keep_versions, 1), limits.MOST_VERSIONS)
            by_region.setdefault(place.region, {})[str(place)] = own
    for region, kept in sorted(by_region.items()):
        yield from _region(environment, region, kept)


def _never_kept(environment: Environment, places: Sequence[Place]) -> Iterator[Finding]:
    quota = environment.imported_models
    for place in places:
        if place.bedrock and quota < place.bedrock.keep_versions <= limits.MOST_VERSIONS:
            yield Finding(
                rule="keep-versions",
                place=f"{place}.bedrock.keep_versions",
                value=f"{place.bedrock.keep_versions}",
                message=f"{environment.name}.imported_models is {quota}, so that the oldest go earlier, to make room",
                suggestion=f"{quota}",
                severity=Severity.WARNING,
            )


def _region(environment: Environment, region: str, kept: Mapping[str, int]) -> Iterator[Finding]:
    """Check one region; `kept` are its models with the number of versions that each keeps."""
    quota, field = environment.imported_models, f"{environment.name}.imported_models"
    if len(kept) > quota:
        yield Finding(
            rule="imports-over-quota",
            place=field,
            value=f"{quota}",
            message=f"the environment imports {len(kept)} models in {region}, of which each keeps a version at least",
            allowed=f"{quota} or fewer, or a raised {_QUOTA}",
        )
        return
    others = {name: sum(kept.values()) - own for name, own in kept.items()}
    stuck = [name for name, count in others.items() if count + 2 > quota]
    if stuck:
        needed = max(others.values()) + 2
        # With one version each, all but one model keep one, and one has two for a while.
        fewer = "keep_versions=1 for each, or " if len(kept) < quota and max(kept.values()) > 1 else ""
        beside = f", beside the {max(others.values())} that the others keep" if len(kept) > 1 else ""
        yield Finding(
            rule="import-room",
            place=field,
            value=f"{quota}",
            message=f"an update of {' or '.join(stuck)} takes {needed} in {region}: the served version stays until the "
            f"new one serves{beside}",
            suggestion=f"{fewer}{needed}, with a raised {_QUOTA}",
            severity=Severity.WARNING,
        )
