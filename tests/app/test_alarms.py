"""Compare every alarm of every stack with what it has to be."""

from typing import Any

import pytest

from stacks.declarations import FineTunedModel
from stacks.models import DEPLOYMENTS

pytestmark = pytest.mark.xdist_group("app")

# Fine-tuned models that an endpoint serves: alarms roll a new version back. A minute with five failed requests, or one
# of whose requests one in ten takes a minute or longer, is enough; no requests are no failure.
WATCHED = [
    f"{environment.name}/{model.name}"
    for environment, models in DEPLOYMENTS
    for model in models
    if isinstance(model, FineTunedModel) and not model.bedrock
]
ALARMS: dict[str, dict[str, Any]] = {
    "Invocation5XXErrors": {"Statistic": "Sum", "Threshold": 5},
    "ModelLatency": {"ExtendedStatistic": "p90", "Threshold": 60_000_000},
}

Templates = dict[str, dict[str, Any]]


def _alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    return {one["MetricName"]: one for one in found}


@pytest.mark.parametrize("metric", ALARMS)
@pytest.mark.parametrize("stack", WATCHED)
def test_watches_each_new_version_of_a_tuned_model(templates: Templates, stack: str, metric: str) -> None:
    environment, model = stack.split("/")
    name = f"{environment}-{model}"

    assert _alarms(templates[stack])[metric] == {
        "AlarmDescription": f"rolls a new version of {name} back while it is put into place",
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "AllTraffic"}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "Tags": [{"Key": "environment", "Value": environment}, {"Key": "model", "Value": model}],
        **ALARMS[metric],
    }


def test_has_no_alarm_that_is_not_checked_here(templates: Templates) -> None:
    found = {stack: set(alarms) for stack, template in templates.items() if (alarms := _alarms(template))}

    assert found == {stack: set(ALARMS) for stack in WATCHED}
