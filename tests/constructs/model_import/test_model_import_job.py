"""The import's state machine as a whole: its calls, its rights and its functions."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from constructs.model_import.import_role import Weights

from model_import.settings import Settings
from tests.app.state_machine_calls import allowed, calls, definition, machines, needed_actions, parameter_problems, text
from tests.constructs.model_import.import_parts import MODEL, make_job
from tests.support.templates import listed, resources, rights, statements, states, template_of

_NAME = f"{MODEL}-import"


def _machine(template: dict[str, Any]) -> dict[str, Any]:
    [machine] = [one for _, one in machines(template) if one.get("StateMachineName") == _NAME]
    return machine


def _functions(stack: cdk.Stack) -> dict[str, dict[str, Any]]:
    return {one["Handler"]: one for one in resources(stack, "AWS::Lambda::Function").values()}


@pytest.mark.parametrize("options", [{}, {"model_key": True}, {"subnet_ids": ["s-1"], "security_group_ids": ["g-1"]}])
def test_makes_calls_that_the_apis_take(stack: cdk.Stack, options: dict[str, Any]) -> None:
    make_job(stack, **options)

    found = calls(_machine(template_of(stack)), place="import")
    assert {call.operation for call in found} >= {"CreateModelImportJob", "GetModelImportJob", "PutParameter"}
    assert [problem for call in found for problem in parameter_problems(call)] == []


def test_may_do_what_it_calls(stack: cdk.Stack) -> None:
    make_job(stack)

    template = template_of(stack)
    machine = _machine(template)
    role = text(machine["RoleArn"]).strip("<>").removesuffix(".Arn")
    granted = {entry[0] for entry in allowed(template, role)}
    needed = {action for call in calls(machine, place="import") for action in needed_actions(call)}
    assert needed <= granted
    assert granted >= {"iam:PassRole", "bedrock:TagResource"}


def test_sets_tags_that_prove_ownership_on_its_own_models_only(stack: cdk.Stack) -> None:
    make_job(stack, tags={"team": "search"})

    template = template_of(stack)
    role = text(_machine(template)["RoleArn"]).strip("<>").removesuffix(".Arn")
    conditions = {one["Action"]: one["Condition"] for one in statements(template, role) if "Tag" in str(one)}
    asked = {
        "StringEquals": {"aws:RequestTag/jumpstack:model": MODEL},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["jumpstack:model", "jumpstack:source", "team"]},
    }
    assert conditions == {
        "bedrock:CreateModelImportJob": asked,
        "bedrock:TagResource": {**asked, "StringEqualsIfExists": {"aws:ResourceTag/jumpstack:model": MODEL}},
    }


def test_is_named_apart_from_the_pipeline_that_tunes_the_model(stack: cdk.Stack) -> None:
    make_job(stack, import_on_deploy=True)

    template = template_of(stack)
    assert _machine(template)["StateMachineName"] == "dev-llama-3b-import"
    for role in ("ImportDeploymentOnEventRole", "ImportDeploymentIsCompleteRole", "ImportStepsRole"):
        arns = [arn for found in rights(template, role).values() for arn in found]
        named = [arn for arn in arns if ":execution:" in arn or ":stateMachine:" in arn]
        assert named
        assert [arn for arn in named if arn.removesuffix(":*").split(":")[-1] != "dev-llama-3b-import"] == []


def test_passes_its_role_to_bedrock_only(stack: cdk.Stack) -> None:
    make_job(stack)

    [statement] = [
        statement for statement in statements(template_of(stack), "ImportRole") if statement["Action"] == "iam:PassRole"
    ]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
    assert "ImportImportRole" in str(statement["Resource"])


def test_keeps_the_data_of_the_run_in_every_state(stack: cdk.Stack) -> None:
    make_job(stack)

    found = states(template_of(stack), _NAME)
    tasks = [name for name, state in found.items() if state["Type"] == "Task"]
    assert tasks
    assert not [name for name in tasks if found[name].get("ResultPath", "$") == "$"]


def test_catches_every_failure_of_its_tasks_and_tidies_up(stack: cdk.Stack) -> None:
    make_job(stack)

    found = states(template_of(stack), _NAME)
    uncaught = [name for name, state in found.items() if state["Type"] == "Task" and not state.get("Catch")]
    assert uncaught == []
    assert found["Tidy up"]["Next"] == "Failed"
    assert found["Failed"]["CausePath"] == "$.failure.cause"


def test_tags_what_it_imports(stack: cdk.Stack) -> None:
    make_job(stack, model_key=True)

    request = states(template_of(stack), _NAME)["Import"]["Parameters"]
    tag = {"Key": "jumpstack:model", "Value": "dev-llama-3b"}
    assert request["JobTags"] == [tag]
    assert request["ImportedModelTags"] == [tag, {"Key": "jumpstack:source", "Value.$": "$.artifacts.source"}]
    assert request["ClientRequestToken.$"] == "$.run.token"
    assert request["ImportedModelKmsKeyId"].startswith("<Key")


def test_deletes_and_asks_versions_of_this_model_only(stack: cdk.Stack) -> None:
    make_job(stack)

    found = [
        statement
        for statement in statements(template_of(stack), "")
        if {"bedrock:DeleteImportedModel", "bedrock:InvokeModel"} & set(listed(statement["Action"]))
    ]
    condition = {"StringEquals": {"aws:ResourceTag/jumpstack:model": "dev-llama-3b"}}
    assert len(found) == 2
    assert all(statement["Condition"] == condition for statement in found)


def test_names_a_wildcard_resource_only_where_iam_has_none(stack: cdk.Stack) -> None:
    make_job(stack)

    anywhere = {
        action
        for statement in statements(template_of(stack), "")
        if statement["Resource"] == "*"
        for action in listed(statement["Action"])
    }
    assert {action for action in anywhere if action.split(":")[0] not in ("logs", "xray")} == {
        "bedrock:CreateModelImportJob",
        "bedrock:ListImportedModels",
        "bedrock:ListModelImportJobs",
    }


def test_has_no_managed_policy(stack: cdk.Stack) -> None:
    make_job(stack, import_on_deploy=True)

    assert not [role for role in resources(stack, "AWS::IAM::Role").values() if role.get("ManagedPolicyArns")]


def test_its_functions_may_run_as_long_as_their_work_takes(stack: cdk.Stack) -> None:
    make_job(stack)

    timeouts = {handler: function["Timeout"] for handler, function in _functions(stack).items()}
    # Large weights have many headers to read; a step makes a few calls.
    assert timeouts["model_import.check.handler"] == 15 * 60
    assert timeouts["model_import.steps.handler"] == 3 * 60


def test_a_run_may_take_twelve_hours(stack: cdk.Stack) -> None:
    make_job(stack)

    assert definition(_machine(template_of(stack)))["TimeoutSeconds"] == 12 * 3600


def test_reads_the_weights_before_an_import_and_nothing_else(stack: cdk.Stack) -> None:
    make_job(stack)

    check = _functions(stack)["model_import.check.handler"]
    assert check["Environment"]["Variables"] == {"READABLE": "s3://models/llama/1/"}
    assert rights(template_of(stack), "ImportCheckRole")["s3:GetObject"] == ["arn:aws:s3:::models/llama/1/*"]


def test_reads_the_quota_of_imported_models_and_no_other(stack: cdk.Stack) -> None:
    make_job(stack)

    assert rights(template_of(stack), "ImportStepsRole")["servicequotas:GetServiceQuota"] == [
        "arn:aws:servicequotas:us-west-2:<AWS::AccountId>:bedrock/L-45B04988"
    ]


def test_gives_its_functions_settings_that_they_take(stack: cdk.Stack) -> None:
    make_job(stack, smoke_prompt="2 + 2?", smoke_expect="4", keep_versions=3)

    for handler in ("model_import.steps.handler", "model_import.lifecycle.on_event"):
        variables = _functions(stack)[handler]["Environment"]["Variables"]
        parsed = Settings.from_environment({name: text(value) for name, value in variables.items()})
        assert (parsed.keep_versions, parsed.smoke_prompt, parsed.smoke_expect) == (3, "2 + 2?", "4")
        assert parsed.deadline_seconds == 54 * 60


def test_lets_a_pipeline_start_imports(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Pipeline", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
    make_job(stack).grant_start(role)

    [statement] = statements(template_of(stack), "Pipeline")
    assert statement["Action"] == "states:StartExecution"


def test_reports_all_problems_at_once() -> None:
    stack = cdk.Stack(cdk.App(), "elsewhere", env=cdk.Environment(region="eu-west-1"))
    weights = Weights(bucket_name="b", prefix="/a", sagemaker_model="a_b", training_job="c")
    with pytest.raises(ValueError, match="region") as refused:
        make_job(stack, weights=weights, keep_versions=0, subnet_ids=["s-1"])

    assert str(refused.value).splitlines() == [
        "the stack's region is 'eu-west-1': custom model import is in us-east-1, us-east-2, us-west-2, eu-central-1",
        "weights.prefix is '/a': allowed is a prefix that ends, and does not begin, with /",
        "weights.sagemaker_model is 'a_b': allowed are 1 to 63 letters, digits and inner hyphens",
        "keep_versions is 0: allowed are 1 to 10",
        "security_group_ids has 0 groups: allowed are 1 to 5",
        "weights have sagemaker_model 'a_b' and training_job 'c': allowed is one of them",
    ]
