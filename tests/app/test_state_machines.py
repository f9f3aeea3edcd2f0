"""Every state machine of the app, from its template: its calls are the APIs' and its role allows them, nothing else."""

import copy
import json
import re
from typing import Any

import pytest

from stacks.declarations import FineTunedModel, ImportedModel
from stacks.models import DEPLOYMENTS
from tests.app.state_machine_calls import (
    Call,
    allowed,
    calls,
    conditions,
    definition,
    is_framework,
    machines,
    needed_actions,
    parameter_problems,
    role_of,
)

# Actions of log delivery and tracing, none of which has resources in IAM (Step Functions developer guide,
# "Using CloudWatch Logs to log execution history", "Trace requests with AWS X-Ray").
_LOGGING = {
    *("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies"),
    *("logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
}
_TRACING = {
    *("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
}
# Further actions for publishing to an encrypted topic (SNS developer guide, "Key management").
_ENCRYPTED_TOPIC = {"kms:Decrypt", "kms:GenerateDataKey"}

pytestmark = pytest.mark.xdist_group("app")

Templates = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def templates(templates: Templates) -> Templates:
    """Templates with state machines, by stack."""
    return {path: template for path, template in templates.items() if list(machines(template))}


def _calls(templates: Templates) -> list[tuple[dict[str, Any], str, Call]]:
    """All calls, with their templates and the logical ids of their roles."""
    return [
        (template, role_of(properties), call)
        for stack, template in templates.items()
        for _, properties in machines(template)
        for call in calls(properties, place=stack)
    ]


def _own(templates: Templates) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """All state machines that this app writes, with their templates."""
    return [
        (template, properties)
        for template in templates.values()
        for _, properties in machines(template)
        if not is_framework(properties)
    ]


def test_every_model_that_is_tuned_or_imported_has_its_state_machines(templates: Templates) -> None:
    expected = []
    for environment, models in DEPLOYMENTS:
        for model in models:
            name = f"{environment.name}-{model.name}"
            if isinstance(model, FineTunedModel):
                expected.append(name)
            if isinstance(model, ImportedModel) or (isinstance(model, FineTunedModel) and model.bedrock):
                expected.append(f"{name}-import")

    found = [properties["StateMachineName"] for _, properties in _own(templates)]
    assert sorted(found) == sorted(expected)
    assert {name.endswith("-import") for name in found} == {True, False}


def test_every_call_has_parameters_that_its_api_takes(templates: Templates) -> None:
    found = _calls(templates)

    assert len(found) > 10
    assert [problem for _, _, call in found for problem in parameter_problems(call)] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Colour": "red"}, "Colour is unknown"),
        ({"ModelName.$": None}, "ModelName is missing"),
        ({"EnableNetworkIsolation": "true"}, "allowed is boolean"),
        ({"ModelName.$": "serve.name"}, "allowed is a path"),
        ({"Tags": {"a": "b"}}, "allowed is a list"),
    ],
)
def test_a_wrong_parameter_would_be_seen(templates: Templates, change: dict[str, Any], said: str) -> None:
    call = next(call for _, _, call in _calls(templates) if call.operation == "CreateModel")
    changed = copy.deepcopy(dict(call.parameters))
    for name, value in change.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = value
    wrong = Call(place="here", service=call.service, operation=call.operation, pattern=call.pattern, parameters=changed)

    [problem] = parameter_problems(wrong)
    assert said in problem


def _denied(templates: Templates) -> list[str]:
    return [
        f"{call.place} needs {action}"
        for template, role, call in _calls(templates)
        for action in needed_actions(call)
        if action not in {entry[0] for entry in allowed(template, role)}
    ]


def test_every_call_is_allowed_by_its_role(templates: Templates) -> None:
    assert _denied(templates) == []


@pytest.mark.parametrize(
    "action",
    [
        *(
            "sagemaker:StopTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "iam:PassRole",
            "ssm:PutParameter",
            "sns:Publish",
        ),
        *("states:StartExecution", "states:DescribeExecution", "bedrock:TagResource"),
    ],
)
def test_a_missing_right_would_be_seen(templates: Templates, action: str) -> None:
    without = json.loads(json.dumps(templates).replace(f'"{action}"', '"some:Other"'))

    assert any(said.endswith(f" needs {action}") for said in _denied(without))


def test_every_call_is_allowed_on_the_resource_that_it_names(templates: Templates) -> None:
    named = [
        (call.place, action, name, allowed(template, role))
        for template, role, call in _calls(templates)
        for action, name in _named(call)
    ]

    assert len(named) > 10
    for place, action, name, rights in named:
        assert any(action == one and _covers(arn, name) for one, arn in rights), (place, action, name)


def test_no_role_allows_an_action_that_no_state_needs(templates: Templates) -> None:
    assert templates
    for template in templates.values():
        for _, properties in machines(template):
            role = role_of(properties)
            made = calls(properties, place="")
            needed = {action for call in made for action in needed_actions(call)}
            needed |= _LOGGING if "LoggingConfiguration" in properties else set()
            needed |= _TRACING if properties.get("TracingConfiguration", {}).get("Enabled") else set()
            needed |= _ENCRYPTED_TOPIC if any(call.service == "sns" for call in made) else set()
            assert {action for action, _ in allowed(template, role)} <= needed


