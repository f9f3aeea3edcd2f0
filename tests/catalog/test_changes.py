"""Lines of `./jumpstack catalog diff` for a bump, two versions and two locks."""

from pathlib import Path

import pytest

from tests.catalog.sources.wheels import TGI, US, published_wheel, record, without_images
from tools.cli.main import run


def _update(lock: Path, wheel: Path, *words: str) -> int:
    return run(["catalog", "--lock", str(lock), "update", "--wheel", str(wheel), *words])


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "some.lock"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    other = record("3.0.0", modelId="other-model", requiresEula=None, gatedBucket=None)
    return published_wheel(tmp_path, [record("1.0.0"), record("1.10.0"), without_images("1.11.0"), other])


def _diff(lock: Path, *words: str) -> int:
    return run(["catalog", "--lock", str(lock), "diff", *words])


def test_diff_says_one_line_a_change_of_a_bump(
    tmp_path: Path, lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _update(lock, wheel)
    newer = record(
        "1.20.0",
        defaultInstanceType="ml.g5.12xlarge",
        instanceTypes=["ml.g5.12xlarge", "ml.g5.2xlarge"],
        prepackedArtifactKey="some-model/prepack-2/",
        environment={"HF_MODEL_ID": "/opt/ml/model", "MAX_TOTAL_TOKENS": "8192"},
        instanceAliases=[{"region": "us-east-1", "aliases": {"other_name": US.replace("tgi1.1.0", "tgi1.4.0")}}],
        instanceVariants=[
            {"instanceType": "g5", "imageUri": "$other_name"},
            {"instanceType": "p4d", "imageUri": "$other_name"},
            {"instanceType": "ml.p4d.24xlarge", "environment": {"SM_NUM_GPUS": 4}},
        ],
        gatedBucket=None,
        requiresEula="eula/other.txt",
    )
    capsys.readouterr()
    written = {file: file.read_bytes() for file in lock.rglob("*.json")}

    assert _diff(lock, "--wheel", str(published_wheel(tmp_path, [newer], "newer.whl"))) == 0

    bump = "some-model 1.10.0 -> 1.20.0: "
    assert capsys.readouterr().out.splitlines() == [
        f"{bump}default instance type: ml.g5.2xlarge -> ml.g5.12xlarge",
        f"{bump}artifact: some-model/prepack/ -> some-model/prepack-2/",
        f"{bump}gated: yes -> no",
        f"{bump}EULA: eula/some.txt -> eula/other.txt",
        f"{bump}instance types: +ml.g5.12xlarge, -ml.p4d.24xlarge",
        f"{bump}image on g5, p4d: {TGI} -> {TGI.replace('tgi1.1.0', 'tgi1.4.0')}",
        f"{bump}regions: -cn-north-1, -il-central-1",
        f"{bump}environment MAX_TOTAL_TOKENS: none -> 8192",
        f"{bump}environment SAGEMAKER_MODEL_SERVER_WORKERS: 1 -> none",
        f"{bump}unsent environment SAGEMAKER_SUBMIT_DIRECTORY: /opt/ml/model/code -> none",
        f"{bump}environment on ml.p4d.24xlarge SM_NUM_GPUS: 8 -> 4",
    ]
    assert {file: file.read_bytes() for file in lock.rglob("*.json")} == written


def test_diff_says_so_when_only_the_version_is_new(
    tmp_path: Path, lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _update(lock, wheel)
    capsys.readouterr()

    _diff(lock, "--wheel", str(published_wheel(tmp_path, [record("1.20.0")], "newer.whl")))

    assert capsys.readouterr().out == "some-model 1.10.0 -> 1.20.0: nothing that a deployment uses\n"


def test_diff_finds_no_changes_right_after_an_update(
    lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _update(lock, wheel)
    capsys.readouterr()

    assert _diff(lock, "--wheel", str(wheel)) == 0
    assert capsys.readouterr().out == "no changes\n"


def test_diff_compares_a_locked_version_with_a_published_one(
    tmp_path: Path, lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _update(lock, wheel)
    newer = published_wheel(tmp_path, [record("1.20.0", gatedBucket=None)], "newer.whl")
    capsys.readouterr()

    assert _diff(lock, "some-model@1.10.0", "some-model@1.20.0", "--wheel", str(newer)) == 0
    assert capsys.readouterr().out == "some-model 1.10.0 -> 1.20.0: gated: yes -> no\n"


def test_diff_compares_two_locks(tmp_path: Path, lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.lock"
    _update(lock, wheel, "some-model@1.0.0", "other-model")
    _update(other, wheel, "some-model")
    capsys.readouterr()

    assert _diff(lock, str(lock), str(other)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "other-model 3.0.0: leaves the lock (newest)",
        "some-model 1.0.0: leaves the lock (pinned)",
        "some-model 1.10.0: joins the lock (newest)",
    ]
