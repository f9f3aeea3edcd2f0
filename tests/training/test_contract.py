"""Check that *prepare* understands the variables of the template, and that the command on a laptop uses the same."""

from dataclasses import replace
from typing import Any

from catalog.example_prompts import example_prompt
from tools.dataset.request import declared, settings_of
from training import settings as module
from training.settings import Settings
from training.verify import CONTAINERS

Templates = dict[str, dict[str, Any]]


def _variables(templates: Templates, handler: str) -> dict[str, str]:
    resources: dict[str, Any] = templates["prod/mistral-7b-dolly"]["Resources"]
    [function] = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Function" and resource["Properties"].get("Handler") == handler
    ]
    return {name: _text(value) for name, value in function["Environment"]["Variables"].items()}


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_text(part) for part in parts)
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return f"<{name}>"
        case _:
            raise AssertionError(value)


def test_prepare_understands_what_the_template_tells_it_and_the_command_says_the_same(templates: Templates) -> None:
    deployed = Settings.from_environment(
        {**_variables(templates, "training.prepare.handler"), "AWS_REGION": "us-west-2"}
    )
    local = settings_of(declared("prod/mistral-7b-dolly"), has_validation=False)

    # Places, roles and keys are the stack's.
    places = {
        name: getattr(deployed, name)
        for name in ("data_prefix", "output_prefix", "key_arn", "volume_key_arn", "role_arn")
    }
    assert replace(local, **places) == deployed
    assert deployed.data_prefix.endswith("/training/data/")
    assert deployed.output_prefix.endswith("/training/runs/")


def test_prepare_knows_every_variable_that_the_template_sets(templates: Templates) -> None:
    assert module.__doc__ is not None
    unknown = [name for name in _variables(templates, "training.prepare.handler") if f"`{name}`" not in module.__doc__]
    assert not unknown


def test_verify_understands_what_the_template_tells_it(templates: Templates) -> None:
    variables = _variables(templates, "training.verify.handler")
    assert variables["CONTAINER"] in CONTAINERS
    assert example_prompt(variables["PROMPT_TEMPLATE"]).startswith("Below is an instruction")
