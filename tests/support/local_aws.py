"""One local AWS for all tests, in a process of its own as `make demo` starts it: a plugin of tests/conftest.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 60
MODULE_VARIABLE = "JUMPSTACK_LOCAL_AWS"
"""Environment variable with the module that is started as the local AWS, where it is another."""

ClientFactory = Callable[..., Any]


class StackDriver:
    """Deploys templates by change sets, as the CDK CLI does, and returns what became of them."""

    def __init__(self, cloudformation: Any) -> None:
        self.cloudformation = cloudformation

    def change_set(
        self,
        name: str,
        resources: dict[str, Any],
        *,
        parameters: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        **sections: Any,
    ) -> dict[str, Any]:
        """Create a change set and describe it."""
        template = {"Resources": resources, **sections}
        answer = self.cloudformation.create_change_set(
            StackName=name,
            ChangeSetName="test",
            ChangeSetType="UPDATE" if self.exists(name) else "CREATE",
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()],
            Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )
        description: dict[str, Any] = self.cloudformation.describe_change_set(ChangeSetName=answer["Id"])
        return description

    def deploy(self, name: str, resources: dict[str, Any], **options: Any) -> str:
        """Create and execute a change set; return the stack's status."""
        change_set = self.change_set(name, resources, **options)
        assert change_set["Status"] == "CREATE_COMPLETE", change_set.get("StatusReason")
        self.cloudformation.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
        return self.status(name)

    def exists(self, name: str) -> bool:
        """Return whether there is a stack of that name that has been deployed."""
        try:
            return self.status(name) != "REVIEW_IN_PROGRESS"
        except ClientError:
            return False

    def describe(self, name: str) -> dict[str, Any]:
        """Return the stack as DescribeStacks shows it."""
        stack: dict[str, Any] = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return stack

    def status(self, name: str) -> str:
        """Return the stack's status."""
        return str(self.describe(name)["StackStatus"])

    def outputs(self, name: str) -> dict[str, str]:
        """Return the stack's outputs."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe(name)["Outputs"]}

    def physical_ids(self, name: str) -> dict[str, str]:
        """Return the physical id of each resource."""
        rows = self.cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
        return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows}

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the stack's events, the latest first."""
        answer = self.cloudformation.describe_stack_events(StackName=name)
        events: list[dict[str, Any]] = answer["StackEvents"]
        return events

    def failures(self, name: str) -> str:
        """Return the reasons of all failed resources, one per line."""
        return "\n".join(
            event.get("ResourceStatusReason", "")
            for event in self.events(name)
            if event["ResourceStatus"].endswith("_FAILED")
        )

    def delete(self, name: str) -> str:
        """Delete the stack; return its last status."""
        stack_id = self.describe(name)["StackId"]
        self.cloudformation.delete_stack(StackName=stack_id)
        return self.status(stack_id)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A local AWS that runs: its addresses and its credential.

    Attributes:
        url: The address of AWS's services.
        apis_url: The address of deployed APIs.
        access_key_id: The access key that it takes.
        secret_access_key: The key's secret.
    """

    url: str
    apis_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def read(cls, ready_file: Path) -> Running:
        """Read what the process wrote when it began to answer."""
        return cls(**json.loads(ready_file.read_text(encoding="utf-8")))

    @property
    def credentials(self) -> dict[str, Any]:
        """The credential as arguments of a boto3 client."""
        return {"aws_access_key_id": self.access_key_id, "aws_secret_access_key": self.secret_access_key}

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send AWS's clients there."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_EXECUTE_API": self.apis_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


_RUNNING: dict[str, Running] = {}


def running(url: str) -> Running:
    """Return what is known of the local AWS at an address that the fixture `local_aws` or `local_apis` gave."""
    return _RUNNING[url]


def steer(url: str, path: str, document: Any = None, *, method: str | None = None) -> Any:
    """Change how the local AWS at `url` behaves, or read it; return its answer.

    Args:
        url: The address: that of the fixture, or the one that the environment addresses.
        path: The path below `/_localaws/`.
        document: The body; bytes are sent as they are.
        method: The verb; else PUT with a body and GET without.
    """
    known = _RUNNING.get(url)
    secret = known.secret_access_key if known else os.environ["AWS_SECRET_ACCESS_KEY"]
    body = document if document is None or isinstance(document, bytes) else json.dumps(document).encode()
    request = urllib.request.Request(
        f"{url}/_localaws/{path}".rstrip("/"),
        data=body,
        method=method or ("GET" if body is None else "PUT"),
        headers={"Authorization": f"Bearer {secret}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running local AWS; `running(url)` says the rest."""
    folder = tmp_path_factory.mktemp("localaws")
    ready_file = folder / "ready"
    log = folder / "log"
    with log.open("wb") as log_file:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                os.environ.get(MODULE_VARIABLE, "localaws"),
                "--port",
                "0",
                "--ready-file",
                ready_file,
                "--parent-pid",
                str(os.getpid()),
            ],
            cwd=REPOSITORY,
            stdout=log_file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the local AWS did not start:\n{log.read_text()}")
            time.sleep(0.05)
        started = Running.read(ready_file)
        _RUNNING[started.url] = _RUNNING[started.apis_url] = started
        yield started.url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def local_apis(local_aws: str) -> str:
    """The URL at which the running local AWS serves deployed APIs."""
    return running(local_aws).apis_url


@pytest.fixture(scope="session")
def aws(local_aws: str) -> ClientFactory:
    """Make boto3 clients of the local AWS: `aws("s3")`, `aws("s3", region="eu-central-1")`."""
    clients: dict[tuple[str, str], Any] = {}

    def make(service: str, *, region: str = "us-east-1") -> Any:
        if (service, region) not in clients:
            clients[service, region] = boto3.session.Session().client(
                service,  # type: ignore[call-overload] # the stubs list every service as a literal
                region_name=region,
                endpoint_url=local_aws,
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=120),
                **running(local_aws).credentials,
            )
        return clients[service, region]

    return make


@pytest.fixture
def stacks(aws: ClientFactory) -> StackDriver:
    """Deploy stacks in us-east-1."""
    return StackDriver(aws("cloudformation"))


@pytest.fixture
def stack_name() -> str:
    """A stack name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:8]}"
