"""From a wheel to a lock, with small wheels of the published form."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import Lock, ModelVersion
from catalog.blocks import Registry
from catalog.lock import Entry, verify, write
from catalog.sources.wheel import PublishedCatalogue
from catalog.update import ModelReference, files, updated
from tests.catalog.sources.wheels import TGI, published_wheel, record, without_images
from tools.cli.main import run


def _update(lock: Path, wheel: Path, *words: str) -> int:
    return run(["catalog", "--lock", str(lock), "update", "--wheel", str(wheel), *words])


def _written(path: Path, source: PublishedCatalogue, entries: Sequence[Entry], *, before: Lock | None = None) -> Lock:
    written, _ = files(before, source.description, entries, {})
    write(path, written)
    return Lock.load(path)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "some.lock"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    other = record("3.0.0", modelId="other-model", requiresEula=None, gatedBucket=None)
    return published_wheel(tmp_path, [record("1.0.0"), record("1.10.0"), without_images("1.11.0"), other])


def test_update_writes_a_readable_block(lock: Path, wheel: Path) -> None:
    assert _update(lock, wheel, "some-model@1.0.0") == 0

    block = json.loads((lock / "models" / "some-model.json").read_text())["1.0.0"]
    assert len(block.pop("spec_sha256")) == 64
    assert block == {
        "artifact_key": "some-model/prepack/",
        "default_instance_type": "ml.g5.2xlarge",
        "environment": {"HF_MODEL_ID": "/opt/ml/model", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
        "eula_key": "eula/some.txt",
        "gated": True,
        "images": {"gpu": {TGI: ["cn-north-1", "il-central-1", "us-east-1"]}},
        "instance_types": ["ml.g5.2xlarge", "ml.p4d.24xlarge"],
        "unsent_environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        "variant_environments": {"ml.p4d.24xlarge": {"SM_NUM_GPUS": "8"}},
        "variant_images": {"gpu": ["g5", "p4d"]},
    }
    assert verify(lock) == ()


def test_update_takes_registry_accounts_from_cdk_where_cdk_knows_them(lock: Path, wheel: Path) -> None:
    _update(lock, wheel, "some-model@1.0.0")

    assert Lock.load(lock).registries == {
        "cn-north-1": Registry(account="727897471807", domain_suffix="amazonaws.com.cn", known_from="aws-cdk-lib"),
        "il-central-1": Registry(account="780543022126", domain_suffix="amazonaws.com", known_from="images"),
        "us-east-1": Registry(account="763104351884", domain_suffix="amazonaws.com", known_from="aws-cdk-lib"),
    }


def test_update_records_the_wheel(lock: Path, wheel: Path) -> None:
    _update(lock, wheel, "some-model@1.0.0")

    source = Lock.load(lock).sources["wheel"]
    assert (source.kind, source.name, source.version, source.license) == (
        "wheel",
        "some-package",
        "7.8.9",
        "Apache-2.0",
    )
    assert source.sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_update_in_any_order_gives_the_same_bytes(tmp_path: Path, wheel: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _update(first, wheel, "some-model@1.0.0", "other-model@3.0.0")
    _update(second, wheel, "other-model@3.0.0")
    _update(second, wheel, "some-model@1.0.0")
    _update(first, wheel)
    _update(second, wheel)

    def content(folder: Path) -> dict[Path, bytes]:
        files = (file for file in folder.rglob("*") if file.is_file())
        return {file.relative_to(folder): file.read_bytes() for file in files}

    assert len(content(first)) == 3
    assert content(first) == content(second)


def test_update_without_ids_locks_every_model_at_the_newest_version_that_resolves(lock: Path, wheel: Path) -> None:
    _update(lock, wheel)

    locked = Lock.load(lock)
    assert {model_id: locked.versions(model_id) for model_id in locked.model_ids()} == {
        "other-model": ("3.0.0",),
        "some-model": ("1.10.0",),
    }
    assert locked.pins("some-model") == ()
    assert verify(lock) == ()


def test_update_of_one_id_leaves_the_others_alone(tmp_path: Path, lock: Path, wheel: Path) -> None:
    _update(lock, wheel)
    newer = published_wheel(tmp_path, [record("1.20.0"), record("4.0.0", modelId="other-model")], "newer.whl")

    _update(lock, newer, "some-model")

    assert Lock.load(lock).versions("some-model") == ("1.20.0",)
    assert Lock.load(lock).versions("other-model") == ("3.0.0",)


def test_a_pin_stays_when_the_newest_version_moves_on(tmp_path: Path, lock: Path, wheel: Path) -> None:
    _update(lock, wheel, "some-model@1.0.0", "some-model@1.10.0", "some-model")
    newer = published_wheel(tmp_path, [record("1.20.0")], "newer.whl")

    _update(lock, newer)

    assert Lock.load(lock).versions("some-model") == ("1.20.0", "1.10.0", "1.0.0")
    assert Lock.load(lock).pins("some-model") == ("1.10.0", "1.0.0")
    assert verify(lock) == ()


def test_the_newest_version_never_moves_back(tmp_path: Path, lock: Path, wheel: Path) -> None:
    _update(lock, wheel)

    _update(lock, published_wheel(tmp_path, [record("1.0.0")], "older.whl"))

    assert Lock.load(lock).versions("some-model") == ("1.10.0",)


def test_unpin_gives_up_a_version_unless_it_is_the_newest(lock: Path, wheel: Path) -> None:
    _update(lock, wheel, "some-model@1.0.0", "some-model@1.10.0", "some-model")

    assert run(["catalog", "--lock", str(lock), "update", "--unpin", "some-model@1.0.0", "some-model@1.10.0"]) == 0

    assert Lock.load(lock).versions("some-model") == ("1.10.0",)
    assert Lock.load(lock).pins("some-model") == ()


def test_unpin_reports_everything_that_is_not_pinned(
    lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _update(lock, wheel, "some-model@1.0.0", "other-model")
    capsys.readouterr()

    words = ["update", "--unpin", "some-model@1.10.0", "other-model@3.0.0"]
    assert run(["catalog", "--lock", str(lock), *words]) == 1

    assert capsys.readouterr().err.splitlines() == [
        "error: some-model@1.10.0 is not pinned: pinned are 1.0.0",
        "error: other-model@3.0.0 is not pinned: no version of it is",
    ]


def test_what_another_kind_of_source_gave_stays_until_it_is_named(lock: Path, wheel: Path) -> None:
    wheel_source = PublishedCatalogue.from_wheel(wheel)
    live = PublishedCatalogue(replace(wheel_source.description, kind="live"), [record("1.10.0", gatedBucket=None)])
    entries, _ = updated(None, live)

    kept, _ = updated(_written(lock, live, entries), wheel_source)
    assert [entry.source for entry in kept if entry.model.model_id == "some-model"] == ["live"]

    named, _ = updated(Lock.load(lock), wheel_source, wanted=[ModelReference(model_id="some-model", version="1.10.0")])
    (entry,) = [entry for entry in named if entry.model.model_id == "some-model"]
    assert (entry.source, entry.newest, entry.pinned, entry.model.gated) == ("wheel", True, True, True)


class _Configured(PublishedCatalogue):
    """The published catalogue as it would be if it had inference configs."""

    def model(self, model_id: str, version: str, *, config: str | None = None) -> ModelVersion:
        model = super().model(model_id, version)
        return replace(model, config=config or "first", configs=("first", "second"))


def test_a_pin_keeps_the_config_it_was_made_with(lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = _Configured.from_wheel(wheel)
    reference = ModelReference(model_id="some-model", version="1.10.0", config="second")
    locked = _written(lock, source, updated(None, source, wanted=[reference])[0])

    for wanted in ([], [ModelReference(model_id="some-model", version=None)]):
        locked = _written(lock, source, updated(locked, source, wanted=wanted)[0])
        (entry,) = [entry for entry in locked.entries() if entry.model.model_id == "some-model"]
        assert (entry.newest, entry.pinned, entry.model.config) == (True, True, "second")

    show = ["catalog", "--lock", str(lock), "show", "some-model", "--region", "us-east-1", "--config"]
    assert run([*show, "second"]) == 0
    assert run([*show, "third"]) == 1
    assert capsys.readouterr().err == (
        "error: config 'third' is not one of some-model 1.10.0: choose one of first, second\n"
    )
    assert run([*show, "first"]) == 1
    assert "update some-model@1.10.0 --config first puts it there" in capsys.readouterr().err


def test_a_lock_from_two_sources_describes_both(lock: Path, wheel: Path) -> None:
    wheel_source = PublishedCatalogue.from_wheel(wheel)
    live = PublishedCatalogue(replace(wheel_source.description, kind="live"), [record("1.10.0")])
    locked = _written(lock, live, updated(None, live)[0])

    _written(lock, wheel_source, updated(locked, wheel_source)[0], before=locked)

    assert set(Lock.load(lock).sources) == {"live", "wheel"}
    assert verify(lock) == ()


def test_a_model_that_cannot_be_read_does_not_hinder_the_others(
    tmp_path: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [without_images("1.0.0"), record("3.0.0", modelId="other-model")]

    assert _update(lock, published_wheel(tmp_path, records)) == 0

    assert Lock.load(lock).model_ids() == ("other-model",)
    assert capsys.readouterr().err.startswith("left as it was: no version of some-model in some-package has")


def test_update_reports_every_wrong_pin_and_writes_nothing(
    lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _update(lock, wheel, "some-modle@1.0.0", "some-model@9.0.0") == 1

    assert capsys.readouterr().err.splitlines() == [
        "error: model id 'some-modle' is not in the published catalogue: did you mean some-model? "
        "If AWS has it: ./jumpstack catalog update some-modle --source live",
        "error: version '9.0.0' of some-model is not in the published catalogue: choose one of 1.11.0, 1.10.0, 1.0.0, "
        "or ./jumpstack catalog update some-model@9.0.0 --source live",
    ]
    assert not lock.exists()


def test_update_pins_no_version_without_an_image(lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _update(lock, wheel, "some-model@1.11.0") == 1

    assert capsys.readouterr().err.splitlines() == [
        "error: some-model 1.11.0 has no image in some-package: pin some-model@1.10.0, the newest that has one, "
        "or read JumpStart's cache: ./jumpstack catalog update some-model --source live",
    ]
    assert not lock.exists()


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/some-model/1.0.0", ": some-model"),
        ("arn:aws:sagemaker:us-east-1:111122223333:endpoint/x", "not an ARN"),
        ("some-owner/Some-Model", "JumpStart's ids have no owner; did you mean some-model?"),
        ("some-model@latest", "is not in the published catalogue: choose one of 1.11.0, 1.10.0, 1.0.0"),
        ("zzz", "no id there is like it. If AWS has it: ./jumpstack catalog update zzz --source live"),
    ],
)
def test_update_says_what_to_give_in_place_of_another_kind_of_name(
    lock: Path, wheel: Path, word: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _update(lock, wheel, word) == 1
    assert capsys.readouterr().err.rstrip().endswith(hint)


def test_update_says_what_it_changed(lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _update(lock, wheel, "some-model")
    capsys.readouterr()

    _update(lock, wheel, "some-model@1.10.0", "some-model@1.0.0")

    assert capsys.readouterr().out.splitlines() == [
        "some-model 1.0.0: joins the lock (pinned)",
        "some-model 1.10.0: pinned",
        "2 versions of 1 models, 2 pinned",
    ]


def test_verify_fails_on_a_broken_lock(lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _update(lock, wheel, "some-model@1.0.0")
    (lock / "models" / "some-model.json").unlink()

    assert run(["catalog", "--lock", str(lock), "verify"]) == 1
    assert "some-model.json does not exist" in capsys.readouterr().err
