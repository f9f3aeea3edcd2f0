"""A deployment never changes the parameters that point to the served version: CloudFormation would write `none`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import app
from stacks.environments import DEV, Environment
from stacks.models import MISTRAL_7B_DOLLY
from tests.support.local_aws import ClientFactory as Aws
from tests.support.local_aws import StackDriver

pytestmark = pytest.mark.xdist_group("app")

TARGET = "/jumpstack/dev/mistral-7b-dolly/target"


def _template(folder: Path, environment: Environment) -> dict[str, Any]:
    built = app.build([(environment, [MISTRAL_7B_DOLLY])], outdir=str(folder))
    [template] = Path(built.synth().directory).glob("**/*dolly*.template.json")
    return dict(json.loads(template.read_text(encoding="utf-8")))


def _parameters(template: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::SSM::Parameter"}


@pytest.fixture(scope="module")
def before_and_after(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Templates of one stack before and after its environment's tags change."""
    tags: list[dict[str, str]] = [{"environment": "dev"}, {"environment": "development", "team": "search"}]
    return [_template(tmp_path_factory.mktemp("out"), replace(DEV, tags=each)) for each in tags]


def test_an_environments_tags_are_on_everything_but_the_pointers(before_and_after: list[dict[str, Any]]) -> None:
    before, after = before_and_after
    [key] = [one for one in after["Resources"].values() if one["Type"] == "AWS::KMS::Key"]

    assert {"Key": "team", "Value": "search"} in key["Properties"]["Tags"]
    assert len(_parameters(before)) == 3
    assert _parameters(after) == _parameters(before)
    for parameter in _parameters(after).values():
        assert parameter["Properties"]["Tags"] == {"environment": "dev", "model": "mistral-7b-dolly"}


@pytest.mark.sweep
def test_a_changed_tag_keeps_the_served_version(
    before_and_after: list[dict[str, Any]], stacks: StackDriver, stack_name: str, aws: Aws
) -> None:
    before, after = (_parameters(template) for template in before_and_after)
    other = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
    assert stacks.deploy(stack_name, {**before, "Other": other}) == "CREATE_COMPLETE"
    aws("ssm").put_parameter(Name=TARGET, Value="release-1", Overwrite=True)

    changed = {**other, "Properties": {"DisplayName": "two"}}
    assert stacks.deploy(stack_name, {**after, "Other": changed}) == "UPDATE_COMPLETE"

    assert aws("ssm").get_parameter(Name=TARGET)["Parameter"]["Value"] == "release-1"
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"


def test_a_tag_of_the_whole_stack_resets_the_pointer_whose_history_keeps_the_version(
    before_and_after: list[dict[str, Any]], stacks: StackDriver, stack_name: str, aws: Aws
) -> None:
    parameters = _parameters(before_and_after[0])
    stacks.deploy(stack_name, parameters)
    aws("ssm").put_parameter(Name=TARGET, Value="release-1", Overwrite=True)

    assert stacks.deploy(stack_name, parameters, tags={"cost": "search"}) == "UPDATE_COMPLETE"

    assert aws("ssm").get_parameter(Name=TARGET)["Parameter"]["Value"] == "none"
    history = aws("ssm").get_parameter_history(Name=TARGET)["Parameters"]
    assert [version["Value"] for version in history] == ["none", "release-1", "none"]
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"
