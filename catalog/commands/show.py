"""`python -m catalog show`: what a model needs to be deployed."""

from __future__ import annotations

import argparse
import json
from typing import Any

from catalog.commands import origin
from catalog.commands.output import print_facts
from catalog.deployment import Deployment
from catalog.lock import Lock
from catalog.sources.source import Source
from catalog.spec import CatalogError, ModelVersion

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
"""What `--json` prints; `image` and `model_data` are null for a model package."""


def add(commands: Any) -> None:
    """Adds the command; `commands` is what `add_subparsers` gave."""
    parser = commands.add_parser("show", help="what a model needs to be deployed")
    parser.add_argument("model_id", metavar="ID")
    parser.add_argument("--version", metavar="V", help="the newest in the lock, if not given")
    parser.add_argument("--instance-type", metavar="T", help="such as ml.g5.2xlarge (the version's default)")
    parser.add_argument(
        "--allow-unlisted-instance-type",
        action="store_true",
        help="take an instance type that AWS does not list, if there is an image for its family",
    )
    parser.add_argument("--region", metavar="R", default="us-west-2", help="AWS region (%(default)s)")
    parser.add_argument("--config", metavar="C", help="inference config (the one that AWS ranks first)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    origin.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Prints image, artifact, environment and what else there is to say.

    Raises:
        CatalogError: There is no such model, version or config, or it does not resolve there.
    """
    if options.source or options.wheel:
        with origin.opened(options) as source:
            model = _published(source, options)
    else:
        model = _locked(options)
    deployment = model.resolve(
        region=options.region,
        instance_type=options.instance_type,
        allow_unlisted_instance_type=options.allow_unlisted_instance_type,
    )
    if options.json:
        print(json.dumps({name: getattr(deployment, name) for name in KEYS}, indent=2))
    else:
        print_facts(_facts(model, deployment))


def _locked(options: argparse.Namespace) -> ModelVersion:
    lock = Lock.load(options.lock)
    version = options.version or lock.versions(options.model_id)[0]
    model = lock.model(options.model_id, version)
    if options.config is None or options.config == model.config:
        return model
    label = f"{model.model_id} {model.version}"
    if not model.configs:
        raise CatalogError(
            [f"config {options.config!r}: {label} has no inference configs in the lock, so leave it out"]
        )
    if options.config not in model.configs:
        allowed = ", ".join(model.configs)
        raise CatalogError([f"config {options.config!r} is not one of {label}: choose one of {allowed}"])
    hint = f"python -m catalog update {model.model_id}@{model.version} --config {options.config} puts it there"
    raise CatalogError([f"config {options.config!r} of {label} is not in the lock, which has {model.config!r}: {hint}"])


def _published(source: Source, options: argparse.Namespace) -> ModelVersion:
    version = options.version or source.newest(options.model_id).version
    if options.config is None:
        return source.model(options.model_id, version)
    return source.model(options.model_id, version, config=options.config)


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
