"""Makes models and endpoints on the local AWS as a caller of SageMaker does, and invokes them with boto3."""

from __future__ import annotations

import json
import time
import urllib.error
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from tests.support.local_aws import steer

REGION = "us-east-1"
ACCOUNT = "123456789012"
REGISTRY = f"763104351884.dkr.ecr.{REGION}.amazonaws.com"
TGI = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
LMI = f"{REGISTRY}/djl-inference:0.28.0-lmi10.0.0-cu124"
VLLM = f"{REGISTRY}/vllm:server-sagemaker-cuda-v1"
WEIGHTS = f"s3://jumpstart-cache-prod-{REGION}/huggingface-llm/mistral-7b/"
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

STATEMENTS: dict[str, dict[str, Any]] = {
    "read": {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::jumpstart-cache-prod-{REGION}/*"},
    "list": {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::jumpstart-cache-prod-{REGION}"},
    "token": {"Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    "pull": {"Action": PULL, "Resource": f"arn:aws:ecr:{REGION}:763104351884:repository/*"},
}
"""Permissions that an execution role needs."""


def container(**changes: Any) -> dict[str, Any]:
    """A model's container."""
    source = {"S3Uri": WEIGHTS, "S3DataType": "S3Prefix", "CompressionType": "None"}
    return {
        "Image": TGI,
        "ModelDataSource": {"S3DataSource": source},
        "Environment": {"HF_MODEL_ID": "/opt/ml/model"},
        **changes,
    }


def variant(model: str, **changes: Any) -> dict[str, Any]:
    """A production variant of a model."""
    return {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": "ml.g5.2xlarge",
        "InitialInstanceCount": 1,
        **changes,
    }


def name() -> str:
    """A name that nothing else has."""
    return f"t-{uuid4().hex[:20]}"


def set_policy(iam: Any, role_arn: str, statements: list[dict[str, Any]]) -> None:
    """Give a role these permissions and no others."""
    document = {"Version": "2012-10-17", "Statement": statements}
    iam.put_role_policy(RoleName=role_arn.rpartition("/")[2], PolicyName="inline", PolicyDocument=json.dumps(document))


class SageMakerDriver:
    """Roles, configurations and endpoints that are removed at the end.

    Attributes:
        control: The client of SageMaker.
        runtime: The client of its runtime.
    """

    def __init__(self, aws: Callable[..., Any], url: str) -> None:
        """Use the clients that `aws` makes of the local AWS at `url`."""
        self.control = aws("sagemaker")
        self.runtime = aws("sagemaker-runtime")
        self._iam = aws("iam")
        self._url = url
        self._roles: list[str] = []
        self._endpoints: list[str] = []

    def role(self, *missing: str, service: str = "sagemaker.amazonaws.com") -> str:
        """Make an execution role without the statements `missing`; return its ARN."""
        role = name()
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        made = self._iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        self._roles.append(role)
        statements = [{"Effect": "Allow", **elements} for key, elements in STATEMENTS.items() if key not in missing]
        arn: str = made["Role"]["Arn"]
        set_policy(self._iam, arn, statements)
        return arn

    def config(self, **changes: Any) -> str:
        """Make a model and an endpoint configuration of the same name, with changes to the container."""
        made = name()
        self.control.create_model(ModelName=made, ExecutionRoleArn=self.role(), PrimaryContainer=container(**changes))
        self.control.create_endpoint_config(EndpointConfigName=made, ProductionVariants=[variant(made)])
        return made

    def endpoint(self, **changes: Any) -> str:
        """Make an endpoint, with changes to its container, and wait for it."""
        endpoint = name()
        self.control.create_endpoint(EndpointName=endpoint, EndpointConfigName=self.config(**changes))
        self._endpoints.append(endpoint)
        self.settled(endpoint)
        return endpoint

    def settled(self, endpoint: str) -> Any:
        """Wait until an endpoint is neither created nor updated any more; return its description."""
        for _ in range(100):
            description = self.control.describe_endpoint(EndpointName=endpoint)
            if description["EndpointStatus"] not in ("Creating", "Updating"):
                return description
            time.sleep(0.05)
        return pytest.fail(f"{endpoint} does not settle")

    def invoke(self, endpoint: str, document: Any, **parameters: Any) -> Any:
        """Invoke an endpoint; return its answer, decoded."""
        return invoke(self.runtime, endpoint, document, **parameters)

    def events(self, endpoint: str, document: Any, **parameters: Any) -> Generator[dict[str, Any]]:
        """Invoke an endpoint with `stream`; yield the events of the stream."""
        body = json.dumps({**document, "stream": True}, ensure_ascii=False).encode()
        answer = self.runtime.invoke_endpoint_with_response_stream(
            EndpointName=endpoint, ContentType="application/json", Body=body, **parameters
        )
        with closing(answer["Body"]) as stream:
            yield from stream

    def parts(self, endpoint: str, document: Any) -> list[bytes]:
        """Invoke an endpoint with `stream`; return the parts of the payload."""
        return [event["PayloadPart"]["Bytes"] for event in self.events(endpoint, document)]

    def behave(self, endpoint: str, document: Any = None, *, method: str | None = None) -> tuple[int, Any]:
        """Get an endpoint's behaviour, or change it; return the status and the answer."""
        try:
            return 200, steer(self._url, f"sagemaker/endpoints/{endpoint}", document, method=method)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def close(self) -> None:
        """Remove what was made."""
        there = {found["EndpointName"] for found in self.control.list_endpoints()["Endpoints"]}
        for endpoint in there.intersection(self._endpoints):
            self.control.delete_endpoint(EndpointName=endpoint)
        for role in self._roles:
            self._iam.delete_role_policy(RoleName=role, PolicyName="inline")
            self._iam.delete_role(RoleName=role)


def invoke(runtime: Any, endpoint: str, document: Any, **parameters: Any) -> Any:
    """Invoke an endpoint; return its answer, decoded."""
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps(document), **parameters
    )
    return json.loads(answer["Body"].read())
