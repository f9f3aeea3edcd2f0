"""Commands on the JumpStart catalogue: `python -m catalog show | update | verify`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from catalog import lock as locks
from catalog import sources
from catalog.lock import DEFAULT_LOCK, Lock
from catalog.spec import CatalogError, Deployment, ImageUri, ModelVersion

_SHOWN = (
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: Words after the program's name; those of the process if None.

    Returns:
        The exit code: 0, or 1 after the problems went to standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "show":
                _show(options)
            case "update":
                _update(options)
            case _:
                _verify(options)
    except CatalogError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m catalog", description="The catalogue of JumpStart models.")
    parser.add_argument("--lock", type=Path, default=DEFAULT_LOCK, help="folder of the lock")
    commands = parser.add_subparsers(dest="command", required=True)

    show = commands.add_parser("show", help="what a pinned model needs to be deployed")
    show.add_argument("model_id", metavar="ID")
    show.add_argument("--version", help="a version in the lock (the newest there)")
    show.add_argument("--instance-type", help="such as ml.g5.2xlarge (the version's default)")
    show.add_argument(
        "--allow-unlisted-instance-type",
        action="store_true",
        help="take an instance type that AWS does not list, if there is an image for its family",
    )
    show.add_argument("--region", default="us-west-2", help="AWS region (%(default)s)")
    show.add_argument("--json", action="store_true", help="print JSON")

    update = commands.add_parser("update", help="write the lock from the published catalogue")
    update.add_argument(
        "pins",
        nargs="*",
        metavar="ID[@VERSION]",
        help="pin this too; without a version, the newest that resolves (refresh what the lock has)",
    )
    update.add_argument("--only", action="store_true", help="drop every pin that is not named")
    update.add_argument("--wheel", type=Path, help="read this wheel instead of downloading the pinned one")

    commands.add_parser("verify", help="check form, order and hashes of the lock")
    return parser


def _show(options: argparse.Namespace) -> None:
    lock = Lock.load(options.lock)
    version = options.version or lock.versions(options.model_id)[0]
    model = lock.model(options.model_id, version)
    deployment = model.resolve(
        region=options.region,
        instance_type=options.instance_type,
        allow_unlisted_instance_type=options.allow_unlisted_instance_type,
    )
    shown = {name: getattr(deployment, name) for name in _SHOWN}
    print(json.dumps(shown, indent=2) if options.json else _table(model, deployment))


def _table(model: ModelVersion, deployment: Deployment) -> str:
    rows = [(name, str(getattr(deployment, name))) for name in _SHOWN if name != "environment"]
    rows.append(("instance types", ", ".join(model.instance_types)))
    rows.append(("regions", ", ".join(model.regions())))
    rows.extend(("environment", f"{name}={value}") for name, value in sorted(deployment.environment.items()))
    return "\n".join(f"{name.replace('_', ' '):<16}{value}" for name, value in rows)


def _update(options: argparse.Namespace) -> None:
    if options.only and not options.pins:
        raise CatalogError(["--only needs at least one ID[@VERSION] to keep"])
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel or sources.download(Path(folder))
        catalogue = sources.PublishedCatalogue.from_wheel(wheel)
    kept = () if options.only else _pins_in(options.lock)
    models = _models(catalogue, [*kept, *options.pins])
    uris = catalogue.image_uris()
    accounts = _registry_accounts({ImageUri.parse(uri).region for uri in uris})
    registries = sources.registry_table(uris, accounts)
    locks.write(options.lock, locks.render(catalogue.source, registries, models))
    for uri in sources.unusual_images(uris, registries):
        print(f"not in its region's registry, kept whole: {uri}", file=sys.stderr)
    for model in models:
        print(f"{model.model_id} {model.version}")


def _verify(options: argparse.Namespace) -> None:
    problems = locks.verify(options.lock)
    if problems:
        raise CatalogError(problems)
    lock = Lock.load(options.lock)
    versions = sum(len(lock.versions(model_id)) for model_id in lock.model_ids())
    origin = f"{lock.source.package} {lock.source.version}"
    print(f"{versions} versions of {len(lock.model_ids())} models, from {origin}")


def _pins_in(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    lock = Lock.load(path)
    return tuple(f"{model}@{version}" for model in lock.model_ids() for version in lock.versions(model))


def _models(catalogue: sources.PublishedCatalogue, pins: Iterable[str]) -> list[ModelVersion]:
    models: dict[tuple[str, str], ModelVersion] = {}
    problems: list[str] = []
    for pin in pins:
        model_id, _, version = pin.partition("@")
        try:
            model = catalogue.model(model_id, version) if version else catalogue.newest(model_id)
            models[model.model_id, model.version] = model
        except CatalogError as error:
            problems.extend(error.problems)
    if problems:
        raise CatalogError(problems)
    return [models[key] for key in sorted(models)]


def _registry_accounts(regions: Iterable[str]) -> Mapping[str, str | None]:
    """Accounts of the deep learning containers' registries, from CDK's region facts."""
    # CDK starts a Node process when it is imported; only this command needs it.
    from aws_cdk.region_info import RegionInfo  # noqa: PLC0415 - see above

    return {region: RegionInfo.get(region).dlc_repository_account for region in sorted(regions)}


if __name__ == "__main__":
    sys.exit(main())
