"""Documents and locks with a value of another type anywhere: a CatalogError refuses each, and none crashes."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import CatalogError, Lock
from catalog.blocks import digest
from catalog.document import read_document
from catalog.lock import DEFAULT_LOCK, verify
from catalog.training.recipe import read_recipe
from catalog.training.request import TrainingJob, create_training_job
from catalog.typed import checked, type_problems

COMMUNITY = Path(__file__).resolve().parents[2] / "localaws" / "data" / "jumpstart" / "community_models"
SPECS = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(COMMUNITY.rglob("*.json"))]
LOCKED = "huggingface-llm-mistral-7b"
VALUES: list[Any] = [None, 0, -1, 1.5, float("nan"), True, "x", [], {}, [1], {"a": 1}, [{}], [None], {"a": None}]
JOB = TrainingJob(
    name="a",
    role_arn="arn:aws:iam::111122223333:role/r",
    region="us-west-2",
    channels={"training": "s3://b/d/"},
    output_path="s3://b/r/",
    accept_eula=True,
)

Path_ = tuple[Any, ...]


def _paths(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield the place of each value in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _kinds(document: Any) -> list[Path_]:
    """Return one place of each kind: entries of a list are alike, and so are regions."""
    found: dict[tuple[str, ...], Path_] = {}
    for path in _paths(document):
        kind = tuple("*" if isinstance(key, int) or "-" in key else key for key in path)
        found.setdefault(kind, path)
    return list(found.values())


def _changed(document: Any, path: Path_, value: Any) -> Any:
    changed = copy.deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def _deploy(document: Any) -> None:
    model = read_document(document)
    for region in model.regions():
        model.resolve(region=region)


def _train(document: Any) -> None:
    recipe = read_recipe(document)
    recipe.hyperparameter_problems({"epoch": "1", "other": "1"}, instance_type="ml.g5.12xlarge")
    create_training_job(recipe, JOB)


def _crash(use: Callable[[Any], object], document: Any) -> str | None:
    try:
        use(document)
    except CatalogError:
        return None
    except Exception as error:
        return repr(error)
    return None


_CHANGES = st.sampled_from(SPECS).flatmap(
    lambda spec: st.builds(_changed, st.just(spec), st.sampled_from(_kinds(spec)), st.sampled_from(VALUES))
)


@settings(max_examples=40)
@given(document=_CHANGES)
def test_a_wrong_type_in_a_spec_is_a_catalog_error(document: Any) -> None:
    assert _crash(_deploy, document) is None
    assert _crash(_train, document) is None


@pytest.mark.sweep
def test_a_wrong_type_at_any_place_of_a_spec_is_a_catalog_error() -> None:
    crashes = [
        (path, value, crash)
        # Both versions of Mistral have the same fields.
        for spec in SPECS[1:]
        for path in _kinds(spec)
        for value in VALUES
        for use in (_deploy, _train)
        if (crash := _crash(use, _changed(spec, path, value)))
    ]
    assert crashes == []


class _LockFolder:
    """A small lock, written with one value changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "models").mkdir()
        self.index = json.loads((DEFAULT_LOCK / "index.json").read_text(encoding="utf-8"))
        self.index["models"] = {LOCKED: self.index["models"][LOCKED]}
        self.blocks = json.loads((DEFAULT_LOCK / "models" / f"{LOCKED}.json").read_text(encoding="utf-8"))

    def use(self, index: Any, blocks: Any) -> str | None:
        (self.folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
        (self.folder / "models" / f"{LOCKED}.json").write_text(json.dumps(blocks), encoding="utf-8")
        return _crash(verify, self.folder) or _crash(_read, self.folder)

    def change_index(self, path: Path_, value: Any) -> str | None:
        return self.use(_changed(self.index, path, value), self.blocks)

    def change_block(self, version: str, path: Path_, value: Any) -> str | None:
        """Change a block together with its hash, as who edits a lock by hand may do."""
        block = _changed(self.blocks[version], path, value)
        index = _changed(self.index, ("models", LOCKED, version, "sha256"), digest(block))
        return self.use(index, {**self.blocks, version: block})


def _read(folder: Path) -> None:
    lock = Lock.load(folder)
    for model_id in lock.model_ids():
        lock.pins(model_id)
        for version in lock.versions(model_id):
            lock.recipe_sha256(model_id, version)
            lock.entry(model_id, version).model.resolve(region="us-west-2")


def test_a_wrong_type_in_a_lock_is_a_catalog_error(tmp_path: Path) -> None:
    lock = _LockFolder(tmp_path)
    version = next(iter(lock.blocks))
    index, block = list(_kinds(lock.index)), list(_kinds(lock.blocks[version]))
    assert index
    assert block
    for number, path in enumerate(index):
        value = VALUES[number % len(VALUES)]
        assert lock.change_index(path, value) is None, (path, value)
    for number, path in enumerate(block):
        value = VALUES[number % len(VALUES)]
        assert lock.change_block(version, path, value) is None, (path, value)


@pytest.mark.sweep
def test_a_wrong_type_at_any_place_of_a_lock_is_a_catalog_error(tmp_path: Path) -> None:
    lock = _LockFolder(tmp_path)
    crashes = [crash for path in _kinds(lock.index) for value in VALUES if (crash := lock.change_index(path, value))]
    crashes += [
        crash
        for version, block in lock.blocks.items()
        for path in _kinds(block)
        for value in VALUES
        if (crash := lock.change_block(version, path, value))
    ]
    assert crashes == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("training_volume_size",), "256", "has volume_size '256': allowed is a whole number or null"),
        (("training_volume_size",), True, "has volume_size True: allowed is a whole number or null"),
        (("hyperparameters", 0, "min"), "1", r"has hyperparameters\[0\].minimum '1': allowed is a number or null"),
        (("supported_training_instance_types",), [1], r"has instance_types\[0\] 1: allowed is text"),
        (("metrics",), [{"Name": "loss"}], "is not of a form that is known: KeyError"),
    ],
)
def test_says_the_place_and_the_allowed_type(path: Path_, value: Any, problem: str) -> None:
    with pytest.raises(CatalogError, match=problem):
        read_recipe(_changed(SPECS[0], path, value))


def test_right_types_pass_unchanged(lock: Lock) -> None:
    model = lock.model(LOCKED, "2.1.0")
    assert checked(model, label="m") is model
    assert list(type_problems({"a": ["b"]}, dict[str, list[str]] | None, "x")) == []
