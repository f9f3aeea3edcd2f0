"""Answers of AWS to the commands that compare what is declared and what is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from stacks.environments import DEV, Environment
from stacks.models import FALCON_7B, MISTRAL_7B
from tools import aws, deployed
from tools.account import questions
from tools.status import undeclared

ACCOUNT, OTHER = "111122223333", "444455556666"
HERE, THERE = "us-west-2", "us-east-2"
GONE = "falcon-7b-old"


def stack(environment: str, model: str, what: str, **more: Any) -> dict[str, Any]:
    name = f"{environment}-{model}"
    return {
        "StackName": name,
        "StackId": f"arn:aws:cloudformation:{HERE}:{ACCOUNT}:stack/{name}/1",
        "Description": f"{what} in {environment}",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [
            {"OutputKey": "InvokeUrl", "OutputValue": "https://x/"},
            {"OutputKey": "EndpointName", "OutputValue": name},
            {"OutputKey": "UsagePlanId", "OutputValue": "plan"},
        ],
        **more,
    }


FALCON, MISTRAL = ("huggingface-llm-falcon-7b-bf16 4.1.23", "huggingface-llm-mistral-7b 2.1.0")
OLD = stack("dev", GONE, FALCON)
NOT_OURS = [
    stack("dev", "x", "The web shop's queue"),
    stack("dev", "x", "redis 7.2.0", Outputs=[]),
    {**stack("dev", "x", FALCON), "StackName": "x-dev"},
    {**stack("dev", "x", FALCON), "StackName": "dev-"},
    stack("dev", "x", FALCON, StackStatus="DELETE_COMPLETE"),
    stack("dev", "x", "Website", StackStatus="UPDATE_ROLLBACK_COMPLETE", Outputs=[]),
    {
        "StackName": "jumpstack-account",
        "Description": "settings of this account and region that every model's stack relies on",
        "StackStatus": "CREATE_COMPLETE",
        "StackId": "x",
    },
    {"StackName": "CDKToolkit", "StackStatus": "CREATE_COMPLETE", "StackId": "x"},
]


@dataclass
class Aws:
    """Answers of AWS by region; a region that is missing has no stacks."""

    stacks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    endpoints: dict[str, str] = field(default_factory=dict)
    pointer: str = "none"
    refused: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    template: Any = None
    after: list[str] = field(default_factory=lambda: ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"])
    asked: list[str] = field(default_factory=list)

    def client(self, service: str, *, region: str, signed: bool = True) -> _Client:
        return _Client(self, region)


class _Client:
    def __init__(self, answers: Aws, region: str) -> None:
        self._aws = answers
        self._region = region

    def get_paginator(self, operation: str) -> _Client:
        self._operation = operation
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        if self._operation == "list_stack_resources":
            yield {"StackResourceSummaries": RESOURCES}
            return
        self._aws.asked.append(self._region)
        if self._region in self._aws.refused:
            raise EndpointConnectionError(endpoint_url=f"https://{self._region}")
        yield {"Stacks": self._aws.stacks.get(self._region, [])}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        status = self._aws.endpoints.get(EndpointName)
        if status is None:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "Could not find"}}, "DescribeEndpoint"
            )
        variants = [{"CurrentInstanceCount": 2}] if status == "InService" else []
        return {"EndpointStatus": status, "EndpointConfigName": "config", "ProductionVariants": variants}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"ProductionVariants": [{"InstanceType": "ml.g5.2xlarge", "InitialInstanceCount": 1}]}

    def get_parameter(self, Name: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"Parameter": {"Value": self._aws.pointer}}

    def get_template(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        if self._aws.template is not None:
            return {"TemplateBody": self._aws.template}
        tags = [{"Key": "cost", "Value": "7"}, {"Key": "model", "Value": StackName.partition("-")[2]}]
        key = {"DeletionPolicy": "RetainExceptOnCreate", "Properties": {"Tags": tags}}
        # Parameters of Systems Manager have tags of another form.
        pointer = {"Properties": {"Tags": {"model": "x"}}}
        return {"TemplateBody": {"Resources": {"Pointer": pointer, "Key": key, "Api": {}}}}

    def delete_stack(self, StackName: str) -> None:  # noqa: N803 - boto3's
        self._aws.deleted.append(StackName)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"Stacks": [{"StackStatus": self._aws.after.pop(0), "StackStatusReason": "Key is in use"}]}


RESOURCES = [
    {"LogicalResourceId": "Key", "PhysicalResourceId": "1234", "ResourceType": "AWS::KMS::Key", "ResourceStatus": "x"},
    {"LogicalResourceId": "Api", "ResourceType": "AWS::ApiGateway::RestApi", "ResourceStatus": "x"},
]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Aws:
    """One deployed model that is declared, one that is not, one that is declared only; and other people's stacks."""
    made = Aws(
        stacks={HERE: [*NOT_OURS, OLD, stack("dev", "mistral-7b", MISTRAL)]},
        endpoints={"dev-mistral-7b": "InService", f"dev-{GONE}": "Updating"},
    )
    declare(monkeypatch, (DEV, (FALCON_7B, MISTRAL_7B)))
    monkeypatch.setattr(aws, "address", lambda: None)
    monkeypatch.setattr(aws, "account", lambda: ACCOUNT)
    monkeypatch.setattr(questions, "make_client", made.client)
    monkeypatch.setattr("tools.status.undeclared.time.sleep", lambda _: None)
    monkeypatch.setattr(undeclared, "keys_of", lambda _: [])
    monkeypatch.setattr(undeclared, "left_behind", lambda _: False)
    return made


def declare(monkeypatch: pytest.MonkeyPatch, *deployments: tuple[Environment, tuple[Any, ...]]) -> None:
    monkeypatch.setattr(deployed, "DEPLOYMENTS", deployments)
