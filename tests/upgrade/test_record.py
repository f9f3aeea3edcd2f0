"""A recorded assembly holds what a deployment of its stacks needs, and the same stacks give the same bytes."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.upgrade.record import File, pack, select
from tests.upgrade.recorded import Assembly

STACK = "dev/model"


def _artifacts(name: str, *assets: str, folder: Path) -> dict[str, Any]:
    (folder / f"{name}.template.json").write_text(json.dumps({"Resources": {name: {"Type": "AWS::KMS::Key"}}}))
    template = {"source": {"path": f"{name}.template.json"}}
    files = {asset: {"source": {"path": f"asset.{asset}"}} for asset in assets}
    (folder / f"{name}.assets.json").write_text(json.dumps({"files": {"template": template, **files}}))
    return {
        f"{name}.assets": {"type": "cdk:asset-manifest", "properties": {"file": f"{name}.assets.json"}},
        name: {
            "type": "aws:cloudformation:stack",
            "displayName": f"dev/{name}",
            "dependencies": [f"{name}.assets"],
            "additionalMetadataFile": f"{name}.metadata.json",
            "properties": {"templateFile": f"{name}.template.json"},
        },
    }


@pytest.fixture
def synthesized(tmp_path: Path) -> Path:
    """Two stacks, each with a package of its own, and what only reports are made of."""
    for asset in ("a", "b"):
        package = tmp_path / f"asset.{asset}"
        package.mkdir()
        (package / "bootstrap").write_text("#!/bin/sh\n")
        (package / "bootstrap").chmod(0o755)
    artifacts = {**_artifacts("model", "a", folder=tmp_path), **_artifacts("another", "b", folder=tmp_path)}
    tree = {"type": "cdk:tree", "properties": {"file": "tree.json"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "1", "artifacts": {**artifacts, "Tree": tree}}))
    (tmp_path / "tree.json").write_text("{}")
    return tmp_path


def test_keeps_a_stack_with_its_assets_and_nothing_else(synthesized: Path) -> None:
    assert sorted(select(synthesized, [STACK])) == [
        *("asset.a/bootstrap", "manifest.json", "model.assets.json", "model.template.json"),
    ]


def test_keeps_the_template_of_a_stack_without_assets(synthesized: Path) -> None:
    manifest = json.loads((synthesized / "manifest.json").read_text())
    del manifest["artifacts"]["model"]["dependencies"]
    (synthesized / "manifest.json").write_text(json.dumps(manifest))

    assert sorted(select(synthesized, [STACK])) == ["manifest.json", "model.template.json"]


def test_an_unpacked_assembly_has_the_stack_and_an_executable_bootstrap(synthesized: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "unpacked"

    with tarfile.open(fileobj=io.BytesIO(pack(select(synthesized, [STACK])))) as packed:
        packed.extractall(unpacked, filter="data")

    assert Assembly(unpacked).templates() == {STACK: {"Resources": {"model": {"Type": "AWS::KMS::Key"}}}}
    assert os.access(unpacked / "asset.a" / "bootstrap", os.X_OK)
    assert not os.access(unpacked / "manifest.json", os.X_OK)


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(synthesized: Path) -> None:
    first = pack(select(synthesized, [STACK]))
    for file in synthesized.rglob("*"):
        os.utime(file, (1, 1))

    assert pack(select(synthesized, [STACK])) == first


def test_the_order_of_files_does_not_matter() -> None:
    files = {"b": File(b"2"), "a": File(b"1")}

    assert pack(files) == pack(dict(sorted(files.items())))


def test_a_stack_that_is_not_there_is_refused(synthesized: Path) -> None:
    with pytest.raises(ValueError, match=r"does not hold dev/missing"):
        select(synthesized, [STACK, "dev/missing"])
