"""Assemblies of earlier versions, which the tests of upgrades start from, and today's."""

import pytest

import app
from stacks.models import DEPLOYMENTS
from tests.upgrade.record import STACKS
from tests.upgrade.recorded import Assembly, unpack, versions


@pytest.fixture(scope="session", params=versions())
def version(request: pytest.FixtureRequest) -> str:
    """Each recorded version."""
    return str(request.param)


@pytest.fixture(scope="session")
def old(version: str, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The assembly of that version."""
    return unpack(version, tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Today's stacks of the same paths."""
    folder = tmp_path_factory.mktemp("new")
    models = [
        (environment, [model for model in models if f"{environment.name}/{model.name}" in STACKS.values()])
        for environment, models in DEPLOYMENTS
    ]
    app.build([(environment, some) for environment, some in models if some], outdir=str(folder)).synth()
    return Assembly(folder)
