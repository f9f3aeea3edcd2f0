"""Every limit of the artifact check: the last accepted value beside the first refused one."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_import.artifacts import contents, folder, shards, tokenizer
from model_import.artifacts.architectures import fields
from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import Finding, Findings, Severity, shown
from model_import.artifacts.folder import File, FolderError, LocalFolder
from model_import.artifacts.headers import FORMAT_LIMIT, HEADER_LIMIT, header_length, parse_header
from model_import.artifacts.limits import MAX_S3_URI
from model_import.artifacts.report import check
from model_import.artifacts.s3 import S3Folder
from tests.model_import.artifacts.artifact_models import HIDDEN, VOCABULARY, Model, bpe, checked
from tests.model_import.artifacts.broken_models import CONFIG, INDEX, Q_PROJ, gpt_oss, with_tensor


def _rules(model: Model) -> set[str]:
    """Return the rules of a model's errors."""
    return {finding.rule for finding in checked(model).errors}


def _spans(*spans: tuple[int, int], data: int | None = None) -> list[tuple[str, str, str]]:
    """Check a header whose tensors have these offsets; return rules, places and what is allowed."""
    entries = {
        f"t{number}": {"dtype": "I8", "shape": [end - start], "data_offsets": [start, end]}
        for number, (start, end) in enumerate(spans)
    }
    header = json.dumps(entries).encode()
    held = max(end for _, end in spans) if data is None else data
    found = Findings()
    parse_header("w", header, 8 + len(header) + held, found)
    return [(finding.rule, finding.place.removeprefix("w, tensor "), finding.allowed) for finding in _errors(found)]


def _errors(found: Findings) -> Iterator[Finding]:
    return found.of(Severity.ERROR)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        (((0, 10), (10, 20)), []),
        (((10, 20), (0, 10)), []),
        (((0, 10), (10, 10), (10, 20)), []),
        (((0, 10), (9, 20)), [("overlap", "'t1'", "start at 10")]),
        (((0, 10), (11, 20)), [("hole", "'t1'", "start at 10")]),
        # A tensor within another one moves no end: the next tensor starts where the outer one ends.
        (((0, 10), (2, 4), (10, 20)), [("overlap", "'t1'", "start at 10")]),
        (((0, 10), (2, 4)), [("overlap", "'t1'", "start at 10")]),
    ],
    ids=str,
)
def test_tensors_follow_each_other_without_overlap_and_hole(
    spans: tuple[tuple[int, int], ...], expected: list[tuple[str, str, str]]
) -> None:
    assert _spans(*spans) == expected


@pytest.mark.parametrize(("data", "rules"), [(20, []), (19, ["truncated"]), (21, ["trailing-bytes"])])
def test_the_data_end_with_the_last_tensor(data: int, rules: list[str]) -> None:
    assert [rule for rule, _, _ in _spans((0, 20), data=data)] == rules


@pytest.mark.parametrize(
    ("length", "size", "rule"),
    [
        (HEADER_LIMIT, HEADER_LIMIT + 8, None),
        (HEADER_LIMIT, HEADER_LIMIT + 7, "truncated"),
        (HEADER_LIMIT + 1, HEADER_LIMIT + 9, "header-too-large"),
        (FORMAT_LIMIT, FORMAT_LIMIT + 8, "header-too-large"),
        (FORMAT_LIMIT + 1, FORMAT_LIMIT + 9, "invalid-header"),
    ],
)
def test_a_header_has_at_most_so_many_bytes(length: int, size: int, rule: str | None) -> None:
    found = Findings()
    assert header_length("w", struct.pack("<Q", length), size, found) == (None if rule else length)
    assert [finding.rule for finding in _errors(found)] == ([rule] if rule else [])


@pytest.mark.parametrize(("size", "length"), [(8, 0), (7, None)])
def test_a_file_has_at_least_the_length_of_its_header(size: int, length: int | None) -> None:
    assert header_length("w", b"\0" * size, size, Findings()) == length


@pytest.mark.parametrize(("dimensions", "sound"), [(32, True), (33, False)])
def test_a_tensor_has_at_most_32_dimensions(dimensions: int, sound: bool) -> None:
    header = json.dumps({"t": {"dtype": "I8", "shape": [1] * dimensions, "data_offsets": [0, 1]}}).encode()
    found = Findings()
    parse_header("w", header, 8 + len(header) + 1, found)
    assert (not any(_errors(found))) is sound


