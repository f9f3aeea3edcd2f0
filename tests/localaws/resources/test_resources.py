"""Resources have in the services what their templates give them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.support.local_aws import StackDriver

    Aws = Callable[..., Any]

ACCOUNT = "123456789012"


def role(service: str, **properties: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, **properties}}


def policy(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def bucket(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def test_a_bucket_has_what_the_template_gives_it(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "Key"}}}
    rule = {
        "Id": "old",
        "Status": "Enabled",
        "ExpirationInDays": 365,
        "NoncurrentVersionExpiration": {"NoncurrentDays": "90"},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    block = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)
    resources = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {}},
        "Logs": bucket(),
        "Bucket": bucket(
            BucketEncryption={"ServerSideEncryptionConfiguration": [{"BucketKeyEnabled": True, **encryption}]},
            LifecycleConfiguration={"Rules": [rule]},
            LoggingConfiguration={"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "s3/"},
            OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            PublicAccessBlockConfiguration=block,
            Tags=[{"Key": "stage", "Value": "dev"}],
            VersioningConfiguration={"Status": "Enabled"},
        ),
    }

    assert stacks.deploy(stack_name, resources) == "CREATE_COMPLETE"

    s3, names = aws("s3"), stacks.physical_ids(stack_name)
    name = names["Bucket"]
    encryption_rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption_rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == names["Key"]
    assert encryption_rule["BucketKeyEnabled"] is True
    lifecycle = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]
    assert lifecycle["Expiration"]["Days"] == 365
    assert lifecycle["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90
    assert lifecycle["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 7
    assert s3.get_bucket_logging(Bucket=name)["LoggingEnabled"] == {
        "TargetBucket": names["Logs"],
        "TargetPrefix": "s3/",
    }
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert ownership["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == block
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "stage", "Value": "dev"}]
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_a_bucket_loses_what_the_template_no_longer_gives_it(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    rule = {"Id": "old", "Status": "Enabled", "ExpirationInDays": 1}
    versioning = {"Status": "Enabled"}
    declared = bucket(LifecycleConfiguration={"Rules": [rule]}, VersioningConfiguration=versioning)
    stacks.deploy(stack_name, {"Bucket": declared})

    stacks.deploy(stack_name, {"Bucket": bucket(Tags=[{"Key": "a", "Value": "b"}])})

    s3, name = aws("s3"), stacks.physical_ids(stack_name)["Bucket"]
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)


def test_a_part_of_a_rule_that_would_be_dropped_is_refused(stacks: StackDriver, stack_name: str) -> None:
    rule = {"Id": "x", "Status": "Enabled", "ObjectSizeGreaterThan": "10", "ExpirationInDays": 1}

    assert (
        stacks.deploy(stack_name, {"Bucket": bucket(LifecycleConfiguration={"Rules": [rule]})}) == "ROLLBACK_COMPLETE"
    )
    assert "ObjectSizeGreaterThan" in stacks.failures(stack_name)


def test_a_bucket_with_versions_in_it_is_not_deleted(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    stacks.deploy(stack_name, {"Bucket": bucket(VersioningConfiguration={"Status": "Enabled"})})
    s3, name = aws("s3"), stacks.physical_ids(stack_name)["Bucket"]
    version = s3.put_object(Bucket=name, Key="key", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=name, Key="key")["VersionId"]

    assert stacks.delete(stack_name) == "DELETE_FAILED"
    assert "BucketNotEmpty" in stacks.failures(stack_name)
    for version_id in (version, marker):
        s3.delete_object(Bucket=name, Key="key", VersionId=version_id)
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"


def test_a_bucket_that_takes_tls_only_can_be_written_to(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = {"Version": "2012-10-17", "Statement": [deny]}
    attached = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": document},
    }
    stacks.deploy(stack_name, {"Bucket": bucket(), "Policy": attached})

    s3, name = aws("s3"), stacks.physical_ids(stack_name)["Bucket"]
    s3.put_object(Bucket=name, Key="key", Body=b"x")

    assert s3.get_object(Bucket=name, Key="key")["Body"].read() == b"x"
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]["Effect"] == "Deny"


@pytest.mark.parametrize(("owner", "status"), [("123456789012", 200), ("000000000000", 403)])
def test_a_bucket_is_used_by_who_names_its_owner(stack_name: str, aws: Aws, owner: str, status: int) -> None:
    s3, whose = aws("s3"), {"ExpectedBucketOwner": owner}
    bucket = {"Bucket": f"{stack_name}-{owner}"}
    s3.create_bucket(**bucket)
    s3.put_object(**bucket, Key="a", Body=b"a")
    source = {"CopySource": f"{bucket['Bucket']}/a", "ExpectedSourceBucketOwner": owner}
    calls = (
        (s3.head_bucket, {**bucket, **whose}),
        (s3.list_objects_v2, {**bucket, **whose}),
        (s3.head_object, {**bucket, **whose, "Key": "a"}),
        (s3.get_object, {**bucket, **whose, "Key": "a"}),
        (s3.put_object, {**bucket, **whose, "Key": "b", "Body": b"b"}),
        (s3.copy_object, {**bucket, **source, "Key": "c"}),
    )
    seen = []
    for call, arguments in calls:
        try:
            seen.append(call(**arguments)["ResponseMetadata"]["HTTPStatusCode"])
        except ClientError as error:
            seen.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
    assert seen == [status] * len(calls)


def test_a_key_rotates_and_has_an_alias(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    def resources(*, rotates: bool) -> dict[str, Any]:
        key = {"EnableKeyRotation": rotates, "PendingWindowInDays": 7}
        alias = {"AliasName": f"alias/{stack_name}", "TargetKeyId": {"Ref": "Key"}}
        return {
            "Key": {"Type": "AWS::KMS::Key", "Properties": key},
            "Alias": {"Type": "AWS::KMS::Alias", "Properties": alias},
        }

    stacks.deploy(stack_name, resources(rotates=True))
    kms, key_id = aws("kms"), stacks.physical_ids(stack_name)["Key"]

    assert kms.describe_key(KeyId=f"alias/{stack_name}")["KeyMetadata"]["KeyId"] == key_id
    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is True
    stacks.deploy(stack_name, resources(rotates=False))
    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is False
    stacks.delete(stack_name)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_role_has_its_policies_and_leaves_none_behind(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    def resources(action: str) -> dict[str, Any]:
        extra = {"PolicyName": "extra", "PolicyDocument": policy(action), "Roles": [{"Ref": "Role"}]}
        managed = {"PolicyDocument": policy(action), "Roles": [{"Ref": "Role"}]}
        return {
            "Role": role(
                "lambda.amazonaws.com",
                Policies=[{"PolicyName": "own", "PolicyDocument": policy(action)}],
                ManagedPolicyArns=["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
            ),
            "Extra": {"Type": "AWS::IAM::Policy", "Properties": extra},
            "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": managed},
        }

    stacks.deploy(stack_name, resources("s3:GetObject"))
    assert stacks.deploy(stack_name, resources("s3:PutObject")) == "UPDATE_COMPLETE"

    iam, ids = aws("iam"), stacks.physical_ids(stack_name)
    for name in ("own", "extra"):
        document = iam.get_role_policy(RoleName=ids["Role"], PolicyName=name)["PolicyDocument"]
        assert document["Statement"][0]["Action"] == "s3:PutObject"
    version = iam.get_policy(PolicyArn=ids["Managed"])["Policy"]["DefaultVersionId"]
    managed = iam.get_policy_version(PolicyArn=ids["Managed"], VersionId=version)["PolicyVersion"]["Document"]
    assert managed["Statement"][0]["Action"] == "s3:PutObject"
    attached = iam.list_attached_role_policies(RoleName=ids["Role"])["AttachedPolicies"]
    assert {entry["PolicyName"] for entry in attached} >= {"AWSLambdaBasicExecutionRole"}
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=ids["Role"])


@pytest.fixture(scope="session")
def code(aws: Aws) -> dict[str, str]:
    """The code of a function that does nothing, in S3."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("index.py", "def handler(event, context):\n    return 'done'\n")
    aws("s3").create_bucket(Bucket="function-code")
    aws("s3").put_object(Bucket="function-code", Key="code.zip", Body=archive.getvalue())
    return {"S3Bucket": "function-code", "S3Key": "code.zip"}


