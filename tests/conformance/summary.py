"""The end of a run, as a plugin of all tests: what was seen of beliefs, also where workers ran their tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.report import Seen, print_table, record
from tests.conformance.target import chosen
from tools.beliefs import beliefs

ANSWER = "conformance-answer"
ID = "conformance-belief"
HOLDS = "conformance-holds"
"""Names of a report's properties: AWS's answer, the belief's id, and whether the belief holds."""


def _seen(reports: list[pytest.TestReport]) -> list[Seen]:
    register = {belief.id: belief for belief in beliefs()}
    found = []
    for report in reports:
        properties = dict(report.user_properties)
        if report.when == "call" and ID in properties:
            holds = properties.get(HOLDS)
            seen = None if holds is None else bool(holds)
            found.append(Seen(register[str(properties[ID])], seen, str(properties.get(ANSWER, ""))))
    return found


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of beliefs, and record observations of a real account."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    seen = _seen([report for report in reports if isinstance(report, pytest.TestReport)])
    account_and_region = chosen()
    print_table(terminalreporter.write_line, seen, region=account_and_region[1] if account_and_region else None)
    if account_and_region and seen:
        terminalreporter.write_line(record(seen, account=account_and_region[0], region=account_and_region[1]))