def test_all_headers_together_have_at_most_so_many_bytes(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    (length,) = struct.unpack("<Q", model.weights.read_bytes()[:8])
    monkeypatch.setattr(shards, "TOTAL_LIMIT", length)
    assert not checked(model).errors
    monkeypatch.setattr(shards, "TOTAL_LIMIT", length - 1)
    assert "header-too-large" in _rules(model)


def test_all_headers_together_have_at_most_so_many_tensors(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model.shard()
    monkeypatch.setattr(shards, "MOST_TENSORS", len(model.tensors))
    assert not checked(model).errors
    monkeypatch.setattr(shards, "MOST_TENSORS", len(model.tensors) - 1)
    assert "header-too-large" in _rules(model)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float64])
def test_only_gpt_oss_has_weights_of_eight_unsigned_bits(model: Model, dtype: Any) -> None:
    with_tensor(model, Q_PROJ, np.zeros((HIDDEN, HIDDEN), dtype=dtype))
    [finding] = [finding for finding in checked(model).errors if finding.rule == "dtype"]
    assert finding.allowed == "F32, F16, BF16"

    gpt_oss(model)
    scales = "model.layers.0.mlp.experts.down_proj_scales"
    with_tensor(model, scales, model.tensors[scales].astype(dtype))
    refused = "dtype" in {finding.rule for finding in checked(model, region="us-east-1").errors}
    assert refused is (dtype is not np.uint8)


@pytest.mark.parametrize(
    ("version", "warned"),
    [("4.51.3", False), ("4.51", False), ("4.51.4", True), ("4.52", True), ("3.99.9", False), ("5.0.0", True)],
)
def test_warns_of_versions_of_transformers_after_4_51_3(model: Model, version: str, warned: bool) -> None:
    model.edit(CONFIG, transformers_version=version)
    assert ("transformers" in {finding.rule for finding in checked(model).warnings}) is warned


@pytest.mark.parametrize(
    ("positions", "rule", "severity"),
    [(0, "context", "error"), (1, None, None), (131_071, None, None), (131_072, "context", "warning")],
)
def test_the_context_has_1_to_131072_tokens(
    model: Model, positions: int, rule: str | None, severity: str | None
) -> None:
    model.edit(CONFIG, max_position_embeddings=positions)
    report = checked(model)
    found = [(finding.rule, finding.severity.value) for finding in (*report.errors, *report.warnings)]
    assert found == ([(rule, severity)] if rule else [])


