"""The names that the function and its deployment share."""

import ast
import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

import invoke_shim
from catalog.limits import endpoint as endpoint_limits
from catalog.limits import model_import as import_limits
from invoke_shim import contract
from invoke_shim.settings import Settings, SettingsError
from key_authorizer import contract as authorizer_contract
from stacks.declarations import PromptFormat

FOLDER = Path(invoke_shim.__file__).parent


class Recorded(Mapping[str, str]):
    """An environment that records which of its variables are read."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_by_name = values
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)


@pytest.mark.parametrize("package", [contract, authorizer_contract])
def test_a_contract_imports_the_standard_library_only(package: object) -> None:
    tree = ast.parse(Path(str(vars(package)["__file__"])).read_text(encoding="utf-8"))
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {name.split(".")[0] for name in imported} <= set(sys.stdlib_module_names)


def test_the_settings_read_the_contracts_variables_and_no_others() -> None:
    environments = [
        Recorded({"BACKEND": backend, "PROMPT_FORMAT": "template", "PROMPT_TEMPLATE": "{}"})
        for backend in contract.BACKENDS
    ]
    for environment in environments:
        with pytest.raises(SettingsError):
            Settings.from_environment(environment)
    assert environments[0].names | environments[1].names == set(contract.VARIABLES)


@pytest.mark.parametrize("handler", [contract.HANDLER, authorizer_contract.HANDLER])
def test_the_handler_is_a_function(handler: str) -> None:
    module, _, name = handler.rpartition(".")
    assert callable(getattr(import_module(module), name))


def test_the_wrapper_is_a_program_of_the_package() -> None:
    folder, _, name = contract.WRAPPER.rpartition("/")
    assert folder == f"/var/task/{contract.PACKAGE}"
    assert os.access(FOLDER / name, os.X_OK)


def test_the_limits_are_those_that_declarations_are_held_to() -> None:
    assert contract.LONGEST_TEMPLATE == endpoint_limits.LONGEST_TEMPLATE
    assert contract.SHORTEST_INVOKE_TIMEOUT_SECONDS == endpoint_limits.SHORTEST_INVOKE_TIMEOUT_SECONDS
    assert contract.LONGEST_INVOKE_TIMEOUT_SECONDS == endpoint_limits.LONGEST_INVOKE_TIMEOUT_SECONDS
    assert contract.BODIES == import_limits.BODIES
    assert set(contract.PROMPT_FORMATS) == set(get_args(PromptFormat))
