"""Paths of the catalogue's files: nothing that others publish leads out of a folder."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import CatalogError, Lock
from catalog.lock import DEFAULT_LOCK, render, write
from catalog.paths import inside, key_problem, model_id_problem
from catalog.sources.wheel import PublishedCatalogue
from tests.catalog.sources.wheels import published_wheel, record

HOSTILE = ["../../PWNED", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\\..\\b", "a\0b", "a\nb", "é", "x" * 201]


@pytest.mark.parametrize("model_id", HOSTILE)
def test_a_model_id_is_a_files_name(model_id: str) -> None:
    assert model_id_problem(model_id)


def test_every_model_of_the_lock_has_such_an_id() -> None:
    assert [model_id for model_id in Lock.load().model_ids() if model_id_problem(model_id)] == []


@pytest.mark.parametrize(
    "key",
    ["../a.json", "/a.json", "a/../b.json", "a//b.json", "./a.json", "a\\b.json", "a.txt", "a\0.json", "a/.json/.."],
)
def test_a_key_is_a_relative_path_to_a_document(key: str) -> None:
    assert key_problem(key)
    assert key_problem("community_models/some-model/specs_v1.0.0.json") is None


def test_a_version_of_a_model_has_such_an_id_whatever_it_is_read_from() -> None:
    lock = Lock.load()
    [model_id, *_] = lock.model_ids()
    with pytest.raises(CatalogError, match=r"model_id '\.\./\.\./PWNED': allowed are letters"):
        replace(lock.model(model_id, lock.versions(model_id)[0]), model_id="../../PWNED")


def test_refuses_a_hostile_model_id_of_a_wheel(tmp_path: Path) -> None:
    catalogue = PublishedCatalogue.from_wheel(published_wheel(tmp_path, [record(modelId="../../PWNED")]))
    with pytest.raises(CatalogError, match=r"model_id '\.\./\.\./PWNED'"):
        catalogue.newest("../../PWNED")


def test_refuses_an_index_whose_model_ids_lead_out_of_the_lock(tmp_path: Path) -> None:
    path = shutil.copytree(DEFAULT_LOCK, tmp_path / "lock")
    index = json.loads((path / "index.json").read_text())
    index["models"]["../../outside"] = {"1.0.0": {"sha256": "0", "newest": True}}
    (path / "index.json").write_text(json.dumps(index))
    with pytest.raises(CatalogError, match=r"index\.json has model_id '\.\./\.\./outside'"):
        Lock.load(path)


def test_writes_no_file_outside_of_the_lock(tmp_path: Path) -> None:
    files = render({}, {}, [])
    path = tmp_path / "deep" / "lock"
    with pytest.raises(CatalogError, match=r"'models/\.\./\.\./PWNED\.json' leads out of "):
        write(path, {**files, "models/../../PWNED.json": "{}"})
    assert not path.exists(), "nothing is written"
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("linked", ["models", "models/some-model.json"])
def test_follows_no_link_out_of_the_lock(tmp_path: Path, linked: str) -> None:
    path, outside = tmp_path / "lock", tmp_path / "outside"
    outside.mkdir()
    (outside / "some-model.json").write_text("precious")
    (path / linked).parent.mkdir(parents=True)
    (path / linked).symlink_to(outside if linked == "models" else outside / "some-model.json")
    with pytest.raises(CatalogError, match="leads out of"):
        write(path, {"models/some-model.json": "{}"} if linked != "models" else {"index.json": "{}"})
    assert (outside / "some-model.json").read_text() == "precious"


def test_a_lock_may_be_behind_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", {"index.json": "{}"})
    assert (tmp_path / "real" / "index.json").read_text() == "{}"


def test_a_path_with_a_zero_byte_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="leads out of"):
        inside(tmp_path, "a\0.json")
