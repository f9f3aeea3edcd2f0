"""The oracles as fixtures, one process each a test worker, and what a run says where they are not asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.oracles.process import Oracle
from tests.support.oracles.venvs import DATASETS_2, DATASETS_5, TRANSFORMERS, not_run

Readers = Mapping[str, Oracle]


@pytest.fixture(scope="session")
def loader() -> Iterator[Oracle]:
    """transformers 4.51.3, which Custom Model Import documents as its loader."""
    _here()
    with Oracle(TRANSFORMERS, "transformers_driver.py") as oracle:
        yield oracle


@pytest.fixture(scope="session")
def readers() -> Iterator[Readers]:
    """Both versions of datasets, by name."""
    _here()
    with Oracle(DATASETS_2, "datasets_driver.py") as older, Oracle(DATASETS_5, "datasets_driver.py") as newer:
        yield {older.name: older, newer.name: newer}


def _here() -> None:
    """Skip where the libraries have no wheels; everywhere else, one that is missing or broken fails."""
    if reason := not_run():
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in one line what was not compared, because of this version of Python."""
    reason = not_run()
    skipped = [
        report for report in terminalreporter.stats.get("skipped", []) if reason and reason in report.longreprtext
    ]
    if skipped:
        terminalreporter.write_line(f"warning: {len(skipped)} tests not run: {reason}", yellow=True)
