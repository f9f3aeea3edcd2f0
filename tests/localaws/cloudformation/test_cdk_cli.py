"""The real CDK CLI against the local AWS: what `make demo` relies on, with an app of a few lines.

In the sweep, since the end-to-end tests do the like with the whole app.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.local_aws import running

pytestmark = pytest.mark.sweep

REPOSITORY = Path(__file__).resolve().parents[3]
CLI = REPOSITORY / "node_modules/.bin/cdk"
SECONDS = 120

# Its own bootstrap stack and qualifier, so that it meets no other test.
QUALIFIER = "clitest"

APP = """
import sys
from aws_cdk import App, Environment, RemovalPolicy, Stack, CfnOutput, DefaultStackSynthesizer
from aws_cdk import aws_kms as kms, aws_logs as logs, aws_s3 as s3

version, folder = sys.argv[1], sys.argv[2]
app = App(outdir=folder)
stack = Stack(
    app, "CliTest", env=Environment(region="eu-north-1"), synthesizer=DefaultStackSynthesizer(qualifier="clitest")
)
group = logs.LogGroup(
    stack,
    "Group",
    retention=logs.RetentionDays.ONE_WEEK if version == "first" else logs.RetentionDays.ONE_MONTH,
    removal_policy=RemovalPolicy.DESTROY,
)
bucket = s3.Bucket(stack, "Bucket", enforce_ssl=True, auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
if version == "broken":
    s3.CfnBucket(stack, "Broken").add_property_override("Bogus", True)
CfnOutput(stack, "BucketName", value=bucket.bucket_name)
app.synth()
"""


class Cli:
    """Runs `cdk` on the app of this module."""

    def __init__(self, *, url: str, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            **running(url).environment,
            "AWS_REGION": "eu-north-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_VALIDATION": "false",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        (folder / "app.py").write_text(APP)

    def synthesize(self, version: str) -> Path:
        """Write the cloud assembly of one version of the app and return its folder."""
        assembly = self.folder / version
        command = [sys.executable, "app.py", version, str(assembly)]
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True, timeout=SECONDS)
        return assembly

    def __call__(self, *arguments: str | Path, succeeds: bool = True) -> str:
        """Run `cdk` and return what it prints."""
        command = [CLI, "--no-notices", "--no-color", "--ci", *arguments]
        ended = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert (ended.returncode == 0) is succeeds, ended.stdout
        return ended.stdout


@pytest.mark.local
def test_bootstraps_deploys_updates_rolls_back_and_destroys(
    local_aws: str, aws: Callable[..., Any], tmp_path: Path
) -> None:
    cdk = Cli(url=local_aws, folder=tmp_path)
    first, second, broken = (cdk.synthesize(version) for version in ("first", "second", "broken"))
    toolkit = ("--toolkit-stack-name", "CliTestToolkit")
    bootstrap = ("bootstrap", "aws://123456789012/eu-north-1", "--qualifier", QUALIFIER, *toolkit)
    deploy = ("deploy", "--require-approval", "never", *toolkit, "--app")
    cloudformation, logs = aws("cloudformation", region="eu-north-1"), aws("logs", region="eu-north-1")

    def retention() -> list[int]:
        # The functions' own groups are nobody's and stay, as in AWS.
        groups = logs.describe_log_groups(logGroupNamePrefix="CliTest-")["logGroups"]
        return [group["retentionInDays"] for group in groups]

    assert "bootstrapped" in cdk(*bootstrap)
    deployed = cdk(*deploy, first)
    assert "CliTest | 0/" in deployed
    assert "CliTest.BucketName = clitest-bucket" in deployed
    assert "(no changes)" in cdk(*deploy, first)
    assert "There were no differences" in cdk("diff", *toolkit, "--app", first)

    assert "RetentionInDays" in cdk("diff", *toolkit, "--app", second)
    cdk(*deploy, second)
    assert retention() == [30]

    assert "extraneous key [Bogus] is not permitted" in cdk(*deploy, broken, succeeds=False)
    stack = cloudformation.describe_stacks(StackName="CliTest")["Stacks"][0]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert retention() == [30]

    # The bucket's objects are deleted by the CDK's own function, which asks the stack's role.
    [output] = stack["Outputs"]
    aws("s3", region="eu-north-1").put_object(Bucket=output["OutputValue"], Key="left", Body=b"over")
    assert "CliTest: destroyed" in cdk("destroy", "--force", "--app", second)
    assert retention() == []
    left = [bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]]
    assert output["OutputValue"] not in left
