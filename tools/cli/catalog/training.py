"""`./jumpstack catalog training`: what a model's training recipe takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.cli.types import MODEL_ID

if TYPE_CHECKING:
    from catalog.training.facts import TrainingFacts
    from catalog.training.hyperparameters import Hyperparameter

KEYS = (
    *("model_id", "version", "tunable", "problem", "source", "recipe_sha256", "default_instance_type"),
    *("instance_types", "methods", "channels", "hyperparameters"),
)
"""Keys of `--json`. What is not known is null or empty, and `source` tells AWS's own spec from second-hand facts."""

_OWN = "AWS's own spec"


@click.command(short_help="Print how a model can be fine-tuned.")
@click.argument("model_id", metavar="ID[@VERSION]", type=MODEL_ID)
@click.option("--instance-type", metavar="T", help="Print hyperparameters on it.  [default: the recipe's]")
@click.option("--source", type=click.Choice(["live"]), help="Read JumpStart's public cache in S3, not the lock.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def training(
    context: click.Context, *, model_id: str, instance_type: str | None, source: str | None, as_json: bool
) -> None:
    """Print whether a model can be fine-tuned, how, and on what.

    The lock has AWS's own recipe once ./jumpstack catalog update ID@VERSION --source live has read it. Until then this
    prints second-hand facts, with their source and date.
    """
    import json

    from tools.cli.output import print_facts, print_table

    model_id, _, named = model_id.partition("@")
    version, facts, sha256 = _live(model_id, named) if source == "live" else _locked(context.obj, model_id, named)
    shown = instance_type or facts.default_instance_type or next(iter(facts.instance_types), "")
    known = [one for one in facts.hyperparameters_on(shown) if one.is_algorithms]
    document = _document(model_id, version, facts, sha256, known)
    if as_json:
        print(json.dumps(document, indent=2))
        return
    print_facts(_facts(document))
    if known:
        print()
        rows = [(one.name, one.type, one.default, one.allowed) for one in sorted(known, key=lambda one: one.name)]
        print_table(("hyperparameter", "type", "default", "allowed"), rows)


def _locked(path: Path, model_id: str, version: str) -> tuple[str, TrainingFacts, str | None]:
    from catalog.lock import Lock
    from catalog.spec import CatalogError
    from catalog.training.second_hand import second_hand

    lock = Lock.load(path)
    version = version or lock.versions(model_id)[0]
    facts = lock.training(model_id, version) or second_hand(model_id)
    if facts is None:
        hint = f"./jumpstack catalog training {model_id}@{version} --source live asks JumpStart's public cache"
        raise CatalogError([f"nothing is known of the training of {model_id}: {hint}"])
    return version, facts, lock.recipe_sha256(model_id, version)


def _live(model_id: str, version: str) -> tuple[str, TrainingFacts, str]:
    from catalog.sources.live import LiveCatalogue

    source = LiveCatalogue()
    version = version or source.newest(model_id).version
    return version, source.training(model_id, version), source.model(model_id, version).spec_sha256


def _document(
    model_id: str, version: str, facts: TrainingFacts, sha256: str | None, known: list[Hyperparameter]
) -> dict[str, Any]:
    from catalog.training.channels import VALIDATION, training_channels

    tunable = facts.problem is None
    values = (
        *(model_id, version, tunable, facts.problem, facts.second_hand or _OWN, sha256, facts.default_instance_type),
        *(list(facts.instance_types), list(facts.methods)),
        [*training_channels(model_id), VALIDATION] if tunable else [],
        {one.name: one.to_block() for one in known},
    )
    return dict(zip(KEYS, values, strict=True))


def _word(document: dict[str, Any]) -> str:
    if document["tunable"]:
        return "yes"
    return f"no: {document['problem']}" if document["source"] == _OWN else "no"


def _facts(document: dict[str, Any]) -> list[tuple[str, str]]:
    label = f"{document['model_id']}@{document['version']}"
    rows = [
        ("model", label),
        ("can be tuned", _word(document)),
        ("source", document["source"]),
    ]
    if document["source"] != _OWN:
        rows.append(("AWS's own", f"./jumpstack catalog update {label} --source live"))
    if not document["tunable"]:
        return rows
    unknown = "not known"
    return [
        *rows,
        ("recipe SHA-256", document["recipe_sha256"] or "not pinned"),
        ("default instance type", document["default_instance_type"] or unknown),
        ("instance types", ", ".join(document["instance_types"]) or unknown),
        ("methods", ", ".join(document["methods"]) or unknown),
        ("data channels", ", ".join(document["channels"])),
        *([] if document["hyperparameters"] else [("hyperparameters", unknown)]),
    ]
