"""Triggers of a pipeline: the marker object and schedules, and a role that starts this pipeline only."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs.fine_tuning.pipeline_triggers import MARKER, PipelineTriggers

from tests.support.templates import resources, rights, template_of


def _rules(stack: cdk.Stack, **props: Any) -> dict[str, dict[str, Any]]:
    """Define the triggers; return the rules by their descriptions."""
    machine = sfn.StateMachine(
        stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(stack, "Nothing"))
    )
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "data")
    PipelineTriggers(stack, "Triggers", state_machine=machine, bucket=bucket, **props)
    return {rule["Description"]: rule for rule in resources(stack, "AWS::Events::Rule").values()}


def test_starts_when_the_marker_is_written_and_at_no_other_object(stack: cdk.Stack) -> None:
    [rule] = _rules(stack, marker_key=f"training/{MARKER}").values()

    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["data"]}, "object": {"key": ["training/_READY"]}},
    }


def test_starts_by_each_schedule(stack: cdk.Stack) -> None:
    rules = _rules(stack, schedules=["rate(7 days)", "cron(0 3 ? * SUN *)"])

    assert {rule["ScheduleExpression"] for rule in rules.values()} == {"rate(7 days)", "cron(0 3 ? * SUN *)"}


def test_starts_with_an_empty_input_by_a_role_that_starts_this_pipeline_only(stack: cdk.Stack) -> None:
    [rule] = _rules(stack, schedules=["rate(7 days)"]).values()

    [target] = rule["Targets"]
    assert target["Input"] == "{}"
    assert target["RoleArn"]["Fn::GetAtt"][0].startswith("TriggersRole")
    found = rights(template_of(stack), "TriggersRole")
    assert set(found) == {"states:StartExecution"}
    assert [arn.startswith("<Machine") for arn in found["states:StartExecution"]] == [True]


def test_starts_nothing_where_nothing_is_declared(stack: cdk.Stack) -> None:
    assert _rules(stack) == {}
