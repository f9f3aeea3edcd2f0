"""Properties are checked against CloudFormation's resource schemas."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.cloudformation.schemas import resource_type
from localaws.resources import handler_for, supported_types


@pytest.mark.parametrize(
    ("type_name", "properties", "problem"),
    [
        ("AWS::S3::Bucket", {"Bogus": 1}, "#: extraneous key [Bogus] is not permitted"),
        ("AWS::S3::Bucket", {"Arn": "arn"}, "#: [Arn] is read-only"),
        ("AWS::S3::Bucket", {"BucketName": "Not_Valid"}, "#/BucketName"),
        ("AWS::S3::Bucket", {"VersioningConfiguration": {"Status": "On"}}, "On is not a valid enum value"),
        ("AWS::S3::BucketPolicy", {"Bucket": "b"}, "required key [PolicyDocument] not found"),
        ("AWS::Lambda::Function", {"Code": {}, "Role": "r", "Timeout": "soon"}, "#/Timeout: expected type"),
        (
            "AWS::Lambda::Function",
            {"Code": {}, "Role": "arn:aws:iam::123456789012:role/r", "Timeout": 0},
            "minimum of 1",
        ),
        ("AWS::KMS::Key", {"Tags": [{"Key": "a"}]}, "#/Tags/0: required key [Value] not found"),
        ("AWS::KMS::Key", {"Tags": "a"}, "#/Tags: expected type"),
    ],
)
def test_refuses_wrong_properties(type_name: str, properties: dict[str, Any], problem: str) -> None:
    assert problem in "\n".join(resource_type(type_name).problems(properties))


@pytest.mark.parametrize("days", [30, "30"])
def test_takes_numbers_as_text(days: int | str) -> None:
    assert resource_type("AWS::Logs::LogGroup").problems({"RetentionInDays": days}) == []


def test_refuses_a_property_that_no_handler_would_apply() -> None:
    problems = handler_for("AWS::S3::Bucket").problems({"AccelerateConfiguration": {"AccelerationStatus": "Enabled"}})

    assert problems == ["[#: the local AWS does not support the property [AccelerateConfiguration] of AWS::S3::Bucket]"]


def test_knows_which_changes_replace_a_resource() -> None:
    bucket = resource_type("AWS::S3::Bucket")

    assert bucket.replacing({"BucketName": "a"}, {"BucketName": "b"}) == ["BucketName"]
    assert bucket.replacing({"BucketName": "a"}, {"BucketName": "a", "Tags": []}) == []


@pytest.mark.parametrize("type_name", [name for name in supported_types() if name != "AWS::CDK::Metadata"])
def test_handlers_claim_only_properties_that_their_type_has(type_name: str) -> None:
    handler = handler_for(type_name)
    claimed = handler.applied | set(handler.without_effect)

    assert claimed <= set(resource_type(type_name).schema["properties"])
    assert set(resource_type(type_name).schema.get("required", ())) <= claimed


def test_knows_no_type_that_cloudformation_lacks() -> None:
    with pytest.raises(KeyError):
        resource_type("AWS::S3::Bukkit")
