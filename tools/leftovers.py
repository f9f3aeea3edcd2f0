"""Resources left in an account whose stacks are gone. For a local AWS, where all that is found is the app's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3

# Deployed once by `cdk bootstrap`, and meant to stay.
_BOOTSTRAP_STACK = "CDKToolkit"
_BOOTSTRAP_PREFIX = "cdk-"
_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/"
# Log groups that services make for a whole account and region: SageMaker's of all training jobs, which keeps what each
# of them said, and API Gateway's of the setting that names its role.
_SERVICES_LOGS = ("/aws/sagemaker/TrainingJobs", "/aws/apigateway/welcome")


@dataclass(frozen=True, slots=True, order=True)
class Leftover:
    """One resource that is still there.

    Attributes:
        kind: Its CloudFormation type, or `Bedrock imported model`, which has none.
        name: Its name or id.
        region: Its region, or `global`.
    """

    kind: str
    name: str
    region: str


def leftovers(regions: Iterable[str]) -> list[Leftover]:
    """List the remaining resources of the types that the app deploys, in these regions and global ones.

    Args:
        regions: Such as `us-west-2`.
    """
    found = [
        Leftover(kind, name, region)
        for region in regions
        for listed in (_compute, _imported_models, _gateways_and_logs, _pipelines, _keys, _stacks)
        for kind, name in listed(region)
    ]
    s3: Any = boto3.client("s3")
    iam: Any = boto3.client("iam")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    found += [Leftover("AWS::S3::Bucket", name, "global") for name in buckets if not _of_bootstrap(name)]
    found += [Leftover("AWS::IAM::Role", name, "global") for name in roles if not _of_bootstrap(name)]
    return sorted(found)


def services_logs(regions: Iterable[str]) -> list[Leftover]:
    """List the log groups that AWS's services have made for the whole account, which no stack owns.

    They are no leftovers of one stack, expire never, and may be deleted at any time.

    Args:
        regions: Such as `us-west-2`.
    """
    found = []
    for region in regions:
        logs: Any = boto3.client("logs", region_name=region)
        for page in logs.get_paginator("describe_log_groups").paginate():
            names = [group["logGroupName"] for group in page["logGroups"]]
            found += [Leftover("AWS::Logs::LogGroup", name, region) for name in names if name in _SERVICES_LOGS]
    return sorted(found)


def _of_bootstrap(name: str) -> bool:
    return name.startswith(_BOOTSTRAP_PREFIX)


def _compute(region: str) -> Iterator[tuple[str, str]]:
    sagemaker: Any = boto3.client("sagemaker", region_name=region)
    functions: Any = boto3.client("lambda", region_name=region)
    for endpoint in sagemaker.list_endpoints()["Endpoints"]:
        yield "AWS::SageMaker::Endpoint", endpoint["EndpointName"]
    for config in sagemaker.list_endpoint_configs()["EndpointConfigs"]:
        yield "AWS::SageMaker::EndpointConfig", config["EndpointConfigName"]
    for model in sagemaker.list_models()["Models"]:
        yield "AWS::SageMaker::Model", model["ModelName"]
    for function in functions.list_functions()["Functions"]:
        yield "AWS::Lambda::Function", function["FunctionName"]


def _imported_models(region: str) -> Iterator[tuple[str, str]]:
    # Import jobs are not listed: nobody can delete them, and they cost nothing.
    bedrock: Any = boto3.client("bedrock", region_name=region)
    for page in bedrock.get_paginator("list_imported_models").paginate():
        for model in page["modelSummaries"]:
            yield "Bedrock imported model", model["modelName"]


def _gateways_and_logs(region: str) -> Iterator[tuple[str, str]]:
    gateway: Any = boto3.client("apigateway", region_name=region)
    logs: Any = boto3.client("logs", region_name=region)
    for api in gateway.get_rest_apis()["items"]:
        yield "AWS::ApiGateway::RestApi", api["id"]
    for plan in gateway.get_usage_plans()["items"]:
        yield "AWS::ApiGateway::UsagePlan", plan["name"]
    for key in gateway.get_api_keys()["items"]:
        yield "AWS::ApiGateway::ApiKey", key["name"]
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            if group["logGroupName"] not in _SERVICES_LOGS:
                yield "AWS::Logs::LogGroup", group["logGroupName"]


def _pipelines(region: str) -> Iterator[tuple[str, str]]:
    states: Any = boto3.client("stepfunctions", region_name=region)
    topics: Any = boto3.client("sns", region_name=region)
    events: Any = boto3.client("events", region_name=region)
    cloudwatch: Any = boto3.client("cloudwatch", region_name=region)
    ssm: Any = boto3.client("ssm", region_name=region)
    for machine in states.list_state_machines()["stateMachines"]:
        yield "AWS::StepFunctions::StateMachine", machine["name"]
    for topic in topics.list_topics()["Topics"]:
        yield "AWS::SNS::Topic", topic["TopicArn"].rpartition(":")[2]
    for rule in events.list_rules()["Rules"]:
        # A service's own rule, such as the one by which Step Functions hears of training jobs, is nobody's to delete.
        if not rule["Name"].startswith("StepFunctionsGetEvents"):
            yield "AWS::Events::Rule", rule["Name"]
    for alarm in cloudwatch.describe_alarms()["MetricAlarms"]:
        yield "AWS::CloudWatch::Alarm", alarm["AlarmName"]
    for dashboard in cloudwatch.list_dashboards()["DashboardEntries"]:
        yield "AWS::CloudWatch::Dashboard", dashboard["DashboardName"]
    for page in ssm.get_paginator("describe_parameters").paginate():
        for parameter in page["Parameters"]:
            if not parameter["Name"].startswith(_BOOTSTRAP_PARAMETER):
                yield "AWS::SSM::Parameter", parameter["Name"]


def _keys(region: str) -> Iterator[tuple[str, str]]:
    kms: Any = boto3.client("kms", region_name=region)
    for alias in kms.list_aliases()["Aliases"]:
        if not alias["AliasName"].startswith("alias/aws/"):
            yield "AWS::KMS::Alias", alias["AliasName"]
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            if described["KeyManager"] == "CUSTOMER" and described["KeyState"] != "PendingDeletion":
                yield "AWS::KMS::Key", key["KeyId"]


def _stacks(region: str) -> Iterator[tuple[str, str]]:
    cloudformation: Any = boto3.client("cloudformation", region_name=region)
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackName"] != _BOOTSTRAP_STACK:
                yield "AWS::CloudFormation::Stack", stack["StackName"]
