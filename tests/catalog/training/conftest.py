"""The recipe that tests of trainings share."""

import json
from pathlib import Path

import pytest

from catalog.training.recipe import TrainingRecipe, read_recipe

_CACHE = Path(__file__).resolve().parents[3] / "localaws" / "data" / "jumpstart"


@pytest.fixture
def recipe() -> TrainingRecipe:
    """Return the recipe of Mistral 7B 2.1.0."""
    document = _CACHE / "community_models" / "huggingface-llm-mistral-7b" / "specs_v2.1.0.json"
    return read_recipe(json.loads(document.read_text(encoding="utf-8")))
