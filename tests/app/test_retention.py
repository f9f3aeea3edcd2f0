"""Logs and old objects are stored as long as the environment says, everywhere."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import app
from stacks.environments import DEV
from stacks.models import DEPLOYMENTS, MISTRAL_7B_DOLLY, MISTRAL_7B_INSTRUCT
from tests.support.assembly import templates_of

pytestmark = pytest.mark.xdist_group("app")

Templates = dict[str, dict[str, Any]]


def _all(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


@pytest.mark.parametrize(("environment", "runs"), [pytest.param(*one, id=one[0].name) for one in DEPLOYMENTS])
def test_every_log_group_of_a_model_has_the_environments_days(
    templates: Templates, environment: Any, runs: Any
) -> None:
    days = {
        one["RetentionInDays"]
        for model in runs
        for one in _all(templates[f"{environment.name}/{model.name}"], "AWS::Logs::LogGroup")
    }

    assert days == {environment.log_retention_days}


def _expirations(template: dict[str, Any]) -> set[tuple[int | None, int | None]]:
    """Return for each rule of each bucket the days of objects and those of replaced ones."""
    rules = [rule for one in _all(template, "AWS::S3::Bucket") for rule in one["LifecycleConfiguration"]["Rules"]]
    return {
        (rule.get("ExpirationInDays"), rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"))
        for rule in rules
    }


def test_objects_expire_after_the_environments_days(templates: Templates, tmp_path: Path) -> None:
    declared = replace(DEV, access_log_days=30, old_version_days=7)
    models = (MISTRAL_7B_INSTRUCT, MISTRAL_7B_DOLLY)
    app.build([(declared, models)], outdir=str(tmp_path)).synth()

    changed = templates_of(tmp_path)
    for model in models:
        assert _expirations(templates[f"dev/{model.name}"]) == {(365, None), (None, 90)}
        assert _expirations(changed[f"dev/{model.name}"]) == {(30, None), (None, 7)}
