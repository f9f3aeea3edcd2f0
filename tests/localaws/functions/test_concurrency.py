"""Reserved concurrency: an account's functions may not reserve all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.local_aws import StackDriver, steer
from tests.support.state_machine_driver import allow, make_role

Aws = Callable[..., Any]
# A region in which no other test has functions.
REGION = "ap-southeast-4"
TOO_LITTLE = (
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
    "minimum value of [{}]."
)


@pytest.fixture
def functions(aws: Aws, local_aws: str) -> Iterator[Any]:
    client = aws("lambda", region=REGION)
    yield client
    steer(local_aws, f"lambda/{REGION}", method="DELETE")
    for function in client.list_functions()["Functions"]:
        client.delete_function(FunctionName=function["FunctionName"])


def resources(aws: Aws, **reserved: int) -> dict[str, Any]:
    """Functions by their logical ids, each with what it reserves."""
    role = make_role(aws("iam"), "lambda.amazonaws.com", [])
    common = {"Code": {"ZipFile": "def handler(event, context): pass"}, "Handler": "index.handler", "Role": role}
    return {
        logical_id: {
            "Type": "AWS::Lambda::Function",
            "Properties": {**common, "Runtime": "python3.13", "ReservedConcurrentExecutions": number},
        }
        for logical_id, number in reserved.items()
    }


def reserve(functions: Any, name: str, number: int) -> str:
    """Reserve concurrency for a function; return the words of the refusal, if there is one."""
    try:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=number)
    except functions.exceptions.InvalidParameterValueException as refused:
        return str(refused.response["Error"]["Message"])
    return ""


def test_a_stack_may_reserve_all_but_100_of_1000(functions: Any, aws: Aws) -> None:
    stacks, name = StackDriver(aws("cloudformation", region=REGION)), f"reserves-{uuid4().hex[:8]}"

    assert stacks.deploy(name, resources(aws, A=500, B=401)) == "ROLLBACK_COMPLETE"
    assert TOO_LITTLE.format(100) in stacks.failures(name)
    assert functions.list_functions()["Functions"] == []
    stacks.delete(name)

    assert stacks.deploy(name, resources(aws, A=500, B=400)) == "CREATE_COMPLETE", stacks.failures(name)
    limits = functions.get_account_settings()
    assert limits["AccountLimit"]["ConcurrentExecutions"] == 1000
    assert limits["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
    assert limits["AccountUsage"]["FunctionCount"] == 2
    # What a function had reserved counts no more when it reserves again.
    function = stacks.physical_ids(name)["A"]
    assert reserve(functions, function, 501) == TOO_LITTLE.format(100)
    assert reserve(functions, function, 499) == ""
    functions.delete_function_concurrency(FunctionName=function)
    assert functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 600
    stacks.delete(name)


def test_a_new_account_may_reserve_nothing_of_its_10(functions: Any, aws: Aws, local_aws: str) -> None:
    stacks, name = StackDriver(aws("cloudformation", region=REGION)), f"reserves-{uuid4().hex[:8]}"
    steer(local_aws, f"lambda/{REGION}", {"concurrent_executions": 10})

    assert stacks.deploy(name, resources(aws, A=1)) == "ROLLBACK_COMPLETE"
    assert TOO_LITTLE.format(10) in stacks.failures(name)
    assert functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 10
    stacks.delete(name)


def test_the_account_s_limits_need_their_permission(functions: Any, aws: Aws, local_aws: str) -> None:
    def asks(*statements: dict[str, Any]) -> Any:
        role_arn = make_role(aws("iam"), "lambda.amazonaws.com", statements)
        session = aws("sts").assume_role(RoleArn=role_arn, RoleSessionName="me")["Credentials"]
        client: Any = boto3.session.Session().client(
            "lambda",
            region_name=REGION,
            endpoint_url=local_aws,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )
        return client.get_account_settings()

    assert asks(allow("lambda:GetAccountSettings"))["AccountUsage"]["FunctionCount"] == 0
    with pytest.raises(ClientError, match="is not authorized to perform: lambda:GetAccountSettings"):
        asks()
