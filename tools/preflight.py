"""Check one environment before anything is deployed.

Offline, the declarations are checked as synthesis does it. Live, the account is asked, too, about quotas, licences,
artifacts, images, training recipes, subnets, capacity and imports; nothing is changed.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import boto3
from botocore.exceptions import BotoCoreError

from catalog import CatalogError, Lock
from stacks.declarations import ImportedModel, JumpStartModel
from stacks.models import DEPLOYMENTS
from stacks.placement import AnyPlacement, Placement, is_of, placements
from stacks.preflight import Deployments, preflight
from stacks.preflight.findings import Finding, Level
from stacks.preflight.served import api_line
from stacks.preflight.types import check_types
from tools import aws
from tools.account.access import documents, images, packages
from tools.account.concurrency import concurrency
from tools.account.imports import import_weights, imported_models, imports_under_way
from tools.account.limits import capacity, identity, quotas, subnets
from tools.account.questions import Asked, ClientFactory, Planned, make_client
from tools.account.recipes import recipes
from tools.aws import credentials_hint
from tools.retired import retired

_NOT_LOCAL = (
    "quotas, licences, artifacts, images, packages, subnets and capacity: {}, which AWS_ENDPOINT_URL addresses, has "
    "none of AWS's"
)
_COLUMNS = 80
_PLURALS = {Level.ERROR: "errors", Level.WARNING: "warnings", Level.HINT: "hints", Level.NOT_CHECKED: "not checked"}


def offline_findings(name: str, *, deployments: Deployments, lock: Lock) -> list[Finding]:
    """Return the findings about one environment that need the declarations alone.

    Args:
        name: The environment's.
        deployments: All environments, since some mistakes show only between two.
        lock: The catalogue that pins the models.
    """
    report = preflight(deployments, lock=lock)
    return [finding for finding in report.findings if finding.is_about(name)]


def live_findings(
    name: str, *, deployments: Deployments, lock: Lock, client: ClientFactory = make_client, of_aws: bool = True
) -> list[Finding]:
    """Return the findings about one environment that need the account.

    Args:
        name: The environment's.
        deployments: Environments with the models that each runs.
        lock: The catalogue that pins the models.
        client: Makes boto3 clients.
        of_aws: Ask for what only AWS knows, too: quotas, licences, artifacts, images, packages, subnets and capacity.

    Returns:
        The findings of all checks, in a fixed order. A model that does not resolve is not asked about.
    """
    asked: list[Asked] = []
    found: list[Finding] = []
    for place in _places(name, deployments):
        try:
            asked.append(_planned(place, lock) if is_of(place, JumpStartModel) else Asked(place=place))
        except CatalogError:
            text = "the account is not asked about a model that does not resolve"
            found.append(Finding(level=Level.NOT_CHECKED, place=str(place), message=text))
    return found + (list(_ask(asked, deployments, lock, client, of_aws=of_aws)) if asked else [])


def _ask(
    asked: Sequence[Asked], deployments: Deployments, lock: Lock, client: ClientFactory, *, of_aws: bool
) -> Iterator[Finding]:
    # Making a client costs a tenth of a second; the checks share them.
    shared = cache(client)
    yield from identity(asked, shared)
    if of_aws:
        yield from _ask_aws(asked, lock, shared)
    imports = [one for one in asked if one.place.bedrock]
    yield from concurrency(asked, deployments, shared)
    yield from imported_models(imports, shared)
    yield from imports_under_way(imports, shared)
    yield from import_weights(imports, shared)


def _ask_aws(asked: Sequence[Asked], lock: Lock, shared: ClientFactory) -> Iterator[Finding]:
    planned = [one for one in asked if isinstance(one, Planned)]
    endpoints = [one for one in planned if not one.place.bedrock]
    in_network = [
        one for one in asked if not isinstance(one.place.model, ImportedModel) or one.place.model.bedrock.in_vpc
    ]
    yield from quotas(endpoints, shared)
    yield from documents(planned, shared)
    yield from images(planned, shared)
    yield from recipes(planned, lock, shared)
    yield from packages(planned, shared)
    yield from subnets(in_network, shared)
    yield from capacity(endpoints, shared)


def served(name: str, *, deployments: Deployments, lock: Lock) -> list[str]:
    """Return what the API of each model of an environment will do, as lines of at most 80 columns.

    Args:
        name: The environment's.
        deployments: Environments with the models that each runs.
        lock: The catalogue that pins the models.
    """
    said = [(place.model.name, api_line(place, lock)) for place in _places(name, deployments)]
    return [
        line
        for model, text in said
        if text is not None
        for line in textwrap.wrap(f"{model}: {text}", _COLUMNS, initial_indent="  ", subsequent_indent="    ")
    ]


def run(name: str, *, live: bool, deployments: Deployments = DEPLOYMENTS) -> tuple[str, bool]:
    """Check one environment.

    Args:
        name: The environment's.
        live: Whether the account is asked too, with this shell's credentials.
        deployments: Environments with the models that each runs.

    Returns:
        The report, and whether there is no error in it; warnings, hints and what could not be checked do not count.

    Raises:
        CatalogError: If the lock cannot be read.
    """
    lock = Lock.load()
    found = offline_findings(name, deployments=deployments, lock=lock)
    asked = False
    if live:
        missing = _missing_credentials()
        asked = missing is None
        if missing is None:
            # A declaration with a wrong type cannot even be asked about.
            of_aws = not aws.is_local()
            found += live_findings(name, deployments=check_types(deployments)[0], lock=lock, of_aws=of_aws)
            if not of_aws:
                found.append(Finding(level=Level.NOT_CHECKED, place=name, message=_NOT_LOCAL.format(aws.named())))
        else:
            found.append(Finding(place=name, message=missing))
    account = aws.named() if aws.is_local() else "the account"
    sources = f"the declarations and {account}" if asked else "the declarations"
    if live and not asked:
        sources += " and this shell's credentials; the account was not asked"
    said = served(name, deployments=check_types(deployments)[0], lock=lock)
    return _text(name, found, said, sources=sources), not any(finding.level is Level.ERROR for finding in found)


def _places(name: str, deployments: Deployments) -> list[AnyPlacement]:
    return [placement for placement in placements(deployments) if placement.environment.name == name]


def _planned(place: Placement[JumpStartModel], lock: Lock) -> Planned:
    model = place.model
    deployment = lock.model(model.model_id, model.version).resolve(
        region=place.region,
        instance_type=model.instance_type,
        allow_unlisted_instance_type=model.unlisted_instance_type is not None,
    )
    if place.bedrock:
        # Of what an endpoint needs only the licence is asked for: the pipeline trains, and Bedrock serves.
        deployment = replace(deployment, image=None, model_data=None, model_package=None, additional_model_data=())
    return Planned(place=place, deployment=deployment)


def _missing_credentials() -> str | None:
    try:
        credentials = boto3.session.Session().get_credentials()
    except BotoCoreError as error:
        return f"no AWS credentials ({error}): {credentials_hint()}"
    return f"no AWS credentials: {credentials_hint()}" if credentials is None else None


def _text(name: str, found: Sequence[Finding], said: Sequence[str], *, sources: str) -> str:
    shown = [f"{level}: {finding}" for level in Level for finding in found if finding.level is level]
    counts = Counter(finding.level for finding in found)
    summary = ", ".join(
        f"{counts[level]} {level if counts[level] == 1 else _PLURALS[level]}" for level in Level if counts[level]
    )
    return "\n".join([*shown, *said, f"{name}: {summary or 'nothing to report'}, from {sources}"])


if __name__ == "__main__":
    raise SystemExit(retired("tools.preflight"))
