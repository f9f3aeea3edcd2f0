"""Run each belief's test against the AWS that was chosen, and record what that AWS answered."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from bench.faulty_aws import chosen_fault
from tests.conformance.ledger import LEDGERS, RunningError, held, remove_leftovers
from tests.conformance.made import Made
from tests.conformance.summary import ANSWER, HOLDS, ID
from tests.conformance.target import Target, chosen
from tests.support.local_aws import running
from tools.beliefs import Belief, beliefs
from tools.conformance import GPU_VARIABLE, REGION, VARIABLE, ConformanceError, check_account

_LOCAL_ACCOUNT = "123456789012"
_REGISTER: dict[str, Belief] = {belief.id: belief for belief in beliefs()}
_SAMPLE = (
    "bedrock-",
    "endpoint-",
    "gateway-body-",
    "gateway-keeps-",
    "gateway-stream-",
    "import-missing-",
    "import-one-",
    "jumpstart-",
    "lambda-",
    "quotas-",
    "s3-",
    "states-all-",
    "states-sdk-",
    "training-",
)
"""First parts of the ids of beliefs that `make test` holds the local AWS to; `make sweep` holds it to all of them."""

Observe = Callable[[object], None]


def pytest_configure() -> None:
    """Let a termination remove what was made, as an interrupt does."""
    if chosen():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_keyboard_interrupt() -> None:
    """Say what the run does before it ends; the fixtures are removed after this."""
    if chosen():
        print(
            "\ninterrupted: what this run made in the account is removed now, which takes minutes: API Gateway deletes "
            "one API in 30 s. Interrupted again, it stays, listed in .local/conformance-*.json, until the next run.",
            file=sys.stderr,
        )


def belief_of(item: pytest.Item) -> Belief:
    """Return the belief that a test names.

    Raises:
        pytest.UsageError: If it names none, or one that the register does not have.
    """
    marker = item.get_closest_marker("belief")
    if marker is None or marker.args[0] not in _REGISTER:
        raise pytest.UsageError(f"{item.nodeid}: it names no belief of docs/beliefs/")
    return _REGISTER[marker.args[0]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave those of beliefs outside of the sample to the sweep, where nobody asks for the table.

    Expect a failure, and only then none, where the register says that the local AWS differs.
    On an account, leave the tests out that are for the local AWS only; with a fault, those of other beliefs.
    """
    left_out, fault = [], chosen_fault()
    for item in items:
        marker = item.get_closest_marker("belief")
        if marker is None:
            continue
        belief = belief_of(item)
        item.user_properties.append((ID, belief.id))
        needs_gpu = item.get_closest_marker("gpu") is not None
        if VARIABLE not in os.environ and (needs_gpu or not belief.id.startswith(_SAMPLE)):
            item.add_marker(pytest.mark.sweep)
        if belief.local and chosen() is None:
            item.add_marker(pytest.mark.xfail(reason=f"the local AWS differs: {belief.local}", strict=True))
        other = fault is not None and fault.belief != belief.id
        unwanted = needs_gpu and VARIABLE in os.environ and GPU_VARIABLE not in os.environ
        if other or unwanted or (chosen() and marker.kwargs.get("local_only")):
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a test whether its belief holds, where it was seen, and quote the belief where it fails."""
    report = yield
    if report.failed and item.get_closest_marker("belief") is not None:
        belief = belief_of(item)
        quoted = f"{belief.id}: {belief.claim}\n{belief.kind}: {belief.source}"
        report.sections.append(("the belief that the test expects to hold", quoted))
    holds = verdict(call.excinfo and call.excinfo.value, observed=ANSWER in dict(item.user_properties))
    if call.when == "call" and holds is not None:
        report.user_properties.append((HOLDS, holds))
    return report


def verdict(error: BaseException | None, *, observed: bool) -> bool | None:
    """Return whether a belief holds; None where the test failed before it could judge AWS's answer.

    Only a failed assertion after an observation is about AWS: a refusal for want of rights or for too many requests
    is none.
    """
    if error is None:
        return True
    return False if observed and isinstance(error, AssertionError) else None


@contextmanager
def only_run(account: str, folder: Path = LEDGERS) -> Iterator[None]:
    """Hold the lock of runs, with credentials of the account.

    Raises:
        ConformanceError: If the credentials do not reach the account.
        RunningError: If another run holds the lock.
    """
    check_account(account)
    with held(folder):
        yield


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The AWS under test; on an account the only run, with that account's credentials."""
    account_and_region = chosen()
    if account_and_region is None:
        aws, local = request.getfixturevalue("aws"), running(request.getfixturevalue("local_aws"))
        yield Target(
            account=_LOCAL_ACCOUNT,
            region=REGION,
            client=lambda service: aws(service, region=REGION),
            url=request.getfixturevalue("local_apis"),
            credentials=lambda: Credentials(local.access_key_id, local.secret_access_key),
        )
        return
    account, region = account_and_region
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = boto3.session.Session().client(
                service,  # type: ignore[call-overload] # the stubs list every service as a literal
                region_name=region,
                config=Config(  # type: ignore[call-arg] # the stubs lack the first
                    ignore_configured_endpoint_urls=True,
                    retries={"mode": "standard", "total_max_attempts": 5},
                ),
            )
        return clients[service]

    try:
        with only_run(account):
            credentials = boto3.session.Session().get_credentials
            yield Target(account=account, region=region, client=client, url=None, credentials=credentials)
    except (ConformanceError, RunningError) as error:
        pytest.exit(f"nothing was made: {error}", returncode=pytest.ExitCode.USAGE_ERROR)


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
        request.node.user_properties.append((ANSWER, str(answer)))

    return write
