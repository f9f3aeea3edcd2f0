"""One model of the app, deployed by the CDK CLI for the set of tests with a GPU.

The stack has an environment of its own, named after the run and tagged as everything that a run makes. Its removal is
in the ledger before the deployment begins, so that an interrupt, or the next run after a kill, deletes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import app
from stacks.environments import Environment, Removal
from stacks.models import MISTRAL_7B_INSTRUCT
from stacks.placement import ACCOUNT_SCOPE, account_stack_id
from tests.conformance.made import Made
from tests.conformance.target import Target, error_of
from tools.cdk import Cdk

MODEL = MISTRAL_7B_INSTRUCT
_MOST_SECONDS = 4_500
"""Time for a deployment, 75 minutes: an hour for the endpoint, as CloudFormation waits, and a quarter for the rest."""


class NotReadyError(RuntimeError):
    """The account lacks what the app needs before its first stack; nothing was made."""


class SlowError(RuntimeError):
    """The deployment took too long."""


class Deployment:
    """The stack of the model.

    Attributes:
        stack_name: Its name, which is the endpoint's name, too.
        outputs: Its outputs by name.
    """

    def __init__(self, made: Made, folder: Path, *, while_waiting: Callable[[], None] = lambda: None) -> None:
        """Deploy it.

        Args:
            made: Takes the removal.
            folder: For the cloud assembly and the CLI's logs.
            while_waiting: Called a few times a second.

        Raises:
            NotReadyError: If the account is not bootstrapped, or API Gateway may not write its logs.
            CdkError: If the deployment failed.
            SlowError: If it takes too long.
        """
        target = made.target
        environment = Environment(
            name=target.run,
            region=target.region,
            account=target.account,
            removal=Removal.DESTROY,
            log_retention_days=1,
            tags=target.tags,
        )
        self.stack_name = f"{environment.name}-{MODEL.name}"
        assembly = folder / "cdk.out"
        app.build(((environment, (MODEL,)),), outdir=str(assembly)).synth()
        cdk = Cdk(environment=_variables(target), logs=folder)
        _prepare(target, cdk, assembly)
        made.undo("logs", "delete_log_group", logGroupName=f"/aws/sagemaker/Endpoints/{self.stack_name}")
        made.undo("cloudformation", "delete_stack", StackName=self.stack_name)
        began = time.monotonic()

        def wait() -> None:
            while_waiting()
            if time.monotonic() - began > _MOST_SECONDS:
                raise SlowError(f"{self.stack_name} is not deployed after {_MOST_SECONDS} s")

        path = f"{environment.name}/{MODEL.name}"
        cdk.run("deploy", path, "--app", str(assembly), "--require-approval", "never", while_waiting=wait)
        stack = target.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _variables(target: Target) -> dict[str, str]:
    """Return what sends the CLI to the target; on an account the shell's own credentials do."""
    if not target.is_local:
        return {"CDK_VALIDATION": "false"}
    credentials = target.credentials()
    return {
        "CDK_VALIDATION": "false",
        "AWS_ENDPOINT_URL": target.client("sts").meta.endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_REGION": target.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _prepare(target: Target, cdk: Cdk, assembly: Path) -> None:
    """Bootstrap the local AWS and deploy its account stack; of an account ask that both are there."""
    if target.is_local:
        cdk.bootstrap([f"aws://{target.account}/{target.region}"])
        account = f"{ACCOUNT_SCOPE}/{account_stack_id(target.account, target.region)}"
        cdk.run("deploy", account, "--app", str(assembly), "--require-approval", "never")
        return
    if error_of(target.client("cloudformation").describe_stacks, StackName="CDKToolkit") != ("", ""):
        raise NotReadyError(f"./jumpstack cdk bootstrap aws://{target.account}/{target.region} must be run before")
    if "cloudwatchRoleArn" not in target.client("apigateway").get_account():
        raise NotReadyError("./jumpstack deploy of any model must be run before: API Gateway may not write its logs")
