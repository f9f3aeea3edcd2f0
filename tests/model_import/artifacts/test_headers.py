"""The header's reader against any bytes, compared with the real library."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from model_import.artifacts import shards
from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import Finding, Findings, Severity
from model_import.artifacts.folder import File
from model_import.artifacts.shards import read_shards

NAME = "model.safetensors"
VALID = save(
    {
        "a.weight": np.zeros((2, 3), dtype=np.float16),
        "b.weight": np.ones((4,), dtype=np.float32),
        "c.weight": np.zeros((0, 2), dtype=np.float32),
    },
    metadata={"format": "pt"},
)
(HEADER_LENGTH,) = struct.unpack("<Q", VALID[:8])
HEADER, DATA = json.loads(VALID[8 : 8 + HEADER_LENGTH]), VALID[8 + HEADER_LENGTH :]


class InMemory:
    """Files in memory; records the reads."""

    place = "memory/"

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self.bodies = bodies
        self.reads: list[tuple[str, int, int]] = []

    def files(self) -> dict[str, File]:
        return {name: File(len(body)) for name, body in self.bodies.items()}

    def read(self, name: str, start: int, length: int) -> bytes:
        self.reads.append((name, start, length))
        return self.bodies[name][start : start + length]


def errors(body: bytes) -> list[Finding]:
    """Return the errors of a file of weights."""
    folder = InMemory({NAME: body})
    contents = Contents(folder, folder.files(), Findings())
    read_shards(contents)
    return list(contents.found.of(Severity.ERROR))


def library_reads(body: bytes) -> bool:
    """Report whether the real library accepts a file."""
    try:
        deserialize(body)  # type: ignore[no-untyped-call] # the library's stub has no types here
    except SafetensorError:
        return False
    return True


def packed(header: Any, data: bytes = DATA) -> bytes:
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def test_accepts_what_the_library_wrote() -> None:
    assert errors(VALID) == []


def test_refuses_every_truncation() -> None:
    for size in range(len(VALID)):
        assert errors(VALID[:size]), f"accepted at {size} of {len(VALID)} bytes"


def test_refuses_every_extension_by_a_few_bytes() -> None:
    for more in range(1, 20):
        assert errors(VALID + b"\0" * more)


@st.composite
def mutated_bytes(draw: st.DrawFn) -> bytes:
    """Draw a valid file with a few bytes of its header changed, removed or put in."""
    body = bytearray(VALID)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, min(len(body) - 1, 8 + HEADER_LENGTH)))
        match draw(st.sampled_from(["set", "insert", "delete"])):
            case "set":
                body[place] = draw(st.integers(0, 255))
            case "insert":
                body[place:place] = draw(st.binary(min_size=1, max_size=4))
            case _:
                del body[place]
    return bytes(body)


@given(mutated_bytes())
def test_accepts_no_mutation_that_the_library_refuses(body: bytes) -> None:
    assert errors(body) or library_reads(body)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**66)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["F16", "F32", "I8", "F4", "__metadata__"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated_headers(draw: st.DrawFn) -> bytes:
    """Draw a valid file whose header says something else in one or two places."""
    header = json.loads(json.dumps(HEADER))
    for _ in range(draw(st.integers(1, 2))):
        tensor = draw(st.sampled_from(sorted(header)))
        fields = header[tensor]
        match draw(st.sampled_from(["field", "tensor", "offsets", "add", "root"])):
            case "field" if isinstance(fields, dict) and fields:
                fields[draw(st.sampled_from(sorted(fields)))] = draw(_VALUES)
            case "offsets" if isinstance(fields, dict):
                fields["data_offsets"] = [draw(st.integers(-1, 40)), draw(st.integers(-1, 40))]
            case "add":
                header[draw(st.text(max_size=6))] = draw(_VALUES)
            case "root" if draw(st.booleans()):
                return packed(draw(_VALUES))
            case _:
                header[tensor] = draw(_VALUES)
    return packed(header)


@given(mutated_headers())
def test_accepts_no_header_that_the_library_refuses(body: bytes) -> None:
    assert errors(body) or library_reads(body)


@st.composite
def tensors(draw: st.DrawFn) -> bytes:
    """Draw tensors, and write them with the library."""
    dtype = st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.uint8, np.int64, np.bool_])
    shape = st.lists(st.integers(0, 4), max_size=3)
    named = st.dictionaries(st.text(max_size=8), st.tuples(dtype, shape), max_size=4)
    return save({name: np.zeros(size, dtype=kind) for name, (kind, size) in draw(named).items()})


@given(tensors())
def test_accepts_whatever_the_library_writes(body: bytes) -> None:
    assert errors(body) == []


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F16", "shape": [2**40] * 32, "data_offsets": [0, 28]}},
        {"a": {"dtype": "F16", "shape": [1] * 10_000, "data_offsets": [0, 28]}},
        {"a": {"dtype": "F16", "shape": [True], "data_offsets": [0, 28]}},
        {"a": {"dtype": "F16", "shape": [14], "data_offsets": [0, 2**64]}},
    ],
)
def test_refuses_hostile_numbers(header: dict[str, Any]) -> None:
    assert {finding.rule for finding in errors(packed(header))} & {"invalid-header", "truncated"}


@pytest.mark.parametrize("dtype", ["", "float16", " F16", "F4"])
def test_refuses_a_type_that_the_format_does_not_have_or_that_leaves_half_a_byte(dtype: str) -> None:
    body = packed({"a": {"dtype": dtype, "shape": [57], "data_offsets": [0, 28]}})
    assert not library_reads(body)
    assert errors(body)


@pytest.mark.parametrize("header", [{"\ud800": HEADER["a.weight"]}, {"__metadata__": {"\ud800": ""}}])
def test_refuses_text_that_is_not_unicode_as_the_library_does(header: dict[str, Any]) -> None:
    body = packed({**HEADER, **header})
    assert not library_reads(body)
    assert "invalid-header" in {finding.rule for finding in errors(body)}


@pytest.mark.parametrize(
    "numbers", [b'"shape":[14],"data_offsets":[-0,28]', b'"shape":[1099511627776,1099511627776,0],"data_offsets":[0,0]']
)
def test_reads_numbers_as_the_library_does(numbers: bytes) -> None:
    header = b'{"a":{"dtype":"F16",' + numbers + b"}}"
    body = struct.pack("<Q", len(header)) + header + DATA[: 28 if b"28" in numbers else 0]
    assert not library_reads(body)
    assert "invalid-header" in {finding.rule for finding in errors(body)}


def test_refuses_a_number_of_too_many_digits() -> None:
    digits = b'{"a":{"dtype":"F16","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,28]}}'
    [finding] = errors(struct.pack("<Q", len(digits)) + digits + DATA)
    assert finding.rule == "invalid-header"


def test_reads_headers_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "_FIRST_READ", 64)
    large = save({"a.weight": np.zeros(100_000, dtype=np.float32)})
    folder = InMemory({NAME: large})
    read_shards(Contents(folder, folder.files(), Findings()))
    (length,) = struct.unpack("<Q", large[:8])
    assert folder.reads == [(NAME, 0, 64), (NAME, 64, 8 + length - 64)]


def test_reads_a_short_header_at_once() -> None:
    folder = InMemory({NAME: VALID})
    read_shards(Contents(folder, folder.files(), Findings()))
    assert folder.reads == [(NAME, 0, len(VALID))]


def test_reads_no_header_that_would_not_fit_into_memory() -> None:
    large = b"{" + b" " * (5 * 1024 * 1024) + b"}"
    [finding] = errors(struct.pack("<Q", len(large)) + large)
    assert finding.rule == "header-too-large"
    assert finding.allowed == "at most 4194304 bytes are checked: save the model in more shards"


def test_stops_where_all_headers_together_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "TOTAL_LIMIT", 3 * HEADER_LENGTH)
    folder = InMemory({f"model-{number:05d}-of-00005.safetensors": VALID for number in range(1, 6)})
    contents = Contents(folder, folder.files(), Findings())
    assert len(read_shards(contents)) == 3
    [finding] = contents.found.of(Severity.ERROR)
    assert finding.rule == "header-too-large"
    assert finding.place == "model-00004-of-00005.safetensors"


def test_reports_findings_in_the_order_of_files() -> None:
    folder = InMemory({f"model-{number:05d}-of-00020.safetensors": b"" for number in range(1, 21)})
    contents = Contents(folder, folder.files(), Findings())
    read_shards(contents)
    found = list(contents.found.of(Severity.ERROR))
    assert [finding.place for finding in found[:-1]] == sorted(folder.bodies)[:5]
    assert found[-1].problem == "and 15 more findings like these"
