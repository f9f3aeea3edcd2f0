"""`./jumpstack catalog show`: what a model needs to be deployed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.cli.catalog.source_options import opened, options_of, source_options
from tools.cli.types import MODEL_ID

if TYPE_CHECKING:
    from catalog.deployment import Deployment
    from catalog.sources.source import Source
    from catalog.spec import ModelVersion

KEYS = (
    "model_id",
    "version",
    "region",
    "instance_type",
    "image",
    "model_data",
    "compressed",
    "gated",
    "eula",
    "environment",
)
"""Keys of `--json`; `image` and `model_data` are null for a model package."""


@click.command(short_help="Print what a model needs to be deployed.")
@click.argument("model_id", metavar="ID[@VERSION]", type=MODEL_ID)
@click.option("--version", metavar="V", help="Version.  [default: the newest in the lock]")
@click.option("--instance-type", metavar="T", help="Such as ml.g5.2xlarge.  [default: the version's]")
@click.option(
    "--allow-unlisted-instance-type",
    is_flag=True,
    help="Take an instance type that AWS does not list, if there is an image for its family.",
)
@click.option("--region", metavar="REGION", default="us-west-2", show_default=True, help="AWS region.")
@click.option("--config", metavar="C", help="Inference config.  [default: the one that AWS ranks first]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
@click.pass_context
def show(
    context: click.Context,
    *,
    model_id: str,
    version: str | None,
    instance_type: str | None,
    allow_unlisted_instance_type: bool,
    region: str,
    config: str | None,
    as_json: bool,
    source: str | None,
    wheel: Path | None,
) -> None:
    """Print what a model is, what its API will do, an example request, and its image, artifact and environment.

    Without a version: the newest in the lock.
    """
    import json

    from catalog.lock import Lock
    from tools.cli.catalog.card import card
    from tools.cli.output import print_facts

    model_id, _, named = model_id.partition("@")
    if named and version not in (None, named):
        raise click.UsageError(
            f"--version {version} is given with {model_id}@{named}: allowed is one of the two", context
        )
    version = version or named or None
    options = options_of(context, source, wheel)
    if options.given:
        with opened(options) as catalogue:
            model = _published(catalogue, model_id, version, config)
    else:
        model = _locked(context.obj, model_id, version, config)
    deployment = model.resolve(
        region=region, instance_type=instance_type, allow_unlisted_instance_type=allow_unlisted_instance_type
    )
    if as_json:
        print(json.dumps({name: getattr(deployment, name) for name in KEYS}, indent=2))
    else:
        facts = _facts(model, deployment)
        print_facts([*facts[:2], *card(model, deployment, Lock.load(context.obj)), *facts[2:]])


def _locked(path: Path, model_id: str, version: str | None, config: str | None) -> ModelVersion:
    from catalog.lock import Lock
    from catalog.spec import CatalogError

    lock = Lock.load(path)
    model = lock.model(model_id, version or lock.versions(model_id)[0])
    if config is None or config == model.config:
        return model
    label = f"{model.model_id} {model.version}"
    if not model.configs:
        raise CatalogError(
            [f"config {config!r}: {label} has no inference configs in the lock: leave it out, or see --source live"]
        )
    if config not in model.configs:
        allowed = ", ".join(model.configs)
        raise CatalogError([f"config {config!r} is not one of {label}: choose one of {allowed}"])
    hint = f"./jumpstack catalog update {model.model_id}@{model.version} --config {config} puts it there"
    raise CatalogError([f"config {config!r} of {label} is not in the lock, which has {model.config!r}: {hint}"])


def _published(source: Source, model_id: str, version: str | None, config: str | None) -> ModelVersion:
    version = version or source.newest(model_id).version
    if config is None:
        return source.model(model_id, version)
    return source.model(model_id, version, config=config)


def _facts(model: ModelVersion, deployment: Deployment) -> list[tuple[str, str]]:
    single = [name for name in KEYS if name != "environment"]
    rows = [(name.replace("_", " "), _word(getattr(deployment, name))) for name in single]
    if deployment.model_package:
        rows.append(("model package", deployment.model_package))
    rows.extend(("additional data", f"{data.channel_name}: {data.uri}") for data in deployment.additional_model_data)
    if model.configs:
        rows.append(("configs", ", ".join(f"{name} *" if name == model.config else name for name in model.configs)))
    if model.deprecated:
        rows.append(("deprecated", "yes"))
    rows.append(("instance types", ", ".join(model.instance_types)))
    rows.append(("regions", ", ".join(model.regions())))
    rows.extend(("environment", f"{name}={value}") for name, value in sorted(deployment.environment.items()))
    return rows


def _word(value: object) -> str:
    return (
        {None: "none", True: "yes", False: "no"}.get(value, str(value)) if value in (None, True, False) else str(value)
    )
