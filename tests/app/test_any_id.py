"""Make stacks of the catalogue's ids, here and in other regions, and check them with cfn-lint.

`make test` makes one stack of each kind of model, `make sweep` those of all ids.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from constructs.endpoint.jumpstart_endpoint import JumpStartEndpoint

from catalog import Lock, ModelVersion
from stacks.declarations import JumpStartModel
from stacks.models import DEPLOYMENTS

ROOT = Path(__file__).parents[2]
HOME = "us-west-2"
# Ids in cdklabs.generative-ai-cdk-constructs 0.1.320, which the lock is made from.
PUBLISHED = 342
# cfn-lint takes about 0.6 s a template, so `make test` shows it some and `make sweep` all.
LINTED = 12

# One worker makes the stacks of a place once; without the groups, every test would make them anew.
PLACES = [
    pytest.param("kinds", marks=pytest.mark.xdist_group("any-id-kinds")),
    pytest.param("home", marks=[pytest.mark.xdist_group("any-id-home"), pytest.mark.sweep]),
    pytest.param("elsewhere", marks=[pytest.mark.xdist_group("any-id-elsewhere"), pytest.mark.sweep]),
]

LOCK = Lock.load()


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesized:
    """Templates by model id, and their files."""

    templates: dict[str, dict[str, Any]]
    files: dict[str, Path]
    problems: list[str]


def _newest() -> list[ModelVersion]:
    return [LOCK.model(model_id, LOCK.versions(model_id)[0]) for model_id in LOCK.model_ids()]


def _kinds() -> list[ModelVersion]:
    """Return a model of each kind: of each container, form of weights, licence, instance type and so on."""
    kinds: dict[object, ModelVersion] = {}
    for model in _newest():
        found = model.resolve(region=HOME)
        image = found.image.rpartition("/")[2].partition(":")[0] if found.image else None
        weights = (found.compressed, found.gated, found.model_package is not None, len(found.additional_model_data))
        container = (found.container, found.network_isolation, found.takes_environment, found.inference_ami_version)
        instance = (model.default_instance_type, found.volume_size is None)
        kinds.setdefault((image, weights, container, instance, model.requires_eula), model)
    return list(kinds.values())


def _elsewhere(model: ModelVersion, number: int) -> list[str]:
    """Return regions beside the home region, the same at every run, different from id to id."""
    regions = [region for region in model.regions() if region != HOME]
    return random.Random(model.model_id).sample(regions, min(number, len(regions)))


def _synthesize(folder: Path, context: dict[str, Any], places: Iterable[tuple[ModelVersion, str]]) -> Synthesized:
    app = cdk.App(context=context, outdir=str(folder), analytics_reporting=False)
    problems = []
    stacks = {}
    for number, (model, region) in enumerate(places):
        stack = cdk.Stack(app, f"stack-{number}", env=cdk.Environment(region=region))
        try:
            JumpStartEndpoint(stack, "Endpoint", model=model, endpoint_name=f"model-{number}", accept_eula=True)
        except ValueError as error:
            problems.append(f"{model.model_id} {model.version} in {region}: {error}")
        else:
            stacks[f"{model.model_id} in {region}"] = stack.artifact_id
    app.synth()
    files = {name: folder / f"{artifact}.template.json" for name, artifact in stacks.items()}
    templates = {name: json.loads(file.read_text()) for name, file in files.items()}
    return Synthesized(templates=templates, files=files, problems=problems)


def _complaints(files: Iterable[Path]) -> str:
    """Return cfn-lint's complaints about templates, empty without any."""
    completed = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), *sorted(str(file) for file in files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return completed.stdout + completed.stderr


def _only(template: dict[str, Any], resource_type: str) -> dict[str, Any]:
    (found,) = [entry["Properties"] for entry in template["Resources"].values() if entry["Type"] == resource_type]
    properties: dict[str, Any] = found
    return properties


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory, context: dict[str, Any]) -> Synthesized:
    return _synthesize(tmp_path_factory.mktemp("kinds"), context, [(model, HOME) for model in _kinds()])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, context: dict[str, Any]) -> Synthesized:
    return _synthesize(tmp_path_factory.mktemp("home"), context, [(model, HOME) for model in _newest()])


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, context: dict[str, Any]) -> Synthesized:
    places = [(model, region) for model in _newest() for region in _elsewhere(model, 1)]
    return _synthesize(tmp_path_factory.mktemp("elsewhere"), context, places)


def test_the_lock_has_every_published_id() -> None:
    assert len(LOCK.model_ids()) == PUBLISHED


def test_every_declared_version_is_pinned_so_that_an_update_keeps_it() -> None:
    loose = {
        f"{model.model_id}@{model.version}"
        for _, models in DEPLOYMENTS
        for model in models
        if isinstance(model, JumpStartModel) and model.version not in LOCK.pins(model.model_id)
    }
    assert not loose, f"./jumpstack catalog update {' '.join(sorted(loose))}"


def test_the_sample_has_models_of_many_kinds() -> None:
    assert 30 < len(_kinds()) < PUBLISHED / 2


@pytest.fixture
def synthesized(request: pytest.FixtureRequest) -> Synthesized:
    """The stacks of one of `PLACES`."""
    found: Synthesized = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("synthesized", PLACES, indirect=True)
def test_an_id_becomes_a_stack_on_its_default_instance_type(synthesized: Synthesized) -> None:
    assert synthesized.problems == []
    assert len(synthesized.templates) in {PUBLISHED, len(_kinds())}
    for name, template in synthesized.templates.items():
        model_id, _, region = name.partition(" in ")
        (variant,) = _only(template, "AWS::SageMaker::EndpointConfig")["ProductionVariants"]
        container = _only(template, "AWS::SageMaker::Model")["PrimaryContainer"]
        assert variant["InstanceType"] == LOCK.model(model_id, LOCK.versions(model_id)[0]).default_instance_type
        # Other partitions have domains of their own.
        domain = ".amazonaws.com/" if region == HOME else "."
        assert f".dkr.ecr.{region}{domain}" in container["Image"]


@pytest.mark.parametrize("synthesized", PLACES, indirect=True)
def test_licences_are_accepted_where_there_are_some_and_nowhere_else(synthesized: Synthesized) -> None:
    templates = synthesized.templates.items()
    accepted = [name for name, template in templates if '"AcceptEula": true' in json.dumps(template)]
    accepting = {name.partition(" in ")[0] for name in accepted}
    models = {name.partition(" in ")[0] for name, _ in templates}

    assert accepting == {model.model_id for model in _newest() if model.requires_eula} & models
    assert accepting


@pytest.mark.parametrize("synthesized", PLACES, indirect=True)
def test_cfn_lint_finds_nothing_in_a_sample(synthesized: Synthesized) -> None:
    sample = random.Random(1).sample(sorted(synthesized.files), LINTED)

    assert _complaints(synthesized.files[name] for name in sample) == ""


@pytest.mark.xdist_group("any-id-home")
@pytest.mark.sweep
def test_cfn_lint_finds_nothing_in_the_stack_of_any_id(home: Synthesized) -> None:
    assert _complaints(home.files.values()) == ""


@pytest.mark.sweep
def test_every_id_becomes_a_clean_stack_in_three_further_regions(tmp_path: Path, context: dict[str, Any]) -> None:
    places = [(model, region) for model in _newest() for region in _elsewhere(model, 3)]
    synthesized = _synthesize(tmp_path, context, places)

    assert synthesized.problems == []
    assert _complaints(synthesized.files.values()) == ""
