import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from constructs.functions import packages
from constructs.functions.package_function import PackageFunction
from constructs.model_key import ModelKey
from constructs.values.storage import Storage


def _packed(context: dict[str, Any], outdir: Path) -> Path:
    """Synthesize a function; return the folder that is deployed as its zip."""
    app = cdk.App(context=context, outdir=str(outdir))
    stack = cdk.Stack(app, "test-stack", env=cdk.Environment(region="us-west-2"))
    PackageFunction(
        stack,
        "Function",
        handler="training.prepare.handler",
        description="checks data",
        settings={"NAME_PREFIX": "dev-m"},
        storage=Storage(encryption_key=ModelKey(stack, "Key", alias="m")),
        timeout=cdk.Duration.seconds(60),
    )
    app.synth()
    manifest = json.loads((outdir / "test-stack.assets.json").read_text())
    [asset] = [file for file in manifest["files"].values() if file["source"]["packaging"] == "zip"]
    return outdir / str(asset["source"]["path"])


@pytest.mark.parametrize("module", ["prepare", "verify", "prune", "lifecycle"])
def test_packs_all_that_its_handlers_import(context: dict[str, Any], tmp_path: Path, module: str) -> None:
    folder = _packed(context, tmp_path)

    # `-I` leaves out this folder and the environment's paths, as on Lambda, where boto3 is installed as here.
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import training.{module} as m; print(m.__file__)"
    completed = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)

    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.startswith(str(folder))


def test_packs_the_rules_without_the_lock_and_the_commands(context: dict[str, Any], tmp_path: Path) -> None:
    folder = _packed(context, tmp_path)

    assert {path.name for path in folder.iterdir()} == {"catalog", "training"}
    assert (folder / "catalog" / "training" / "recipe.py").is_file()
    assert not (folder / "catalog" / "jumpstart.lock").exists()
    assert not (folder / "catalog" / "commands").exists()
    assert not list(folder.rglob("__pycache__"))


def test_the_package_moves_with_a_rule_that_it_has_and_with_no_other(
    context: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    root = tmp_path / "root"
    source = Path(packages.__file__).parents[2]
    for name in ("catalog", "lambda/training"):
        for path in (source / name).rglob("*"):
            if path.suffix in {".py", ".json"} and "jumpstart.lock" not in path.parts:
                target = root / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    monkeypatch.setattr(packages, "_ROOT", root)

    # The copies of this root go with the test.
    request.addfinalizer(packages.packed.cache_clear)

    def package() -> str:
        packages.packed.cache_clear()
        folder = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
        return _packed(context, folder).name

    first = package()
    (root / "catalog" / "changes.py").write_text("# another command\n")
    (root / "lambda" / "other").mkdir()
    (root / "lambda" / "other" / "handler.py").write_text("# another function\n")
    assert package() == first
    rule = root / "catalog" / "training" / "recipe.py"
    rule.write_text(rule.read_text() + "# another rule\n")
    assert package() != first


def test_packs_once_a_process() -> None:
    assert packages.packed("training") is packages.packed("training")


@pytest.mark.parametrize("package", ["invoke_shim", "key_authorizer", "model_import"])
def test_packs_no_rules_with_a_package_that_imports_none(package: str) -> None:
    assert [path.name for path in packages.packed(package).iterdir()] == [package]
