"""Folders that are none, cannot be read, or hold links: one clear error, in the words of the one who asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model_import.artifacts.folder import LocalFolder
from model_import.artifacts.report import check
from tests.model_import.artifacts.artifact_models import Model, checked, rules_and_places
from tests.model_import.artifacts.broken_models import CONFIG, WEIGHTS
from tools.artifacts import check as of_the_tool
from tools.artifacts import text


def _linked(model: Model, name: str, target: str) -> None:
    (model.folder / name).unlink(missing_ok=True)
    (model.folder / name).symlink_to(target)


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda path: path.write_bytes(b"{}"), "not-a-folder"),
        (lambda path: path.mkdir(), "no-folder"),
        (lambda path: (path / "a" / "b").mkdir(parents=True), "no-folder"),
        (lambda path: (path / ".git").mkdir(parents=True), "no-folder"),
        (lambda path: path.symlink_to(path), "no-folder"),
        (lambda path: None, "no-folder"),
    ],
    ids=["a file", "an empty folder", "folders alone", "hidden folders alone", "a loop", "nothing"],
)
def test_says_one_thing_of_what_is_no_folder_with_a_model(
    tmp_path: Path, make: Callable[[Path], object], rule: str
) -> None:
    path = tmp_path / "model"
    make(path)
    report = check(LocalFolder(path))
    assert [finding.rule for finding in report.errors] == [rule]
    assert report.place == (f"{path}/" if path.is_dir() else str(path))


@pytest.mark.parametrize(
    "place", ["https://huggingface.co/a/b", "arn:aws:sagemaker:us-east-1:111122223333:model/m", ""]
)
def test_says_what_is_taken_in_place_of_what_is_no_path(place: str) -> None:
    report = of_the_tool(place, region=None)
    [finding] = report.errors
    assert finding.allowed == "a folder's path, or s3://bucket/prefix/"
    assert text(report).splitlines()[-1] == f"{place} cannot be imported: 1 error, 0 warnings"


def test_takes_the_name_of_s3_in_capitals_for_a_uri() -> None:
    [finding] = of_the_tool("S3://bucket/model", region=None).errors
    assert finding.rule == "s3-uri"


def test_follows_links_to_files_and_none_to_folders(model: Model, tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    model.weights.rename(blob)
    _linked(model, WEIGHTS, str(blob))
    (model.folder / "self").symlink_to(model.folder)
    assert not checked(model).errors


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, "tokenizer.json", "chat_template.jinja"])
def test_names_a_link_that_leads_nowhere(model: Model, name: str) -> None:
    _linked(model, name, "../../blobs/0f3a")
    [finding] = checked(model).errors
    assert (finding.rule, finding.place) == ("dangling-link", name)
    assert finding.problem.startswith("it is a link to '../../blobs/0f3a', and that leads to no file")


def test_names_a_shards_link_once(model: Model) -> None:
    _linked(model, model.shard()[1], "../blobs/1")
    assert rules_and_places(checked(model).errors) == {("dangling-link", "model-00002-of-00002.safetensors")}


def test_warns_of_a_link_that_is_no_part_of_the_model(model: Model) -> None:
    _linked(model, "notes.txt", "notes.txt")
    report = checked(model)
    assert not report.errors
    assert rules_and_places(report.warnings) == {("dangling-link", "notes.txt")}


def _deny(monkeypatch: pytest.MonkeyPatch, denied: Path) -> None:
    """Refuse to list a folder; root may read everything, so that no permission does."""
    scandir = os.scandir

    def denying(path: Any = ".") -> Any:
        if Path(path) == denied:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denying)


def test_says_that_a_folder_may_not_be_listed(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    _deny(monkeypatch, model.folder)
    [finding] = checked(model).errors
    assert finding.problem == f"{model.folder}/ cannot be listed: Permission denied"


def test_does_not_mind_a_folder_below_that_may_not_be_listed(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    (model.folder / "lost+found").mkdir()
    _deny(monkeypatch, model.folder / "lost+found")
    assert not checked(model).errors


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, "tokenizer.json"])
def test_says_that_a_file_may_not_be_read(model: Model, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    opened = Path.open

    def denying(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", denying)
    assert ("unreadable", name) in rules_and_places(checked(model).errors)


def test_does_not_count_files_in_hidden_folders(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model_import.artifacts.folder.MAX_FILES", len(list(model.folder.iterdir())))
    model.put(".git/objects/pack", b"")
    assert not checked(model).errors
