import json
from pathlib import Path

import pytest

from tools.deployed import declared_stack, declared_stacks, regions, resource_count


def test_names_stacks_as_the_cdk_cli_and_as_cloudformation_do() -> None:
    stack = declared_stack("prod/arctic-instruct")

    assert (stack.path, stack.stack_name, stack.region) == (
        "prod/arctic-instruct",
        "prod-arctic-instruct",
        "us-east-2",
    )


def test_knows_whose_callers_have_keys() -> None:
    assert declared_stack("dev/falcon-7b").takes_keys
    assert not declared_stack("prod/falcon-7b").takes_keys


def test_lists_an_environments_regions_once() -> None:
    assert list(regions(declared_stacks("prod"))) == ["us-east-2", "us-west-2"]


def test_refuses_an_unknown_environment_and_names_those_declared() -> None:
    with pytest.raises(ValueError, match="environment is 'qa': declared are dev, staging, prod"):
        declared_stacks("qa")


def test_refuses_an_unknown_stack_and_names_those_declared() -> None:
    with pytest.raises(ValueError, match="stack is 'dev/gpt': declared are dev/falcon-7b, "):
        declared_stack("dev/gpt")


def test_counts_the_resources_of_a_synthesized_stack(tmp_path: Path) -> None:
    folder = tmp_path / "assembly-dev"
    folder.mkdir()
    artifact = {"properties": {"stackName": "dev-falcon-7b", "templateFile": "some.template.json"}}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"assets": {}, "some": artifact}}))
    (folder / "some.template.json").write_text(json.dumps({"Resources": {"One": {}, "Two": {}}}))

    assert resource_count(tmp_path, declared_stack("dev/falcon-7b")) == 2
    with pytest.raises(ValueError, match="the assembly does not hold it"):
        resource_count(tmp_path, declared_stack("dev/mistral-7b"))
