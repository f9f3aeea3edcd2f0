"""The facts of a training recipe on their way from JumpStart's live cache into the lock and out of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from catalog import CatalogError, Lock
from catalog.changes import lock_changes
from catalog.lock import Entry, verify, write
from catalog.sources import downloads
from catalog.sources.live import LiveCatalogue
from catalog.training.facts import TrainingFacts, changes, from_block, read_facts, to_block
from catalog.training.hyperparameters import Hyperparameter
from catalog.training.recipe import read_recipe
from catalog.update import ModelReference, files, updated
from tests.training.jumpstart_cache import put_cache, spec

REGION = "us-west-2"
MISTRAL = ModelReference(model_id="huggingface-llm-mistral-7b", version="2.1.0")
EPOCH = Hyperparameter(name="epoch", type="int", default="1", minimum=1, maximum=1000)


@pytest.fixture
def put(tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Fill JumpStart's bucket; the function replaces the spec of Mistral 7B 2.1.0 in it."""
    with mock_aws():
        client = boto3.client("s3", region_name=REGION)
        bucket = put_cache(client, REGION)

        def replace_spec(document: dict[str, Any]) -> None:
            key = f"community_models/{MISTRAL.model_id}/specs_v2.1.0.json"
            client.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode(), ACL="public-read")

        yield replace_spec


def _updated(lock: Path, folder: Path, reference: ModelReference = MISTRAL) -> tuple[Lock, tuple[Entry, ...]]:
    live = LiveCatalogue(region=REGION, folder=folder)
    before = Lock.load(lock) if lock.exists() else None
    entries, _ = updated(before, live, wanted=[reference])
    write(lock, files(before, live.description, entries, {})[0])
    return Lock.load(lock), entries


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lock with Mistral 7B 2.1.0 from the live cache."""
    folder = tmp_path_factory.mktemp("locked")
    with mock_aws():
        put_cache(boto3.client("s3", region_name=REGION), REGION)
        _updated(folder / "lock", folder / "cache")
    return folder / "lock"


def test_an_update_from_the_live_cache_locks_the_recipe_with_its_hash(locked: Path) -> None:
    lock = Lock.load(locked)
    recipe = read_recipe(spec(MISTRAL.model_id, "2.1.0"))
    facts = lock.training(MISTRAL.model_id, "2.1.0")

    assert facts is not None
    assert facts.instance_types == recipe.instance_types
    assert facts.default_instance_type == "ml.g5.12xlarge"
    assert set(facts.hyperparameters) == set(recipe.hyperparameters)
    assert facts.methods == ("instruction", "domain", "chat")
    assert facts.second_hand is None
    assert lock.recipe_sha256(MISTRAL.model_id, "2.1.0") == recipe.spec_sha256
    assert verify(locked) == ()


def test_a_hyperparameter_is_one_line_of_the_lock(locked: Path) -> None:
    lines = (locked / "models" / f"{MISTRAL.model_id}.json").read_text().splitlines()

    assert '        "epoch": {"default": "1", "maximum": 1000, "minimum": 1, "type": "int"},' in lines
    assert '        "peft_type": {"default": "None", "options": ["lora", "None"], "type": "text"},' in lines
    assert all(len(line) <= 120 for line in lines)


def test_a_version_without_training_is_locked_as_one(put: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    put({**spec(MISTRAL.model_id, "2.1.0"), "training_supported": False})
    lock, _ = _updated(tmp_path / "lock", tmp_path / "cache")

    assert lock.training(MISTRAL.model_id, "2.1.0") == TrainingFacts(
        problem="huggingface-llm-mistral-7b 2.1.0 cannot be fine-tuned: its spec has no training; choose another model "
        "or version"
    )


def test_an_update_says_what_changed_in_the_recipe(put: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    _, before = _updated(tmp_path / "lock", tmp_path / "cache")
    document = spec(MISTRAL.model_id, "2.1.0")
    document["supported_training_instance_types"].remove("ml.p4d.24xlarge")
    document["hyperparameters"] = [
        {**entry, "max": 10} if entry["name"] == "epoch" else entry
        for entry in document["hyperparameters"]
        if entry["name"] != "seed"
    ]
    put(document)
    _, after = _updated(tmp_path / "lock", tmp_path / "cache")

    assert list(lock_changes(before, after)) == [
        "huggingface-llm-mistral-7b 2.1.0: training instance types: -ml.p4d.24xlarge",
        "huggingface-llm-mistral-7b 2.1.0: hyperparameters: -seed",
        "huggingface-llm-mistral-7b 2.1.0: hyperparameter epoch: 1 (a whole number at least 1 and at most 1000) -> 1 "
        "(a whole number at least 1 and at most 10)",
    ]


@pytest.mark.usefixtures("put")
def test_a_document_larger_than_any_spec_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "LARGEST_BYTES", 10_000)

    with pytest.raises(CatalogError, match=r"specs_v2\.1\.0\.json has 20713 bytes: allowed are 10000"):
        _updated(tmp_path / "lock", tmp_path / "cache")


def test_a_lock_from_the_published_catalogue_has_no_recipes() -> None:
    assert Lock.load().training("huggingface-llm-mistral-7b", "2.1.0") is None


@pytest.mark.parametrize(
    "facts",
    [
        TrainingFacts(problem="it cannot be fine-tuned"),
        TrainingFacts(
            default_instance_type="ml.g5.12xlarge",
            instance_types=("ml.g5.12xlarge", "ml.p4d.24xlarge"),
            hyperparameters=(
                EPOCH,
                Hyperparameter(name="lora_dropout", type="float", default="0", minimum=0, exclusive_maximum=1),
                Hyperparameter(name="peft_type", type="text", default="None", options=("lora", "None")),
                Hyperparameter(name="sagemaker_program", type="text", default="train.py", is_algorithms=False),
            ),
            variant_hyperparameters={"g5": (EPOCH,)},
        ),
    ],
)
def test_every_fact_survives_a_block(facts: TrainingFacts) -> None:
    assert from_block(json.loads(json.dumps(to_block(facts)))) == facts


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"hyperparameters": {"epoch": {"type": "number", "default": "1"}}}, "has type 'number'"),
        ({"hyperparameters": {"epoch": {"type": "int", "default": 1}}}, "default"),
        ({"hyperparameters": {"epoch": {"type": "int"}}}, "default"),
        ({"hyperparameters": {"epoch": {"type": "int", "default": "1", "least": 1}}}, "least"),
        ({"images": {}}, "images"),
    ],
)
def test_a_block_of_another_form_is_refused(block: dict[str, Any], problem: str) -> None:
    with pytest.raises((CatalogError, KeyError, TypeError), match=problem):
        from_block(block)


def test_a_spec_whose_training_is_not_understood_still_gives_its_hosting() -> None:
    document = {**spec(MISTRAL.model_id, "2.1.0"), "fit_kwargs": {"some_argument": 1}}

    assert read_facts(document).problem == (
        "huggingface-llm-mistral-7b 2.1.0 sets some_argument for training: known are disable_output_compression, "
        "encrypt_inter_container_traffic, max_run"
    )


def test_a_recipe_that_joins_or_leaves_the_lock_is_a_change() -> None:
    facts = TrainingFacts(hyperparameters=(EPOCH,))

    assert list(changes(None, facts)) == ["the training recipe joins the lock"]
    assert list(changes(facts, None)) == ["the training recipe leaves the lock"]
    assert list(changes(facts, TrainingFacts(problem="it has none"))) == [
        "fine-tuning: possible -> it has none",
        "hyperparameters: -epoch",
    ]
    assert list(changes(facts, facts)) == []
