from typing import Any

import aws_cdk as cdk
import pytest
from constructs import Construct
from constructs.values.arns import arn, bucket_arn
from constructs.values.s3_location import S3Location


@pytest.fixture
def stacks(context: dict[str, Any]) -> dict[str, cdk.Stack]:
    app = cdk.App(context=context)
    return {
        "known": cdk.Stack(app, "known", env=cdk.Environment(region="us-west-2", account="111122223333")),
        "region": cdk.Stack(app, "region", env=cdk.Environment(region="cn-north-1")),
        "unknown": cdk.Stack(app, "unknown"),
    }


@pytest.mark.parametrize("kind", ["known", "region", "unknown"])
def test_writes_the_arns_that_cdk_writes(stacks: dict[str, cdk.Stack], kind: str) -> None:
    stack = stacks[kind]
    below = Construct(stack, "Below")

    def cdk_arn(**parts: Any) -> str:
        return stack.format_arn(**parts)

    pairs = [
        (arn(below, "sagemaker", "endpoint/e"), cdk_arn(service="sagemaker", resource="endpoint", resource_name="e")),
        (
            arn(below, "ecr", "repository/a/b", account="7"),
            cdk_arn(service="ecr", account="7", resource="repository", resource_name="a/b"),
        ),
        (bucket_arn(below, "b"), cdk_arn(service="s3", region="", account="", resource="b")),
    ]
    for ours, theirs in pairs:
        assert stack.resolve(ours) == stack.resolve(theirs)


def test_knows_stacks_apart(stacks: dict[str, cdk.Stack]) -> None:
    first, second = (arn(stacks[kind], "sqs", "q") for kind in ("known", "region"))

    assert first == "arn:aws:sqs:us-west-2:111122223333:q"
    assert second.startswith("arn:aws-cn:sqs:cn-north-1:")


@pytest.mark.parametrize(
    ("location", "objects"),
    [
        (S3Location("arn:aws:s3:::b", "training/data/"), "arn:aws:s3:::b/training/data/*"),
        (S3Location("arn:aws:s3:::b"), "arn:aws:s3:::b/*"),
    ],
)
def test_a_locations_objects_begin_with_its_prefix(location: S3Location, objects: str) -> None:
    assert location.objects == objects
