"""Training jobs on the local AWS."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.support.local_aws import ClientFactory as Aws
from tests.support.local_aws import steer
from tests.support.state_machine_driver import allow, make_role

DEADLINE_SECONDS = 30


IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.0.0-transformers4.28.1-gpu-py310"


class Training:
    """SageMaker's training in us-east-1, with a bucket of data."""

    def __init__(self, aws: Aws, url: str) -> None:
        self.aws = aws
        self.sagemaker = aws("sagemaker")
        self._url = url
        self.bucket = f"training-{uuid4().hex[:12]}"
        aws("s3").create_bucket(Bucket=self.bucket)
        aws("s3").put_object(Bucket=self.bucket, Key="data/train.jsonl", Body=b'{"question": "why", "answer": "so"}\n')
        self.role = make_role(aws("iam"), "sagemaker.amazonaws.com", [allow("s3:*", "ecr:*", "logs:*", "cloudwatch:*")])

    def behave(self, **changes: Any) -> None:
        self.steer("PUT", json.dumps(changes).encode())

    def steer(self, method: str, body: bytes | None = None) -> Any:
        return steer(self._url, "sagemaker/training", body, method=method)

    def request(self, **changes: Any) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/data/"}
        request = {
            "TrainingJobName": f"job-{uuid4().hex[:12]}",
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": self.role,
            "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/runs/", "CompressionType": "NONE"},
            "ResourceConfig": {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 256},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "HyperParameters": {"epoch": '"1"'},
        }
        return {**request, **changes}

    def start(self, **changes: Any) -> str:
        request = self.request(**changes)
        self.sagemaker.create_training_job(**request)
        return str(request["TrainingJobName"])

    def ended(self, name: str) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
            if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
                return job
            time.sleep(0.02)
        raise AssertionError(f"{name} did not end in {DEADLINE_SECONDS} s")

    def run(self, **changes: Any) -> dict[str, Any]:
        return self.ended(self.start(**changes))

    def file(self, job: dict[str, Any], name: str) -> bytes:
        key = f"runs/{job['TrainingJobName']}/output/model/{name}"
        body: bytes = self.aws("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def files(self, job: dict[str, Any]) -> list[str]:
        prefix = f"runs/{job['TrainingJobName']}/output/model/"
        listed = self.aws("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)["Contents"]
        return [item["Key"].removeprefix(prefix) for item in listed]

    def refusal(self, **changes: Any) -> str:
        with pytest.raises(ClientError) as caught:
            self.start(**changes)
        return str(caught.value)
