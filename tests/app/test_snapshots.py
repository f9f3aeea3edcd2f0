"""Compare templates with the reviewed ones: one whole, the others as digests. `make snapshots` rewrites them."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stacks.declarations import FineTunedModel, Model
from stacks.models import DEPLOYMENTS
from tests.app.digest import differences, digest, masked, written
from tests.app.reviewed import DIFFERENCES, DIGESTS, REVIEWED, WHOLE

pytestmark = pytest.mark.xdist_group("app")

SNAPSHOTS = Path(__file__).parent / "snapshots"

Templates = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def masks(assembly: Path) -> dict[str, str]:
    """The names of assets by their hashes: what is packed, so that a change of its code changes no template."""
    folders = [folder for folder in assembly.iterdir() if folder.name.startswith("asset.")]
    return {folder.name.removeprefix("asset."): "+".join(sorted(os.listdir(folder))) for folder in folders}


def _template(templates: Templates, path: str, masks: Mapping[str, str]) -> dict[str, Any]:
    template = {name: section for name, section in templates[path].items() if name != "environment"}
    # The asset of the template itself is none of its own.
    parsed: dict[str, Any] = json.loads(masked(json.dumps(template), masks))
    return parsed


def _anywhere(template: dict[str, Any], path: str) -> dict[str, Any]:
    """Write `<environment>` for the environment's name, so that only what else differs is a difference."""
    environment, model = path.split("/")
    names = [f"{environment}-{model}", f"{environment}/{model}", f'"Value": "{environment}"']
    names.append(environment + model.replace("-", ""))
    found = re.compile("|".join(map(re.escape, names)))
    text = found.sub(lambda name: name[0].replace(environment, "<environment>", 1), json.dumps(template))
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _compare(text: str, file: str) -> None:
    snapshot = SNAPSHOTS / file
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(text, encoding="utf-8")

    assert text == snapshot.read_text(encoding="utf-8"), "if the change is wanted: make snapshots, and review it"


def test_matches_the_reviewed_template(templates: Templates, masks: Mapping[str, str]) -> None:
    template = _template(templates, WHOLE, masks)
    _compare(json.dumps(template, indent=2) + "\n", f"{WHOLE.replace('/', '-')}.json")


@pytest.mark.parametrize("path", DIGESTS)
def test_matches_the_reviewed_digest(templates: Templates, masks: Mapping[str, str], path: str) -> None:
    text = written(digest(_template(templates, path, masks)))
    _compare(text, f"{path.replace('/', '-')}.txt")


@pytest.mark.parametrize("path", DIFFERENCES)
def test_differs_from_another_environment_as_reviewed(
    templates: Templates, masks: Mapping[str, str], path: str
) -> None:
    base, other = (digest(_anywhere(_template(templates, one, masks), one)) for one in (DIFFERENCES[path], path))
    text = f"What differs from {DIFFERENCES[path]}, with the environment's name masked\n\n"
    _compare(text + written(differences(base, other)), f"{path.replace('/', '-')}.txt")


def test_each_kind_of_stack_in_each_environment_has_a_snapshot() -> None:
    kinds = {
        f"{environment.name}/{model.name}": (environment.name, _kind(model))
        for environment, models in DEPLOYMENTS
        for model in models
    }
    reviewed = {kinds[path] for path in REVIEWED if path in kinds}

    assert reviewed == set(kinds.values())


def test_no_snapshot_is_left_over() -> None:
    names = {f"{path.replace('/', '-')}.txt" for path in (*DIGESTS, *DIFFERENCES)}
    assert {file.name for file in SNAPSHOTS.iterdir()} == names | {f"{WHOLE.replace('/', '-')}.json"}


def _kind(model: Model) -> tuple[type[Model], bool]:
    return type(model), isinstance(model, FineTunedModel) and model.bedrock is not None
