"""Models of all kinds, deployed by the CDK CLI on a local AWS of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import boto3

from bench.clients.app import ENVIRONMENT, KINDS, Kind
from stacks.declarations import ImportedModel
from tools import keys
from tools.cdk import Cdk
from tools.demo.weights import SampleWeights
from tools.deployed import DeclaredStack, outputs
from tools.local import LocalAws, running
from tools.processes import ROOT

_REGION = "us-west-2"
_HURRY = 0.01
"""Scale of the waits in state machines: not even a second where they wait half a minute."""


class Served(NamedTuple):
    """A model that answers.

    Attributes:
        kind: Its kind.
        base_url: Its API's address, which ends in `/v1`.
        key: A key for it.
    """

    kind: Kind
    base_url: str
    key: str


@contextmanager
def served(kinds: Sequence[Kind] = KINDS) -> Iterator[list[Served]]:
    """Deploy kinds of models, and yield their addresses.

    Args:
        kinds: The kinds.

    Raises:
        CdkError: If they cannot be deployed.
    """
    with running() as local_aws, _spoken_to(local_aws), tempfile.TemporaryDirectory(prefix="clients-") as folder:
        local_aws.steer("PUT", "stepfunctions", {"wait_scale": _HURRY})
        # AWS documents these of other classes only: told so, the stand-in takes what the API's route can send.
        able = {name: ["LlamaForCausalLM"] for name in ("with_tools", "with_images", "with_schemas")}
        local_aws.steer("PUT", f"bedrock/{_REGION}", able)
        yield _deployed(kinds, local_aws, Path(folder))


@contextmanager
def _spoken_to(local_aws: LocalAws) -> Iterator[None]:
    """Let this process talk to a local AWS within a block."""
    before = dict(os.environ)
    local_aws.put_into(os.environ)
    # It holds the first credentials that it found.
    boto3.DEFAULT_SESSION = None
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = None
        os.environ.clear()
        os.environ.update(before)


def _deployed(kinds: Sequence[Kind], local_aws: LocalAws, folder: Path) -> list[Served]:
    environment = {**local_aws.client_environment(), "CDK_VALIDATION": "false"}
    cdk, assembly = Cdk(environment=environment, logs=folder), folder / "cdk.out"
    synthesis = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "bench.clients.app", str(assembly)], cwd=ROOT, env={**os.environ, **environment}
    )
    cdk.bootstrap([f"aws://{local_aws.account}/{_REGION}"])
    if synthesis.wait():
        raise RuntimeError("the models' stacks cannot be synthesized")
    stacks = [_stack(kind) for kind in kinds]
    for stack in stacks:
        if isinstance(stack.model, ImportedModel):
            SampleWeights(stack, account=local_aws.account).upload()
    options = ("--app", str(assembly), "--require-approval", "never", "--concurrency", "4")
    cdk.run("deploy", f"account/{_REGION}", *options)
    cdk.run("deploy", *(stack.path for stack in stacks), *options)
    return [_address(kind, stack, local_aws) for kind, stack in zip(kinds, stacks, strict=True)]


def _stack(kind: Kind) -> DeclaredStack:
    return DeclaredStack(
        path=f"{ENVIRONMENT.name}/{kind.model.name}",
        stack_name=f"{ENVIRONMENT.name}-{kind.model.name}",
        region=_REGION,
        account=None,
        takes_keys=True,
        model=kind.model,
    )


def _address(kind: Kind, stack: DeclaredStack, local_aws: LocalAws) -> Served:
    api = outputs(stack)["InvokeUrl"].split("//")[1].split(".")[0]
    base_url = f"{local_aws.apis_url}/_localaws/execute-api/{_REGION}/{api}/live/v1"
    return Served(kind, base_url, keys.create(stack, "clients"))
