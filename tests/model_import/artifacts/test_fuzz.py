"""The check ends with a report for any content of a model's documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_import.artifacts.findings import ArtifactError
from model_import.artifacts.folder import File
from model_import.artifacts.limits import ARCHITECTURES
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
    model.edit("config.json", rope_scaling={"rope_type": "yarn", "factor": 2.0}, rope_parameters={"rope_theta": 1.0})
    model.edit("config.json", quantization_config={"quant_method": "awq"}, text_config={"quantization_config": {}})
    model.edit("tokenizer_config.json", extra_special_tokens=["<a>"], added_tokens_decoder={"0": {"content": "t0"}})
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


_KINDS: tuple[Any, ...] = (None, True, False, 0, -1, 1.5, 10**30, float("inf"), "", "x", [], [1], ["x"], {}, {"a": 1})
_NESTED: dict[str, Any] = {
    "text_config": {"hidden_size": 8, "rope_scaling": {"rope_type": "llama3"}, "quantization_config": {}},
    "vision_config": {"torch_dtype": "float16", "quantization_config": {}},
    "decoder": None,
    "dtype": "float16",
    "quantization_config": {"quant_method": "awq"},
    "rope_parameters": {"rope_theta": 1.0, "rope_type": "yarn"},
    "rope_scaling": {
        **dict.fromkeys(("factor", "attention_factor", "beta_fast", "original_max_position_embeddings"), 2.0),
        "rope_type": "longrope",
        "type": "longrope",
        "short_factor": [1.0],
        "long_factor": [1.0],
        "mrope_section": [1, 1, 0],
    },
    "head_dim": 4,
    "partial_rotary_factor": 1.0,
}
_TOKENIZER: dict[str, Any] = {
    "added_tokens_decoder": {"0": {"content": "t0"}},
    "additional_special_tokens": ["<a>"],
    "extra_special_tokens": {"image_token": "<i>"},
    "extra_ids": 100,
    "bos_token": {"__type": "AddedToken", "content": "<s>"},
    "model_max_length": 1,
    "add_prefix_space": True,
    "tokenizer_file": None,
}


def _with_each_value(document: Any) -> Iterator[Any]:
    """Yield the document with every value in it replaced by one of each kind, one at a time."""
    yield from _KINDS
    entries = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in list(entries)[:40]:
        for changed in _with_each_value(value):
            if isinstance(document, dict):
                yield {**document, key: changed}
            else:
                yield [*document[:key], changed, *document[key + 1 :]]


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        *(("config.json", architecture) for architecture in (*ARCHITECTURES, None)),
        ("tokenizer_config.json", None),
        ("model.safetensors.index.json", None),
    ],
)
def test_ends_with_a_report_for_any_value_of_any_field(models: Models, name: str, architecture: str | None) -> None:
    bodies = dict(models.by_kind["llama-3"])
    documents = {each: json.loads(bodies[each]) for each in ("config.json", "tokenizer_config.json", name)}
    if architecture is not None:
        model_type = ARCHITECTURES[architecture].model_type
        documents["config.json"].update(architectures=[architecture], model_type=model_type)
    documents["config.json"].update(_NESTED)
    documents["tokenizer_config.json"].update(_TOKENIZER, tokenizer_class="T5Tokenizer")
    bodies |= {each: json.dumps(document).encode() for each, document in documents.items()}
    for document in _with_each_value(documents[name]):
        report = check(Bodies({**bodies, name: json.dumps(document).encode()}), region="us-west-2")
        json.dumps(report.as_json(), allow_nan=False)
        assert text(report).isascii()


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
