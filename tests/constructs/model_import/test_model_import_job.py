import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from constructs.model_import.import_role import ImportRole, Weights
from constructs.model_import.imported_model import ImportedModel
from constructs.model_import.model_import_job import ModelImportJob
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer
from constructs.values.storage import Storage

from model_import.settings import Settings
from tests.app.state_machine_calls import allowed, calls, needed_actions, parameter_problems, text

WEIGHTS = Weights(bucket_name="models", prefix="llama/1/")


def _job(stack: cdk.Stack, *, model_key: bool = False, **props: Any) -> ModelImportJob:
    key = ModelKey(stack, "Key", alias="dev/llama-3b")
    model = ImportedModel(
        stack,
        "Model",
        model_name="dev-llama-3b",
        pointer=ServedPointer(stack, "Served", path="dev/llama-3b"),
        encryption_key=key if model_key else None,
    )
    return ModelImportJob(
        stack, "Import", **{"model": model, "weights": WEIGHTS, "storage": Storage(encryption_key=key), **props}
    )


def _template(stack: cdk.Stack) -> dict[str, Any]:
    return dict(assertions.Template.from_stack(stack).to_json())


def _machine(template: dict[str, Any]) -> dict[str, Any]:
    [machine] = [
        resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::StepFunctions::StateMachine" and "Provider" not in name
    ]
    return dict(machine)


def _states(template: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(text(_machine(template)["DefinitionString"]))["States"])


def _role_statements(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    return [
        statement
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::Policy" and str(resource["Properties"]["Roles"]).find(role) >= 0
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]


def _flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class TestStateMachine:
    @pytest.mark.parametrize(
        "options", [{}, {"model_key": True}, {"subnet_ids": ["s-1"], "security_group_ids": ["g-1"]}]
    )
    def test_makes_calls_that_the_apis_take(self, stack: cdk.Stack, options: dict[str, Any]) -> None:
        _job(stack, **options)

        found = calls(_machine(_template(stack)), place="import")
        assert {call.operation for call in found} >= {"CreateModelImportJob", "GetModelImportJob", "PutParameter"}
        assert [problem for call in found for problem in parameter_problems(call)] == []

    def test_may_do_what_it_calls(self, stack: cdk.Stack) -> None:
        _job(stack)

        template = _template(stack)
        machine = _machine(template)
        role = text(machine["RoleArn"]).strip("<>").removesuffix(".Arn")
        granted = {entry[0] for entry in allowed(template, role)}
        needed = {action for call in calls(machine, place="import") for action in needed_actions(call)}
        assert needed <= granted
        assert granted >= {"iam:PassRole", "bedrock:TagResource"}

    def test_is_named_apart_from_the_pipeline_that_tunes_the_model(self, stack: cdk.Stack) -> None:
        _job(stack, import_on_deploy=True)

        template = _template(stack)
        assert _machine(template)["StateMachineName"] == "dev-llama-3b-import"
        for role in ("OnEventRole", "IsCompleteRole", "StepsRole"):
            resources = [text(arn) for found in _role_statements(template, role) for arn in _flat(found["Resource"])]
            named = [arn for arn in resources if ":execution:" in arn or ":stateMachine:" in arn]
            assert named
            assert [arn for arn in named if arn.removesuffix(":*").split(":")[-1] != "dev-llama-3b-import"] == []

    def test_passes_its_role_to_bedrock_only(self, stack: cdk.Stack) -> None:
        _job(stack)

        [statement] = [
            statement
            for statement in _role_statements(_template(stack), "ImportRole")
            if statement["Action"] == "iam:PassRole"
        ]
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
        assert "ImportImportRole" in str(statement["Resource"])

    def test_keeps_the_data_of_the_run_in_every_state(self, stack: cdk.Stack) -> None:
        _job(stack)

        states = _states(_template(stack))
        tasks = [name for name, state in states.items() if state["Type"] == "Task"]
        assert tasks
        assert not [name for name in tasks if states[name].get("ResultPath", "$") == "$"]

    def test_catches_every_failure_of_its_tasks_and_tidies_up(self, stack: cdk.Stack) -> None:
        _job(stack)

        states = _states(_template(stack))
        uncaught = [name for name, state in states.items() if state["Type"] == "Task" and not state.get("Catch")]
        assert uncaught == []
        assert states["Tidy up"]["Next"] == "Failed"
        assert states["Failed"]["CausePath"] == "$.failure.cause"

    def test_tags_what_it_imports(self, stack: cdk.Stack) -> None:
        _job(stack, model_key=True)

        request = _states(_template(stack))["Import"]["Parameters"]
        tag = {"Key": "jumpstack:model", "Value": "dev-llama-3b"}
        assert request["JobTags"] == [tag]
        assert request["ImportedModelTags"] == [tag, {"Key": "jumpstack:source", "Value.$": "$.artifacts.source"}]
        assert request["ClientRequestToken.$"] == "$.run.token"
        assert request["ImportedModelKmsKeyId"].startswith("<Key")


class TestRights:
    def test_deletes_and_asks_versions_of_this_model_only(self, stack: cdk.Stack) -> None:
        _job(stack)

        statements = [
            statement
            for resource in _template(stack)["Resources"].values()
            if resource["Type"] == "AWS::IAM::Policy"
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]
            if {"bedrock:DeleteImportedModel", "bedrock:InvokeModel"} & set(_flat(statement["Action"]))
        ]
        condition = {"StringEquals": {"aws:ResourceTag/jumpstack:model": "dev-llama-3b"}}
        assert len(statements) == 2
        assert all(statement["Condition"] == condition for statement in statements)

    def test_names_a_wildcard_resource_only_where_iam_has_none(self, stack: cdk.Stack) -> None:
        _job(stack)

        anywhere = {
            action
            for resource in _template(stack)["Resources"].values()
            if resource["Type"] == "AWS::IAM::Policy"
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]
            if statement["Resource"] == "*"
            for action in _flat(statement["Action"])
        }
        assert {action for action in anywhere if action.split(":")[0] not in ("logs", "xray")} == {
            "bedrock:CreateModelImportJob",
            "bedrock:ListImportedModels",
            "bedrock:ListModelImportJobs",
        }

    def test_has_no_managed_policy(self, stack: cdk.Stack) -> None:
        _job(stack, import_on_deploy=True)

        roles = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
        assert not [role for role in roles if role["Properties"].get("ManagedPolicyArns")]


