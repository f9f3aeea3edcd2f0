"""Run each belief's test against the AWS that was chosen, and record what that AWS answered."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.conformance.made import LEDGERS, Made, remove_leftovers
from tests.conformance.report import Seen, print_table, record
from tests.conformance.target import Target, chosen
from tools.beliefs import Belief, beliefs
from tools.conformance import REGION

_LOCAL_ACCOUNT = "123456789012"
_REGISTER: dict[str, Belief] = {belief.id: belief for belief in beliefs()}
_ANSWER = "conformance-answer"
_ID = "conformance-belief"

Observe = Callable[[object], None]


def pytest_configure() -> None:
    """Let a termination remove what was made, as an interrupt does."""
    if chosen():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def belief_of(item: pytest.Item) -> Belief:
    """Return the belief that a test names.

    Raises:
        pytest.UsageError: If it names none, or one that the register does not have.
    """
    marker = item.get_closest_marker("belief")
    if marker is None or marker.args[0] not in _REGISTER:
        raise pytest.UsageError(f"{item.nodeid}: it names no belief of docs/beliefs/")
    return _REGISTER[marker.args[0]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect a failure, and only then none, where the register says that the local AWS differs."""
    for item in items:
        if "belief" in item.keywords and item.get_closest_marker("belief"):
            belief = belief_of(item)
            item.user_properties.append((_ID, belief.id))
            if belief.local and chosen() is None:
                item.add_marker(pytest.mark.xfail(reason=f"the local AWS differs: {belief.local}", strict=True))


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The AWS under test."""
    account_and_region = chosen()
    if account_and_region is None:
        aws = request.getfixturevalue("aws")
        return Target(
            account=_LOCAL_ACCOUNT,
            region=REGION,
            client=lambda service: aws(service, region=REGION),
            url=request.getfixturevalue("local_aws"),
        )
    account, region = account_and_region
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = boto3.session.Session().client(
                service,  # type: ignore[call-overload] # the stubs list every service as a literal
                region_name=region,
                config=Config(retries={"mode": "standard", "total_max_attempts": 5}),
            )
        return clients[service]

    return Target(account=account, region=region, client=client, url=None)


@pytest.fixture(scope="session")
def made(target: Target) -> Iterator[Made]:
    """The resources of the run; they are removed at the end, whatever the end is."""
    if not target.is_local:
        assert not remove_leftovers(target)
    made = Made(target, folder=None if target.is_local else LEDGERS)
    yield made
    problems = made.remove()
    assert not problems, "not removed, and kept in .local/ for the next run:\n" + "\n".join(problems)


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Observe:
    """Record what AWS answered; called before the test judges it."""

    def write(answer: object) -> None:
        request.node.user_properties.append((_ANSWER, str(answer)))

    return write


def _seen(reports: list[pytest.TestReport]) -> list[Seen]:
    found = []
    for report in reports:
        properties = dict(report.user_properties)
        if report.when == "call" and _ID in properties:
            holds = report.outcome == "passed"
            found.append(Seen(_REGISTER[str(properties[_ID])], holds, str(properties.get(_ANSWER, ""))))
    return found


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of beliefs, and record observations of a real account."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    seen = _seen([report for report in reports if isinstance(report, pytest.TestReport)])
    account_and_region = chosen()
    print_table(terminalreporter.write_line, seen, region=account_and_region[1] if account_and_region else None)
    if account_and_region and seen:
        terminalreporter.write_line(record(seen, account=account_and_region[0], region=account_and_region[1]))
