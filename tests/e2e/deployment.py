"""Deploy variants of an app with the real CDK CLI on the local AWS."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from tools.cdk import Cdk
from tools.deployed import declared_stack
from tools.local import LocalAws

REGION = "us-west-2"
STACK = declared_stack("dev/mistral-7b-instruct")
ACCOUNTS = f"account/{REGION}"


@contextmanager
def spoken_to(local_aws: LocalAws) -> Iterator[None]:
    """Let boto3 talk to a local AWS."""
    with pytest.MonkeyPatch.context() as environment:
        # It holds the first credentials that it found.
        environment.setattr(boto3, "DEFAULT_SESSION", None)
        for name, value in local_aws.client_environment().items():
            environment.setenv(name, value)
        yield


class Deployer:
    """Deploys variants of an app that are synthesized: each has an assembly in a folder."""

    def __init__(self, cdk: Cdk, folder: Path) -> None:
        self.cdk = cdk
        self._folder = folder

    def assembly(self, variant: str) -> list[str]:
        """Return the option that names a variant's assembly."""
        return ["--app", str(self._folder / f"cdk.out-{variant}")]

    def deploy(self, variant: str, stack: str, *others: str, while_waiting: Callable[[], None] | None = None) -> str:
        """Deploy stacks of a variant and return what the CLI printed."""
        options = (*self.assembly(variant), "--require-approval", "never", "--concurrency", "4")
        return self.cdk.run("deploy", stack, *others, *options, while_waiting=while_waiting)

    def destroy(self, variant: str, *stacks: str) -> str:
        """Destroy stacks of a variant and return what the CLI printed."""
        return self.cdk.run("destroy", *stacks, *self.assembly(variant), "--force", "--concurrency", "4")


def deployer_of(local_aws: LocalAws, folder: Path, app: Path, variants: Iterable[str]) -> Deployer:
    """Bootstrap, and meanwhile synthesize variants of an app that writes them all in one process.

    State machines wait a hundredth of the time then.
    """
    environment = {**local_aws.client_environment(), "CDK_VALIDATION": "false"}
    deployer = Deployer(Cdk(environment=environment, logs=folder), folder)
    synthesis = subprocess.Popen([sys.executable, app, folder, *variants], env={**os.environ, **environment})
    deployer.cdk.bootstrap([f"aws://123456789012/{REGION}"])
    assert synthesis.wait() == 0
    hurry(local_aws)
    return deployer


def hurry(local_aws: LocalAws) -> None:
    """Let state machines wait a hundredth of the time: not even a second where they wait half a minute."""
    local_aws.steer("PUT", "stepfunctions", {"wait_scale": 0.01})


class Notices:
    """A queue that a topic sends to."""

    def __init__(self, topic_arn: str) -> None:
        self._sqs: Any = boto3.client("sqs", region_name=REGION)
        sns: Any = boto3.client("sns", region_name=REGION)
        self._url = str(self._sqs.create_queue(QueueName="notices")["QueueUrl"])
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])

    def received(self) -> list[dict[str, Any]]:
        """Return all notices since the last time, each with `Subject` and `Message`."""
        received: list[dict[str, Any]] = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
            received += [json.loads(message["Body"]) for message in messages]
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return received
