"""Every template against the contracts of the Lambda packages: variables, payloads, selected outputs, and names."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalog.example_prompts import example_prompt
from invoke_shim import contract as invoke_shim
from model_import import contract as model_import
from model_import.settings import Settings as ImportSettings
from tests.app.state_machine_calls import definition, is_framework, machines, text
from tools.dataset.request import declared, settings_of
from training import contract as training
from training.settings import Settings as TrainingSettings

Function = training.Function | model_import.Function
FUNCTIONS: dict[str, Function] = {
    function.handler: function
    for function in (
        *(training.PREPARE, training.VERIFY, training.PRUNE, training.STOP, training.LIFECYCLE),
        *(model_import.CHECK, model_import.STEPS, model_import.ON_EVENT, model_import.IS_COMPLETE),
    )
}
# Members of every custom resource that are CloudFormation's.
_CLOUDFORMATION = {"ServiceToken", "ServiceTimeout"}
_STATUS = "$.run.status"

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def stacks(templates: dict[str, dict[str, Any]]) -> dict[str, Resources]:
    """The resources of all stacks, by their paths, such as `prod/mistral-7b-dolly`."""
    return {path: template["Resources"] for path, template in templates.items()}


def _functions(resources: Resources) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the packages' functions: logical id, handler and variables."""
    for name, resource in resources.items():
        handler = resource["Properties"].get("Handler") if resource["Type"] == "AWS::Lambda::Function" else None
        if handler in FUNCTIONS:
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            yield name, handler, {variable: text(value) for variable, value in variables.items()}


