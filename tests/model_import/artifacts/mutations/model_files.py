"""Files of a model that are about to be broken: its documents, and its tensors as bytes of any type and shape."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

INDEX = "model.safetensors.index.json"
BYTES = {"F64": 8, "I64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "U8": 1, "BOOL": 1}
"""Bytes of a number, by safetensors' name of its type."""


class Raw(NamedTuple):
    """A tensor as it is in a file."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def elements(self) -> int:
        """Its numbers."""
        return len(self.data) // BYTES[self.dtype]


def zeros(dtype: str, shape: tuple[int, ...]) -> Raw:
    """Return a tensor of zeros."""
    count = 1
    for size in shape:
        count *= size
    return Raw(dtype, shape, bytes(count * BYTES[dtype]))


class ModelFiles:
    """A model's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Return the files' names, sorted."""
        return sorted(path.name for path in self.folder.iterdir())

    def read(self, name: str) -> dict[str, Any]:
        """Return a JSON document."""
        document: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return document

    def write(self, name: str, document: Any) -> None:
        """Write a JSON document."""
        (self.folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")

    def shards(self) -> list[str]:
        """Return the names of the files with weights, sorted."""
        return [name for name in self.names() if name.endswith(".safetensors")]

    def tensors(self, name: str) -> dict[str, Raw]:
        """Return a file's tensors."""
        body = (self.folder / name).read_bytes()
        start = 8 + int.from_bytes(body[:8], "little")
        header = json.loads(body[8:start])
        found = {}
        for tensor, entry in header.items():
            if tensor != "__metadata__":
                begin, end = entry["data_offsets"]
                found[tensor] = Raw(entry["dtype"], tuple(entry["shape"]), body[start + begin : start + end])
        return found

    def save(self, name: str, tensors: dict[str, Raw]) -> None:
        """Write a file of weights."""
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        at = 0
        for tensor, raw in tensors.items():
            header[tensor] = {"dtype": raw.dtype, "shape": raw.shape, "data_offsets": [at, at + len(raw.data)]}
            at += len(raw.data)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        data = b"".join(raw.data for raw in tensors.values())
        (self.folder / name).write_bytes(len(text).to_bytes(8, "little") + text + data)

    def every(self) -> dict[str, str]:
        """Return the file of every tensor, by the tensor's name."""
        return {tensor: name for name in self.shards() for tensor in self.tensors(name)}

    def change(self, tensor: str, **become: Raw) -> None:
        """Replace a tensor, in the file that it is in, by others; the index follows."""
        name = self.every()[tensor]
        tensors: dict[str, Raw] = {}
        for key, raw in self.tensors(name).items():
            tensors |= become if key == tensor else {key: raw}
        self.save(name, tensors)
        self.index()

    def index(self) -> None:
        """Write the index again, where there is one."""
        if (self.folder / INDEX).exists():
            total = sum(len(raw.data) for name in self.shards() for raw in self.tensors(name).values())
            self.write(INDEX, {"metadata": {"total_size": total}, "weight_map": self.every()})


Mutation = Callable[[random.Random, ModelFiles], str | None]
"""Breaks a model, and returns what it did; None where this model has nothing of the kind, and nothing was done."""
