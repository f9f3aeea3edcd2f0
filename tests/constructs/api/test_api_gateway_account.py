import aws_cdk as cdk
from aws_cdk import assertions
from constructs.api.api_gateway_account import ApiGatewayAccount


def test_names_a_role_that_only_api_gateway_may_assume_and_that_only_writes_logs(stack: cdk.Stack) -> None:
    ApiGatewayAccount(stack, "ApiGateway")

    template = assertions.Template.from_stack(stack)
    [role_id] = template.find_resources("AWS::IAM::Role")
    template.has_resource_properties(
        "AWS::ApiGateway::Account", {"CloudWatchRoleArn": {"Fn::GetAtt": [role_id, "Arn"]}}
    )
    [role] = template.find_resources("AWS::IAM::Role").values()
    [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert "ManagedPolicyArns" not in role["Properties"]
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    write, listing = policy["Properties"]["PolicyDocument"]["Statement"]
    # AWS's managed policy AmazonAPIGatewayPushToCloudWatchLogs.
    assert {action.removeprefix("logs:") for action in write["Action"]} == {
        *("CreateLogGroup", "CreateLogStream", "DescribeLogStreams"),
        *("FilterLogEvents", "GetLogEvents", "PutLogEvents"),
    }
    assert (listing["Action"], listing["Resource"]) == ("logs:DescribeLogGroups", "*")


def test_is_set_only_when_the_role_can_write(stack: cdk.Stack) -> None:
    ApiGatewayAccount(stack, "ApiGateway")

    template = assertions.Template.from_stack(stack)
    [policy_id] = template.find_resources("AWS::IAM::Policy")
    [account] = template.find_resources("AWS::ApiGateway::Account").values()
    assert policy_id in account["DependsOn"]
