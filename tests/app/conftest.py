"""The whole app, synthesized once for all who look into it."""

from pathlib import Path

import pytest

import app


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of all environments; modules that use it are of the group `app`, for one worker to make it."""
    folder = tmp_path_factory.mktemp("assembly")
    app.build(outdir=str(folder)).synth()
    return folder
