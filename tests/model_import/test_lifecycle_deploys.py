"""An importer as a stack: CloudFormation, CDK's Provider framework and its waiter, all on the local AWS."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from constructs.model_import.import_role import Weights
from constructs.model_import.imported_model import ImportedModel
from constructs.model_import.model_import_job import ModelImportJob
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer
from constructs.state_machines.run_notices import RunNotices
from constructs.values.storage import Storage

from tests.model_import.artifacts.artifact_models import llama
from tests.model_import.import_world import wait_scale
from tests.support.bedrock_models import ACCOUNT, REGION, Bedrock, name, prepared
from tests.support.local_aws import StackDriver

_DEADLINE_SECONDS = 60
_NODE_PACKAGES = Path(__file__).resolve().parents[2] / "node_modules" / "@aws-sdk"

# In the sweep, as the end-to-end tests are that deploy, update and destroy imports with the whole app.
pytestmark = [
    pytest.mark.sweep,
    pytest.mark.skipif(
        not all((_NODE_PACKAGES / package).is_dir() for package in ("client-lambda", "client-sfn")),
        reason="CDK's Provider framework imports @aws-sdk/client-lambda and client-sfn, which Lambda brings along",
    ),
]
# Of each of a state machine's waits.
_WAIT_SCALE = 0.02


@pytest.fixture(scope="module")
def bedrock(local_aws: str, aws: Callable[..., Any]) -> Iterator[Bedrock]:
    wait_scale(local_aws, _WAIT_SCALE)
    bedrock = prepared(local_aws, aws)
    yield bedrock
    bedrock.clean()


class Importer:
    """A stack with one imported model."""

    def __init__(self, bedrock: Bedrock, folder: Path) -> None:
        self.name = name("s")
        self.bedrock = bedrock
        self.folder = folder
        self.stacks = StackDriver(bedrock.clients("cloudformation", region=REGION))

    def weights(self, *, below: str = "", **config: Any) -> str:
        """Upload a model; return the prefix of its files."""
        folder = name("w")
        llama(self.folder / folder).edit("config.json", **config)
        for path in (self.folder / folder).iterdir():
            self.bedrock.clients("s3").upload_file(str(path), self.bedrock.bucket, f"{below}{folder}/{path.name}")
        return f"{below}{folder}/"

    def deploy(self, prefix: str) -> str:
        """Deploy with the weights at a prefix; return the stack's status."""
        outdir = self.folder / name("out")
        app = cdk.App(outdir=str(outdir))
        stack = cdk.Stack(app, self.name, env=cdk.Environment(account=ACCOUNT, region=REGION))
        pointer = ServedPointer(stack, "Served", path=self.name)
        key = ModelKey(stack, "Key", alias=self.name, removal_policy=cdk.RemovalPolicy.DESTROY)
        job = ModelImportJob(
            stack,
            "Import",
            model=ImportedModel(stack, "Model", model_name=self.name, pointer=pointer),
            weights=Weights(bucket_name=self.bedrock.bucket, prefix=prefix),
            storage=Storage(encryption_key=key, removal_policy=cdk.RemovalPolicy.DESTROY),
            import_on_deploy=True,
        )
        notices = RunNotices(stack, "Notices", subject=self.name, encryption_key=key)
        notices.watch(job.state_machine)
        job.deployment.resource.node.add_dependency(notices)
        app.synth()
        self._upload(outdir)
        template = json.loads((outdir / f"{self.name}.template.json").read_text())
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Lambda::Function":
                resource["Properties"]["Code"]["S3Bucket"] = self.bedrock.bucket
        return self.stacks.deploy(self.name, template["Resources"])

    def _upload(self, outdir: Path) -> None:
        manifest = json.loads((outdir / f"{self.name}.assets.json").read_text())
        for key, asset in manifest["files"].items():
            if asset["source"]["packaging"] != "zip":
                continue
            folder = outdir / asset["source"]["path"]
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w") as files:
                for path in sorted(folder.rglob("*")):
                    files.write(path, path.relative_to(folder))
            for destination in asset["destinations"].values():
                self.bedrock.clients("s3").put_object(
                    Bucket=self.bedrock.bucket, Key=destination["objectKey"], Body=archive.getvalue()
                )
            assert key

    def run(self, prefix: str) -> str:
        """Import by the state machine, as a person does; return the execution's ARN once it has ended."""
        states = self.bedrock.clients("stepfunctions", region=REGION)
        [machine] = [
            arn for arn in self.stacks.physical_ids(self.name).values() if arn.endswith(f":{self.name}-import")
        ]
        given = json.dumps({"weights": f"s3://{self.bedrock.bucket}/{prefix}"})
        arn = str(states.start_execution(stateMachineArn=machine, input=given)["executionArn"])
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while states.describe_execution(executionArn=arn)["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{arn} did not end in {_DEADLINE_SECONDS} s"
            time.sleep(0.05)
        return arn

    def subscribe(self) -> None:
        """Subscribe a queue to the topic."""
        sqs, ids = self.bedrock.clients("sqs", region=REGION), self.stacks.physical_ids(self.name)
        [topic] = [physical for physical in ids.values() if physical.startswith("arn:aws:sns:")]
        queue = sqs.create_queue(QueueName=self.name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.bedrock.clients("sns", region=REGION).subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def received(self, count: int) -> set[str]:
        """Return the topic's notices since then, once there are that many."""
        sqs, found = self.bedrock.clients("sqs", region=REGION), set[str]()
        queue = sqs.get_queue_url(QueueName=self.name)["QueueUrl"]
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while len(found) < count:
            assert time.monotonic() < deadline, found
            messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            found |= {json.loads(message["Body"])["Message"] for message in messages.get("Messages", [])}
        return found

    def models(self) -> list[str]:
        """Return the names of the account's imported models."""
        return sorted(m["modelName"] for m in self.bedrock.control.list_imported_models()["modelSummaries"])

    def target(self) -> str:
        """Return the served ARN."""
        ssm = self.bedrock.clients("ssm", region=REGION)
        return str(ssm.get_parameter(Name=f"/jumpstack/{self.name}/target")["Parameter"]["Value"])


@pytest.fixture
def importer(bedrock: Bedrock, tmp_path: Path) -> Importer:
    return Importer(bedrock, tmp_path)


def test_creates_updates_survives_an_update_that_fails_and_destroys(importer: Importer) -> None:
    good, better = importer.weights(rope_theta=1.0), importer.weights(rope_theta=2.0)
    assert importer.deploy(good) == "CREATE_COMPLETE", importer.stacks.failures(importer.name)
    first = importer.target()
    [name_of_first] = importer.models()

    assert importer.deploy(better) == "UPDATE_COMPLETE", importer.stacks.failures(importer.name)
    second = importer.target()
    assert second != first
    assert name_of_first in importer.models()

    assert importer.deploy(importer.weights(architectures=["BertForMaskedLM"])) == "UPDATE_ROLLBACK_COMPLETE"
    assert "'BertForMaskedLM' is not supported" in importer.stacks.failures(importer.name)
    assert importer.target() == second

    assert importer.stacks.delete(importer.name) == "DELETE_COMPLETE"
    assert importer.models() == []


def test_notifies_its_topic_how_imports_end_without_a_deployment(importer: Importer) -> None:
    declared = importer.weights()
    assert importer.deploy(declared) == "CREATE_COMPLETE", importer.stacks.failures(importer.name)
    importer.subscribe()
    good = importer.run(importer.weights(below=declared, rope_theta=3.0))
    bad = importer.run(importer.weights(below=declared, architectures=["BertForMaskedLM"]))

    # EventBridge sends a template of text with its quotes.
    assert importer.received(2) == {
        f'"{importer.name}: FAILED: {bad}"',
        f'"{importer.name}: SUCCEEDED: {good}"',
    }
    assert importer.stacks.delete(importer.name) == "DELETE_COMPLETE"


def test_fails_to_create_with_bedrocks_words_and_leaves_nothing(local_aws: str, importer: Importer) -> None:
    importer.bedrock.behave(role_propagation_seconds=1e9)
    # It waits for its role forty times.
    wait_scale(local_aws, _WAIT_SCALE / 10)
    try:
        assert importer.deploy(importer.weights()) == "ROLLBACK_COMPLETE"
    finally:
        importer.bedrock.behave(role_propagation_seconds=0)
        wait_scale(local_aws, _WAIT_SCALE)

    reason = importer.stacks.failures(importer.name)
    assert "The provided role ARN is invalid" in reason
    assert "likely cause: Bedrock could not find or assume the import role" in reason
    assert importer.models() == []
