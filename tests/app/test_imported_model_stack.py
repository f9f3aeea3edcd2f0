"""The stack of an imported model, from its template: its rights, keys, order and settings."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from cdk_nag import WriteNagSuppressionsToCloudFormationAspect

from invoke_shim.settings import Settings
from model_import.settings import Settings as ImportSettings
from stacks.declarations import BedrockImport, Body, ImportedModel, PromptFormat, S3Weights, SageMakerWeights
from stacks.environments import PROD, STAGING, Environment, Network
from stacks.imported_model_stack import ImportedModelStack
from stacks.placement import Placement
from tests.app.state_machine_calls import definition, machines, text

MODEL = ImportedModel(name="coder", weights=S3Weights(bucket="sagemaker-{region}-{account}", prefix="coder/1/"))
THEIRS = S3Weights(
    bucket="their-models",
    prefix="coder/1/",
    account="111122223333",
    key_arn="arn:aws:kms:us-west-2:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555",
)
NETWORK = Network(subnet_ids=["subnet-0123abcd"], security_group_ids=["sg-0123abcd"])

Template = dict[str, Any]


def _template(model: ImportedModel = MODEL, environment: Environment = STAGING) -> Template:
    app = cdk.App()
    stack = ImportedModelStack(app, Placement(environment=environment, model=model))
    cdk.Aspects.of(app).add(WriteNagSuppressionsToCloudFormationAspect())
    return dict(assertions.Template.from_stack(stack).to_json())


@pytest.fixture(scope="module")
def template() -> Template:
    return _template()


def _of_type(template: Template, resource_type: str) -> dict[str, dict[str, Any]]:
    return {name: found for name, found in template["Resources"].items() if found["Type"] == resource_type}


def _statements(template: Template, role: str = "") -> Iterator[dict[str, Any]]:
    """Return the statements of all policies, or of those of one role, whose logical id begins with `role`."""
    for policy in _of_type(template, "AWS::IAM::Policy").values():
        if any(text(one).strip("<>").startswith(role) for one in policy["Properties"]["Roles"]):
            yield from policy["Properties"]["PolicyDocument"]["Statement"]


def _statement(template: Template, role: str, sid: str) -> dict[str, Any] | None:
    found = [statement for statement in _statements(template, role) if statement.get("Sid") == sid]
    return found[0] if found else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _variables(template: Template, handler: str) -> dict[str, str]:
    [function] = [
        found["Properties"]
        for found in _of_type(template, "AWS::Lambda::Function").values()
        if found["Properties"]["Handler"] == handler
    ]
    return {name: text(value) for name, value in function.get("Environment", {}).get("Variables", {}).items()}


def _import_request(template: Template) -> dict[str, Any]:
    [machine] = [found for name, found in machines(template) if "Provider" not in name]
    return dict(definition(machine)["States"]["Import"]["Parameters"])


def _resource(template: Template) -> tuple[str, dict[str, Any]]:
    [(name, resource)] = _of_type(template, "Custom::ModelImport").items()
    return name, resource


class TestRights:
    def test_reach_everything_only_where_iam_has_no_resource(self, template: Template) -> None:
        anywhere = {
            action
            for statement in _statements(template)
            if "*" in _listed(statement["Resource"])
            for action in _listed(statement["Action"])
        }

        assert {action for action in anywhere if action.split(":")[0] not in ("logs", "xray")} == {
            "bedrock:CreateModelImportJob",
            "bedrock:ListImportedModels",
            "bedrock:ListModelImportJobs",
        }
        assert not [action for action in anywhere if "*" in action]

    def test_have_a_wildcard_only_for_what_aws_or_callers_name(self, template: Template) -> None:
        wild = {
            text(arn).replace("<AWS::Partition>", "aws").replace("<AWS::AccountId>", "ACCOUNT")
            for statement in _statements(template)
            for arn in _listed(statement["Resource"])
            if "*" in text(arn) and arn != "*"
        }

        named = {arn for arn in wild if not arn.startswith("<")}
        here = "us-west-2:ACCOUNT"
        assert named == {
            "arn:aws:s3:::sagemaker-us-west-2-ACCOUNT/coder/1/*",
            f"arn:aws:bedrock:{here}:imported-model/*",
            f"arn:aws:bedrock:{here}:model-import-job/*",
            f"arn:aws:states:{here}:execution:staging-coder-import:*",
        }
        # CDK's framework and its waiter grant themselves any version of the functions they call.
        assert {arn.rpartition(".")[2] for arn in wild - named} == {"Arn>:*"}

    def test_stand_beside_the_reason_for_each_wildcard(self, template: Template) -> None:
        reasons = {}
        for name, policy in _of_type(template, "AWS::IAM::Policy").items():
            resources = [
                text(arn)
                for statement in policy["Properties"]["PolicyDocument"]["Statement"]
                for arn in _listed(statement["Resource"])
            ]
            if any("*" in arn for arn in resources):
                rules = policy["Metadata"]["cdk_nag"]["rules_to_suppress"]
                reasons[name] = min(len(rule["reason"]) for rule in rules)
        assert reasons
        assert all(length > 40 for length in reasons.values()), reasons

    def test_are_for_models_with_the_tag_alone_where_they_invoke_or_delete(self, template: Template) -> None:
        on_models = [
            statement
            for statement in _statements(template)
            if {"bedrock:InvokeModel", "bedrock:DeleteImportedModel"} & set(_listed(statement["Action"]))
        ]

        assert len(on_models) == 3
        tag = {"StringEquals": {"aws:ResourceTag/jumpstack:model": "staging-coder"}}
        assert [statement.get("Condition") for statement in on_models] == [tag] * 3

    def test_come_from_no_managed_policy_and_pass_one_role_to_bedrock(self, template: Template) -> None:
        roles = _of_type(template, "AWS::IAM::Role").values()
        passed = [statement for statement in _statements(template) if "iam:PassRole" in _listed(statement["Action"])]

        assert not [role for role in roles if role["Properties"].get("ManagedPolicyArns")]
        assert [statement["Condition"] for statement in passed] == [
            {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
        ]
        assert text(passed[0]["Resource"]).startswith("<ImportImportRole")

    @pytest.mark.parametrize("role", ["ImportImportRole", "ImportCheckRole"])
    def test_read_the_weights_of_the_stacks_own_account(self, template: Template, role: str) -> None:
        for sid in ("ListWeights", "ReadWeights"):
            statement = _statement(template, role, sid)
            assert statement
            assert text(statement["Condition"]["StringEquals"]["aws:ResourceAccount"]) == "<AWS::AccountId>"
        assert _statement(template, role, "DecryptWeights") is None

    @pytest.mark.parametrize("role", ["ImportImportRole", "ImportCheckRole"])
    def test_read_and_decrypt_the_weights_of_another_account(self, role: str) -> None:
        template = _template(replace(MODEL, weights=THEIRS))

        for sid, arn in [("ListWeights", "their-models"), ("ReadWeights", "their-models/coder/1/*")]:
            statement = _statement(template, role, sid)
            assert statement
            assert text(statement["Resource"]).partition(":s3:::")[2] == arn
            assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": "111122223333"}}
        decrypt = _statement(template, role, "DecryptWeights")
        assert decrypt
        assert (decrypt["Action"], decrypt["Resource"]) == (["kms:Decrypt", "kms:DescribeKey"], THEIRS.key_arn)


class TestKeys:
    def test_encrypt_logs_variables_and_the_imported_model(self, template: Template) -> None:
        [key] = _of_type(template, "AWS::KMS::Key")
        logs = [found["Properties"] for found in _of_type(template, "AWS::Logs::LogGroup").values()]
        functions = [
            found["Properties"]
            for name, found in _of_type(template, "AWS::Lambda::Function").items()
            # The authorizer has no variables. CDK's framework has no key for its own, which hold ARNs.
            if "Providerframework" not in name and not name.startswith("Keys")
        ]

        assert len(functions) == 5
        assert {text(one["KmsKeyId"]) for one in logs} == {f"<{key}.Arn>"}
        assert {text(one["KmsKeyArn"]) for one in functions} == {f"<{key}.Arn>"}
        assert _import_request(template)["ImportedModelKmsKeyId"] == f"<{key}.Arn>"

    def test_are_used_by_import_and_callers_of_an_encrypted_model(self, template: Template) -> None:
        statement = _statement(template, "ImportImportRole", "UseModelKey")
        assert statement
        assert "kms:CreateGrant" in statement["Action"]
        via = [found for found in _statements(template) if "kms:ViaService" in json.dumps(found)]
        assert [found["Condition"]["StringEquals"]["kms:ViaService"] for found in via] == [
            "bedrock.us-west-2.amazonaws.com"
        ]

    def test_are_bedrocks_own_where_the_declaration_says_so(self) -> None:
        template = _template(replace(MODEL, bedrock=BedrockImport(encrypt=False)))

        assert "ImportedModelKmsKeyId" not in _import_request(template)
        assert _statement(template, "ImportImportRole", "UseModelKey") is None
        assert "kms:ViaService" not in json.dumps(template)
        assert "kms:CreateGrant" not in json.dumps(list(_statements(template)))

    def test_of_prod_stay_and_those_of_staging_go(self) -> None:
        for environment, policy in [(STAGING, "Delete"), (PROD, "RetainExceptOnCreate")]:
            template = _template(environment=environment)
            stored = [
                *_of_type(template, "AWS::KMS::Key").values(),
                *_of_type(template, "AWS::Logs::LogGroup").values(),
            ]
            assert {found["DeletionPolicy"] for found in stored} == {policy}


class TestDeployment:
    def test_imports_when_everything_else_of_the_stack_stands(self, template: Template) -> None:
        name, _ = _resource(template)

        assert set(template["Resources"]) - _needed(template, name) == set()

    @pytest.mark.parametrize(("account", "shown"), [(None, "<AWS::AccountId>"), ("444455556666", "444455556666")])
    def test_resolves_the_buckets_placeholders(self, account: str | None, shown: str) -> None:
        template = _template(environment=replace(STAGING, account=account))

        _, resource = _resource(template)
        assert text(resource["Properties"]["Weights"]) == f"s3://sagemaker-us-west-2-{shown}/coder/1/"
        for role in ("ImportImportRole", "ImportCheckRole"):
            read = _statement(template, role, "ReadWeights")
            assert read
            assert text(read["Resource"]).endswith(f":s3:::sagemaker-us-west-2-{shown}/coder/1/*")

    @pytest.mark.parametrize(
        ("source", "named"),
        [({"model_name": "coder-1"}, "model/coder-1"), ({"training_job": "coder-1"}, "training-job/coder-1")],
    )
    def test_asks_sagemaker_for_weights_that_it_knows(self, source: dict[str, str], named: str) -> None:
        weights = SageMakerWeights(bucket="sagemaker-{region}-{account}", **source)
        template = _template(replace(MODEL, weights=weights))

        _, resource = _resource(template)
        assert text(resource["Properties"]["Weights"]).endswith(f":sagemaker:us-west-2:<AWS::AccountId>:{named}")
        assert _variables(template, "model_import.check.handler") == {
            "READABLE": "s3://sagemaker-us-west-2-<AWS::AccountId>/"
        }
        assert _statement(template, "ImportCheckRole", "DescribeWeights")

    def test_imports_again_for_another_revision(self) -> None:
        _, resource = _resource(_template(replace(MODEL, revision="2")))

        assert resource["Properties"]["Revision"] == "2"

    def test_imports_within_the_environments_network_only_where_it_should(self) -> None:
        environment = replace(STAGING, network=NETWORK)
        inside = _template(replace(MODEL, bedrock=BedrockImport(in_vpc=True)), environment)
        outside = _template(environment=environment)

        assert _import_request(inside)["VpcConfig"] == {
            "SubnetIds": ["subnet-0123abcd"],
            "SecurityGroupIds": ["sg-0123abcd"],
        }
        assert _statement(inside, "ImportImportRole", "ManageNetworkInterfaces")
        assert "VpcConfig" not in _import_request(outside)
        assert "ec2:" not in json.dumps(outside)

    def test_refuses_a_network_that_the_environment_has_not(self) -> None:
        with pytest.raises(ValueError, match=r"bedrock\.in_vpc is True, and the environment staging has no network"):
            _template(replace(MODEL, bedrock=BedrockImport(in_vpc=True)))

    def test_goes_to_the_models_own_region(self) -> None:
        template = _template(replace(MODEL, region="us-east-1"))

        _, resource = _resource(template)
        assert text(resource["Properties"]["Weights"]).startswith("s3://sagemaker-us-east-1-")


class TestNotices:
    def test_publish_the_end_of_every_import_to_an_encrypted_topic(self, template: Template) -> None:
        [(topic_id, topic)] = _of_type(template, "AWS::SNS::Topic").items()
        [key] = _of_type(template, "AWS::KMS::Key")
        [rule] = _of_type(template, "AWS::Events::Rule").values()

        assert text(topic["Properties"]["KmsMasterKeyId"]) == f"<{key}.Arn>"
        pattern = rule["Properties"]["EventPattern"]
        assert set(pattern["detail"]["status"]) == {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
        [machine] = [name for name, _ in machines(template) if "Provider" not in name]
        assert [text(arn) for arn in pattern["detail"]["stateMachineArn"]] == [f"<{machine}>"]
        [target] = rule["Properties"]["Targets"]
        assert text(target["Arn"]) == f"<{topic_id}>" == text(template["Outputs"]["TopicArn"]["Value"])
        message = target["InputTransformer"]
        assert message["InputTemplate"].strip('"').startswith("import of staging/coder: <")
        assert set(message["InputPathsMap"].values()) == {"$.detail.status", "$.detail.executionArn"}

    def test_refuse_plain_http_and_let_eventbridge_use_the_key(self, template: Template) -> None:
        [policy] = _of_type(template, "AWS::SNS::TopicPolicy").values()
        [key] = _of_type(template, "AWS::KMS::Key").values()

        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        denied = [one for one in statements if one["Effect"] == "Deny"]
        assert [one["Condition"] for one in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
        users = [one for one in key["Properties"]["KeyPolicy"]["Statement"] if "events.amazonaws.com" in str(one)]
        assert "kms:Decrypt" in users[0]["Action"]


class TestSettings:
    @pytest.mark.parametrize("body", get_args(Body))
    def test_of_shim_and_import_are_what_they_take(self, body: Body) -> None:
        # A body without messages takes the prompt that the shim makes.
        prompt_format: PromptFormat | None = None if body in ("chat", "converse") else "granite-code"
        declared = BedrockImport(body=body, keep_versions=3, smoke_prompt="2 + 2?", smoke_expect="4")
        template = _template(replace(MODEL, prompt_format=prompt_format, bedrock=declared))

        shim = Settings.from_environment(_variables(template, "invoke_shim.handler.handle"))
        assert (shim.backend, shim.body, shim.model_name) == ("bedrock", body, "coder")
        assert shim.prompt_format == (prompt_format or "none")
        assert shim.target_parameter == "/jumpstack/staging/coder/target"
        for handler in ("steps.handler", "lifecycle.on_event", "lifecycle.is_complete"):
            parsed = ImportSettings.from_environment(_variables(template, f"model_import.{handler}"))
            assert (parsed.model, parsed.body, parsed.keep_versions) == ("staging-coder", body, 3)
            assert (parsed.smoke_prompt, parsed.smoke_expect) == ("2 + 2?", "4")
            assert parsed.target_parameter == shim.target_parameter
            assert parsed.state_machine_arn.endswith(":stateMachine:staging-coder-import")

    def test_hold_no_secret(self, template: Template) -> None:
        types = {resource["Type"] for resource in template["Resources"].values()}

        assert not {"AWS::ApiGateway::ApiKey", "AWS::ApiGateway::UsagePlanKey", "AWS::SecretsManager::Secret"} & types
        assert "SecretString" not in json.dumps(template)

    def test_are_outputs_of_the_stack(self, template: Template) -> None:
        outputs = template["Outputs"]

        assert set(outputs) == {
            *("ImportedModelName", "PointerName", "ImportStateMachineArn", "InvokeUrl", "TopicArn", "UsagePlanId"),
        }
        assert outputs["ImportedModelName"]["Value"] == "staging-coder"
        assert outputs["PointerName"]["Value"] == "/jumpstack/staging/coder/target"
        assert text(outputs["ImportStateMachineArn"]["Value"]).startswith("<Import")


def _needed(template: Template, name: str) -> set[str]:
    """Return a resource with all that it refers to or depends on, in turn."""
    waiting, found = [name], set()
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += _references(template["Resources"][one]) & set(template["Resources"])
    return found


def _references(value: Any) -> set[str]:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return {name}
        case dict():
            named = set(_listed(value["DependsOn"])) if "DependsOn" in value else set()
            return named.union(*(_references(one) for one in value.values()))
        case list():
            return set().union(*(_references(one) for one in value))
        case _:
            return set()


def test_every_version_has_the_tags_for_cost_allocation() -> None:
    environment = replace(STAGING, tags={"environment": "staging", "team": "search"})

    tags = {tag["Key"]: tag.get("Value") for tag in _import_request(_template(environment=environment))["JobTags"]}

    assert tags == {
        "environment": "staging",
        "team": "search",
        "model": MODEL.name,
        "jumpstack:model": f"staging-{MODEL.name}",
    }
