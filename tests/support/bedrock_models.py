"""Tiny, valid models in S3 for tests of Bedrock, roles that may read them, and imports of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
from safetensors.numpy import save

from tests.support.local_aws import steer

REGION = "us-west-2"
ACCOUNT = "123456789012"
DEADLINE_SECONDS = 20


def name(prefix: str = "t") -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid4().hex[:16]}"


def llama(**changes: Any) -> dict[str, bytes]:
    """The files of a tiny Llama: the smallest that Bedrock takes.

    Args:
        changes: Fields of `config.json` to set or, with None, to leave out.
    """
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "max_position_embeddings": 2048,
        "torch_dtype": "float16",
        **changes,
    }
    tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": "{{ messages }}"}
    return {
        "config.json": as_json({key: value for key, value in config.items() if value is not None}),
        "tokenizer_config.json": as_json(tokenizer),
        "tokenizer.json": as_json({"version": "1.0"}),
        "model.safetensors": save({"lm_head.weight": np.zeros((4, 8), dtype=np.float16)}),
    }


def as_json(document: Any) -> bytes:
    """A file with `document`."""
    return json.dumps(document).encode()


def trust(*, account: str = ACCOUNT) -> dict[str, Any]:
    """The trust policy of an import role, as the Bedrock User Guide has it."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "bedrock.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnEquals": {"aws:SourceArn": f"arn:aws:bedrock:{REGION}:{ACCOUNT}:model-import-job/*"},
                },
            }
        ],
    }


def read_policy(bucket: str, *actions: str) -> dict[str, Any]:
    """The permissions of an import role, as the Bedrock User Guide has them."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": list(actions) or ["s3:GetObject", "s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"StringEquals": {"aws:ResourceAccount": ACCOUNT}},
            }
        ],
    }


@dataclass
class Bedrock:
    """Bedrock in one region of the local AWS, with a bucket and a role."""

    url: str
    clients: Callable[..., Any]
    bucket: str
    role_arn: str

    @property
    def control(self) -> Any:
        """The client of the control plane."""
        return self.clients("bedrock", region=REGION)

    @property
    def runtime(self) -> Any:
        """The client of the data plane."""
        return self.clients("bedrock-runtime", region=REGION)

    def behave(self, **changes: Any) -> None:
        """Change how the stand-in behaves."""
        self.steer("PUT", json.dumps(changes).encode())

    def steer(self, method: str, body: bytes | None = None, *, path: str = "") -> Any:
        """Send a request to the control path, or below it."""
        return steer(self.url, f"bedrock/{REGION}{path}", body, method=method)

    def upload(self, files: Mapping[str, bytes], **options: Any) -> str:
        """Put a model's files under a new prefix; returns its S3 URI."""
        prefix = name("model")
        s3 = self.clients("s3")
        for key, body in files.items():
            s3.put_object(Bucket=self.bucket, Key=f"{prefix}/{key}", Body=body, **options)
        return f"s3://{self.bucket}/{prefix}/"

    def start(self, uri: str, **changes: Any) -> str:
        """Start an import; returns the job's ARN."""
        parameters = {
            "jobName": name("job"),
            "importedModelName": name("model"),
            "roleArn": self.role_arn,
            "modelDataSource": {"s3DataSource": {"s3Uri": uri}},
            **changes,
        }
        arn: str = self.control.create_model_import_job(**parameters)["jobArn"]
        return arn

    def ended(self, job_arn: str) -> dict[str, Any]:
        """Wait for the end of an import; returns the job."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.control.get_model_import_job(jobIdentifier=job_arn)
            if job["status"] != "InProgress":
                return job
            time.sleep(0.02)
        raise AssertionError(f"{job_arn} did not end in {DEADLINE_SECONDS} s")

    def import_model(self, files: Mapping[str, bytes] | None = None, **changes: Any) -> str:
        """Import a model; returns its ARN."""
        job = self.ended(self.start(self.upload(llama() if files is None else files), **changes))
        assert job["status"] == "Completed", job.get("failureMessage")
        arn: str = job["importedModelArn"]
        return arn

    def failure(self, files: Mapping[str, bytes], **changes: Any) -> str:
        """Import a model that Bedrock does not take; returns the failure message."""
        job = self.ended(self.start(self.upload(files), **changes))
        assert job["status"] == "Failed"
        message: str = job["failureMessage"]
        return message

    def clean(self) -> None:
        """Wait for running imports and delete all models."""
        for job in self.control.list_model_import_jobs(statusEquals="InProgress")["modelImportJobSummaries"]:
            self.ended(job["jobArn"])
        for model in self.control.list_imported_models()["modelSummaries"]:
            self.control.delete_imported_model(modelIdentifier=model["modelArn"])


def prepared(url: str, clients: Callable[..., Any]) -> Bedrock:
    """Bedrock with a bucket and a role of its own, imports in no time and models that are loaded at once."""
    bucket = name("weights")
    clients("s3").create_bucket(Bucket=bucket)
    role_arn = make_role(clients("iam"), read_policy(bucket))
    bedrock = Bedrock(url=url, clients=clients, bucket=bucket, role_arn=role_arn)
    bedrock.steer("DELETE")
    bedrock.behave(import_seconds=0, cold_requests=0, warm_up_seconds=0)
    return bedrock


def make_role(iam: Any, policy: Mapping[str, Any], *, trusts: Mapping[str, Any] | None = None) -> str:
    """Make a role with one inline policy; returns its ARN."""
    role = name("role")
    document = json.dumps(trusts or trust())
    arn: str = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName="read", PolicyDocument=json.dumps(policy))
    return arn
