"""The contract of the training package: handlers read these variables and inputs, and return these outputs."""

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from catalog.training.methods import METHODS as RECIPE_METHODS
from tests.support.recorded import Recorded
from tests.training.training_account import ENVIRONMENT
from training import contract, prepare, prune, stop, verify
from training.environment import SettingsError
from training.settings import Settings

FUNCTIONS = (contract.PREPARE, contract.VERIFY, contract.PRUNE, contract.STOP, contract.LIFECYCLE)
# Lambda sets it.
_REGION = "AWS_REGION"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.handler)
def test_every_handler_is_there_and_its_variables_are_documented(function: contract.Function) -> None:
    module, _, name = function.handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    assert contract.__doc__ is not None
    assert [variable for variable in function.variables if f"`{variable}`" not in contract.__doc__] == []


def test_prepare_reads_the_variables_of_the_contract_and_no_other() -> None:
    environment = Recorded(ENVIRONMENT)
    Settings.from_environment(environment)
    assert environment.read == {*contract.PREPARE.variables, _REGION}


@pytest.mark.parametrize("name", contract.PREPARE.required)
def test_prepare_requires_the_variables_that_the_contract_requires(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not set"):
        Settings.from_environment({**ENVIRONMENT, name: ""})


def test_prepare_needs_no_optional_variable() -> None:
    required = {name: ENVIRONMENT[name] for name in (*contract.PREPARE.required, _REGION)}
    assert Settings.from_environment(required).region == ENVIRONMENT[_REGION]


@pytest.mark.parametrize("method", contract.METHODS)
def test_prepare_takes_every_method(method: str) -> None:
    assert Settings.from_environment({**ENVIRONMENT, "METHOD": method}).method == method


def test_the_catalogue_has_the_same_methods() -> None:
    assert set(RECIPE_METHODS) == set(contract.METHODS)


def test_verify_reads_and_returns_what_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    environment, event = Recorded(), Recorded(endpointName="endpoint", configName="config")
    monkeypatch.setattr(verify, "os", SimpleNamespace(environ=environment))
    monkeypatch.setattr(verify, "boto3", SimpleNamespace(client=lambda *_, **__: None))
    monkeypatch.setattr(verify, "check_live", lambda *_, **__: None)
    monkeypatch.setattr(verify, "ask", lambda *_, **__: "Hello.")

    answer = verify.handler(event, None)

    # All functions of a pipeline get its name.
    assert {*environment.read, "NAME_PREFIX"} == set(contract.VERIFY.variables)
    assert event.read == set(contract.VERIFY.inputs)
    assert tuple(answer) == contract.VERIFY.outputs


@pytest.mark.parametrize("container", contract.CONTAINERS)
def test_verify_takes_every_container(monkeypatch: pytest.MonkeyPatch, container: str) -> None:
    asked: list[str] = []
    monkeypatch.setattr(verify, "os", SimpleNamespace(environ={"CONTAINER": container}))
    monkeypatch.setattr(verify, "boto3", SimpleNamespace(client=lambda *_, **__: None))
    monkeypatch.setattr(verify, "check_live", lambda *_, **__: None)
    monkeypatch.setattr(verify, "ask", lambda *_, container, **__: asked.append(container))

    verify.handler({"endpointName": "endpoint", "configName": "config"}, None)

    assert asked == [container]


def test_prune_reads_and_returns_what_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Parameters:
        def get_parameter(self, **_: Any) -> dict[str, Any]:
            return {"Parameter": {"Value": "none"}}

    environment = Recorded({name: name.lower() for name in contract.PRUNE.required})
    event = Recorded(keep="0123456789ab-c0ffee")
    monkeypatch.setattr(prune, "os", SimpleNamespace(environ=environment))
    monkeypatch.setattr(prune, "boto3", SimpleNamespace(client=lambda _: Parameters()))
    monkeypatch.setattr(prune, "prune", lambda *_, **__: [])

    answer = prune.handler(event, None)

    assert environment.read == set(contract.PRUNE.variables)
    assert event.read == set(contract.PRUNE.inputs)
    assert tuple(answer) == contract.PRUNE.outputs


def test_stop_reads_and_returns_what_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Executions:
        def get_paginator(self, _: str) -> Any:
            return SimpleNamespace(paginate=lambda **_: [{"executions": [{"executionArn": "arn:execution"}]}])

    environment = Recorded({name: name.lower() for name in contract.STOP.required})
    event = Recorded(stateMachine="arn:machine", execution="arn:execution")
    monkeypatch.setattr(stop, "os", SimpleNamespace(environ=environment))
    monkeypatch.setattr(stop, "boto3", SimpleNamespace(client=lambda _: Executions()))
    monkeypatch.setattr(stop, "running_jobs", lambda *_: [])

    answer = stop.handler(event, None)

    assert environment.read == set(contract.STOP.variables)
    assert event.read == set(contract.STOP.inputs)
    assert tuple(answer) == contract.STOP.outputs


def test_the_request_has_the_apis_own_defaults_where_a_recipe_has_none() -> None:
    assert set(prepare._DEFAULTS) < set(contract.REQUEST_MEMBERS)
    assert prepare._DEFAULTS == {
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        "EnableNetworkIsolation": False,
        "Environment": {},
    }
