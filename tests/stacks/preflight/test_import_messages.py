"""Messages of the preflight about models that Bedrock serves, word for word."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from catalog import Lock
from stacks.declarations import Model
from stacks.environments import Environment
from stacks.models import FALCON_7B, FALCON_180B, LLAMA_3_2_3B_10K
from stacks.preflight import Finding, preflight
from tests.stacks.preflight.few_models import FewModels
from tests.stacks.preflight.mistakes import import_weights, imports
from tests.stacks.preflight.mistakes.makers import Case


@pytest.fixture(scope="module")
def bases(lock: Lock) -> FewModels:
    """Return models to tune, all but the declared ones at version 1.0.0."""
    ids = [
        *("huggingface-llm-mistral-7b", "huggingface-llm-mistral-7b-instruct", "huggingface-llm-mixtral-8x22B"),
        *("huggingface-llm-qwen2-5-7b-instruct", "huggingface-llm-writer-palmyra-small", FALCON_7B.model_id),
        "meta-vlm-llama-3-2-90b-vision-instruct",
    ]
    newest = [replace(lock.model(one, lock.versions(one)[0]), version="1.0.0", eula_key=None) for one in ids]
    return FewModels(
        [
            *newest,
            # The published catalogue that is locked has no GPT-OSS.
            replace(newest[0], model_id="huggingface-reasoning-gpt-oss-20b"),
            *(lock.model(one.model_id, one.version) for one in (FALCON_180B, LLAMA_3_2_3B_10K)),
        ]
    )


def _cases(cases: list[Case]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]}-{number}") for number, case in enumerate(cases)]


def _lines(findings: Iterable[Finding], rule: str) -> list[str]:
    return [str(finding) for finding in findings if finding.rule == rule]


@pytest.mark.parametrize(("rule", "environment", "models", "line"), _cases([*imports.ERRORS, *import_weights.ERRORS]))
def test_refuses_an_import_with_the_exact_line(
    bases: FewModels, rule: str, environment: Environment, models: list[Model], line: str
) -> None:
    report = preflight([(environment, models)], lock=bases)

    assert _lines(report.errors, rule) == [line]
    assert not _lines(report.warnings, rule)


@pytest.mark.parametrize(
    ("rule", "environment", "models", "line"), _cases([*imports.WARNINGS, *import_weights.WARNINGS])
)
def test_warns_about_an_import_with_the_exact_line(
    bases: FewModels, rule: str, environment: Environment, models: list[Model], line: str
) -> None:
    report = preflight([(environment, models)], lock=bases)

    assert _lines(report.warnings, rule) == [line]
    assert not _lines(report.errors, rule)
