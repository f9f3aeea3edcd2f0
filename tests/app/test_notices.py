from typing import Any

import pytest

from stacks.declarations import FineTunedModel, ImportedModel
from stacks.models import DEPLOYMENTS

pytestmark = pytest.mark.xdist_group("app")

# A pipeline publishes how it succeeded or failed itself; a rule publishes what ends it from outside. Imports publish
# nothing themselves.
STATUSES = {
    f"{environment.name}/{model.name}": ["TIMED_OUT", "ABORTED"]
    if isinstance(model, FineTunedModel)
    else ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
    for environment, models in DEPLOYMENTS
    for model in models
    if isinstance(model, FineTunedModel | ImportedModel)
}


def test_subscribers_hear_once_of_each_way_in_which_an_execution_ends(templates: dict[str, dict[str, Any]]) -> None:
    found = {
        stack: resource["Properties"]["EventPattern"]["detail"]["status"]
        for stack, template in templates.items()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Events::Rule"
        and resource["Properties"].get("EventPattern", {}).get("source") == ["aws.states"]
    }

    assert found == STATUSES
