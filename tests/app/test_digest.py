import copy
import json
import re
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from tests.app.digest import differences, digest, masked, written

TEMPLATE: dict[str, Any] = {
    "Description": "a stack",
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": [
                        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "a.amazonaws.com"}}
                    ]
                }
            },
        },
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["s3:GetObject", "s3:PutObject"],
                            "Resource": {"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/*"]]},
                        }
                    ]
                },
            },
        },
        "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "b"}},
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "DefinitionString": {
                    "Fn::Join": [
                        "",
                        [
                            '{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true, "Resource": "',
                            {"Ref": "Function"},
                            '", "Retry": [{"ErrorEquals": ["A", "B"], "MaxAttempts": 2}]}}}',
                        ],
                    ]
                }
            },
        },
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Threshold": 5, "MetricName": "Errors"}},
    },
    "Outputs": {"Name": {"Value": {"Ref": "Bucket"}}},
}


def test_reads_like_a_table_with_references_by_name() -> None:
    text = written(digest(TEMPLATE))

    assert re.sub(r"\b[0-9a-f]{12}\n", "HASH\n", text) == textwrap.dedent(
        """\
        Resources
          Alarm AWS::CloudWatch::Alarm HASH
          Bucket AWS::S3::Bucket DeletionPolicy=Retain HASH
          Machine AWS::StepFunctions::StateMachine HASH
          Policy AWS::IAM::Policy HASH
          Role AWS::IAM::Role HASH

        Outputs
          Name = ${Bucket}

        Rest
          Description HASH
          Outputs HASH

        Statements: Role
          Allow sts:AssumeRole
            Principal {"Service": "a.amazonaws.com"}
          Allow s3:GetObject s3:PutObject
            Resource ${Bucket.Arn}/*

        State machine: Machine
          StartAt Ask
          Ask: Task
            End true
            Resource ${Function}
            Retry A B
              {"MaxAttempts": 2}

        Alarm: Alarm
          Threshold 5
          MetricName Errors
        """
    )


def _at(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set what a path of names leads to."""

    def change(template: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        place: Any = template
        for name in outer:
            place = place[int(name) if name.isdecimal() else name]
        place[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "sections", "line"),
    [
        (_at("Resources.Bucket.DeletionPolicy", "Delete"), ["Resources"], "DeletionPolicy=Delete"),
        (_at("Resources.Bucket.Properties.BucketName", "c"), ["Resources"], "+ Bucket AWS::S3::Bucket"),
        (_at("Resources.Bucket.Metadata", {"reason": "none"}), ["Resources"], "+ Bucket AWS::S3::Bucket"),
        (_at("Resources.Alarm.Properties.Threshold", 500), ["Resources", "Alarm: Alarm"], "+ Threshold 500"),
        (
            _at("Resources.Policy.Properties.PolicyDocument.Statement.0.Resource", "*"),
            ["Resources", "Statements: Role"],
            "+   Resource *",
        ),
        (
            _at("Resources.Role.Properties.AssumeRolePolicyDocument.Statement.0.Principal", "*"),
            ["Resources", "Statements: Role"],
            "+   Principal *",
        ),
        (
            _at(
                "Resources.Machine.Properties.DefinitionString",
                '{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true, "Resource": "x"}}}',
            ),
            ["Resources", "State machine: Machine"],
            "+   Resource x",
        ),
        (_at("Outputs.Name.Value", "b"), ["Outputs", "Rest"], "+ Name = b"),
        (_at("Outputs.Name.Export", {"Name": "b"}), ["Rest"], "+ Outputs"),
        (_at("Description", "another"), ["Rest"], "+ Description"),
    ],
)
def test_any_change_is_seen_where_a_reviewer_looks_for_it(
    change: Callable[[dict[str, Any]], None], sections: list[str], line: str
) -> None:
    changed = copy.deepcopy(TEMPLATE)
    change(changed)

    found = {heading: lines for heading, lines in differences(digest(TEMPLATE), digest(changed)).items() if lines}
    assert list(found) == sections
    assert any(line in one for lines in found.values() for one in lines)


def test_masks_the_hashes_of_assets_and_no_other() -> None:
    text = json.dumps({"S3Key": f"{'a' * 64}.zip", "Digest": "b" * 64, "Longer": "a" * 65})

    assert json.loads(masked(text, {"a" * 64: "code"})) == {
        "S3Key": "<code>.zip",
        "Digest": "b" * 64,
        "Longer": "a" * 65,
    }
