"""Each class of mistake, with the exact line that says so; docs/preflight.md must know every class."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import stacks.preflight
from catalog import Lock, ModelVersion
from catalog.spec import CatalogError
from stacks.declarations import Model
from stacks.environments import DEV, Environment
from stacks.models import (
    ARCTIC_INSTRUCT,
    FALCON_7B,
    FALCON_7B_INSTRUCT,
    FALCON_40B,
    FALCON_180B,
    LLAMA_3_2_3B_10K,
    MISTRAL_7B_DOLLY,
    MISTRAL_7B_INSTRUCT,
)
from stacks.preflight import Deployments, Finding, Report, preflight
from tests.stacks.preflight.few_models import FewModels
from tests.stacks.preflight.mistakes import (
    catalogue,
    container,
    environments,
    fine_tuning,
    import_weights,
    imports,
    recipes,
    served,
)
from tests.stacks.preflight.mistakes.makers import Case, domain, door, env, model

_TABLES = (catalogue, container, environments, fine_tuning, recipes, served)
ERRORS = [case for table in _TABLES for case in table.ERRORS]
WARNINGS = [case for table in _TABLES for case in table.WARNINGS]
DOCUMENT = Path(stacks.preflight.__file__).parents[2] / "docs" / "preflight.md"


@pytest.fixture(scope="module")
def few(lock: Lock) -> FewModels:
    declared = [ARCTIC_INSTRUCT, FALCON_7B, FALCON_7B_INSTRUCT, FALCON_40B, FALCON_180B, MISTRAL_7B_INSTRUCT]
    versions = [lock.model(model.model_id, model.version) for model in declared]
    others = [lock.model(model_id, version) for model_id, version in served.NEWEST.items()]
    old = replace(versions[-1], version="1.0.0", deprecated=True)
    licensed = replace(versions[1], version="5.0.0", eula_key="fmhMetadata/eula/terms.txt")
    nowhere = replace(versions[1], version="6.0.0", images={})
    return FewModels([*versions, old, licensed, nowhere, *others], training={FALCON_7B.model_id: recipes.FALCON})


def _report(few: Lock, *models: Model, environment: Environment = DEV) -> Report:
    deployments: Deployments = [(environment, models)]
    return preflight(deployments, lock=few)


def _lines(findings: Iterable[Finding], rule: str) -> list[str]:
    return [str(finding) for finding in findings if finding.rule == rule]


def _cases(cases: list[Case]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]}-{number}") for number, case in enumerate(cases)]


@pytest.mark.parametrize(("rule", "environment", "models", "line"), _cases(ERRORS))
def test_refuses_with_the_exact_line(
    few: FewModels, rule: str, environment: Environment, models: list[Model], line: str
) -> None:
    report = _report(few, *models, environment=environment)

    assert _lines(report.errors, rule) == [line]
    assert not _lines(report.warnings, rule)


@pytest.mark.parametrize(("rule", "environment", "models", "line"), _cases(WARNINGS))
def test_warns_with_the_exact_line(
    few: FewModels, rule: str, environment: Environment, models: list[Model], line: str
) -> None:
    report = _report(few, *models, environment=environment)

    assert _lines(report.warnings, rule) == [line]
    assert not _lines(report.errors, rule)


def test_reports_two_environments_that_give_one_stack_name(few: FewModels) -> None:
    deployments = [(env(name="eu"), [model(name="mistral-small")]), (env(name="eu-mistral"), [model(name="small")])]

    assert _lines(preflight(deployments, lock=few).errors, "name-collision") == [
        "eu-mistral/small.name is 'small': its stack 'eu-mistral-small' has the name of eu/mistral-small's, in the "
        "same account and region"
    ]


def test_reports_a_pipeline_that_has_the_name_of_an_import(few: FewModels) -> None:
    models = [LLAMA_3_2_3B_10K, replace(MISTRAL_7B_DOLLY, name="llama-3-2-3b-10k-import")]

    assert _lines(preflight([(DEV, models)], lock=few).errors, "name-collision") == [
        "dev/llama-3-2-3b-10k-import.name is 'llama-3-2-3b-10k-import': its state machine "
        "'dev-llama-3-2-3b-10k-import' has the name of dev/llama-3-2-3b-10k's, in the same account and region"
    ]


def test_a_name_may_end_in_import_where_nothing_has_the_same(few: FewModels) -> None:
    models = [replace(MISTRAL_7B_DOLLY, name="dolly-import"), replace(MISTRAL_7B_DOLLY, name="dolly")]

    assert not _lines(preflight([(DEV, models)], lock=few).errors, "name-collision")


def test_reports_an_environment_that_is_declared_twice(few: FewModels) -> None:
    report = preflight([(DEV, [model()]), (DEV, [model(name="n")])], lock=few)

    assert _lines(report.errors, "name-repeated") == [
        "dev.name is declared 2 times; allowed: each environment's name once"
    ]


def test_reports_two_environments_that_give_one_domain_name_to_two_models(few: FewModels) -> None:
    shared = door(domain=domain())
    deployments = [(shared, [model()]), (replace(shared, name="qa"), [model(), model(FALCON_7B, name="f")])]

    assert _lines(preflight(deployments, lock=few).errors, "domain-taken") == [
        "qa.front_door.domain.name is 'models.example.com': qa/m would answer at m.models.example.com, as dev/m does"
    ]


def test_reports_what_is_broken_in_the_lock(few: FewModels) -> None:
    class Broken(FewModels):
        def model(self, model_id: str, version: str) -> ModelVersion:
            raise CatalogError([f"version {version} of {model_id} does not match its hash"])

    lock = Broken([few.model(MISTRAL_7B_INSTRUCT.model_id, "2.0.0")])

    assert [str(error) for error in _report(lock, model()).errors] == [
        "dev/m.version is '2.0.0': version 2.0.0 of huggingface-llm-mistral-7b-instruct does not match its hash"
    ]


def _rules() -> set[str]:
    """Return every class of mistake that the code knows."""
    checks = Path(stacks.preflight.__file__).parent
    text = "".join(path.read_text() for path in checks.glob("*.py"))
    return set(re.findall(r'(?:rule=|breaches\()"([a-z-]+)"', text))


def test_every_class_of_mistake_has_a_message_here_and_a_row_in_the_document() -> None:
    cases = [case for table in (*_TABLES, imports, import_weights) for case in (*table.ERRORS, *table.WARNINGS)]
    tested = {case[0] for case in cases} | {"name-collision", "broken-lock", "domain-taken", "type", "context-cache"}
    documented = set(re.findall(r"^\| `([a-z-]+)`", DOCUMENT.read_text(), flags=re.MULTILINE))

    assert len(_rules()) >= 24
    assert tested == _rules()
    assert documented == _rules()