class TestImportRole:
    def test_is_assumed_by_import_jobs_of_this_account_and_region_only(self, stack: cdk.Stack) -> None:
        ImportRole(stack, "Role", model_name="dev-llama-3b", weights=WEIGHTS)

        [role] = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
        [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "bedrock.amazonaws.com"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        source = text(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        assert source == "arn:aws:bedrock:us-west-2:<AWS::AccountId>:model-import-job/*"

    def test_reads_weights_of_another_account_and_decrypts_them(self, stack: cdk.Stack) -> None:
        key = "arn:aws:kms:us-west-2:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555"
        weights = Weights(bucket_name="theirs", prefix="m/", account="111122223333", key_arn=key)
        ImportRole(stack, "Role", model_name="dev-llama-3b", weights=weights)

        statements = {statement["Sid"]: statement for statement in _role_statements(_template(stack), "Role")}
        assert text(statements["ReadWeights"]["Resource"]) == "arn:aws:s3:::theirs/m/*"
        for sid in ("ListWeights", "ReadWeights"):
            assert statements[sid]["Condition"] == {"StringEquals": {"aws:ResourceAccount": "111122223333"}}
        assert statements["DecryptWeights"]["Resource"] == key

    def test_manages_network_interfaces_only_in_a_vpc(self, stack: cdk.Stack) -> None:
        ImportRole(stack, "Role", model_name="a", weights=WEIGHTS)
        ImportRole(stack, "Other", model_name="b", weights=WEIGHTS, in_vpc=True)

        template = _template(stack)
        with_vpc = [statement["Sid"] for statement in _role_statements(template, "Other")]
        without = [statement["Sid"] for statement in _role_statements(template, "Role")]
        assert "ManageNetworkInterfaces" in with_vpc
        assert "ManageNetworkInterfaces" not in without


class TestDeployment:
    def test_imports_the_declared_weights(self, stack: cdk.Stack) -> None:
        _job(stack, import_on_deploy=True, revision="2")

        [resource] = assertions.Template.from_stack(stack).find_resources("Custom::ModelImport").values()
        assert {name: resource["Properties"][name] for name in ("Model", "Weights", "Revision")} == {
            "Model": "dev-llama-3b",
            "Weights": "s3://models/llama/1/",
            "Revision": "2",
        }

    @pytest.mark.parametrize(
        ("source", "action", "resources"),
        [
            ({"training_job": "llama-1"}, "sagemaker:DescribeTrainingJob", ["training-job/llama-1"]),
            ({"sagemaker_model": "Llama-1"}, "sagemaker:DescribeModel", ["model/Llama-1", "model/llama-1"]),
        ],
    )
    def test_imports_what_sagemaker_knows_of_and_may_ask_about_that_alone(
        self, stack: cdk.Stack, source: dict[str, str], action: str, resources: list[str]
    ) -> None:
        weights = Weights(bucket_name="models", prefix="llama/1/", **source)
        _job(stack, weights=weights, import_on_deploy=True)

        template = _template(stack)
        [resource] = [one for one in template["Resources"].values() if one["Type"] == "Custom::ModelImport"]
        arns = [f"arn:aws:sagemaker:us-west-2:<AWS::AccountId>:{one}" for one in resources]
        assert text(resource["Properties"]["Weights"]) == arns[0]
        asking = [
            statement
            for statement in _role_statements(template, "")
            if [one for one in _flat(statement["Action"]) if one.startswith("sagemaker:")]
        ]
        assert asking == [one for one in _role_statements(template, "CheckRole") if one.get("Sid") == "DescribeWeights"]
        [statement] = asking
        assert statement["Action"] == action
        assert [text(one) for one in _flat(statement["Resource"])] == arns

    def test_tells_the_check_what_may_be_read(self, stack: cdk.Stack) -> None:
        _job(stack)

        functions = assertions.Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        [check] = [one for one in functions if one["Properties"]["Handler"] == "model_import.check.handler"]
        assert check["Properties"]["Environment"]["Variables"] == {"READABLE": "s3://models/llama/1/"}

    def test_imports_nothing_where_a_pipeline_does(self, stack: cdk.Stack) -> None:
        _job(stack)

        [resource] = assertions.Template.from_stack(stack).find_resources("Custom::ModelImport").values()
        assert resource["Properties"]["Weights"] == ""

    def test_goes_before_everything_that_its_deletion_needs(self, stack: cdk.Stack) -> None:
        _job(stack)

        [resource] = assertions.Template.from_stack(stack).find_resources("Custom::ModelImport").values()
        needed = ("ServedTarget", "ImportStepsRoleDefaultPolicy", "ImportDeploymentIsCompleteRoleDefaultPolicy")
        for start in needed:
            assert [name for name in resource["DependsOn"] if name.startswith(start)]

    def test_gives_its_functions_settings_that_they_take(self, stack: cdk.Stack) -> None:
        _job(stack, smoke_prompt="2 + 2?", smoke_expect="4", keep_versions=3)

        functions = assertions.Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        handlers = {
            function["Properties"]["Handler"]: function["Properties"].get("Environment", {}).get("Variables", {})
            for function in functions
        }
        for handler in ("model_import.steps.handler", "model_import.lifecycle.on_event"):
            variables = {name: text(value) for name, value in handlers[handler].items()}
            parsed = Settings.from_environment(variables)
            assert (parsed.keep_versions, parsed.smoke_prompt, parsed.smoke_expect) == (3, "2 + 2?", "4")
            assert parsed.deadline_seconds == 54 * 60

    def test_waits_less_than_cloudformations_hour(self, stack: cdk.Stack) -> None:
        _job(stack)

        [waiter] = [
            json.loads(text(resource["Properties"]["DefinitionString"]))
            for name, resource in _template(stack)["Resources"].items()
            if resource["Type"] == "AWS::StepFunctions::StateMachine" and "Provider" in name
        ]
        [retry] = waiter["States"]["framework-isComplete-task"]["Retry"]
        assert 54 * 60 < retry["MaxAttempts"] * retry["IntervalSeconds"] < 3600


def test_lets_a_pipeline_start_imports(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Pipeline", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
    _job(stack).grant_start(role)

    [statement] = _role_statements(_template(stack), "Pipeline")
    assert statement["Action"] == "states:StartExecution"


def test_reports_all_problems_at_once() -> None:
    stack = cdk.Stack(cdk.App(), "elsewhere", env=cdk.Environment(region="eu-west-1"))
    weights = Weights(bucket_name="b", prefix="/a", sagemaker_model="a_b", training_job="c")
    with pytest.raises(ValueError, match="region") as refused:
        _job(stack, weights=weights, keep_versions=0, subnet_ids=["s-1"])

    assert str(refused.value).splitlines() == [
        "the stack's region is 'eu-west-1': custom model import is in us-east-1, us-east-2, us-west-2, eu-central-1",
        "weights.prefix is '/a': allowed is a prefix that ends, and does not begin, with /",
        "weights.sagemaker_model is 'a_b': allowed are 1 to 63 letters, digits and inner hyphens",
        "keep_versions is 0: allowed are 1 to 10",
        "security_group_ids has 0 groups: allowed are 1 to 5",
        "weights have sagemaker_model 'a_b' and training_job 'c': allowed is one of them",
    ]
