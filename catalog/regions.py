"""Regions of AWS, of JumpStart, and of instance types.

The table (`regions.json`, beside this module) names for each list its source and the month in which it
was read. Regions, and those with JumpStart, come from AWS's own packages. Regions of instance types are second-hand:
they are EC2's, of which SageMaker's hosting is a part, and there for a few types only.
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
    """Return all regions of all partitions, sorted."""
    return tuple(_table()["regions"])


def jumpstart_regions() -> tuple[str, ...]:
    """Return the regions with JumpStart, sorted."""
    return tuple(_table()["jumpstart"])


def offering_regions(instance_type: str) -> tuple[str, ...] | None:
    """Return the regions that offer an instance type, by second-hand knowledge.

    Args:
        instance_type: Such as `ml.p4de.24xlarge`.

    Returns:
        Region names, sorted; None where nothing is known about the type.
    """
    known = _table()["offered"].get(instance_type)
    return None if known is None else tuple(known)


def refused(instance_type: str, region: str) -> bool:
    """Return whether SageMaker is said not to host on an instance type in a region although EC2 offers it there."""
    return region in _table()["refused"].get(instance_type, ())


def read(fact: str) -> str:
    """Return the month in which a list was read, such as `2026-11`; the table names its source.

    Args:
        fact: `regions`, `jumpstart`, `offered` or `refused`.
    """
    return str(_table()["sources"][fact]["read"])
