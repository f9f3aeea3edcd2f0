"""Start the tests that hold an AWS to the beliefs of docs/beliefs/, on an account after a price and a question."""

from __future__ import annotations

import math
import os
import re
import sys
from typing import NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.processes import ROOT

VARIABLE = "JUMPSTACK_CONFORMANCE"
"""Environment variable with the account and region to test, such as `111122223333/us-west-2`; `local` for the local
AWS with the table of beliefs. The command sets it; without it tests run against the local AWS and print nothing."""
REGION = "us-west-2"
PREFIX = "jumpstack-conformance"
"""Names of everything that is made begin with it."""

_NEEDS = (
    "an account needs --account with its 12 digits (make conformance ACCOUNT=…) and its credentials (AWS_PROFILE, or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY); --local (LOCAL=1) tests the local AWS"
)


class ConformanceError(RuntimeError):
    """The tests were not started, and nothing was made."""


class Price(NamedTuple):
    """One kind of cost.

    Attributes:
        what: The unit.
        most: Units that a run uses at most.
        usd: Price of a unit.
    """

    what: str
    most: float
    usd: float


PRICES = (
    Price("requests to a REST API", 500, 3.50e-6),
    Price("invocations of a function", 1_000, 0.20e-6),
    Price("GB-seconds of functions", 2_000, 0.0000166667),
    Price("state transitions", 500, 0.025e-3),
    Price("GB of logs", 0.01, 0.50),
    Price("months of a KMS key, by the hour", 1 / 24, 1.00),
    Price("messages of SNS, SQS and EventBridge", 1_000, 1.00e-6),
    Price("other API calls, such as S3's", 1_000, 0.01e-3),
)
"""Everything that is made, with its list price in us-east-1 (from memory of AWS's price pages). No instance starts."""


def ceiling() -> float:
    """Return the most that a run costs, in USD, rounded up to 10 cents."""
    return math.ceil(sum(price.most * price.usd for price in PRICES) * 10) / 10


def run_locally() -> int:
    """Run the tests against the local AWS and print the table of beliefs; return the exit code."""
    return _run("local")


def run_on_account(account: str, region: str, *, asks: bool = True) -> int:
    """Run the tests on an account.

    Args:
        account: Its 12 digits.
        region: The region of everything that is made.
        asks: Show the price, and ask for the account's number before anything is made.

    Returns:
        The exit code of the tests.

    Raises:
        ConformanceError: If the account or its credentials are missing, differ, or the answer is no.
    """
    actual = _account() if re.fullmatch(r"\d{12}", account) else ""
    if not actual:
        raise ConformanceError(_NEEDS)
    if actual != account:
        raise ConformanceError(f"the credentials are of account {actual}, not {account}")
    if asks and not _agreed(account, region):
        raise ConformanceError("nothing was made: the account's number was not typed")
    return _run(f"{account}/{region}")


def _account() -> str:
    """Return the account of the shell's credentials; empty where there are none that work."""
    try:
        return str(boto3.session.Session().client("sts", region_name=REGION).get_caller_identity()["Account"])
    except (BotoCoreError, ClientError):
        return ""


def _agreed(account: str, region: str) -> bool:
    """Show what is made and the most that it costs, and ask."""
    print(f"This makes and removes resources named {PREFIX}-… in account {account}, {region}:")
    for price in PRICES:
        print(f"  at most {price.most:g} {price.what}: {price.most * price.usd:.4f} USD")
    print(f"It costs at most {ceiling():.2f} USD. A KMS key is scheduled for deletion and gone after 7 days.")
    try:
        return input("Type the account's number to go on: ").strip() == account
    except EOFError:
        return False


def _run(where: str) -> int:
    """Become the tests' process, so that an interrupt reaches what removes."""
    sys.stdout.flush()
    folder = str(ROOT / "tests" / "conformance")
    arguments = [sys.executable, "-m", "pytest", folder, "--rootdir", str(ROOT), "-n", "0", "-q", "-m", "belief"]
    os.chdir(ROOT)
    os.execve(sys.executable, arguments, {**os.environ, VARIABLE: where})  # noqa: S606 - no shell is wanted
