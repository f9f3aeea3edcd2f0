"""The app as a whole: its stacks, their order and outputs, and the selection of some."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import app
from catalog import Lock
from stacks.declarations import FineTunedModel, ImportedModel, JumpStartModel, Model
from stacks.environments import (
    DEV,
    PROD,
    ApiKeys,
    Domain,
    Environment,
    FrontDoor,
    Network,
    WebAcl,
)
from stacks.models import (
    ARCTIC_INSTRUCT,
    DEPLOYMENTS,
    GRANITE_3B_CODE,
    LLAMA_3_2_3B_10K,
    MISTRAL_7B_DOLLY,
    MISTRAL_7B_INSTRUCT,
)
from tests.support.assembly import templates_of

pytestmark = pytest.mark.xdist_group("app")

ROOT = Path(app.__file__).parent
_REGIONS = ("us-east-2", "us-west-2")

PROD_STACKS = {
    "arctic-instruct": ("ml.p5.48xlarge", "us-east-2"),
    "falcon-180b": ("ml.p4de.24xlarge", "us-west-2"),
    "falcon-180b-chat": ("ml.p4de.24xlarge", "us-west-2"),
    "falcon-180b-chat-quantized": ("ml.p4d.24xlarge", "us-west-2"),
    "falcon-40b": ("ml.g5.12xlarge", "us-west-2"),
    "falcon-40b-instruct": ("ml.g5.12xlarge", "us-west-2"),
    "falcon-7b": ("ml.g5.2xlarge", "us-west-2"),
    "falcon-7b-instruct": ("ml.g5.2xlarge", "us-west-2"),
    "mistral-7b": ("ml.g5.2xlarge", "us-west-2"),
    "mistral-7b-instruct": ("ml.g5.2xlarge", "us-west-2"),
}

FINE_TUNED = ("llama-3-2-3b-10k", "mistral-7b-dolly", "mistral-7b-sec")


def _resource(template: dict[str, Any], resource_type: str) -> dict[str, Any]:
    [resource] = [found for found in template["Resources"].values() if found["Type"] == resource_type]
    return dict(resource)


def test_names_each_stack_by_its_environment_and_model(templates: dict[str, dict[str, Any]]) -> None:
    declared = {f"{environment.name}/{model.name}" for environment, models in DEPLOYMENTS for model in models}

    assert set(templates) == declared | {"account/us-east-2", "account/us-west-2"}
    names = {*PROD_STACKS, *FINE_TUNED}
    assert {path for path in templates if path.startswith("prod/")} == {f"prod/{name}" for name in names}


def test_the_cdk_cli_deploys_the_settings_of_accounts_first(assembly: Path) -> None:
    # The CLI deploys in the order of the manifest, of which it sets aside what has assets to upload.
    artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"].values()
    stacks = [artifact for artifact in artifacts if artifact["type"] == "aws:cloudformation:stack"]

    accounts = ["account/us-east-2", "account/us-west-2"]
    assert [stack["displayName"] for stack in stacks[:2]] == accounts
    assert [stack["displayName"] for stack in stacks if not stack.get("dependencies")] == accounts
    assert {stack["properties"]["assumeRoleArn"] for stack in stacks} == {
        f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/cdk-hnb659fds-deploy-role-${{AWS::AccountId}}-{region}"
        for region in ("us-east-2", "us-west-2")
    }


@pytest.mark.parametrize("name", PROD_STACKS)
def test_runs_every_model_of_the_sources_on_its_instance_type_in_its_region(
    templates: dict[str, dict[str, Any]], name: str
) -> None:
    template = templates[f"prod/{name}"]
    instance_type, region = PROD_STACKS[name]

    [variant] = _resource(template, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InstanceType"] == instance_type
    assert template["environment"] == f"aws://unknown-account/{region}"
    container = _resource(template, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    assert f".dkr.ecr.{region}.amazonaws.com/" in container["Image"]
    location = container.get("ModelDataUrl") or container["ModelDataSource"]["S3DataSource"]["S3Uri"]
    assert location.startswith(f"s3://jumpstart-cache-prod-{region}/")
    assert container["Environment"]


@pytest.mark.parametrize(
    "name",
    [*("falcon-7b", "falcon-7b-instruct", "falcon-40b", "falcon-40b-instruct"), *("falcon-180b", "falcon-180b-chat")],
)
def test_gives_falcon_the_2048_total_tokens_of_its_announcement(
    templates: dict[str, dict[str, Any]], name: str
) -> None:
    container = _resource(templates[f"prod/{name}"], "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]

    assert container["Environment"]["MAX_TOTAL_TOKENS"] == "2048"


@pytest.mark.parametrize("name", ["mistral-7b", "mistral-7b-instruct"])
def test_gives_mistral_the_tgi_and_limits_of_its_announcement(templates: dict[str, dict[str, Any]], name: str) -> None:
    container = _resource(templates[f"prod/{name}"], "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]

    assert "tgi1.1.0" in container["Image"]
    assert container["Environment"]["MAX_INPUT_LENGTH"] == "8191"
    assert container["Environment"]["MAX_TOTAL_TOKENS"] == "8192"


def _outputs(environment: Environment, model: Model) -> set[str]:
    """Return the names of the outputs of a model's stack."""
    names = {"InvokeUrl"} | ({"UsagePlanId"} if environment.front_door.api_keys else set())
    if isinstance(model, FineTunedModel | ImportedModel):
        names |= {"TopicArn"}
    if isinstance(model, FineTunedModel):
        names |= {"DataPrefix", "StartCommand", "StateMachineArn"}
    if isinstance(model, JumpStartModel):
        names |= {"BucketName", "KeyArn"}
    if isinstance(model, ImportedModel) or (isinstance(model, FineTunedModel) and model.bedrock):
        return names | {"ImportedModelName", "ImportStateMachineArn", "PointerName"}
    return names | {"EndpointName"}


