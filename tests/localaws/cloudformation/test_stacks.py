"""Stacks are created, updated, rolled back and deleted as CloudFormation does it, seen through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.support.local_aws import StackDriver

    Aws = Callable[..., Any]

# S3 takes no two buckets of one name from two stacks; a name with a capital is refused by the schema.
BAD_BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "Not_Valid"}}


def group(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": properties}


def key(**attributes: Any) -> dict[str, Any]:
    logs = [f"logs.{region}.amazonaws.com" for region in ("us-east-1", "us-east-2")]
    principal = {"AWS": "arn:aws:iam::123456789012:root", "Service": logs}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::KMS::Key", "Properties": {"Description": "test", "KeyPolicy": policy}, **attributes}


def log_groups(aws: Aws) -> dict[str, dict[str, Any]]:
    return {entry["logGroupName"]: entry for entry in aws("logs").describe_log_groups()["logGroups"]}


def test_creates_what_the_template_declares(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    status = stacks.deploy(
        stack_name,
        {"Group": group(RetentionInDays=30, KmsKeyId={"Fn::GetAtt": ["Key", "Arn"]}), "Key": key()},
        Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Group", "Arn"]}, "Description": "the group"}},
    )

    name = stacks.physical_ids(stack_name)["Group"]
    assert status == "CREATE_COMPLETE"
    assert name.startswith(f"{stack_name}-Group-")
    assert log_groups(aws)[name]["retentionInDays"] == 30
    assert stacks.outputs(stack_name) == {"Arn": f"arn:aws:logs:us-east-1:123456789012:log-group:{name}:*"}


def test_tells_the_latest_event_first(stacks: StackDriver, stack_name: str) -> None:
    stacks.deploy(stack_name, {"Group": group()})

    events = stacks.events(stack_name)
    told = [(event["LogicalResourceId"], event["ResourceStatus"]) for event in events]
    assert told == [
        (stack_name, "CREATE_COMPLETE"),
        ("Group", "CREATE_COMPLETE"),
        ("Group", "CREATE_IN_PROGRESS"),
        (stack_name, "CREATE_IN_PROGRESS"),
        (stack_name, "REVIEW_IN_PROGRESS"),
    ]
    times = [event["Timestamp"] for event in events]
    assert sorted(set(times), reverse=True) == times


def test_says_when_a_change_set_changes_nothing(stacks: StackDriver, stack_name: str) -> None:
    resources = {"Key": key(), "Group": group(KmsKeyId={"Fn::GetAtt": ["Key", "Arn"]})}
    stacks.deploy(stack_name, resources)

    change_set = stacks.change_set(stack_name, resources)

    assert change_set["Status"] == "FAILED"
    assert "didn't contain changes" in change_set["StatusReason"]
    assert change_set["Changes"] == []


def test_a_change_set_changes_nothing_before_it_is_executed(stacks: StackDriver, stack_name: str) -> None:
    change_set = stacks.change_set(stack_name, {"Group": group()})

    assert stacks.status(stack_name) == "REVIEW_IN_PROGRESS"
    assert stacks.physical_ids(stack_name) == {}
    assert [change["ResourceChange"]["Action"] for change in change_set["Changes"]] == ["Add"]


def test_updates_in_place(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    stacks.deploy(stack_name, {"Group": group(RetentionInDays=30)})
    before = stacks.physical_ids(stack_name)

    assert stacks.deploy(stack_name, {"Group": group(RetentionInDays=90)}) == "UPDATE_COMPLETE"

    assert stacks.physical_ids(stack_name) == before
    assert log_groups(aws)[before["Group"]]["retentionInDays"] == 90


def test_replaces_a_resource_and_those_that_hold_its_name(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    def resources(name: str) -> dict[str, Any]:
        parameter = {"Type": "String", "Value": {"Ref": "Group"}}
        return {
            "Group": group(LogGroupName=f"{stack_name}/{name}"),
            "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": parameter},
        }

    stacks.deploy(stack_name, resources("old"))
    changes = stacks.change_set(stack_name, resources("new"))["Changes"]
    stacks.deploy(stack_name, resources("new"))

    replacement = {
        change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]["Replacement"] for change in changes
    }
    assert replacement == {"Group": "True", "Parameter": "False"}
    assert f"{stack_name}/old" not in log_groups(aws)
    parameter = aws("ssm").get_parameter(Name=stacks.physical_ids(stack_name)["Parameter"])["Parameter"]
    assert parameter["Value"] == f"{stack_name}/new"


def test_refuses_to_replace_a_resource_under_the_same_name(stacks: StackDriver, stack_name: str) -> None:
    def repository(encryption: str) -> dict[str, Any]:
        properties = {"RepositoryName": stack_name, "EncryptionConfiguration": {"EncryptionType": encryption}}
        return {"Repository": {"Type": "AWS::ECR::Repository", "Properties": properties}}

    stacks.deploy(stack_name, repository("AES256"))

    assert stacks.deploy(stack_name, repository("KMS")) == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named resource requires replacing" in stacks.failures(stack_name)


def test_removes_what_is_no_longer_declared(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    stacks.deploy(stack_name, {"Group": group(), "Other": group()})
    other = stacks.physical_ids(stack_name)["Other"]

    stacks.deploy(stack_name, {"Group": group()})

    assert list(stacks.physical_ids(stack_name)) == ["Group"]
    assert other not in log_groups(aws)


def test_a_failed_creation_leaves_nothing(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    bad = {**BAD_BUCKET, "DependsOn": "Group"}

    assert stacks.deploy(stack_name, {"Group": group(LogGroupName=stack_name), "Bad": bad}) == "ROLLBACK_COMPLETE"

    assert stack_name not in log_groups(aws)
    assert stacks.physical_ids(stack_name) == {}
    assert "#/BucketName" in stacks.failures(stack_name)
    reasons = [event.get("ResourceStatusReason") for event in stacks.events(stack_name)]
    assert "The following resource(s) failed to create: [Bad]. Rollback requested by user." in reasons


def test_a_failed_creation_leaves_what_is_retained_unless_that_is_from_creation_on(
    stacks: StackDriver, stack_name: str, aws: Aws
) -> None:
    groups = {
        policy: {**group(LogGroupName=f"{stack_name}/{policy}"), "DeletionPolicy": policy}
        for policy in ("Retain", "RetainExceptOnCreate")
    }
    bad = {**BAD_BUCKET, "DependsOn": list(groups)}

    assert stacks.deploy(stack_name, {**groups, "Bad": bad}) == "ROLLBACK_COMPLETE"

    left = [name for name in log_groups(aws) if name.startswith(stack_name)]
    assert left == [f"{stack_name}/Retain"]


def test_a_retained_resource_stays_when_its_stack_goes(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    kept = {**group(LogGroupName=stack_name), "DeletionPolicy": "RetainExceptOnCreate"}
    stacks.deploy(stack_name, {"Group": kept})

    assert stacks.delete(stack_name) == "DELETE_COMPLETE"

    assert stack_name in log_groups(aws)


def test_a_resource_that_fails_half_way_is_removed(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    logging = {"DestinationBucketName": f"{stack_name}-nobody"}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": stack_name, "LoggingConfiguration": logging}}

    assert stacks.deploy(stack_name, {"Bucket": bucket}) == "ROLLBACK_COMPLETE"

    assert stack_name not in [entry["Name"] for entry in aws("s3").list_buckets()["Buckets"]]
    assert "target bucket for logging does not exist" in stacks.failures(stack_name)


def test_a_stack_that_was_rolled_back_can_only_be_deleted(stacks: StackDriver, stack_name: str) -> None:
    stacks.deploy(stack_name, {"Bad": BAD_BUCKET})

    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.change_set(stack_name, {"Group": group()})
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"


def test_a_failed_update_restores_everything(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    before = {"Group": group(RetentionInDays=30), "Named": group(LogGroupName=f"{stack_name}/old")}
    stacks.deploy(stack_name, before, Outputs={"Name": {"Value": {"Ref": "Named"}}})
    physical_ids = stacks.physical_ids(stack_name)

    status = stacks.deploy(
        stack_name,
        {
            "Group": group(RetentionInDays=90),
            "Named": group(LogGroupName=f"{stack_name}/new"),
            "Added": group(LogGroupName=f"{stack_name}/added"),
            "Bad": {**BAD_BUCKET, "DependsOn": ["Group", "Named", "Added"]},
        },
    )

    groups = log_groups(aws)
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.physical_ids(stack_name) == physical_ids
    assert groups[physical_ids["Group"]]["retentionInDays"] == 30
    assert f"{stack_name}/old" in groups
    assert not {f"{stack_name}/new", f"{stack_name}/added"} & groups.keys()
    assert stacks.outputs(stack_name) == {"Name": f"{stack_name}/old"}
    assert stacks.deploy(stack_name, {"Group": group(RetentionInDays=60)}) == "UPDATE_COMPLETE"


def test_refuses_an_unknown_resource_type_before_anything_is_made(stacks: StackDriver, stack_name: str) -> None:
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::SQS::Queue\]"):
        stacks.change_set(stack_name, {"Queue": {"Type": "AWS::SQS::Queue"}, "Group": group()})

    assert not stacks.exists(stack_name)


def test_refuses_an_attribute_that_the_type_does_not_have(stacks: StackDriver, stack_name: str) -> None:
    with pytest.raises(ClientError, match="does not support attribute type Bogus"):
        stacks.change_set(
            stack_name, {"Group": group()}, Outputs={"Bogus": {"Value": {"Fn::GetAtt": ["Group", "Bogus"]}}}
        )


def test_refuses_iam_resources_without_the_capability(stacks: StackDriver, stack_name: str) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}

    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_IAM\]") as refusal:
        stacks.cloudformation.create_change_set(
            StackName=stack_name,
            ChangeSetName="test",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps({"Resources": {"Role": role}}),
        )
    assert refusal.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"


def test_refuses_a_request_parameter_that_it_would_ignore(stacks: StackDriver, stack_name: str) -> None:
    with pytest.raises(ClientError, match="NotificationARNs not supported by the local AWS"):
        stacks.cloudformation.create_change_set(
            StackName=stack_name,
            ChangeSetName="test",
            TemplateBody="{}",
            NotificationARNs=["arn:aws:sns:us-east-1:123456789012:topic"],
        )


def test_retains_what_the_template_wants_retained(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    kept = {**group(LogGroupName=f"{stack_name}/kept"), "DeletionPolicy": "Retain"}
    stacks.deploy(stack_name, {"Kept": kept, "Gone": group(LogGroupName=f"{stack_name}/gone")})

    assert stacks.delete(stack_name) == "DELETE_COMPLETE"
    assert f"{stack_name}/kept" in log_groups(aws)
    assert f"{stack_name}/gone" not in log_groups(aws)


def test_retains_a_replaced_resource_if_the_template_says_so(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    for name in ("old", "new"):
        stacks.deploy(
            stack_name, {"Group": {**group(LogGroupName=f"{stack_name}/{name}"), "UpdateReplacePolicy": "Retain"}}
        )

    assert {f"{stack_name}/old", f"{stack_name}/new"} <= log_groups(aws).keys()


def test_an_export_in_use_keeps_its_stack(stacks: StackDriver, stack_name: str) -> None:
    user = f"{stack_name}-user"
    export = {"Key": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}, "Export": {"Name": f"{stack_name}-key"}}}
    stacks.deploy(stack_name, {"Key": key()}, Outputs=export)
    stacks.deploy(user, {"Group": group(KmsKeyId={"Fn::ImportValue": f"{stack_name}-key"})})

    assert stacks.delete(stack_name) == "DELETE_FAILED"
    assert f"Export {stack_name}-key cannot be deleted as it is in use by {user}" in stacks.failures(stack_name)
    assert stacks.delete(user) == "DELETE_COMPLETE"
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"


def test_an_export_that_nobody_offers_is_refused(stacks: StackDriver, stack_name: str) -> None:
    with pytest.raises(ClientError, match="No export named nobodys-key found"):
        stacks.change_set(stack_name, {"Group": group(KmsKeyId={"Fn::ImportValue": "nobodys-key"})})


def test_termination_protection_keeps_the_stack(stacks: StackDriver, stack_name: str) -> None:
    stacks.deploy(stack_name, {"Group": group()})
    protect = stacks.cloudformation.update_termination_protection
    protect(StackName=stack_name, EnableTerminationProtection=True)

    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        stacks.delete(stack_name)
    protect(StackName=stack_name, EnableTerminationProtection=False)
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"


def test_a_deleted_stack_is_known_by_its_id_only(stacks: StackDriver, stack_name: str) -> None:
    stacks.deploy(stack_name, {"Group": group()})
    stack_id = stacks.describe(stack_name)["StackId"]
    stacks.delete(stack_name)

    assert stacks.status(stack_id) == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        stacks.status(stack_name)


def test_regions_have_stacks_of_the_same_name(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    elsewhere = type(stacks)(aws("cloudformation", region="us-east-2"))
    stacks.deploy(stack_name, {"Group": group()})

    assert elsewhere.deploy(stack_name, {"Group": group()}) == "CREATE_COMPLETE"
    assert elsewhere.describe(stack_name)["StackId"].startswith("arn:aws:cloudformation:us-east-2:")
    assert elsewhere.delete(stack_name) == "DELETE_COMPLETE"
    assert stacks.status(stack_name) == "CREATE_COMPLETE"


def test_stack_tags_reach_the_resources(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    own = [{"Key": "owner", "Value": "template"}]
    stacks.deploy(stack_name, {"Group": group(Tags=own)}, tags={"owner": "stack", "stage": "dev"})

    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{stacks.physical_ids(stack_name)['Group']}"
    assert aws("logs").list_tags_for_resource(resourceArn=arn)["tags"] == {"owner": "template", "stage": "dev"}


def test_stacks_are_deployed_at_the_same_time(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    names = [f"{stack_name}-{index}" for index in range(4)]
    regions = [stacks, type(stacks)(aws("cloudformation", region="us-east-2"))]
    resources = {"Key": key(), "Group": group(KmsKeyId={"Fn::GetAtt": ["Key", "Arn"]}), "Other": group()}

    with ThreadPoolExecutor() as threads:
        deployments = [threads.submit(region.deploy, name, resources) for name in names for region in regions]
        statuses = [deployment.result() for deployment in deployments]

    assert statuses == ["CREATE_COMPLETE"] * 8
    assert all(len(region.physical_ids(name)) == 3 for name in names for region in regions)
