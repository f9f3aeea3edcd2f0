"""Compare the numbers of tensors that transformers holds once, by some of their bytes."""

from __future__ import annotations

from model_import.artifacts.contents import Contents
from model_import.artifacts.headers import Tensor
from model_import.artifacts.shards import Shards

SAMPLES = 8
"""Places at which two tensors are compared, from their first byte to their last."""
SAMPLE_BYTES = 16 * 1024
"""Bytes that are compared at a place."""


def equal(contents: Contents, shards: Shards, first: Tensor, second: Tensor) -> bool:
    """Return whether two tensors have the same numbers, as far as samples show.

    Args:
        contents: The folder.
        shards: Tensors by file.
        first: A tensor in them.
        second: Another one.

    Raises:
        ReadError: A file cannot be read.
    """
    if (first.dtype, first.shape) != (second.dtype, second.shape):
        return False
    size = min(first.size, SAMPLE_BYTES)
    starts = {(first.size - size) * number // (SAMPLES - 1) for number in range(SAMPLES)}
    files = _file(shards, first), _file(shards, second)

    def read(number: int, start: int) -> bytes:
        tensor = (first, second)[number]
        return contents.folder.read(files[number], tensor.start + start, size)

    return all(read(0, start) == read(1, start) for start in sorted(starts))


def _file(shards: Shards, tensor: Tensor) -> str:
    return next(name for name, held in shards.items() if any(each is tensor for each in held.values()))
