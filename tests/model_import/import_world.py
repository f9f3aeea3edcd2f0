"""An importer on the local AWS: its roles, functions and state machine as the construct declares them.

CloudFormation deploys the construct's template without state machines and their dependents. The state machine is made
from the template's definition, and `Resource` invokes the deployed handlers as CDK's Provider framework would.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aws_cdk as cdk
from aws_cdk import assertions
from constructs.model_import.import_role import Weights
from constructs.model_import.imported_model import ImportedModel
from constructs.model_import.model_import_job import ModelImportJob
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer
from constructs.values.storage import Storage

from tests.model_import.artifacts.artifact_models import llama
from tests.support.bedrock_models import ACCOUNT, REGION, Bedrock, name
from tests.support.local_aws import StackDriver, steer

PACKAGE = Path(__file__).resolve().parents[2] / "lambda"
PREFIX = "weights/"
_LEFT_OUT = {"AWS::StepFunctions::StateMachine", "Custom::ModelImport"}
_DEADLINE_SECONDS = 60


class FailedError(Exception):
    """A custom resource's operation failed; the message is the reason that CloudFormation shows."""


def template_of(model: str, bucket: str, **options: Any) -> dict[str, Any]:
    """Return the construct's template."""
    stack = cdk.Stack(cdk.App(), model, env=cdk.Environment(account=ACCOUNT, region=REGION))
    key = ModelKey(stack, "Key", alias=model, removal_policy=cdk.RemovalPolicy.DESTROY)
    body = options.pop("body", "chat")
    imported = ImportedModel(
        stack, "Model", model_name=model, pointer=ServedPointer(stack, "Served", path=f"test/{model}"), body=body
    )
    ModelImportJob(
        stack,
        "Import",
        model=imported,
        weights=Weights(bucket_name=bucket, prefix=PREFIX, **options.pop("sources", {})),
        storage=Storage(encryption_key=key, removal_policy=cdk.RemovalPolicy.DESTROY),
        **options,
    )
    return dict(assertions.Template.from_stack(stack).to_json())


@dataclass
class World:
    """One deployed importer."""

    model: str
    bedrock: Bedrock
    machine_arn: str
    functions: Mapping[str, str]
    tmp_path: Path
    uploads: int = 0

    def client(self, service: str) -> Any:
        """Return a client in the importer's region."""
        return self.bedrock.clients(service, region=REGION)

    def upload(self, **config: Any) -> str:
        """Put a model's files under a prefix of its own; each makes another version."""
        folder = self.tmp_path / uuid4().hex
        self.uploads += 1
        llama(folder).edit("config.json", **{"rope_theta": float(self.uploads), **config})
        prefix = f"{PREFIX}{folder.name}/"
        for path in folder.iterdir():
            self.bedrock.clients("s3").upload_file(str(path), self.bedrock.bucket, prefix + path.name)
        return f"s3://{self.bedrock.bucket}/{prefix}"

    def run(self, weights: str) -> dict[str, Any]:
        """Import by the state machine; return the execution's description once it has ended."""
        arn = self.start(weights)
        return self.ended(arn)

    def start(self, weights: str) -> str:
        """Start an import; return the execution's ARN."""
        machine = self.client("stepfunctions")
        arn: str = machine.start_execution(stateMachineArn=self.machine_arn, input=json.dumps({"weights": weights}))[
            "executionArn"
        ]
        return arn

    def ended(self, arn: str) -> dict[str, Any]:
        """Wait for the end of an execution."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            description: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=arn)
            if description["status"] != "RUNNING":
                return description
            time.sleep(0.05)
        raise AssertionError(f"{arn} did not end in {_DEADLINE_SECONDS} s")

    def states(self, execution: Mapping[str, Any]) -> list[str]:
        """Return the names of the states that an execution entered."""
        history = self.client("stepfunctions").get_execution_history(
            executionArn=execution["executionArn"], maxResults=1000
        )
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in history["events"]
            if "stateEnteredEventDetails" in event
        ]

    def models(self) -> list[str]:
        """Return the names of all imported models of the account."""
        listed = self.client("bedrock").list_imported_models()["modelSummaries"]
        return sorted(model["modelName"] for model in listed)

    def parameter(self, kind: str) -> str:
        """Return the value of `target`, `served` or `previous`."""
        found = self.client("ssm").get_parameter(Name=f"/jumpstack/test/{self.model}/{kind}")
        return str(found["Parameter"]["Value"])

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke a deployed handler."""
        answer = self.client("lambda").invoke(FunctionName=self.functions[function], Payload=json.dumps(event).encode())
        document: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FailedError(f"{document['errorType']}: {document['errorMessage']}")
        return document

    def clean(self) -> None:
        """Leave nothing behind in the account."""
        for execution in self.client("stepfunctions").list_executions(
            stateMachineArn=self.machine_arn, statusFilter="RUNNING"
        )["executions"]:
            self.client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
        for kind in ("target", "served", "previous"):
            name = f"/jumpstack/test/{self.model}/{kind}"
            self.client("ssm").put_parameter(Name=name, Value="none", Overwrite=True)
        self.bedrock.clean()


