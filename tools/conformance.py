"""Start the tests that hold an AWS to the beliefs of docs/beliefs/, on an account after a price and a question."""

from __future__ import annotations

import math
import os
import re
import sys
from typing import NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from tools.processes import ROOT

VARIABLE = "JUMPSTACK_CONFORMANCE"
"""Environment variable with the account and region to test, such as `111122223333/us-west-2`; `local` for the local
AWS with the table of beliefs. The command sets it; without it tests run against the local AWS and print nothing."""
GPU_VARIABLE = "JUMPSTACK_CONFORMANCE_GPU"
"""Environment variable that is set where the tests with a GPU instance are run, too."""
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
"""Everything that the default set makes, with its list price (from memory of AWS's price pages; no bill was
seen). No instance starts."""
GPU_PRICES = (
    Price("hours of an ml.g5.2xlarge behind an endpoint", 2, 1.515),
    Price("months of a KMS key, by the hour", 2 / 24, 1.00),
)
"""Resources of `--gpu` on top, for 75 minutes of deployment and 30 of removal at most; the instance's price is that of
AWS's price list."""
_PRICED = "us-east-1"
"""Region of the prices."""


def prices(*, gpu: bool = False) -> tuple[Price, ...]:
    """Return everything that a run pays for."""
    return PRICES + GPU_PRICES * gpu


def ceiling(*, gpu: bool = False) -> float:
    """Return the most that a run costs, in USD, rounded up to 10 cents."""
    return math.ceil(sum(price.most * price.usd for price in prices(gpu=gpu)) * 10) / 10


def run_locally(*, gpu: bool = False) -> int:
    """Run the tests against the local AWS and print the table of beliefs; return the exit code."""
    return _run("local", gpu=gpu)


def run_on_account(account: str, region: str, *, gpu: bool = False, asks: bool = True) -> int:
    """Run the tests on an account.

    Args:
        account: Its 12 digits.
        region: The region of everything that is made.
        gpu: Deploy Mistral 7B on a GPU instance, too.
        asks: Show the price, and ask for the account's number before anything is made.

    Returns:
        The exit code of the tests.

    Raises:
        ConformanceError: If the account or its credentials are missing, differ, or the answer is no.
    """
    if account and not re.fullmatch(r"[0-9]{12}", account):
        raise ConformanceError(f"--account is {account!r}: an account's number has 12 digits")
    if not account:
        raise ConformanceError(_NEEDS)
    check_account(account)
    if asks and not _agreed(account, region, gpu=gpu):
        raise ConformanceError("nothing was made: the account's number was not typed")
    return _run(f"{account}/{region}", gpu=gpu)


def check_account(account: str) -> None:
    """Check that calls would reach an account of AWS.

    Raises:
        ConformanceError: If the credentials do not work or are another account's, or calls would go elsewhere.
    """
    elsewhere = sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL"))
    if elsewhere:
        raise ConformanceError(f"{', '.join(elsewhere)} would send calls elsewhere than to AWS: unset it")
    actual = _account()
    if actual != account:
        raise ConformanceError(f"the credentials are of account {actual}, not {account}")


def _account() -> str:
    """Return the account of the shell's credentials.

    Raises:
        ConformanceError: If there are none that work.
    """
    settings = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg] # the stubs lack it
    try:
        sts = boto3.session.Session().client("sts", region_name=REGION, config=settings)
        return str(sts.get_caller_identity()["Account"])
    except NoCredentialsError:
        raise ConformanceError(_NEEDS) from None
    except (BotoCoreError, ClientError) as error:
        raise ConformanceError(f"the credentials do not work: {' '.join(str(error).split())}") from error


def _agreed(account: str, region: str, *, gpu: bool) -> bool:
    """Show what is made and the most that it costs, and ask."""
    print(f"This makes and removes resources named {PREFIX}-… in account {account}, {region}:")
    for price in prices(gpu=gpu):
        print(f"  at most {price.most:g} {price.what}: {price.most * price.usd:.4f} USD")
    print(f"It costs at most {ceiling(gpu=gpu):.2f} USD by list prices of {_PRICED}, which is not measured.")
    print("Its time is not measured either: API Gateway deletes one API in 30 s.")
    if gpu:
        print("A GPU instance runs until its stack is deleted: where the run is killed, the next one deletes it.")
    print("A KMS key is scheduled for deletion and gone after 7 days.")
    try:
        return input("Type the account's number to go on: ").strip() == account
    except EOFError:
        return False


def _run(where: str, *, gpu: bool) -> int:
    """Become the tests' process, so that an interrupt reaches what removes."""
    sys.stdout.flush()
    folder = str(ROOT / "tests" / "conformance")
    arguments = [sys.executable, "-m", "pytest", folder, "--rootdir", str(ROOT), "-n", "0", "-q", "-m", "belief"]
    os.chdir(ROOT)
    os.execve(sys.executable, arguments, {**os.environ, VARIABLE: where, **({GPU_VARIABLE: "1"} if gpu else {})})  # noqa: S606 - no shell is wanted
