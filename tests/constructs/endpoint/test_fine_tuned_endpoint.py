"""The endpoint of a tuned model: its role, the requests that the pipeline makes, and the alarms that roll back."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.model_key import ModelKey
from constructs.values.s3_location import S3Location

from catalog import ModelVersion
from tests.app.state_machine_calls import text


def _endpoint(stack: cdk.Stack, model: ModelVersion, **props: Any) -> FineTunedEndpoint:
    return FineTunedEndpoint(
        stack,
        "Endpoint",
        model=model,
        weights=S3Location("arn:aws:s3:::b", "training/runs/"),
        encryption_key=ModelKey(stack, "Key", alias="k"),
        **{"endpoint_name": "dev-m", **props},
    )


def _alarms(stack: cdk.Stack) -> dict[str, dict[str, Any]]:
    alarms = assertions.Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm").values()
    found: dict[str, dict[str, Any]] = {alarm["Properties"]["MetricName"]: alarm["Properties"] for alarm in alarms}
    return found


def _statements(stack: cdk.Stack) -> dict[str, dict[str, Any]]:
    [policy] = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    found: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return {statement.get("Sid", ""): statement for statement in found}


def test_rolls_a_new_version_back_after_five_failed_answers_in_a_minute(
    stack: cdk.Stack, mistral: ModelVersion
) -> None:
    _endpoint(stack, mistral)

    errors = _alarms(stack)["Invocation5XXErrors"]
    assert (errors["Statistic"], errors["Threshold"], errors["Period"]) == ("Sum", 5, 60)


def test_rolls_a_new_version_back_where_answers_take_as_long_as_they_may(
    stack: cdk.Stack, mistral: ModelVersion
) -> None:
    _endpoint(stack, mistral)

    latency = _alarms(stack)["ModelLatency"]
    # The 90th percentile in microseconds: 60 s.
    assert (latency["ExtendedStatistic"], latency["Threshold"], latency["Period"]) == ("p90", 60_000_000, 60)


def test_goes_off_at_the_first_bad_minute_and_not_where_nobody_asks(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral)

    alarms = _alarms(stack)
    assert set(alarms) == {"Invocation5XXErrors", "ModelLatency"}
    for alarm in alarms.values():
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["EvaluationPeriods"] == 1
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["Namespace"] == "AWS/SageMaker"
        assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == {
            "EndpointName": "dev-m",
            "VariantName": "AllTraffic",
        }


def test_an_update_watches_both_alarms_while_the_old_fleet_stays(stack: cdk.Stack, mistral: ModelVersion) -> None:
    config = _endpoint(stack, mistral).deployment_config

    assert config["BlueGreenUpdatePolicy"] == {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300},
        "TerminationWaitInSeconds": 0,
        "MaximumExecutionTimeoutInSeconds": 14_400,
    }
    named = [text(stack.resolve(alarm["AlarmName"])) for alarm in config["AutoRollbackConfiguration"]["Alarms"]]
    assert [name[:14] for name in named] == ["<EndpointError", "<EndpointLaten"]


def test_the_role_reads_the_tuned_weights_and_none_of_jumpstarts(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral)

    statements = _statements(stack)
    assert statements["ListWeights"]["Resource"] == "arn:aws:s3:::b"
    assert statements["ReadWeights"]["Resource"] == "arn:aws:s3:::b/training/runs/*"
    assert "ReadArtifact" not in statements
    assert statements[""]["Action"] == "kms:Decrypt"


def test_the_models_role_may_read_the_alarms_of_a_deployment_and_no_others(
    stack: cdk.Stack, mistral: ModelVersion
) -> None:
    endpoint = _endpoint(stack, mistral)

    alarms = [stack.resolve(alarm.alarm_arn) for alarm in endpoint.alarms]
    assert len(alarms) == 2
    statement = _statements(stack)["ReadAlarms"]
    assert (statement["Action"], statement["Resource"]) == ("cloudwatch:DescribeAlarms", alarms)


def test_asks_for_instances_image_and_timeouts_as_declared(stack: cdk.Stack, mistral: ModelVersion) -> None:
    endpoint = _endpoint(
        stack,
        mistral,
        instance_count=2,
        download_timeout=cdk.Duration.minutes(7),
        startup_timeout=cdk.Duration.minutes(9),
    )

    request = endpoint.config_request(name="$.name", tags=[{"Key": "model", "Value": "m"}])
    assert request == {
        "EndpointConfigName.$": "$.name",
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName.$": "$.name",
                "InstanceType": "ml.g5.2xlarge",
                "InitialInstanceCount": 2,
                "InitialVariantWeight": 1,
                "ModelDataDownloadTimeoutInSeconds": 420,
                "ContainerStartupHealthCheckTimeoutInSeconds": 540,
            }
        ],
        "Tags": [{"Key": "model", "Value": "m"}],
    }


@pytest.mark.parametrize("network", [{}, {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}])
def test_joins_a_vpc_when_given_subnets(stack: cdk.Stack, mistral: ModelVersion, network: dict[str, list[str]]) -> None:
    endpoint = _endpoint(stack, mistral, **network)

    request = endpoint.model_request(name="$.name", model_data="$.data", tags=[])
    assert request.get("VpcConfig") == ({"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]} if network else None)
    assert ("ManageNetworkInterfaces" in _statements(stack)) is bool(network)


def test_any_setting_of_the_service_is_another_release(context: dict[str, Any], mistral: ModelVersion) -> None:
    def settings_hash(**props: Any) -> str:
        stack = cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-west-2"))
        return _endpoint(stack, mistral, **props).settings_hash

    hashes = [
        settings_hash(),
        settings_hash(instance_count=2),
        settings_hash(instance_type="ml.g5.4xlarge"),
        settings_hash(environment={"MAX_TOTAL_TOKENS": "8193"}),
        settings_hash(download_timeout=cdk.Duration.minutes(11)),
        settings_hash(startup_timeout=cdk.Duration.minutes(11)),
    ]
    assert len(set(hashes)) == len(hashes)
    assert hashes[0] == settings_hash()
    assert {len(one) for one in hashes} == {6}
