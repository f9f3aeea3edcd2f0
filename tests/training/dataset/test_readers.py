"""Compare the check with two versions of datasets, with which JumpStart's scripts read data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.oracles.fixtures import Readers
from tests.training.dataset.mutations.reading import compare
from tests.training.dataset.mutations.rulings import refused_rightly

_SAMPLE = 60
_NIGHTLY = 500
_PART = 10


def _parts(first: int, count: int, mark: pytest.MarkDecorator) -> list[Any]:
    starts = range(first, first + count, _PART)
    return [pytest.param(start, id=f"{start}-{start + _PART - 1}", marks=mark) for start in starts]


@pytest.mark.parametrize(
    "start", [*_parts(0, _SAMPLE, pytest.mark.sweep), *_parts(_SAMPLE, _NIGHTLY, pytest.mark.nightly)]
)
def test_accepts_what_is_read_as_it_is_written_and_refuses_the_rest(
    start: int, readers: Readers, tmp_path: Path
) -> None:
    compared = [compare(str(seed), tmp_path / str(seed), readers) for seed in range(start, start + _PART)]

    accepted = [one for one in compared if one.wrong and not one.refused]
    assert not accepted, "the check accepts what a version of datasets refuses or changes"
    refused = [one for one in compared if one.refused and not one.wrong and not refused_rightly(one.refused)]
    assert not refused, "the check refuses what both versions read, and no source says why"