@dataclass
class Resource:
    """The custom resource, with the requests of CloudFormation and CDK's Provider framework."""

    world: World
    physical_id: str | None = None

    def create(self, weights: str) -> dict[str, Any]:
        """Create it and return its attributes. A failure is rolled back with a delete, as CloudFormation does."""
        try:
            return self._do("Create", weights)
        except FailedError:
            self.delete()
            raise

    def update(self, old: str, new: str) -> dict[str, Any]:
        """Update it; a failure is rolled back with an update to the old weights."""
        try:
            return self._do("Update", new, old)
        except FailedError:
            self._do("Update", old, new)
            raise

    def delete(self) -> None:
        """Delete it."""
        self._do("Delete", "")

    def begin(self, kind: str, weights: str, old: str | None = None) -> dict[str, Any]:
        """Return the event that the framework sends to `is_complete`."""
        event: dict[str, Any] = {
            "RequestType": kind,
            "RequestId": uuid4().hex,
            "ResourceProperties": {"Model": self.world.model, "Weights": weights, "Revision": ""},
            **({} if old is None else {"OldResourceProperties": {"Weights": old, "Revision": ""}}),
            **({} if self.physical_id is None else {"PhysicalResourceId": self.physical_id}),
        }
        begun = self.world.invoke("OnEvent", event)
        self.physical_id = begun["PhysicalResourceId"]
        return {**event, **begun}

    def _do(self, kind: str, weights: str, old: str | None = None) -> dict[str, Any]:
        event = self.begin(kind, weights, old)
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            answer = self.world.invoke("IsComplete", event)
            if answer["IsComplete"]:
                data: dict[str, Any] = answer.get("Data", {})
                return data
            time.sleep(0.05)
        raise AssertionError(f"{kind} did not end in {_DEADLINE_SECONDS} s")


def deploy(bedrock: Bedrock, tmp_path: Path, **options: Any) -> World:
    """Deploy an importer whose weights are in Bedrock's bucket."""
    model = name("m")
    template = template_of(model, bedrock.bucket, **options)
    machine_arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{model}-import"
    key = _asset(bedrock)
    resources = {
        logical: _prepared(resource, bedrock.bucket, key)
        for logical, resource in template["Resources"].items()
        if resource["Type"] not in _LEFT_OUT and "Provider" not in logical and "Framework" not in logical
    }
    machines = [
        (logical, resource["Properties"])
        for logical, resource in template["Resources"].items()
        if resource["Type"] == "AWS::StepFunctions::StateMachine" and "Provider" not in logical
    ]
    [(machine_id, machine)] = machines
    resources = _replaced(resources, {json.dumps({"Ref": machine_id}): json.dumps(machine_arn)})
    stacks = StackDriver(bedrock.clients("cloudformation", region=REGION))
    status = stacks.deploy(model, resources)
    assert status == "CREATE_COMPLETE", stacks.failures(model)
    ids = stacks.physical_ids(model)
    bedrock.clients("stepfunctions", region=REGION).create_state_machine(
        name=f"{model}-import",
        definition=_text(machine["DefinitionString"], ids, resources),
        roleArn=_text(machine["RoleArn"], ids, resources),
    )
    functions = {
        short: ids[logical]
        for short in ("Check", "Steps", "OnEvent", "IsComplete")
        for logical, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Function" and short in logical
    }
    return World(model=model, bedrock=bedrock, machine_arn=machine_arn, functions=functions, tmp_path=tmp_path)


def wait_scale(url: str, scale: float) -> None:
    """Set the speed of the waits of state machines."""
    steer(url, "stepfunctions", {"wait_scale": scale})


def _asset(bedrock: Bedrock) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for path in sorted((PACKAGE / "model_import").rglob("*.py")):
            files.write(path, path.relative_to(PACKAGE))
    bedrock.clients("s3").put_object(Bucket=bedrock.bucket, Key="asset.zip", Body=archive.getvalue())
    return "asset.zip"


def _prepared(resource: dict[str, Any], bucket: str, key: str) -> dict[str, Any]:
    prepared = {name: value for name, value in resource.items() if name != "DependsOn"}
    if resource["Type"] == "AWS::Lambda::Function":
        prepared["Properties"] = {**resource["Properties"], "Code": {"S3Bucket": bucket, "S3Key": key}}
    return prepared


def _replaced(document: Any, replacements: Mapping[str, str]) -> Any:
    text = json.dumps(document)
    for old, new in replacements.items():
        text = text.replace(old, new)
    return json.loads(text)


def _text(value: Any, ids: Mapping[str, str], resources: Mapping[str, Any]) -> str:
    pseudo = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": REGION}
    arns: dict[str, Callable[[str], str]] = {
        "AWS::Lambda::Function": lambda name: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
        "AWS::IAM::Role": lambda name: f"arn:aws:iam::{ACCOUNT}:role/{name}",
    }
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_text(part, ids, resources) for part in parts)
        case {"Fn::GetAtt": [logical, "Arn"]}:
            return arns[resources[logical]["Type"]](ids[logical])
        case {"Ref": logical}:
            return pseudo.get(logical) or ids[logical]
        case _:
            return str(value)
