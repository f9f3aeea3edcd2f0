"""Resources that destroyed stacks left behind: every type of the app, and nothing that is meant to stay."""

from typing import Any

import boto3
import pytest

from tools.leftovers import Leftover, leftovers, services_logs

# Log groups of a whole account, which no stack leaves.
SERVICES_LOGS = ("/aws/apigateway/welcome", "/aws/sagemaker/TrainingJobs")

# Answers of AWS by operation: in each list a leftover, and what is none.
ANSWERS: dict[str, dict[str, Any]] = {
    "list_endpoints": {"Endpoints": [{"EndpointName": "endpoint"}]},
    "list_endpoint_configs": {"EndpointConfigs": [{"EndpointConfigName": "config"}]},
    "list_models": {"Models": [{"ModelName": "model"}]},
    "list_functions": {"Functions": [{"FunctionName": "function"}]},
    "list_imported_models": {"modelSummaries": [{"modelName": "imported"}]},
    "get_rest_apis": {"items": [{"id": "api"}]},
    "get_usage_plans": {"items": [{"name": "plan"}]},
    "get_api_keys": {"items": [{"name": "key"}]},
    "describe_log_groups": {
        "logGroups": [
            {"logGroupName": name}
            for name in (
                "log",
                "API-Gateway-Execution-Logs_api/live",
                "/aws/sagemaker/Endpoints/endpoint",
                *SERVICES_LOGS,
            )
        ]
    },
    "list_state_machines": {"stateMachines": [{"name": "machine"}]},
    "list_topics": {"Topics": [{"TopicArn": "arn:aws:sns:us-west-2:123456789012:topic"}]},
    "list_rules": {"Rules": [{"Name": "rule"}, {"Name": "StepFunctionsGetEventsForSageMakerTrainingJobsRule"}]},
    "describe_alarms": {"MetricAlarms": [{"AlarmName": "alarm"}]},
    "list_dashboards": {"DashboardEntries": [{"DashboardName": "dashboard"}]},
    "describe_parameters": {"Parameters": [{"Name": "/jumpstack/x"}, {"Name": "/cdk-bootstrap/hnb659fds/version"}]},
    "list_aliases": {"Aliases": [{"AliasName": "alias/own"}, {"AliasName": "alias/aws/s3"}]},
    "list_keys": {"Keys": [{"KeyId": "own"}, {"KeyId": "deleted"}, {"KeyId": "awss"}]},
    "describe_stacks": {"Stacks": [{"StackName": "stack"}, {"StackName": "CDKToolkit"}]},
    "list_buckets": {"Buckets": [{"Name": "bucket"}, {"Name": "cdk-hnb659fds-assets"}]},
    "list_roles": {"Roles": [{"RoleName": "role"}, {"RoleName": "cdk-hnb659fds-deploy-role"}]},
}
KEYS = {
    "own": {"KeyManager": "CUSTOMER", "KeyState": "Enabled"},
    "deleted": {"KeyManager": "CUSTOMER", "KeyState": "PendingDeletion"},
    "awss": {"KeyManager": "AWS", "KeyState": "Enabled"},
}


class _Paginator:
    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def paginate(self) -> list[dict[str, Any]]:
        return [self._answer]


class _Client:
    """A client of any service that has the same answers in one region."""

    def __init__(self, region: str | None) -> None:
        self._answers = ANSWERS if region in {None, "us-west-2"} else dict.fromkeys(ANSWERS, _Nothing())

    def get_paginator(self, operation: str) -> _Paginator:
        return _Paginator(self._answers[operation])

    def describe_key(self, **parameters: str) -> dict[str, Any]:
        return {"KeyMetadata": KEYS[parameters["KeyId"]]}

    def __getattr__(self, operation: str) -> Any:
        return lambda: self._answers[operation]


class _Nothing(dict[str, Any]):
    def __missing__(self, name: str) -> list[Any]:
        return []


def test_finds_every_type_of_the_app_and_nothing_that_is_meant_to_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", lambda service, region_name=None: _Client(region_name))

    assert leftovers(["us-west-2", "eu-west-1"]) == [
        Leftover("AWS::ApiGateway::ApiKey", "key", "us-west-2"),
        Leftover("AWS::ApiGateway::RestApi", "api", "us-west-2"),
        Leftover("AWS::ApiGateway::UsagePlan", "plan", "us-west-2"),
        Leftover("AWS::CloudFormation::Stack", "stack", "us-west-2"),
        Leftover("AWS::CloudWatch::Alarm", "alarm", "us-west-2"),
        Leftover("AWS::CloudWatch::Dashboard", "dashboard", "us-west-2"),
        Leftover("AWS::Events::Rule", "rule", "us-west-2"),
        Leftover("AWS::IAM::Role", "role", "global"),
        Leftover("AWS::KMS::Alias", "alias/own", "us-west-2"),
        Leftover("AWS::KMS::Key", "own", "us-west-2"),
        Leftover("AWS::Lambda::Function", "function", "us-west-2"),
        Leftover("AWS::Logs::LogGroup", "/aws/sagemaker/Endpoints/endpoint", "us-west-2"),
        Leftover("AWS::Logs::LogGroup", "API-Gateway-Execution-Logs_api/live", "us-west-2"),
        Leftover("AWS::Logs::LogGroup", "log", "us-west-2"),
        Leftover("AWS::S3::Bucket", "bucket", "global"),
        Leftover("AWS::SNS::Topic", "topic", "us-west-2"),
        Leftover("AWS::SSM::Parameter", "/jumpstack/x", "us-west-2"),
        Leftover("AWS::SageMaker::Endpoint", "endpoint", "us-west-2"),
        Leftover("AWS::SageMaker::EndpointConfig", "config", "us-west-2"),
        Leftover("AWS::SageMaker::Model", "model", "us-west-2"),
        Leftover("AWS::StepFunctions::StateMachine", "machine", "us-west-2"),
        Leftover("Bedrock imported model", "imported", "us-west-2"),
    ]


def test_names_the_log_groups_of_services_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", lambda service, region_name=None: _Client(region_name))

    assert services_logs(["us-west-2", "eu-west-1"]) == [
        Leftover("AWS::Logs::LogGroup", name, "us-west-2") for name in SERVICES_LOGS
    ]