def _states(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the states of all state machines that this app writes."""
    for _, properties in machines({"Resources": resources}):
        if not is_framework(properties):
            yield from definition(properties)["States"].items()


def _invocations(resources: Resources) -> Iterator[tuple[Function, dict[str, Any], dict[str, str]]]:
    """Yield the function, the payload and the selected members of every task that invokes a function."""
    handlers = {name: handler for name, handler, _ in _functions(resources)}
    for _, state in _states(resources):
        if state["Type"] == "Task" and state["Resource"].endswith(":lambda:invoke"):
            function = state["Parameters"]["FunctionName"].strip("<>").removesuffix(".Arn")
            selected = {name.removesuffix(".$"): path for name, path in state.get("ResultSelector", {}).items()}
            payload = {name.removesuffix(".$"): value for name, value in state["Parameters"]["Payload"].items()}
            yield FUNCTIONS[handlers[function]], payload, selected


def _of_type(stacks: dict[str, Resources], resource_type: str) -> list[dict[str, Any]]:
    found = [
        resource["Properties"]
        for resources in stacks.values()
        for resource in resources.values()
        if resource["Type"] == resource_type
    ]
    assert found
    return found


def test_every_function_gets_the_variables_that_it_reads_and_no_other(stacks: dict[str, Resources]) -> None:
    found = [one for resources in stacks.values() for one in _functions(resources)]

    assert {handler for _, handler, _ in found} == set(FUNCTIONS)
    for _, handler, variables in found:
        function = FUNCTIONS[handler]
        assert set(function.required) <= set(variables) <= set(function.variables), handler
        assert all(variables.values()), handler


def test_every_state_sends_what_its_function_reads_and_selects_what_it_returns(stacks: dict[str, Resources]) -> None:
    found = [one for resources in stacks.values() for one in _invocations(resources)]

    assert {function.handler for function, _, _ in found} == {
        *(training.PREPARE.handler, training.VERIFY.handler, training.PRUNE.handler),
        *(model_import.CHECK.handler, model_import.STEPS.handler),
    }
    for function, payload, selected in found:
        if function == model_import.STEPS:
            step = model_import.STEP[payload["step"]]
            inputs, outputs = {"step", *step.inputs}, set(step.outputs)
        else:
            inputs, outputs = set(function.inputs), set(function.outputs)
        assert set(payload) == inputs, function.handler
        assert set(selected) <= outputs, function.handler
        assert selected == {name: f"$.Payload.{name}" for name in selected}, function.handler
    steps = {payload["step"] for function, payload, _ in found if function == model_import.STEPS}
    assert steps == set(model_import.STEP)


def test_states_keep_all_that_later_states_read(stacks: dict[str, Resources]) -> None:
    selected = {
        (function.handler, payload.get("step")): set(members)
        for resources in stacks.values()
        for function, payload, members in _invocations(resources)
    }

    assert selected[training.PREPARE.handler, None] == set(training.PREPARE.outputs)
    assert selected[training.VERIFY.handler, None] == set(training.VERIFY.outputs)
    assert selected[model_import.CHECK.handler, None] == set(model_import.ARTIFACTS)
    for name, step in model_import.STEP.items():
        assert selected[model_import.STEPS.handler, name] == set(step.outputs)


def test_the_training_state_passes_the_request_on_member_by_member(stacks: dict[str, Resources]) -> None:
    found = [
        state["Parameters"]
        for resources in stacks.values()
        for _, state in _states(resources)
        if state["Type"] == "Task" and ":sagemaker:createTrainingJob" in state["Resource"]
    ]

    assert found
    for parameters in found:
        passed = {name.removesuffix(".$") for name in parameters}
        assert passed - set(training.OPTIONAL_REQUEST_MEMBERS) == set(training.REQUEST_MEMBERS)
        for name in passed - {"TrainingJobName"}:
            assert parameters[f"{name}.$"] == f"$.run.request.{name}"


def test_states_compare_with_what_the_functions_return(stacks: dict[str, Resources]) -> None:
    compared: set[str] = set()
    retried: set[str] = set()
    for resources in stacks.values():
        for name, state in _states(resources):
            compared |= {one["StringEquals"] for one in state.get("Choices", ()) if one.get("Variable") == _STATUS}
            if name == "Smoke test":
                retried |= {error for retry in state["Retry"] for error in retry["ErrorEquals"]}

    assert compared == {training.TRAINED, training.TRAINING, model_import.IMPORTED, model_import.RUNNING}
    assert model_import.NOT_READY_ERROR in retried


def test_custom_resources_have_the_properties_that_their_functions_read(stacks: dict[str, Resources]) -> None:
    tuned = [set(one) - _CLOUDFORMATION for one in _of_type(stacks, "Custom::FineTuning")]
    imported = [set(one) - _CLOUDFORMATION for one in _of_type(stacks, "Custom::ModelImport")]

    # A pipeline that imports has no endpoint.
    assert {frozenset(one) for one in tuned} == {
        frozenset({*training.LIFECYCLE.inputs, *training.TRIGGERS}),
        frozenset({*training.LIFECYCLE.inputs, *training.TRIGGERS} - {"Endpoint"}),
    }
    assert {frozenset(one) for one in imported} == {
        frozenset({*model_import.ON_EVENT.inputs, *model_import.TRIGGERS}),
    }


def test_an_import_starts_with_the_input_and_ends_with_the_output_of_the_contract(
    stacks: dict[str, Resources],
) -> None:
    ends = [
        state["Parameters"]
        for resources in stacks.values()
        for name, state in _states(resources)
        if name == "Imported" and state["Type"] == "Pass"
    ]
    starts = [
        state["Parameters"]
        for resources in stacks.values()
        for name, state in _states(resources)
        if name == "Take the tuned weights"
    ]

    assert {frozenset(name.removesuffix(".$") for name in end) for end in ends} == {frozenset(model_import.RUN_OUTPUT)}
    assert {frozenset(name.removesuffix(".$") for name in one) for one in starts} == {frozenset(model_import.RUN_INPUT)}


def test_imports_tag_jobs_and_models_as_the_functions_look_for_them(stacks: dict[str, Resources]) -> None:
    imports = [
        state["Parameters"] for resources in stacks.values() for name, state in _states(resources) if name == "Import"
    ]
    requests = [one for one in imports if "ImportedModelTags" in one]

    assert requests
    for request in requests:
        assert model_import.TAG in {tag["Key"] for tag in request["JobTags"]}
        assert {model_import.TAG, model_import.SOURCE_TAG} <= {tag["Key"] for tag in request["ImportedModelTags"]}


def test_pointers_of_new_stacks_name_no_release(stacks: dict[str, Resources]) -> None:
    pointers = [one for one in _of_type(stacks, "AWS::SSM::Parameter") if str(one["Name"]).startswith("/jumpstack/")]

    assert {one["Value"] for one in pointers} == {model_import.NO_RELEASE}


def test_the_shim_knows_the_words_of_a_pointer_without_a_version() -> None:
    words = (invoke_shim.NO_TARGET, invoke_shim.TARGET_REMOVED)
    assert words == (model_import.NO_RELEASE, model_import.TARGET_REMOVED)


def test_every_environment_is_parsed(stacks: dict[str, Resources]) -> None:
    found = [(handler, variables) for one in stacks.values() for _, handler, variables in _functions(one)]

    prepared = [variables for handler, variables in found if handler == training.PREPARE.handler]
    steps = [variables for handler, variables in found if handler == model_import.STEPS.handler]
    assert prepared
    assert steps
    for variables in prepared:
        assert TrainingSettings.from_environment({**variables, "AWS_REGION": "us-west-2"}).region == "us-west-2"
    for variables in steps:
        assert ImportSettings.from_environment(variables).model == variables["MODEL"]


def test_the_data_check_on_a_laptop_has_the_settings_of_the_deployed_one(stacks: dict[str, Resources]) -> None:
    [variables] = [
        variables
        for _, handler, variables in _functions(stacks["prod/mistral-7b-dolly"])
        if handler == training.PREPARE.handler
    ]
    deployed = TrainingSettings.from_environment({**variables, "AWS_REGION": "us-west-2"})
    local = settings_of(declared("prod/mistral-7b-dolly"))

    # Locations, roles and keys are the stack's.
    names = ("data_prefix", "output_prefix", "key_arn", "volume_key_arn", "role_arn")
    assert replace(local, **{name: getattr(deployed, name) for name in names}) == deployed
    assert deployed.data_prefix.endswith("/training/data/")
    assert deployed.output_prefix.endswith("/training/runs/")


def test_verify_gets_a_template_that_it_can_fill(stacks: dict[str, Resources]) -> None:
    found = [
        variables
        for resources in stacks.values()
        for _, handler, variables in _functions(resources)
        if handler == training.VERIFY.handler
    ]

    assert {one["CONTAINER"] for one in found} <= set(training.CONTAINERS)
    templates = [one["PROMPT_TEMPLATE"] for one in found if "PROMPT_TEMPLATE" in one]
    assert templates
    for template in templates:
        assert example_prompt(template).startswith("Below is an instruction")
