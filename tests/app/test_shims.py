from typing import Any

import pytest

from stacks.declarations import FineTunedModel, JumpStartModel
from stacks.models import DEPLOYMENTS

pytestmark = pytest.mark.xdist_group("app")


def test_a_shim_has_the_name_of_its_endpoint_or_the_pointer_to_what_is_served(
    templates: dict[str, dict[str, Any]],
) -> None:
    expected, found = {}, {}
    for environment, models in DEPLOYMENTS:
        for model in models:
            path = f"{environment.name}/{model.name}"
            if isinstance(model, JumpStartModel) and not isinstance(model, FineTunedModel):
                expected[path] = {"ENDPOINT_NAME": path.replace("/", "-")}
            else:
                expected[path] = {"TARGET_PARAMETER": f"/jumpstack/{path}/target"}
            [variables] = [
                resource["Properties"]["Environment"]["Variables"]
                for resource in templates[path]["Resources"].values()
                if resource["Type"] == "AWS::Lambda::Function" and "AWS_LAMBDA_EXEC_WRAPPER" in str(resource)
            ]
            found[path] = {
                name: value for name, value in variables.items() if name in {"ENDPOINT_NAME", "TARGET_PARAMETER"}
            }

    assert found == expected
