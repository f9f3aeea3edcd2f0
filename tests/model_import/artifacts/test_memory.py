"""The memory of the check is bounded, whatever a file claims or holds."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from model_import.artifacts import headers
from model_import.artifacts.vocabulary import PIECE
from tests.model_import.artifacts.artifact_models import Model, checked, llama

_MEGABYTE = 1_000_000
_FUNCTION_MIB = 256
_PEAK_MIB = 200


def _sparse(size: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return write


def _filled(start: bytes, element: bytes, end: bytes, size: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(start + element * (size // len(element)) + end)

    return write


def _tensors(path: Path, stem: str, count: int) -> dict[str, str]:
    """Write a file with so many tensors of one number each; return the names of the first few with the file's."""
    entries = {
        f"{stem}.{number}": {"dtype": "F16", "shape": [1], "data_offsets": [2 * number, 2 * number + 2]}
        for number in range(count)
    }
    header = json.dumps(entries, separators=(",", ":")).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 2 * count)
    return dict.fromkeys(entries, path.name)


def _shards(model: Model, count: int, tensors: int, listed: int) -> None:
    """Write so many shards of so many tensors, and an index of the first few of each."""
    model.weights.unlink()
    weight_map: dict[str, str] = {}
    for number in range(count):
        named = _tensors(model.folder / f"{number}.safetensors", f"m{number}", tensors)
        weight_map.update(list(named.items())[:listed])
    model.write("model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})


def _header(element: bytes) -> Callable[[Path], None]:
    body = b'{"a":[' + element * ((headers.HEADER_LIMIT - 20) // len(element)) + b"1]}"

    def write(path: Path) -> None:
        path.write_bytes(struct.pack("<Q", len(body)) + body)

    return write


_HOSTILE: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a template of 1.5 GB": ("chat_template.jinja", _sparse(1_500_000_000), "file-too-large"),
    "a config of 16 MB": ("config.json", _filled(b'{"a":[', b"{},", b"1]}", 16 * _MEGABYTE), "file-too-large"),
    "a config of small objects": ("config.json", _filled(b'{"a":[', b"{},", b"1]}", 3 * _MEGABYTE), "file-too-large"),
    "a config of small texts": ("config.json", _filled(b'{"a":[', b'"ab",', b"1]}", 3 * _MEGABYTE), "file-too-large"),
    "an index of small objects": (
        "model.safetensors.index.json",
        _filled(b'{"weight_map":{', b'"ab":{},', b'"a":1}}', 3 * _MEGABYTE),
        "file-too-large",
    ),
    "a header of small objects": ("model.safetensors", _header(b"{},"), "header-too-large"),
    "a tokenizer of one text": (
        "tokenizer.json",
        _filled(b'{"a":"', b"x", b'"}', 3 * PIECE),
        "not-json",
    ),
}


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return llama(tmp_path)


@pytest.mark.parametrize("kind", _HOSTILE)
def test_a_hostile_file_is_a_finding_and_takes_little_memory(model: Model, kind: str) -> None:
    name, write, rule = _HOSTILE[kind]
    write(model.folder / name)
    tracemalloc.start()
    try:
        report = checked(model)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert rule in {finding.rule for finding in report.errors}
    assert peak < 20 * _MEGABYTE


def _peak_mib(folder: Path) -> float:
    """Return the largest resident set of a process that checks a folder with boto3 loaded, as the function has it."""
    program = (
        "import pathlib, re, sys, boto3\n"
        "from model_import.artifacts.folder import LocalFolder\n"
        "from model_import.artifacts.report import check\n"
        "boto3.client('s3', region_name='us-west-2')\n"
        "check(LocalFolder(pathlib.Path(sys.argv[1])))\n"
        # Not what getrusage says: a child begins with its parent's.
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', pathlib.Path('/proc/self/status').read_text())[1])\n"
    )
    lambdas = Path(__file__).parents[3] / "lambda"
    answer = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={"PYTHONPATH": str(lambdas)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(answer.stdout) / 2**10


_DOCUMENTS = (
    "config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.json",
    "chat_template.jinja",
    "model.safetensors.index.json",
    "tokenizer.json",
    "model.safetensors",
)
_LARGEST = {
    # Number of shards, tensors in each, and those of them in the index: as many as are read.
    "a header of the largest size": (1, 42_000, 42_000),
    "as many tensors as are read": (2, 42_000, 42_000),
    "5,000 shards": (5_000, 20, 16),
    "9,000 shards": (9_000, 11, 9),
}
_WORST = {
    "a tokenizer of small objects": ("tokenizer.json", b'{"model":{"vocab":[', b"{},", b"1]}}", 60),
    "a tokenizer of small texts": ("tokenizer.json", b'{"model":{"vocab":[', b'"\xc4\xa0a",', b"1]}}", 60),
    "a tokenizer of pairs": ("tokenizer.json", b'{"model":{"merges":[', b'["a","b"],', b'1],"vocab":{}}}', 60),
    "a tokenizer of ids": ("tokenizer.json", b'{"model":{"vocab":{', b'"ab":123456,', b'"a":1}}}', 60),
}


@pytest.mark.sweep
@pytest.mark.parametrize("name", _DOCUMENTS)
def test_a_file_of_300_mb_fits_into_the_function(model: Model, name: str) -> None:
    _sparse(300 * _MEGABYTE)(model.folder / name)
    assert _peak_mib(model.folder) < _PEAK_MIB


@pytest.mark.sweep
@pytest.mark.parametrize("kind", _LARGEST)
def test_as_many_tensors_as_are_read_fit_into_the_function(model: Model, kind: str) -> None:
    _shards(model, *_LARGEST[kind])
    read = {finding.rule for finding in checked(model).errors}
    assert not {"header-too-large", "file-too-large"} & read
    assert _peak_mib(model.folder) < _PEAK_MIB


@pytest.mark.sweep
@pytest.mark.parametrize("kind", [*_WORST, *_HOSTILE])
def test_the_whole_process_fits_into_the_function(model: Model, kind: str) -> None:
    if kind in _WORST:
        name, start, element, end, megabytes = _WORST[kind]
        _filled(start, element, end, megabytes * _MEGABYTE)(model.folder / name)
    else:
        name, write, _ = _HOSTILE[kind]
        write(model.folder / name)

    assert _peak_mib(model.folder) < _PEAK_MIB < _FUNCTION_MIB