def test_every_model_stack_has_outputs_for_callers_and_commands(templates: dict[str, dict[str, Any]]) -> None:
    expected = {
        f"{environment.name}/{model.name}": _outputs(environment, model)
        for environment, models in DEPLOYMENTS
        for model in models
    }

    assert {path: set(templates[path]["Outputs"]) for path in expected} == expected


def test_callers_of_dev_and_staging_have_keys_and_those_of_prod_iam_credentials(
    templates: dict[str, dict[str, Any]],
) -> None:
    for environment, authorization in [("dev", "CUSTOM"), ("staging", "CUSTOM"), ("prod", "AWS_IAM")]:
        method = _resource(templates[f"{environment}/mistral-7b-instruct"], "AWS::ApiGateway::Method")
        assert method["Properties"]["AuthorizationType"] == authorization, environment
    plan = _resource(templates["dev/mistral-7b-instruct"], "AWS::ApiGateway::UsagePlan")["Properties"]
    assert plan["Throttle"] == {"BurstLimit": 10, "RateLimit": 10}
    assert plan["Quota"] == {"Limit": 100_000, "Period": "DAY"}


def test_no_key_of_a_caller_stands_in_a_template(templates: dict[str, dict[str, Any]]) -> None:
    types = {resource["Type"] for template in templates.values() for resource in template["Resources"].values()}

    assert not {"AWS::ApiGateway::ApiKey", "AWS::ApiGateway::UsagePlanKey", "AWS::SecretsManager::Secret"} & types


def test_creates_the_endpoint_after_everything_else(templates: dict[str, dict[str, Any]]) -> None:
    template = templates["dev/mistral-7b-instruct"]
    waits_for = {
        template["Resources"][name]["Type"] for name in _resource(template, "AWS::SageMaker::Endpoint")["DependsOn"]
    }

    assert {"AWS::ApiGateway::Stage", "AWS::S3::BucketPolicy", "Custom::S3AutoDeleteObjects"} <= waits_for


def test_retains_the_data_of_prod_and_deletes_that_of_dev(templates: dict[str, dict[str, Any]]) -> None:
    stored = {"AWS::KMS::Key", "AWS::S3::Bucket", "AWS::Logs::LogGroup"}
    for environment, policy in [("dev", "Delete"), ("prod", "RetainExceptOnCreate")]:
        resources = templates[f"{environment}/mistral-7b-instruct"]["Resources"].values()
        found = {(one["Type"], one["DeletionPolicy"]) for one in resources if one["Type"] in stored}
        assert found == {(resource_type, policy) for resource_type in stored}


def test_retains_the_policies_of_the_buckets_that_it_retains(templates: dict[str, dict[str, Any]]) -> None:
    policies = [
        resource["DeletionPolicy"]
        for path, template in templates.items()
        for resource in template["Resources"].values()
        if path.startswith("prod/") and resource["Type"] == "AWS::S3::BucketPolicy"
    ]

    assert len(policies) >= 2
    assert set(policies) == {"RetainExceptOnCreate"}


def test_a_first_deployment_that_fails_leaves_nothing_in_any_environment(
    templates: dict[str, dict[str, Any]],
) -> None:
    kept = {
        (path, name)
        for path, template in templates.items()
        for name, resource in template["Resources"].items()
        if resource.get("DeletionPolicy") == "Retain"
    }

    assert kept == set()


