"""The demo's weights of imported models: where the declaration says, and as Bedrock takes them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from stacks.declarations import ImportedModel, S3Weights
from tests.support.bedrock_models import ACCOUNT, REGION
from tests.support.local_aws import running
from tools import artifacts
from tools.demo.weights import SampleWeights
from tools.deployed import DeclaredStack, declared_stack

BUCKET = "demo-weights-{region}-{account}"


@pytest.fixture
def stack(local_aws: str, monkeypatch: pytest.MonkeyPatch) -> DeclaredStack:
    """Staging's imported model with its weights in a bucket that no other test has."""
    # It holds the first credentials that it found.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in {**running(local_aws).environment, "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    declared = declared_stack("staging/granite-3b-code-instruct")
    assert isinstance(declared.model, ImportedModel)
    return replace(declared, model=replace(declared.model, weights=S3Weights(bucket=BUCKET, prefix="granite/1/")))


def _buckets(aws: Callable[..., Any]) -> set[str]:
    return {bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]}


def test_can_be_imported_and_go_with_their_bucket(stack: DeclaredStack, aws: Callable[..., Any]) -> None:
    weights = SampleWeights(stack, account=ACCOUNT)

    weights.upload()

    assert weights.uri == f"s3://demo-weights-{REGION}-{ACCOUNT}/granite/1/"
    report = artifacts.check(weights.uri, region=REGION)
    assert report.errors == ()
    assert report.facts["chatTemplate"]
    weights.remove()
    assert f"demo-weights-{REGION}-{ACCOUNT}" not in _buckets(aws)


def test_leave_a_bucket_that_holds_something_else(stack: DeclaredStack, aws: Callable[..., Any]) -> None:
    weights, s3, bucket = SampleWeights(stack, account=ACCOUNT), aws("s3"), f"demo-weights-{REGION}-{ACCOUNT}"
    weights.upload()
    s3.put_object(Bucket=bucket, Key="granite/2/config.json", Body=b"{}")

    weights.remove()

    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["granite/2/config.json"]
    s3.delete_object(Bucket=bucket, Key="granite/2/config.json")
    s3.delete_bucket(Bucket=bucket)


def test_are_of_imported_models_only(stack: DeclaredStack) -> None:
    with pytest.raises(ValueError, match="allowed is one of an imported model"):
        SampleWeights(declared_stack("dev/falcon-7b"), account=ACCOUNT)
