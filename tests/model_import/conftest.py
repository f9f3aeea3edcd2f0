"""Fixtures of the tests of imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model_import.artifacts.artifact_models import Model, llama


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A valid Llama."""
    return llama(tmp_path / "model")
