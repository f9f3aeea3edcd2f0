"""Read the headers of all weights, several at a time, in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import NamedTuple

from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import Findings
from model_import.artifacts.folder import ReadError
from model_import.artifacts.headers import LENGTH_BYTES, Tensor, header_length, parse_header

READERS = 8
"""Files that are read at once. With the largest headers that takes 32 MB, in a function of 256 MB."""
TOTAL_LIMIT = 16 * 1024 * 1024
"""Most bytes of all headers together; a mixture of 128 experts in 94 layers has 4 MB."""
MOST_TENSORS = 100_000
"""Most tensors of all headers together, each of which takes some 1 KB while it is compared; that mixture has 37,000."""
# Almost every header ends within these bytes, so that one request reads it.
_FIRST_READ = 128 * 1024

Shards = dict[str, dict[str, Tensor]]
"""Tensors by file and name."""


class _Raw(NamedTuple):
    """A file's header, or the findings that replace it."""

    name: str
    header: bytes | None
    found: list[tuple[str, str, str, str]]


class _Errors(Findings):
    """Findings of one file, which the main thread adds to the others in the files' order."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[tuple[str, str, str, str]] = []

    def error(self, rule: str, place: str, problem: str, allowed: str) -> None:
        self.all.append((rule, place, problem, allowed))


def weight_files(contents: Contents) -> list[str]:
    """List the files with weights, sorted: those in the folder itself, without adapters."""
    return sorted(
        name
        for name in contents.files
        if name.endswith(".safetensors") and "/" not in name and not name.startswith((".", "adapter_"))
    )


def read_shards(contents: Contents) -> Shards:
    """Read and check the headers of all weights.

    Args:
        contents: The folder; collects the findings and the headers' digests.

    Returns:
        The tensors of every file whose header can be read.
    """
    shards: Shards = {}
    total = count = 0
    for raw in _raw_headers(contents, weight_files(contents)):
        for finding in raw.found:
            contents.found.error(*finding)
        if raw.header is None:
            continue
        total += len(raw.header)
        if total > TOTAL_LIMIT:
            allowed = f"at most {TOTAL_LIMIT} bytes of headers are checked"
            contents.found.error("header-too-large", raw.name, f"with it the headers have {total} bytes", allowed)
            break
        contents.digests[raw.name] = hashlib.sha256(raw.header).hexdigest()
        tensors = parse_header(raw.name, raw.header, contents.files[raw.name].size, contents.found)
        if tensors is None:
            continue
        count += len(tensors)
        if count > MOST_TENSORS:
            allowed = f"at most {MOST_TENSORS} tensors are checked"
            contents.found.error("header-too-large", raw.name, f"with it the headers have {count} tensors", allowed)
            break
        shards[raw.name] = tensors
    return shards


def _raw_headers(contents: Contents, names: Sequence[str]) -> Iterator[_Raw]:
    # One batch after the other, to bound the headers that wait to be parsed.
    with ThreadPoolExecutor(READERS) as pool:
        batches = (names[start : start + READERS] for start in range(0, len(names), READERS))
        yield from chain.from_iterable(pool.map(lambda name: _raw_header(contents, name), batch) for batch in batches)


def _raw_header(contents: Contents, name: str) -> _Raw:
    size = contents.files[name].size
    errors = _Errors()
    header = None
    try:
        start = contents.folder.read(name, 0, min(size, _FIRST_READ)) if size else b""
        length = header_length(name, start, size, errors)
        if length is not None:
            end = LENGTH_BYTES + length
            rest = contents.folder.read(name, len(start), end - len(start)) if end > len(start) else b""
            header = start[LENGTH_BYTES:end] + rest
    except ReadError as error:
        errors.error(error.rule, name, error.problem, error.allowed)
    return _Raw(name, header, errors.all)
