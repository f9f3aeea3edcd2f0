"""The check ends with a report for any content of a model's documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_import.artifacts.findings import ArtifactError
from model_import.artifacts.folder import File
from model_import.artifacts.report import check
from tests.model_import.artifacts.artifact_models import VALID
from tools.artifacts import text

_TEXTS = st.text(st.characters(), max_size=6) | st.sampled_from(["\ud800", "yarn", "default", "model.safetensors"])
_NUMBERS = st.integers(-2, 40) | st.sampled_from([10**9, 10**30, 2**63]) | st.floats()
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)


class Bodies:
    """A folder in memory."""

    place = "memory/"

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self.bodies = bodies

    def files(self) -> dict[str, File]:
        return {name: File(len(body)) for name, body in self.bodies.items()}

    def read(self, name: str, start: int, length: int) -> bytes:
        return self.bodies[name][start : start + length]


def _bodies(folder: Path, kind: str) -> dict[str, bytes]:
    model = VALID[kind](folder)
    model.shard()
    model.edit("config.json", rope_scaling={"rope_type": "yarn", "factor": 2.0}, quantization_config=None)
    model.write("chat_template.json", {"chat_template": [{"name": "default", "template": "{{ messages }}"}]})
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Models:
    """Files of several models by kind; a class, since hypothesis shows a test's arguments."""

    def __init__(self, root: Path) -> None:
        kinds = ("llama-3", "mixtral", "flan-t5", "granite-code-bigcode", "mllama", "qwen2.5-vl", "qwen3-moe")
        self.by_kind = {kind: _bodies(root / kind, kind) for kind in kinds}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Files of several models."""
    return Models(tmp_path_factory.mktemp("models"))


def _mutated(document: Any, data: st.DataObject) -> Any:
    """Return a document with one value replaced, somewhere within."""
    if isinstance(document, dict) and document and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(document)))
        return {**document, key: _mutated(document[key], data)}
    if isinstance(document, list) and document and data.draw(st.booleans()):
        return [_mutated(document[0], data), *document[1:]]
    return data.draw(_VALUES)


@given(data=st.data())
def test_ends_with_a_report_whatever_the_documents_say(models: Models, data: st.DataObject) -> None:
    bodies = dict(models.by_kind[data.draw(st.sampled_from(sorted(models.by_kind)))])
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(name for name in bodies if name.endswith(".json"))))
        bodies[name] = json.dumps(_mutated(json.loads(bodies[name]), data)).encode()
    report = check(Bodies(bodies), region="us-west-2")
    # What is said can be printed, sent and stored, too.
    json.dumps(report.as_json(), allow_nan=False).encode()
    assert text(report).isascii()
    assert str(ArtifactError(report)).isascii()


@given(data=st.data())
def test_ends_with_a_report_whatever_bytes_the_documents_have(models: Models, data: st.DataObject) -> None:
    bodies = dict(models.by_kind["llama-3"])
    name = data.draw(st.sampled_from(sorted(bodies)))
    body = bytearray(bodies[name])
    place = data.draw(st.integers(0, len(body)))
    body[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    bodies[name] = bytes(body)
    text(check(Bodies(bodies), region="us-west-2"))


@given(names=st.lists(_TEXTS.filter(bool), max_size=5))
def test_ends_with_a_report_whatever_the_files_are_called(models: Models, names: list[str]) -> None:
    bodies = {**models.by_kind["llama-3"], **dict.fromkeys(names, b"")}
    assert text(check(Bodies(bodies))).isascii()