def test_tags_everything_with_environment_and_model(templates: dict[str, dict[str, Any]]) -> None:
    tags = _resource(templates["prod/falcon-7b"], "AWS::SageMaker::Endpoint")["Properties"]["Tags"]

    assert tags == [{"Key": "environment", "Value": "prod"}, {"Key": "model", "Value": "falcon-7b"}]


def test_no_secret_and_no_account_stands_in_a_template(templates: dict[str, dict[str, Any]]) -> None:
    text = json.dumps(list(templates.values()))

    assert "SecretString" not in text
    assert "arn:aws:iam::1" not in text


def test_puts_the_reason_of_each_acknowledged_finding_beside_its_resource(
    templates: dict[str, dict[str, Any]],
) -> None:
    reasons = [
        rule["reason"]
        for resource in templates["dev/mistral-7b-instruct"]["Resources"].values()
        for rule in resource.get("Metadata", {}).get("cdk_nag", {}).get("rules_to_suppress", [])
    ]

    assert len(reasons) >= 8
    assert all(len(reason) > 40 for reason in reasons)


# One stack of each kind, and the account stacks of their regions.
@pytest.mark.parametrize(
    ("environment", "model", "region"),
    [
        ("prod", ARCTIC_INSTRUCT, "us-east-2"),
        ("dev", MISTRAL_7B_DOLLY, "us-west-2"),
        ("dev", LLAMA_3_2_3B_10K, "us-west-2"),
        ("staging", GRANITE_3B_CODE, "us-west-2"),
    ],
    ids=["endpoint", "fine-tuned endpoint", "fine-tuned import", "imported model"],
)
def test_synthesizes_the_same_bytes_alone_as_together_with_all_others(
    assembly: Path, tmp_path: Path, environment: str, model: Model, region: str
) -> None:
    # In another process than all of them.
    app.build(outdir=str(tmp_path), context={"environments": environment, "models": model.name}).synth()

    everything, alone = _deployed_files(assembly), _deployed_files(tmp_path)
    assert set(templates_of(tmp_path)) == {f"{environment}/{model.name}", f"account/{region}"}
    assert alone == {path: everything[path] for path in alone}


