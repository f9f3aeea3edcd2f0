"""Run all checks of templates: CDK's own, cdk-nag's AwsSolutions, and cfn-lint."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

import app
from stacks.declarations import BedrockImport, FineTunedModel, SageMakerWeights
from stacks.environments import DEV, PROD, ApiKeys, Cors, Domain, FrontDoor, Network, Quota, WebAcl
from stacks.models import DEPLOYMENTS, GRANITE_3B_CODE, LLAMA_3_2_3B_10K, MISTRAL_7B_INSTRUCT, MISTRAL_7B_SEC
from tests.app.reviewed import DIGESTS
from tests.support.assembly import template_files

pytestmark = [pytest.mark.validated, pytest.mark.xdist_group("validated")]

ROOT = Path(app.__file__).parent


def test_aws_solutions_finds_nothing_that_is_not_acknowledged(assembly: Path) -> None:
    reports = json.loads((assembly / "validation-report.json").read_text())["pluginReports"]

    assert [finding for report in reports for finding in report.get("violations", [])] == []


def test_aws_solutions_refuses_the_app_when_a_stack_has_a_bucket_that_takes_plain_http(tmp_path: Path) -> None:
    built = app.build([(DEV, [MISTRAL_7B_INSTRUCT])], outdir=str(tmp_path))
    stack = built.node.find_child("dev").node.find_child("mistral-7b-instruct")
    s3.Bucket(cast("cdk.Stack", stack), "Bucket")

    with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
        built.synth()


def test_cfn_lint_finds_nothing_in_a_template_of_each_kind(assembly: Path) -> None:
    files = template_files(assembly)

    assert _linted(sorted(str(files[path]) for path in DIGESTS)) == (0, "")


@pytest.mark.sweep
def test_cfn_lint_finds_nothing_in_any_template(assembly: Path) -> None:
    templates = sorted(str(path) for path in assembly.glob("*.template.json"))
    # The stacks of models, and those of the two regions.
    assert len(templates) == sum(len(models) for _, models in DEPLOYMENTS) + 2

    assert _linted(templates) == (0, "")


@pytest.mark.sweep
def test_neither_finds_anything_in_a_front_door_with_keys_web_acl_and_domain(tmp_path: Path) -> None:
    certificate = "arn:aws:acm:us-west-2:111122223333:certificate/12ab34cd-12ab-34cd-56ef-1234567890ab"
    domain = Domain(name="models.example.com", certificates={"us-west-2": certificate}, hosted_zone_id="Z0123456789")
    door = FrontDoor(
        api_keys=ApiKeys(quota=Quota(requests=1000)),
        web_acl=WebAcl(),
        domain=domain,
        cors=Cors(origins=("https://chat.example.com", "http://localhost:3000")),
    )
    # Raises where cdk-nag finds something.
    app.build([(replace(PROD, front_door=door), [MISTRAL_7B_INSTRUCT])], outdir=str(tmp_path)).synth()

    assert _linted(sorted(str(path) for path in tmp_path.glob("prod*.template.json"))) == (0, "")


@pytest.mark.sweep
@pytest.mark.parametrize("base", [MISTRAL_7B_SEC, LLAMA_3_2_3B_10K], ids=["served by an endpoint", "imported"])
def test_neither_finds_anything_in_a_pipeline_with_everything(base: FineTunedModel, tmp_path: Path) -> None:
    network = Network(subnet_ids=["subnet-0123abcd"], security_group_ids=["sg-0123abcd"])
    model = replace(
        base,
        bedrock=replace(base.bedrock, in_vpc=True, keep_versions=3) if base.bedrock else None,
        spot=True,
        data_prefix="s3://some-bucket/data/",
        validation_prefix="s3://some-bucket/validation/",
        start=("deploy", "schedule:rate(7 days)", "schedule:cron(0 3 ? * SUN *)"),
    )
    # Raises where cdk-nag finds something.
    app.build([(replace(PROD, network=network), [model])], outdir=str(tmp_path)).synth()

    assert _linted(sorted(str(path) for path in tmp_path.glob("prod*.template.json"))) == (0, "")


@pytest.mark.sweep
def test_neither_finds_anything_in_an_imported_model_with_everything(tmp_path: Path) -> None:
    network = Network(subnet_ids=["subnet-0123abcd"], security_group_ids=["sg-0123abcd"])
    key_arn = "arn:aws:kms:us-west-2:444455556666:key/0a1b2c3d-0000-1111-2222-333344445555"
    weights = SageMakerWeights(
        bucket="their-models", prefix="coder/1/", account="444455556666", key_arn=key_arn, model_name="coder"
    )
    model = replace(GRANITE_3B_CODE, weights=weights, bedrock=BedrockImport(in_vpc=True, keep_versions=3))
    # Raises where cdk-nag finds something.
    app.build([(replace(PROD, account="111122223333", network=network), [model])], outdir=str(tmp_path)).synth()

    assert _linted(sorted(str(path) for path in tmp_path.glob("prod*.template.json"))) == (0, "")


def _linted(templates: list[str]) -> tuple[int, str]:
    assert templates
    completed = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), *templates],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return completed.returncode, completed.stdout
