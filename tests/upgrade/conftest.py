"""Assemblies of earlier versions, which the tests of upgrades start from, and today's."""

from pathlib import Path

import pytest

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
def new(assembly: Path) -> Assembly:
    """Today's stacks, among them those of the same paths."""
    return Assembly(assembly)
