"""Custom resources: a function does the work, and its answer decides."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.local_aws import StackDriver

    Aws = Callable[..., Any]

# Notes each request in the parameter that it is told, and answers as the properties say.
CODE = """
import json, os, urllib.request
import boto3

def handler(event, context):
    properties = event["ResourceProperties"]
    ssm = boto3.client("ssm")
    seen = [event["RequestType"], event.get("PhysicalResourceId"), properties["Name"], properties.get("Count")]
    try:
        log = json.loads(ssm.get_parameter(Name=os.environ["LOG"])["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        log = []
    ssm.put_parameter(Name=os.environ["LOG"], Value=json.dumps(log + [seen]), Type="String", Overwrite=True)
    if properties["Name"] == "silent" and event["RequestType"] == "Create":
        return
    if properties["Name"] == "crash":
        raise ValueError("no idea")
    answer = {
        "Status": "FAILED" if properties["Name"] == "bad" else "SUCCESS",
        "Reason": "the name is bad",
        "PhysicalResourceId": "id-of-" + properties["Name"],
        "Data": {"Shout": properties["Name"].upper()},
    }
    request = urllib.request.Request(event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request)
"""


def resources(log: str, **properties: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    allow = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}
    policy = {"PolicyName": "log", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow]}}
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}, "Policies": [policy]}
    function = {
        "Code": {"ZipFile": CODE},
        "Environment": {"Variables": {"LOG": log}},
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Runtime": "python3.13",
        "Timeout": 30,
    }
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Thing": {
            "Type": "Custom::Thing",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, **properties},
        },
    }


def requests(aws: Aws, log: str) -> str:
    return str(aws("ssm").get_parameter(Name=log)["Parameter"]["Value"])


SHOUT = {"Shout": {"Value": {"Fn::GetAtt": ["Thing", "Shout"]}}, "Id": {"Value": {"Ref": "Thing"}}}


def test_the_functions_answer_becomes_id_and_attributes(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    log = f"/{stack_name}"
    status = stacks.deploy(stack_name, resources(log, Name="good", Count=1), Outputs=SHOUT)
    assert status == "CREATE_COMPLETE", stacks.failures(stack_name)
    assert stacks.outputs(stack_name) == {"Shout": "GOOD", "Id": "id-of-good"}

    stacks.deploy(stack_name, resources(log, Name="good", Count=2), Outputs=SHOUT)
    stacks.deploy(stack_name, resources(log, Name="better", Count=2), Outputs=SHOUT)
    assert stacks.outputs(stack_name) == {"Shout": "BETTER", "Id": "id-of-better"}

    assert stacks.delete(stack_name) == "DELETE_COMPLETE"
    # Another physical id replaces the resource: the old one is deleted. Scalars arrive as text.
    assert requests(aws, log) == (
        '[["Create", null, "good", "1"], ["Update", "id-of-good", "good", "2"], '
        '["Update", "id-of-good", "better", "2"], ["Delete", "id-of-good", "good", "2"], '
        '["Delete", "id-of-better", "better", "2"]]'
    )


def test_a_failure_carries_the_functions_reason(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    status = stacks.deploy(stack_name, resources(f"/{stack_name}", Name="bad"))

    # The Delete request of the rollback fails as well.
    assert status == "ROLLBACK_FAILED"
    assert "Message returned: the name is bad" in stacks.failures(stack_name)


def test_a_failed_update_is_undone_with_the_old_properties(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    log = f"/{stack_name}"
    stacks.deploy(stack_name, resources(log, Name="good"))

    assert stacks.deploy(stack_name, resources(log, Name="bad")) == "UPDATE_ROLLBACK_COMPLETE"

    assert requests(aws, log).endswith('["Update", "id-of-good", "bad", null], ["Update", "id-of-good", "good", null]]')


def test_a_function_that_crashes_fails_at_once(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    assert stacks.deploy(stack_name, resources(f"/{stack_name}", Name="crash")) == "ROLLBACK_COMPLETE"
    assert "no idea" in stacks.failures(stack_name)


def test_a_function_that_never_answers_times_out(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    status = stacks.deploy(stack_name, resources(f"/{stack_name}", Name="silent", ServiceTimeout=1))

    assert status == "ROLLBACK_COMPLETE"
    assert "did not receive a response from your Custom Resource" in stacks.failures(stack_name)


def test_an_answer_that_nobody_waits_for_is_refused(local_aws: str) -> None:
    # A function may answer twice, or after its time.
    host = local_aws.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("PUT", "/_localaws/cfn-response/unknown", body=b"{}")

    assert connection.getresponse().status == 403
    connection.close()