def test_a_function_has_what_the_template_gives_it(
    stacks: StackDriver, stack_name: str, aws: Aws, code: dict[str, str]
) -> None:
    def resources(**properties: Any) -> dict[str, Any]:
        common = {"Code": code, "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]}}
        function = {"Runtime": "python3.13", **common, **properties}
        return {
            "Role": role("lambda.amazonaws.com"),
            "Group": {"Type": "AWS::Logs::LogGroup"},
            "Key": {"Type": "AWS::KMS::Key"},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        }

    stacks.deploy(
        stack_name,
        resources(
            Environment={"Variables": {"COUNT": 3}},
            KmsKeyArn={"Fn::GetAtt": ["Key", "Arn"]},
            LoggingConfig={"LogGroup": {"Ref": "Group"}, "LogFormat": "JSON"},
            MemorySize="256",
            ReservedConcurrentExecutions=2,
            Tags=[{"Key": "a", "Value": "b"}],
            Timeout=30,
            TracingConfig={"Mode": "Active"},
        ),
    )
    names, functions = stacks.physical_ids(stack_name), aws("lambda")
    created = functions.get_function(FunctionName=names["Function"])
    stacks.deploy(stack_name, resources(MemorySize=512, Tags=[{"Key": "c", "Value": "d"}]))
    updated = functions.get_function(FunctionName=names["Function"])

    configuration = created["Configuration"]
    assert configuration["Environment"]["Variables"] == {"COUNT": "3"}
    assert configuration["KMSKeyArn"].endswith(names["Key"])
    assert configuration["LoggingConfig"]["LogGroup"] == names["Group"]
    assert configuration["LoggingConfig"]["LogFormat"] == "JSON"
    assert (configuration["MemorySize"], configuration["Timeout"]) == (256, 30)
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert created["Concurrency"]["ReservedConcurrentExecutions"] == 2
    assert created["Tags"] == {"a": "b"}
    configuration = updated["Configuration"]
    assert (configuration["MemorySize"], configuration["Timeout"]) == (512, 3)
    assert configuration.get("Environment", {}).get("Variables", {}) == {}
    assert configuration["TracingConfig"] == {"Mode": "PassThrough"}
    assert configuration["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{names['Function']}"
    assert "Concurrency" not in updated
    assert updated["Tags"] == {"c": "d"}


def test_a_permission_is_in_the_functions_policy_while_its_stack_lives(
    stacks: StackDriver, stack_name: str, aws: Aws, code: dict[str, str]
) -> None:
    function = {
        "Code": code,
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Runtime": "python3.13",
    }
    permission = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Fn::GetAtt": ["Function", "Arn"]},
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:api/*/POST/chat",
    }
    resources = {
        "Role": role("lambda.amazonaws.com"),
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    allowed = {"Permission": {"Type": "AWS::Lambda::Permission", "Properties": permission}}
    stacks.deploy(stack_name, {**resources, **allowed})
    names = stacks.physical_ids(stack_name)

    document = json.loads(aws("lambda").get_policy(FunctionName=names["Function"])["Policy"])
    assert [statement["Sid"] for statement in document["Statement"]] == [names["Permission"]]
    stacks.deploy(stack_name, resources)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws("lambda").get_policy(FunctionName=names["Function"])
