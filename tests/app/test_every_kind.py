"""Make the stack of a model of each kind, container and way of chatting, and read its function's settings."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template
from constructs import Construct

from bench.served import Served, served
from catalog import Lock
from invoke_shim.settings import Settings
from stacks.declarations import JumpStartModel
from stacks.endpoint_stack import EndpointStack
from stacks.environments import DEV
from stacks.placement import Placement

pytestmark = pytest.mark.sweep

LOCK = Lock.load()


def _kinds() -> list[Served]:
    """Return a model of each kind, container, and default of its chats."""
    kinds: dict[object, Served] = {}
    for one in served(LOCK):
        if not one.found.refusal:
            kinds.setdefault((one.found.kind.name, one.found.container, one.found.prompt_format), one)
    return list(kinds.values())


def _settings(one: Served, context: dict[str, Any]) -> Settings:
    app = cdk.App(context=context, analytics_reporting=False)
    version = LOCK.versions(one.model_id)[0]
    model = JumpStartModel(
        name="m",
        model_id=one.model_id,
        version=version,
        prompt_format=None if one.found.prompt_format or one.found.task != "text" else "none",
        accept_eula=LOCK.model(one.model_id, version).requires_eula,
    )
    placement = Placement(environment=DEV, model=model)
    template = Template.from_stack(EndpointStack(Construct(app, DEV.name), placement, lock=LOCK))
    [variables] = [
        found["Properties"]["Environment"]["Variables"]
        for found in template.find_resources("AWS::Lambda::Function").values()
        if "AWS_LAMBDA_EXEC_WRAPPER" in found["Properties"].get("Environment", {}).get("Variables", {})
    ]
    return Settings.from_environment({name: value for name, value in variables.items() if isinstance(value, str)})


@pytest.mark.parametrize("one", _kinds(), ids=lambda one: one.model_id)
def test_the_function_of_each_kind_knows_its_task_container_and_format(one: Served, context: dict[str, Any]) -> None:
    settings = _settings(one, context)

    assert (settings.task, settings.container) == (one.found.task, one.found.container)
    assert settings.prompt_format == (one.found.prompt_format or "none" if one.found.task == "text" else "none")
