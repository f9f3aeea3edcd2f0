"""Where there is JumpStart, and where an instance type is offered.

The table (`regions.json`, beside this module) says for each list where it is from and when it was read. Which
regions there are and which have JumpStart is read off AWS's own packages. Where instance types are offered is
second-hand: it is EC2's answer, of which SageMaker's hosting is a part, and only for a few types.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_name("regions.json")


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return table


def regions() -> tuple[str, ...]:
    """All regions of all partitions, sorted."""
    return tuple(_table()["regions"])


def jumpstart_regions() -> tuple[str, ...]:
    """The regions that JumpStart is in, sorted."""
    return tuple(_table()["jumpstart"])


def offering_regions(instance_type: str) -> tuple[str, ...] | None:
    """Where an instance type is offered, by second-hand knowledge.

    Args:
        instance_type: Such as `ml.p4de.24xlarge`.

    Returns:
        Region names, sorted; None where nothing is known about the type.
    """
    known = _table()["offered"].get(instance_type)
    return None if known is None else tuple(known)


def refused(instance_type: str, region: str) -> bool:
    """Whether SageMaker is said not to host on an instance type in a region although EC2 offers it there."""
    return region in _table()["refused"].get(instance_type, ())


def read(fact: str) -> str:
    """Say when a list was read, such as `2026-11`; its source stands in the table.

    Args:
        fact: `regions`, `jumpstart`, `offered` or `refused`.
    """
    return str(_table()["sources"][fact]["read"])
