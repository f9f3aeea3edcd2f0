"""`make conformance`: hold a real account to the beliefs of docs/beliefs/, after a price and a question."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.conformance.target import PREFIX, REGION, VARIABLE

_FOLDER = Path(__file__).resolve().parent
_NEEDS = (
    "make conformance needs ACCOUNT=<12 digits> and that account's credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY); LOCAL=1 runs it against the local AWS"
)


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
"""Everything that is made, with its list price in us-east-1 (AWS's price pages, 2026); no instance is started."""


def ceiling() -> float:
    """Return the most that a run costs, in USD, rounded up to 10 cents."""
    return math.ceil(sum(price.most * price.usd for price in PRICES) * 10) / 10


def main(arguments: Sequence[str]) -> int:
    """Run the suite; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--account", default="", help="the account, 12 digits")
    parser.add_argument("--region", default=REGION)
    parser.add_argument("--local", action="store_true", help="run against the local AWS")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    if options.local:
        os.environ[VARIABLE] = "local"
        return _run()
    if not re.fullmatch(r"\d{12}", options.account) or not (actual := _account()):
        print(f"error: {_NEEDS}", file=sys.stderr)
        return 2
    if actual != options.account:
        print(f"error: the credentials are of account {actual}, not {options.account}", file=sys.stderr)
        return 2
    if not options.yes and not _agreed(options.account, options.region):
        print("nothing was made", file=sys.stderr)
        return 1
    os.environ[VARIABLE] = f"{options.account}/{options.region}"
    return _run()


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


def _run() -> int:
    return int(pytest.main([str(_FOLDER), "-n", "0", "-q", "-m", "belief"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
