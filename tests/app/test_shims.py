from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

import app
from invoke_shim.settings import Settings
from stacks.declarations import FineTunedModel, JumpStartModel
from stacks.environments import DEV, Cors
from stacks.models import DEPLOYMENTS

pytestmark = pytest.mark.xdist_group("app")

AUTHORIZER = "hands bearer tokens to API Gateway as API keys"


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
            if isinstance(model, FineTunedModel):
                expected[path]["PIPELINE"] = path
            [variables] = [
                resource["Properties"]["Environment"]["Variables"]
                for resource in templates[path]["Resources"].values()
                if resource["Type"] == "AWS::Lambda::Function" and "AWS_LAMBDA_EXEC_WRAPPER" in str(resource)
            ]
            found[path] = {
                name: variables[name] for name in ("ENDPOINT_NAME", "PIPELINE", "TARGET_PARAMETER") if name in variables
            }

    assert found == expected


def test_a_shim_is_told_what_its_declaration_says_of_answers_and_pages(tmp_path: Path) -> None:
    model = JumpStartModel(
        name="gemma",
        model_id="huggingface-llm-gemma-2-9b-instruct",
        version="1.1.18",
        instance_type="ml.g5.12xlarge",
        accept_eula=True,
        max_tokens=700,
        system_messages="refuse",
        usage="omit",
    )
    pages = Cors(origins=("https://chat.example.com", "http://localhost:3000"))
    declared = replace(DEV, front_door=replace(DEV.front_door, cors=pages))

    built = app.build([(declared, [model])], outdir=str(tmp_path), warn=lambda _: None)
    stack = cast("cdk.Stack", built.node.find_child("dev").node.find_child("gemma"))
    resources = assertions.Template.from_stack(stack).to_json()["Resources"].values()

    [variables] = [
        one["Properties"]["Environment"]["Variables"]
        for one in resources
        if one["Type"] == "AWS::Lambda::Function" and "AWS_LAMBDA_EXEC_WRAPPER" in str(one)
    ]
    settings = Settings.from_environment({**variables, "ENDPOINT_NAME": "dev-gemma"})
    assert (settings.task, settings.container, settings.prompt_format) == ("text", "tgi", "container")
    assert (settings.default_max_tokens, settings.system_messages, settings.usage) == (700, "refuse", "omit")
    assert settings.cors_origins == pages.origins
    verbs = [one["Properties"]["HttpMethod"] for one in resources if one["Type"] == "AWS::ApiGateway::Method"]
    assert sorted(verbs) == ["ANY", "OPTIONS"]


def test_each_shim_and_key_authorizer_has_executions_of_its_own_and_each_stage_a_throttle(
    templates: dict[str, dict[str, Any]],
) -> None:
    for environment, models in DEPLOYMENTS:
        keys, throttle = environment.front_door.api_keys, environment.front_door.throttle
        assert throttle is not None
        reserved = {environment.reserved_concurrency, *([keys.authorizer_concurrency] if keys else [])}
        assert None not in reserved
        for model in models:
            resources = templates[f"{environment.name}/{model.name}"]["Resources"].values()
            found = [one["Properties"].get("ReservedConcurrentExecutions") for one in resources if _is_of_api(one)]
            assert set(found) == reserved, model.name
            assert len(found) == len(reserved), model.name
            [settings] = [
                one["Properties"]["MethodSettings"] for one in resources if one["Type"] == "AWS::ApiGateway::Stage"
            ]
            assert [(one["ThrottlingRateLimit"], one["ThrottlingBurstLimit"]) for one in settings] == [
                (throttle.requests_per_second, throttle.burst)
            ]


def _is_of_api(resource: dict[str, Any]) -> bool:
    """Return whether a resource is a shim or a key authorizer."""
    if resource["Type"] != "AWS::Lambda::Function":
        return False
    variables = resource["Properties"].get("Environment", {}).get("Variables", {})
    return "AWS_LAMBDA_EXEC_WRAPPER" in variables or resource["Properties"].get("Description") == AUTHORIZER