def _run_with_context(context: str) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK CLI does, with values of the context."""
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": context},
        capture_output=True,
        text=True,
        check=False,
    )


def test_reports_names_in_the_context_that_are_not_declared() -> None:
    completed = _run_with_context('{"environments": "dve", "models": "falcon-7b"}')

    assert completed.returncode == 1
    [error] = [line for line in completed.stderr.splitlines() if not line.startswith("warning: ")]
    assert (
        error == "context environments is 'dve': 'dve' is not declared; allowed: dev, staging, prod; did you mean dev?"
    )


def test_checks_all_declarations_whatever_is_selected() -> None:
    wrong = replace(MISTRAL_7B_INSTRUCT, instance_type="ml.g5.48xlarge")

    with pytest.raises(app.DeclarationError, match=r"^prod/mistral-7b-instruct\.instance_type is"):
        app.build([(DEV, [MISTRAL_7B_INSTRUCT]), (PROD, [wrong])], context={"environments": "dev"})


def _deployed_files(assembly: Path) -> dict[Path, bytes]:
    """Return the files of an assembly that are deployed: templates, assets and the lists of assets."""
    files = {path.relative_to(assembly): path for path in assembly.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if name.name.endswith((".template.json", ".assets.json")) or name.parts[0].startswith("asset.")
    }


def test_deploys_into_the_environments_account_network_and_numbers(tmp_path: Path, lock: Lock) -> None:
    environment = replace(
        PROD,
        account="111122223333",
        instance_count=2,
        log_retention_days=731,
        network=Network(subnet_ids=["subnet-0123abcd"], security_group_ids=["sg-0123abcd"]),
        reserved_concurrency=5,
    )
    app.build([(environment, [MISTRAL_7B_INSTRUCT])], lock=lock, outdir=str(tmp_path)).synth()
    templates = templates_of(tmp_path)

    template = templates["prod/mistral-7b-instruct"]
    assert template["environment"] == "aws://111122223333/us-west-2"
    assert "account/111122223333-us-west-2" in templates
    [variant] = _resource(template, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == 2
    assert _resource(template, "AWS::SageMaker::Model")["Properties"]["VpcConfig"]["Subnets"] == ["subnet-0123abcd"]
    assert _resource(template, "AWS::Lambda::Function")["Properties"]["ReservedConcurrentExecutions"] == 5
    days = {
        resource["Properties"]["RetentionInDays"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Logs::LogGroup"
    }
    assert days == {731}


def test_a_models_own_instance_count_and_region_win_over_the_environments(tmp_path: Path) -> None:
    model = replace(ARCTIC_INSTRUCT, instance_count=3)
    app.build([(replace(PROD, instance_count=2), [model])], outdir=str(tmp_path)).synth()

    template = templates_of(tmp_path)["prod/arctic-instruct"]
    [variant] = _resource(template, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == 3
    assert template["environment"].endswith("/us-east-2")


def test_puts_web_acl_and_domain_in_front_where_the_environment_declares_them(tmp_path: Path) -> None:
    certificates = {region: f"arn:aws:acm:{region}:111122223333:certificate/12ab" for region in _REGIONS}
    domain = Domain(name="models.example.com", certificates=certificates, hosted_zone_id="Z0123456789")
    door = FrontDoor(api_keys=ApiKeys(), web_acl=WebAcl(), domain=domain)
    app.build([(replace(PROD, front_door=door), [MISTRAL_7B_INSTRUCT, ARCTIC_INSTRUCT])], outdir=str(tmp_path)).synth()

    for name, region in [("mistral-7b-instruct", "us-west-2"), ("arctic-instruct", "us-east-2")]:
        template = templates_of(tmp_path)[f"prod/{name}"]
        assert template["Outputs"]["InvokeUrl"]["Value"] == f"https://{name}.models.example.com/"
        found = _resource(template, "AWS::ApiGateway::DomainName")["Properties"]
        assert (found["DomainName"], found["RegionalCertificateArn"]) == (
            f"{name}.models.example.com",
            certificates[region],
        )
        assert _resource(template, "AWS::Route53::RecordSet")["Properties"]["HostedZoneId"] == "Z0123456789"
        association = _resource(template, "AWS::WAFv2::WebACLAssociation")["Properties"]
        assert set(association["WebACLArn"]) == {"Fn::GetAtt"}
        waits_for = {
            template["Resources"][one]["Type"] for one in _resource(template, "AWS::SageMaker::Endpoint")["DependsOn"]
        }
        assert waits_for >= {
            "AWS::ApiGateway::BasePathMapping",
            "AWS::ApiGateway::UsagePlan",
            "AWS::Route53::RecordSet",
            "AWS::WAFv2::WebACLAssociation",
        }


def test_takes_the_existing_web_acl_of_each_region(tmp_path: Path) -> None:
    arns = {region: f"arn:aws:wafv2:{region}:111122223333:regional/webacl/some/12ab" for region in _REGIONS}
    environment = replace(PROD, front_door=FrontDoor(web_acl=arns))
    app.build([(environment, [MISTRAL_7B_INSTRUCT, ARCTIC_INSTRUCT])], outdir=str(tmp_path)).synth()

    for name, region in [("mistral-7b-instruct", "us-west-2"), ("arctic-instruct", "us-east-2")]:
        template = templates_of(tmp_path)[f"prod/{name}"]
        assert _resource(template, "AWS::WAFv2::WebACLAssociation")["Properties"]["WebACLArn"] == arns[region]


def test_passes_the_declared_settings_of_streams_and_logs_to_the_function(tmp_path: Path) -> None:
    model = replace(MISTRAL_7B_INSTRUCT, gather_stream=True, invoke_timeout_seconds=400)
    app.build([(replace(PROD, log_prompts=True), [model])], outdir=str(tmp_path)).synth()

    template = templates_of(tmp_path)["prod/mistral-7b-instruct"]
    [variables] = [
        resource["Properties"]["Environment"]["Variables"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function" and "MODEL_NAME" in str(resource)
    ]
    assert (variables["GATHER_STREAM"], variables["LOG_PROMPTS"]) == ("true", "true")
    assert variables["INVOKE_TIMEOUT_SECONDS"] == "400"


def test_waits_as_long_as_the_declaration_says(tmp_path: Path) -> None:
    model = replace(MISTRAL_7B_INSTRUCT, download_timeout_seconds=900, startup_timeout_seconds=1000)
    app.build([(DEV, [model])], outdir=str(tmp_path)).synth()

    template = templates_of(tmp_path)["dev/mistral-7b-instruct"]
    [variant] = _resource(template, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["ModelDataDownloadTimeoutInSeconds"] == 900
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 1000


def test_runs_from_the_command_line_as_cdk_json_says() -> None:
    assert json.loads((ROOT / "cdk.json").read_text())["app"] == "python3 app.py"
    # Importing it is enough to see that `python3 app.py` finds its modules.
    completed = subprocess.run(
        [sys.executable, "-c", "import app; print(app.build.__name__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout == "build\n"
