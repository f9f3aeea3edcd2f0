"""A model that is renamed and one that is removed while they are deployed: looked at, keys revoked, destroyed."""

from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from stacks.environments import DEV
from stacks.models import MISTRAL_7B_INSTRUCT
from tests.e2e.deployment import ACCOUNTS, REGION, STACK, deployer_of
from tools import deployed, keys
from tools.cli.main import run
from tools.leftovers import leftovers
from tools.local import LocalAws

pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("e2e-renamed")]

APP = Path(__file__).with_name("environments_app.py")
REMOVED = "acceptance/mistral-7b-instruct"


def test_a_renamed_and_a_removed_model_are_seen_and_go_without_their_declarations(
    local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployer = deployer_of(local_aws, tmp_path, APP, ["both"])
    deployer.deploy("both", ACCOUNTS)
    deployer.deploy("both", STACK.path, REMOVED)
    keys.create(STACK, "ada")
    # Renamed in one environment; the other environment is gone from the declarations.
    renamed = replace(MISTRAL_7B_INSTRUCT, name="mistral-instruct")
    monkeypatch.setattr(deployed, "DEPLOYMENTS", ((DEV, (renamed,)),))
    capsys.readouterr()

    def columns(*words: str) -> dict[str, list[str]]:
        assert run(["status", *words]) == 0
        return {line.split("\t")[0]: line.split("\t")[1:4] for line in capsys.readouterr().out.splitlines()}

    lost = ["not declared any more", "CREATE_COMPLETE", "endpoint InService, 1 x ml.g5.2xlarge"]
    assert columns() == {
        REMOVED: lost,
        STACK.path: lost,
        "dev/mistral-instruct": ["declared, not deployed", "", ""],
    }

    assert run(["keys", "list", STACK.path]) == 0
    assert "ada" in capsys.readouterr().out
    assert run(["keys", "revoke", STACK.path, "--all"]) == 0
    assert capsys.readouterr().out == "revoked: ada\n"

    assert run(["destroy", "dev/mistral-7b-instruc"]) == 2
    assert f"did you mean {STACK.path}, " in capsys.readouterr().err
    assert run(["destroy", STACK.path]) == 1
    assert "without a terminal to confirm in, add --yes" in capsys.readouterr().err
    assert columns("dev")[STACK.path] == lost

    assert run(["destroy", STACK.path, "--yes"]) == 0
    assert run(["destroy", "acceptance", "--yes"]) == 0
    capsys.readouterr()

    assert list(columns()) == ["dev/mistral-instruct"]
    left = {(one.kind, one.name) for one in leftovers([REGION]) if one.kind != "AWS::IAM::Role"}
    assert left == {("AWS::CloudFormation::Stack", "jumpstack-account")}
    stacks = boto3.client("cloudformation", region_name=REGION).describe_stacks()["Stacks"]
    assert {stack["StackName"] for stack in stacks} == {"jumpstack-account", "CDKToolkit"}
