"""The whole app, synthesized once for all workers, with all checks on: a plugin of tests/conftest.py."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that the first worker to ask for it makes, while the others wait.

    Args:
        factory: Makes pytest's folders; those of one run's workers have one parent.
        name: The folder's name.
        make: Fills the folder.
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, finished = root / name, root / f"{name}.finished"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            finished.touch()
    return folder


def _synthesize(folder: Path) -> None:
    environment = {**os.environ, "CDK_OUTDIR": str(folder)}
    # Unset, CDK validates each template, which raises where cfn-guard's rules or cdk-nag find something.
    del environment["CDK_VALIDATION"]
    completed = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of all environments, as `app.py` writes it with all checks on. Nothing may write to it."""
    return made_once(tmp_path_factory, "assembly", _synthesize)


def _stacks(assembly: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield path, template and place of each stack."""
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    for artifact in manifest["artifacts"].values():
        if artifact["type"] == "aws:cloudformation:stack":
            yield artifact["displayName"], assembly / artifact["properties"]["templateFile"], artifact["environment"]


def template_files(assembly: Path) -> dict[str, Path]:
    """Return the templates' files by the stacks' paths, such as `dev/falcon-7b`."""
    return {path: file for path, file, _ in _stacks(assembly)}


@cache
def templates_of(assembly: Path) -> dict[str, dict[str, Any]]:
    """Return all templates of an assembly by their stacks' paths, such as `dev/falcon-7b`.

    Each has the stack's place, such as `aws://unknown-account/us-west-2`, as its `environment`. Nothing may write to
    them.
    """
    return {
        path: {**json.loads(file.read_text(encoding="utf-8")), "environment": place}
        for path, file, place in _stacks(assembly)
    }


@pytest.fixture(scope="session")
def templates(assembly: Path) -> dict[str, dict[str, Any]]:
    """The templates of all stacks by their paths, such as `dev/falcon-7b`."""
    return templates_of(assembly)
