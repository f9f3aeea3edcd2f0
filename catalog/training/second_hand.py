"""Second-hand facts of training recipes: what public texts say of them, each with its source and date.

The table (`second_hand.json`, beside this module) stands in for AWS's own specs until the lock has them:
`./jumpstack catalog update ID@VERSION --source live` reads one. It describes the version that its source describes,
which may be another than the declared one.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from catalog.training.facts import TrainingFacts, from_block

_TABLE = Path(__file__).with_name("second_hand.json")
_UNTUNABLE = "it cannot be fine-tuned"


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return table


def second_hand(model_id: str) -> TrainingFacts | None:
    """Return what public texts say of a model's training; None where none was found.

    Args:
        model_id: JumpStart model id.
    """
    table = _table()
    if model_id in table["not_tunable"]:
        return TrainingFacts(problem=_UNTUNABLE, second_hand=_origin("table", None))
    block = dict(table["training"].get(model_id, {}))
    if not block and model_id not in table["tunable"]:
        return None
    source, version = block.pop("source", "table"), block.pop("version", None)
    return from_block(block, second_hand=_origin(source, version))


def tunable_models() -> tuple[str, ...]:
    """Return the ids of the models that can be fine-tuned as public texts say, sorted."""
    return tuple(_table()["tunable"])


def _origin(source: str, version: str | None) -> str:
    entry = _table()["sources"][source]
    of_version = f"of version {version}, " if version else ""
    return f"second-hand, {of_version}from {entry['in_words']}, read {entry['read']}"
