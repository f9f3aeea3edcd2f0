"""The live preflight's look at training recipes, in JumpStart's cache as the local AWS fills it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest
from moto import mock_aws

from catalog import Lock
from catalog.training.recipe import read_recipe
from stacks.declarations import JumpStartModel
from stacks.environments import DEV
from stacks.models import FALCON_7B, LLAMA_3_2_3B_10K, MISTRAL_7B_DOLLY
from stacks.placement import Placement
from tests.training.jumpstart_cache import put_cache, spec
from tools.account.questions import Planned, make_client
from tools.account.recipes import recipes

# One worker loads moto in process.
pytestmark = pytest.mark.xdist_group("moto")

REGION = "us-west-2"
MANIFEST = "models_manifest.json"
MISTRAL_SPEC = "community_models/huggingface-llm-mistral-7b/specs_v2.1.0.json"
_client = cache(make_client)


@pytest.fixture
def put() -> Iterator[Callable[[str, bytes], None]]:
    """Fill JumpStart's bucket; the function replaces an object of it."""
    with mock_aws():
        s3 = _client("s3", region=REGION, signed=False)
        bucket = put_cache(s3, REGION)
        yield lambda key, body: s3.put_object(Bucket=bucket, Key=key, Body=body, ACL="public-read")


class Pinned(Lock):
    """The lock, with the hash of one recipe."""

    pinned: str | None = None

    def recipe_sha256(self, model_id: str, version: str) -> str | None:
        return self.pinned


@pytest.fixture
def look() -> Callable[..., list[str]]:
    lock = Pinned.load()
    assert isinstance(lock, Pinned)

    def ask(*models: JumpStartModel, pinned: str | None = None) -> list[str]:
        lock.pinned = pinned
        planned = [
            Planned(
                place=Placement(environment=DEV, model=model),
                deployment=lock.model(model.model_id, model.version).resolve(region=REGION),
            )
            for model in models
        ]
        return [f"{finding.level}: {finding}" for finding in recipes(planned, lock, _client)]

    return ask


Look = Callable[..., list[str]]
Put = Callable[[str, bytes], None]


@pytest.mark.usefixtures("put")
def test_says_nothing_of_declarations_that_fit_their_recipes(look: Look) -> None:
    assert look(MISTRAL_7B_DOLLY, LLAMA_3_2_3B_10K, FALCON_7B) == []


@pytest.mark.usefixtures("put")
def test_refuses_by_awss_own_recipe_whatever_the_environment(look: Look) -> None:
    model = replace(MISTRAL_7B_DOLLY, hyperparameters={"num_train_epochs": "1"}, training_instance_type="ml.g5.2xlarge")

    assert look(model) == [
        "error: dev/mistral-7b-dolly.training_instance_type is 'ml.g5.2xlarge': huggingface-llm-mistral-7b 2.1.0 is "
        "not trained on it; allowed: ml.g5.12xlarge, ml.g5.24xlarge, ml.g5.48xlarge, ml.p4d.24xlarge; try "
        "ml.g5.12xlarge",
        "error: dev/mistral-7b-dolly.hyperparameters['num_train_epochs'] is '1': it is not in the recipe; try epoch",
    ]


def test_refuses_a_version_that_cannot_be_tuned(look: Look, put: Put) -> None:
    put(MISTRAL_SPEC, json.dumps(spec(MISTRAL_7B_DOLLY.model_id, "2.1.0") | {"training_supported": False}).encode())

    (line,) = look(MISTRAL_7B_DOLLY)
    assert line.startswith(
        "error: dev/mistral-7b-dolly.model_id is 'huggingface-llm-mistral-7b': huggingface-llm-mistral-7b 2.1.0 cannot "
        "be fine-tuned: its spec has no training"
    )


@pytest.mark.usefixtures("put")
def test_compares_the_recipe_with_the_locks(look: Look) -> None:
    sha256 = read_recipe(spec(MISTRAL_7B_DOLLY.model_id, "2.1.0")).spec_sha256

    assert look(MISTRAL_7B_DOLLY, pinned=sha256) == []
    assert look(MISTRAL_7B_DOLLY, pinned="0" * 64) == [
        f"error: dev/mistral-7b-dolly: the recipe in JumpStart's cache has SHA-256 {sha256}, and the lock pins "
        f"{'0' * 64}: its trainings are refused; try reviewing what ./jumpstack catalog update "
        "huggingface-llm-mistral-7b@2.1.0 --source live changes in the lock"
    ]


@pytest.mark.usefixtures("put")
def test_refuses_a_version_that_the_region_does_not_have(look: Look) -> None:
    lines = look(
        replace(MISTRAL_7B_DOLLY, version="2.9.0"),
        replace(MISTRAL_7B_DOLLY, model_id=FALCON_7B.model_id, version=FALCON_7B.version),
    )

    assert len(lines) == 1
    assert "is not in JumpStart's cache in us-west-2" in lines[0]


@pytest.mark.parametrize(
    ("key", "body", "said"),
    [
        (MANIFEST, b"{", "models_manifest.json is not JSON"),
        (MANIFEST, b'[{"model_id": "x"}]', "has an unknown form: KeyError('spec_key')"),
        (MISTRAL_SPEC, b"[]", "is a list, not an object"),
    ],
)
def test_says_that_a_cache_it_cannot_read_was_not_checked(
    look: Look, put: Put, key: str, body: bytes, said: str
) -> None:
    put(key, body)

    (line,) = look(MISTRAL_7B_DOLLY)
    assert line.startswith("not checked: dev/mistral-7b-dolly: training recipe: ")
    assert said in line


def test_says_so_of_each_model_where_there_is_no_cache(look: Look) -> None:
    with mock_aws():
        lines = look(MISTRAL_7B_DOLLY, LLAMA_3_2_3B_10K)

    assert len(lines) == 2
    assert all("NoSuchBucket" in line and line.startswith("not checked: ") for line in lines)


def test_reads_no_document_larger_than_any_spec(look: Look, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.account.recipes.LARGEST_BYTES", 20_000)

    (line,) = look(MISTRAL_7B_DOLLY)
    assert line.endswith("specs_v2.1.0.json has 20713 bytes: at most 20000 are read")
