from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from constructs.artifact_bucket import ArtifactBucket
from constructs.model_key import ModelKey


def _bucket(
    stack: cdk.Stack, removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
) -> ArtifactBucket:
    key = ModelKey(stack, "Key", alias="some-model", removal_policy=removal_policy)
    return ArtifactBucket(stack, "Artifacts", encryption_key=key, removal_policy=removal_policy)


@pytest.fixture
def kept(stack: cdk.Stack) -> assertions.Template:
    _bucket(stack)
    return assertions.Template.from_stack(stack)


def _main(template: assertions.Template) -> dict[str, Any]:
    buckets = template.find_resources("AWS::S3::Bucket")
    [main] = [bucket for name, bucket in buckets.items() if "AccessLogs" not in name]
    return dict(main)


def test_encrypts_with_the_given_key_and_a_bucket_key(kept: assertions.Template) -> None:
    [rule] = _main(kept)["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0].startswith("Key")


def test_is_versioned_and_logs_its_accesses_into_another_bucket(kept: assertions.Template) -> None:
    properties = _main(kept)["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "AccessLogs" in properties["LoggingConfiguration"]["DestinationBucketName"]["Ref"]


def test_both_buckets_block_public_access_and_refuse_plain_http(kept: assertions.Template) -> None:
    kept.resource_properties_count_is(
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            }
        },
        2,
    )
    for policy in kept.find_resources("AWS::S3::BucketPolicy").values():
        conditions = [
            statement.get("Condition")
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions


def test_drops_old_versions_and_unfinished_uploads(kept: assertions.Template) -> None:
    [rule] = _main(kept)["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_stays_when_its_stack_goes_unless_told_otherwise(kept: assertions.Template) -> None:
    assert _main(kept)["DeletionPolicy"] == "RetainExceptOnCreate"
    kept.resource_count_is("Custom::S3AutoDeleteObjects", 0)


def test_a_bucket_that_stays_keeps_its_policy(kept: assertions.Template) -> None:
    policies = kept.find_resources("AWS::S3::BucketPolicy").values()
    assert [policy["DeletionPolicy"] for policy in policies] == ["RetainExceptOnCreate"] * 2


def test_is_emptied_and_deleted_when_told_so_and_leaves_no_log_group_behind(stack: cdk.Stack) -> None:
    _bucket(stack, cdk.RemovalPolicy.DESTROY)

    template = assertions.Template.from_stack(stack)
    assert _main(template)["DeletionPolicy"] == "Delete"
    template.resource_count_is("Custom::S3AutoDeleteObjects", 2)
    [log_group] = template.find_resources("AWS::Logs::LogGroup")
    template.has_resource_properties("AWS::Lambda::Function", {"LoggingConfig": {"LogGroup": {"Ref": log_group}}})


def test_two_in_one_stack_share_the_emptying_function(stack: cdk.Stack) -> None:
    key = ModelKey(stack, "Key", alias="some-model")
    for name in ("One", "Two"):
        ArtifactBucket(stack, name, encryption_key=key, removal_policy=cdk.RemovalPolicy.DESTROY)

    template = assertions.Template.from_stack(stack)
    template.resource_count_is("AWS::Lambda::Function", 1)
    template.resource_count_is("AWS::Logs::LogGroup", 1)


def test_grants_reading_without_writing(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    _bucket(stack).grant_read(role)

    [policy] = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    actions = {
        action
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert actions == {"s3:GetObject*", "s3:GetBucket*", "s3:List*", "kms:Decrypt", "kms:DescribeKey"}
