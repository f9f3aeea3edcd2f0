"""The second-hand facts: each with a source, consistent, and about models that the lock has."""

import json
from pathlib import Path
from typing import Any

import pytest

import catalog.training.second_hand
from catalog import Lock
from catalog.training.exclusive import conflicts
from catalog.training.hyperparameters import faults
from catalog.training.second_hand import second_hand, tunable_models

TABLE: dict[str, Any] = json.loads(Path(catalog.training.second_hand.__file__).with_suffix(".json").read_text())
RECIPES = sorted(TABLE["training"])


def test_every_source_says_what_and_from_where_and_when() -> None:
    used = {"table", *(entry["source"] for entry in TABLE["training"].values())}

    assert used == set(TABLE["sources"])
    for source in TABLE["sources"].values():
        assert {"what", "from", "in_words", "read"} == source.keys()
        assert "/" in source["from"]


def test_is_about_models_of_the_lock_each_once() -> None:
    ids = Lock.load().model_ids()

    assert set(TABLE["tunable"]) | set(TABLE["not_tunable"]) <= set(ids)
    assert not set(TABLE["tunable"]) & set(TABLE["not_tunable"])
    assert set(RECIPES) <= set(tunable_models())


@pytest.mark.parametrize("model_id", RECIPES)
def test_every_default_is_allowed_by_the_recipes_own_rules(model_id: str) -> None:
    facts = second_hand(model_id)
    assert facts is not None
    known = facts.hyperparameters_on(facts.instance_types[0])
    defaults = {one.name: one.default for one in known if one.is_algorithms}

    assert list(faults(known, defaults)) == []
    assert list(conflicts(defaults, model_id=model_id, instance_type=facts.instance_types[0])) == []


@pytest.mark.parametrize("model_id", ["huggingface-llm-falcon-180b-bf16", "huggingface-llm-mistral-7b-instruct"])
def test_says_that_a_model_cannot_be_tuned(model_id: str) -> None:
    facts = second_hand(model_id)

    assert facts is not None
    assert facts.problem == "it cannot be fine-tuned"
    assert facts.second_hand == "second-hand, from AWS's table of 2025-06-23, read 2026-11"


def test_says_of_a_tunable_model_without_a_recipe_no_more_than_that() -> None:
    facts = second_hand("huggingface-llm-falcon-7b-bf16")

    assert facts is not None
    assert (facts.problem, facts.instance_types, facts.hyperparameters, facts.methods) == (None, (), (), ())
    assert second_hand("some-model") is None


def test_names_the_version_that_a_recipe_is_of() -> None:
    facts = second_hand("meta-textgeneration-llama-3-1-70b")

    assert facts is not None
    assert facts.second_hand == "second-hand, of version 2.16.2, from a copy of AWS's spec, read 2026-11"
    assert facts.instance_types == ("ml.g5.48xlarge", "ml.p4d.24xlarge")