def test_no_role_reaches_beyond_its_model(templates: Templates) -> None:
    # None has a resource in IAM (service authorization reference).
    whole = _LOGGING | _TRACING | {"bedrock:CreateModelImportJob"}
    assert _own(templates)
    for template, properties in _own(templates):
        role, name = role_of(properties), re.escape(str(properties["StateMachineName"]))
        rights = allowed(template, role)
        assert {action for action, arn in rights if arn == "*"} <= whole
        assert not [action for action, _ in rights if action.startswith("s3:") or "*" in action]
        sagemaker = {arn for action, arn in rights if action.startswith("sagemaker:")}
        kinds = "endpoint|endpoint-config|model|training-job"
        pattern = rf"arn:aws:sagemaker:[^:]*:<AWS::AccountId>:({kinds})/{name}(-\?{{12}}(-\?{{1,2}}|-\?{{6}})?)?"
        assert all(re.fullmatch(pattern, arn) for arn in sagemaker), sagemaker
        states = {arn for action, arn in rights if action.startswith("states:")}
        pattern = rf"<Import[0-9A-F]+>|arn:aws:states:[^:]*:<AWS::AccountId>:execution:{name}-import:\*"
        assert all(re.fullmatch(pattern, arn) for arn in states), states


def test_imported_models_are_looked_at_by_their_tag_alone(templates: Templates) -> None:
    found = [
        (condition, properties["StateMachineName"])
        for template, properties in _own(templates)
        for condition in conditions(template, role_of(properties), "bedrock:GetImportedModel")
    ]

    assert found
    for condition, name in found:
        assert condition == {"StringEquals": {"aws:ResourceTag/jumpstack:model": name}}


def test_roles_are_passed_to_the_service_alone_that_takes_them(templates: Templates) -> None:
    services = set()
    for template, properties in _own(templates):
        used = {
            f"{call.service}.amazonaws.com"
            for call in calls(properties, place="")
            if any(name.removesuffix(".$") in {"RoleArn", "ExecutionRoleArn"} for name in call.parameters)
        }
        passed = conditions(template, role_of(properties), "iam:PassRole")
        assert [set(one) for one in passed] == [{"StringEquals"}] * len(passed)
        assert {one["StringEquals"]["iam:PassedToService"] for one in passed} == used
        services |= used
    assert services == {"bedrock.amazonaws.com", "sagemaker.amazonaws.com"}


def test_every_task_is_retried_or_caught_and_every_state_is_reached(templates: Templates) -> None:
    assert _own(templates)
    for _, properties in _own(templates):
        states = definition(properties)["States"]
        bare = [
            name
            for name, state in states.items()
            if state["Type"] == "Task" and not state.get("Catch") and not state.get("Retry")
        ]
        assert bare == []
        assert _reached(definition(properties)) == set(states)


def test_no_answer_replaces_earlier_results(templates: Templates) -> None:
    paths = {
        name: state.get("ResultPath", "$")
        for _, properties in _own(templates)
        for name, state in definition(properties)["States"].items()
        # Only the output of its last state is left of an execution.
        if state["Type"] in {"Task", "Pass"} and not state.get("End")
    }

    assert paths
    assert [name for name, path in paths.items() if path == "$"] == []


def test_every_machine_ends_within_the_year_that_an_execution_may_last(templates: Templates) -> None:
    longest = [definition(properties)["TimeoutSeconds"] for _, properties in _own(templates)]

    assert longest
    assert all(0 < seconds < 365 * 86_400 for seconds in longest)


def test_a_pipeline_waits_longer_than_its_import_may_take(templates: Templates) -> None:
    longest = {
        properties["StateMachineName"]: definition(properties)["TimeoutSeconds"] for _, properties in _own(templates)
    }
    pairs = [(name, f"{name}-import") for name in longest if f"{name}-import" in longest]

    assert pairs
    assert all(longest[pipeline] > longest[import_] for pipeline, import_ in pairs)


def _reached(machine: dict[str, Any]) -> set[str]:
    waiting, found = [str(machine["StartAt"])], set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        state = machine["States"][name]
        nexts = [state, *state.get("Catch", []), *state.get("Choices", [])]
        waiting += [str(one["Next"]) for one in nexts if "Next" in one]
        waiting += [str(state["Default"])] if "Default" in state else []
    return found


def _named(call: Call) -> list[tuple[str, str]]:
    """Return actions with the resources they are needed on, where the call names those without a path."""
    given = call.parameters
    [own] = [action for action in needed_actions(call) if action.split(":")[1] in {call.operation, "InvokeFunction"}]
    names = {
        "FunctionName": "{}",
        "TopicArn": "{}",
        "StateMachineArn": "{}",
        "EndpointName": "endpoint/{}",
        "Name": "parameter{}",
    }
    found = [(own, form.format(given[name])) for name, form in names.items() if isinstance(given.get(name), str)]
    roles = [given[name] for name in ("RoleArn", "ExecutionRoleArn") if name in given]
    return found + [("iam:PassRole", str(role)) for role in roles]


def _covers(arn: str, name: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in arn.split("*"))
    return arn == name or arn.endswith(f":{name}") or bool(re.fullmatch(pattern, name))
