"""Differences that an update would lose state by are seen, and accepted only where the changelog announces them."""

import copy
from typing import Any

import pytest

from tests.upgrade.differences import Difference, differences, unwanted

STACK = "dev/tuned"
OLD: dict[str, Any] = {
    STACK: {
        "Resources": {
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"Description": "all that is stored"}},
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data"}},
            "Lifecycle": {"Type": "Custom::FineTuning", "Properties": {"Declaration": "8231fb6782d3"}},
            "Served": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": "none", "Description": "served"}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "trains"}},
        },
        "Outputs": {"InvokeUrl": {"Value": "https://"}},
    }
}
LOST = [Difference(STACK, "Bucket", "AWS::S3::Bucket has no such logical id any more")]


def _changed(logical_id: str, **properties: Any) -> dict[str, Any]:
    new = copy.deepcopy(OLD)
    new[STACK]["Resources"][logical_id]["Properties"] |= properties
    return new


def _renamed(logical_id: str, name: str) -> dict[str, Any]:
    new = copy.deepcopy(OLD)
    new[STACK]["Resources"][name] = new[STACK]["Resources"].pop(logical_id)
    return new


def test_the_same_templates_differ_in_nothing() -> None:
    assert differences(OLD, copy.deepcopy(OLD)) == []


def test_a_changed_logical_id_is_seen() -> None:
    assert differences(OLD, _renamed("Bucket", "Data")) == LOST


def test_a_name_that_replaces_is_seen() -> None:
    [found] = differences(OLD, _changed("Bucket", BucketName="weights"))

    assert found.logical_id == "Bucket"
    assert str(found).endswith('since BucketName has changed: "data" became "weights"')


def test_any_property_that_calls_a_handler_is_seen() -> None:
    assert [each.logical_id for each in differences(OLD, _changed("Lifecycle", Declaration="0"))] == ["Lifecycle"]
    assert [each.logical_id for each in differences(OLD, _changed("Lifecycle", Another="1"))] == ["Lifecycle"]


def test_any_property_that_writes_a_pointer_again_is_seen() -> None:
    assert [each.logical_id for each in differences(OLD, _changed("Served", Description="the version"))] == ["Served"]


def test_another_type_under_the_same_id_is_seen() -> None:
    new = copy.deepcopy(OLD)
    new[STACK]["Resources"]["Key"]["Type"] = "AWS::KMS::ReplicaKey"

    assert [each.text for each in differences(OLD, new)] == ["AWS::KMS::Key has become AWS::KMS::ReplicaKey"]


def test_an_output_that_is_gone_is_seen() -> None:
    new = copy.deepcopy(OLD)
    new[STACK]["Outputs"] = {"Url": {"Value": "https://"}}

    assert [each.logical_id for each in differences(OLD, new)] == ["InvokeUrl"]


def test_a_stack_that_is_gone_is_seen() -> None:
    assert [each.text for each in differences(OLD, {})] == ["the stack is not declared any more"]


@pytest.mark.parametrize(
    "new",
    [
        _changed("Key", Description="updated in place"),
        _changed("Role", RoleName="replaced, and holds nothing"),
        _renamed("Role", "TrainingRole"),
        {**OLD, "dev/another": {"Resources": {}}},
    ],
    ids=["in place", "stateless", "stateless id", "new stack"],
)
def test_what_loses_nothing_is_no_difference(new: dict[str, Any]) -> None:
    assert differences(OLD, new) == []


@pytest.mark.parametrize(
    "changelog",
    [
        "## [Unreleased]\n\n- Upgrade: move the data, `aws s3 sync`, since `Bucket` is a new one.\n\n## [0.1.0]\n",
        "## [Unreleased]\n- **Upgrade:** move the data,\n  since `Bucket` is a new one.\n\n## [0.1.0]\n",
        "## [0.2.0]\n* Upgrade: `Bucket` is a new one.\n",
        "## [0.2.0]\n\nUpgrade: move the data,\nsince `Bucket` is a new one.\n",
    ],
)
def test_an_announced_difference_is_wanted(changelog: str) -> None:
    assert unwanted(LOST, "0.1.0", changelog) == []


@pytest.mark.parametrize(
    "changelog",
    [
        "",
        "## [Unreleased]\n- Changed: `Bucket` is a new one.\n",
        "## [Unreleased]\n- Upgrade: `Key` is a new one.\n- Added: `Bucket`.\n",
        "## [Unreleased]\n\n## [0.1.0]\n- Upgrade: `Bucket` is a new one.\n",
    ],
    ids=["none", "no upgrade", "another resource", "an earlier release"],
)
def test_any_other_difference_is_not(changelog: str) -> None:
    assert unwanted(LOST, "0.1.0", changelog) == [str(LOST[0])]