@pytest.mark.parametrize(
    ("scaling", "tokens"),
    [
        ({"rope_type": "linear", "factor": 2.0}, 8192),
        ({"type": "dynamic", "factor": 2}, 16_384),
        ({"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 5000}, 10_000),
        # Its factor is in the positions already.
        ({"rope_type": "llama3", "factor": 32.0, "original_max_position_embeddings": 8192}, 8192),
        ({"rope_type": "linear", "factor": 0.5}, 8192),
        ({"rope_type": "linear", "factor": "2"}, 8192),
        ({"rope_type": "linear"}, 8192),
    ],
    ids=str,
)
def test_scaled_positions_count_as_context(model: Model, scaling: Mapping[str, Any], tokens: int) -> None:
    model.edit(CONFIG, rope_scaling=scaling)
    assert checked(model).facts["contextTokens"] == tokens


@pytest.mark.parametrize(("size", "refused"), [(VOCABULARY, False), (VOCABULARY + 1, True)])
def test_the_vocabulary_fits_the_embedding(model: Model, size: int, refused: bool) -> None:
    bpe(size=size).save(str(model.folder / "tokenizer.json"))
    assert ("vocabulary" in _rules(model)) is refused


@pytest.mark.parametrize(
    ("layers", "rule"), [(2, None), (0, "config-field"), (4, "layers"), (5, "config-field"), (True, "config-field")]
)
def test_a_model_has_at_most_so_many_layers(
    model: Model, monkeypatch: pytest.MonkeyPatch, layers: int, rule: str | None
) -> None:
    monkeypatch.setattr(fields, "MOST_LAYERS", 4)
    model.edit(CONFIG, num_hidden_layers=layers)
    assert _rules(model) == ({rule} if rule else set())


def test_a_document_has_at_most_so_many_bytes(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (model.folder / CONFIG).stat().st_size
    found = Findings()
    read = Contents(LocalFolder(model.folder), LocalFolder(model.folder).files(), found)
    assert read.document(CONFIG, limit=size) is not None
    assert read.document(CONFIG, limit=size - 1) is None
    assert [finding.rule for finding in _errors(found)] == ["file-too-large"]
    assert contents.DOCUMENT_LIMIT == 4 * 1024 * 1024


def test_a_large_tokenizer_is_not_compared_and_costs_a_warning(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (model.folder / "tokenizer.json").stat().st_size
    monkeypatch.setattr(tokenizer, "TOKENIZER_LIMIT", size)
    assert not checked(model).warnings
    monkeypatch.setattr(tokenizer, "TOKENIZER_LIMIT", size - 1)
    assert [finding.rule for finding in checked(model).warnings] == ["file-too-large"]


def test_a_folder_has_at_most_so_many_files(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    count = len(list(model.folder.iterdir()))
    monkeypatch.setattr(folder, "MAX_FILES", count)
    assert not checked(model).errors
    monkeypatch.setattr(folder, "MAX_FILES", count - 1)
    assert _rules(model) == {"too-many-files"}


def test_a_uri_has_at_most_1024_characters() -> None:
    longest = f"s3://own-models/{'a' * (MAX_S3_URI - len('s3://own-models/') - 1)}/"
    assert (len(longest), MAX_S3_URI) == (1024, 1024)
    assert S3Folder(None, longest).place == longest
    with pytest.raises(FolderError, match="is no S3 URI that bedrock accepts"):
        S3Folder(None, longest.replace("/a", "/aa"))


@pytest.mark.parametrize(
    ("bucket", "accepted"), [("a" * 3, True), ("a" * 63, True), ("a" * 2, False), ("a" * 64, False), ("A" * 3, False)]
)
def test_a_bucket_has_3_to_63_small_letters(bucket: str, accepted: bool) -> None:
    if accepted:
        assert S3Folder(None, f"s3://{bucket}/m").place == f"s3://{bucket}/m/"
    else:
        with pytest.raises(FolderError, match="is no S3 URI"):
            S3Folder(None, f"s3://{bucket}/m")


@pytest.mark.parametrize(("count", "further"), [(5, 0), (6, 1), (7, 2)])
def test_five_findings_of_a_rule_are_listed_and_the_others_counted(count: int, further: int) -> None:
    found = Findings()
    for number in range(count):
        found.error("dtype", f"t{number}", "wrong", "right")
    texts = [str(finding) for finding in _errors(found)]
    assert texts[:5] == [f"t{number}: wrong (right)" for number in range(5)]
    assert texts[5:] == ([f"and {further} more findings like these"] if further else [])


@pytest.mark.parametrize("length", [78, 79])
def test_a_quoted_value_has_at_most_80_characters(length: int) -> None:
    quoted = shown("x" * length)
    assert quoted == (f"'{'x' * 78}'" if length == 78 else f"'{'x' * 76}...")
    assert len(quoted) == 80


def test_an_index_lists_the_total_size_of_its_shards(model: Model) -> None:
    model.shard()
    assert not checked(model).warnings
    total = json.loads((model.folder / INDEX).read_bytes())["metadata"]["total_size"]
    model.edit(INDEX, metadata={"total_size": total + 1})
    assert [finding.rule for finding in checked(model).warnings] == ["index"]


@pytest.mark.parametrize("metadata", [{}, {"total_size": "many"}])
def test_an_index_needs_no_total_size(model: Model, metadata: object) -> None:
    model.shard()
    model.edit(INDEX, metadata=metadata)
    report = checked(model)
    assert (report.errors, report.warnings) == ((), ())


@pytest.mark.parametrize("metadata", [None, [], "none", False])
def test_an_index_has_metadata_as_an_object(model: Model, metadata: object) -> None:
    model.shard()
    model.edit(INDEX, metadata=metadata)
    [finding] = checked(model).errors
    assert (finding.place, finding.allowed) == (f"{INDEX}, metadata", 'an object, at least "metadata": {}')


class _OneByteMore(LocalFolder):
    """A folder whose weights have one byte more than they say."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.extra = 0

    def files(self) -> dict[str, File]:
        files = dict(super().files())
        files["model.safetensors"] = File(files["model.safetensors"].size + self.extra)
        return files


def test_a_listed_size_is_the_size_of_header_and_tensors(model: Model) -> None:
    listed = _OneByteMore(model.folder)
    assert not check(listed).errors
    listed.extra = 1
    assert [finding.rule for finding in check(listed).errors] == ["trailing-bytes"]
