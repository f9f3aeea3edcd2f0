"""Check the header of a safetensors file: 8 bytes with its length, then JSON with the tensors' types and offsets.

Source: the format's description in the README of huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from operator import mul
from typing import Any, NamedTuple

from model_import.artifacts.contents import most_members
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.limits import LOADER

LENGTH_BYTES = 8
FORMAT_LIMIT = 100_000_000
"""Most bytes of a header that the format allows."""
HEADER_LIMIT = 4 * 1024 * 1024
"""Most bytes of a header that the check reads: 30,000 tensors in one file. It bounds the check's memory."""

MOST_HEADER_MEMBERS = 300_000
"""Most members of all objects and lists in a header: a tensor has nine. json makes up to 300 bytes of one of 3."""

_LFS_POINTER = b"version https://git-lfs"
_METADATA = "__metadata__"
_FORMATS = ("pt", "mlx")
"""Formats of `__metadata__` that transformers loads by itself; of others it needs another library, or refuses them."""
_INVALID = "invalid-header"
_SOUND = "a complete safetensors file"
_BITS = {
    **dict.fromkeys(("C64", "F64", "I64", "U64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
"""Bits of a number in every format of safetensors 0.8; Bedrock supports few of them."""
_MAX_INT = 2**64 - 1
_MOST_DIMENSIONS = 32


class Tensor(NamedTuple):
    """A tensor as a header describes it.

    Attributes:
        dtype: Safetensors' name of the number format.
        shape: Sizes of the dimensions.
        size: Bytes.
        start: Its first byte in the file.
    """

    dtype: str
    shape: tuple[int, ...]
    size: int
    start: int = 0

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


class _DuplicateError(ValueError):
    """A JSON object has a name twice."""


def header_length(name: str, start: bytes, size: int, found: Findings) -> int | None:
    """Return the length of a file's header.

    Args:
        name: The file's name, for findings.
        start: At least the file's first 23 bytes, where it has as many.
        size: Bytes of the whole file.
        found: Collects the findings.

    Returns:
        Bytes, or None where there is no readable header.
    """
    if start.startswith(_LFS_POINTER):
        found.error("lfs-pointer", name, "it is a pointer of Git LFS, not the weights", "run `git lfs pull` first")
        return None
    if len(start) < LENGTH_BYTES:
        found.error(_INVALID, name, f"it has {size} bytes, less than a header's length", _SOUND)
        return None
    (length,) = struct.unpack("<Q", start[:LENGTH_BYTES])
    if length > FORMAT_LIMIT:
        allowed = f"at most {FORMAT_LIMIT} bytes in {_SOUND}"
        found.error(_INVALID, name, f"its header claims {length} bytes", allowed)
    elif LENGTH_BYTES + length > size:
        problem = f"it has {size} bytes and ends within its header of {length} bytes"
        found.error("truncated", name, problem, "upload it again")
    elif length > HEADER_LIMIT:
        allowed = f"at most {HEADER_LIMIT} bytes are checked: save the model in more shards"
        found.error("header-too-large", name, f"its header has {length} bytes", allowed)
    else:
        return int(length)
    return None


def parse_header(name: str, header: bytes, size: int, found: Findings) -> dict[str, Tensor] | None:
    """Read and check a header.

    Args:
        name: The file's name, for findings.
        header: The JSON.
        size: Bytes of the whole file.
        found: Collects the findings.

    Returns:
        The tensors with a valid entry, by name; None where the header cannot be read.
    """
    members = most_members(header)
    if members > MOST_HEADER_MEMBERS:
        allowed = f"at most {MOST_HEADER_MEMBERS} are checked: save the model in more shards"
        found.error("header-too-large", name, f"its header has up to {members} members", allowed)
        return None
    try:
        # The format is UTF-8; json would detect UTF-16 as well.
        entries = json.loads(
            header.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
        )
        # json accepts half a surrogate pair as a character, the format's own reader does not.
        if b"\\ud" in header.lower():
            json.dumps(entries, ensure_ascii=False).encode("utf-8")
    except _DuplicateError as error:
        found.error(_INVALID, name, f"its header names {shown(error.args[0])} twice", "every tensor once")
        return None
    except (ValueError, RecursionError) as error:
        found.error(_INVALID, name, f"its header is not JSON: {shown(str(error))}", _SOUND)
        return None
    if not isinstance(entries, dict) or not header.startswith(b"{"):
        found.error(_INVALID, name, "its header is not a JSON object", _SOUND)
        return None
    metadata = entries.pop(_METADATA, None)
    if metadata is not None and not _is_text_map(metadata):
        found.error(_INVALID, f"{name}, {_METADATA}", "it is not an object of strings", "strings by strings")
    elif metadata is not None and metadata.get("format") not in _FORMATS:
        problem = f"its format is {shown(metadata.get('format'))}, which transformers {LOADER} does not load"
        allowed = 'save it with metadata={"format": "pt"}, or without metadata'
        found.error("format", f"{name}, {_METADATA}", problem, allowed)
    return _checked(name, entries, LENGTH_BYTES + len(header), size, found)


def _checked(name: str, entries: dict[str, Any], data: int, size: int, found: Findings) -> dict[str, Tensor]:
    """Check the entries of a file whose data begin at byte `data`."""
    tensors: dict[str, Tensor] = {}
    spans: list[tuple[int, int, str]] = []
    sound = True
    for tensor, entry in entries.items():
        problem = _shape_problem(entry)
        if problem:
            found.error(_INVALID, f"{name}, tensor {shown(tensor)}", problem, "dtype, shape and data_offsets")
            sound = False
            continue
        start, end = entry["data_offsets"]
        spans.append((start, end, tensor))
        tensors[tensor] = Tensor(sys.intern(entry["dtype"]), tuple(entry["shape"]), end - start, data + start)
        _check_size(f"{name}, tensor {shown(tensor)}", tensors[tensor], found)
    # An invalid entry would leave a hole in place of its data.
    if sound:
        _check_spans(name, spans, size - data, found)
    return tensors


def _shape_problem(entry: object) -> str:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        return f"it is described as {shown(entry)}"
    shape, offsets, dtype = entry["shape"], entry["data_offsets"], entry["dtype"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        return f"its dtype is {shown(dtype)}"
    if not _is_shape(shape):
        return f"its shape is {shown(shape)}"
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(_is_count(each) for each in offsets):
        return f"its data_offsets are {shown(offsets)}"
    return f"its data_offsets are {shown(offsets)}, and end before they start" if offsets[0] > offsets[1] else ""


def _check_size(place: str, tensor: Tensor, found: Findings) -> None:
    bits = tensor.elements * _BITS[tensor.dtype]
    if bits != tensor.size * 8:
        problem = f"its shape {list(tensor.shape)} of {tensor.dtype} does not fit its {tensor.size} bytes"
        found.error("tensor-size", place, problem, f"{-(-bits // 8)} bytes")


def _check_spans(name: str, spans: Iterable[tuple[int, int, str]], data: int, found: Findings) -> None:
    end = 0
    for start, stop, tensor in sorted(spans):
        place = f"{name}, tensor {shown(tensor)}"
        if start < end:
            found.error("overlap", place, f"it starts at {start}, within the tensor before it", f"start at {end}")
        elif start > end:
            found.error("hole", place, f"it starts at {start}, {start - end} bytes too late", f"start at {end}")
        end = max(end, stop)
    if data < end:
        found.error("truncated", name, f"{end - data} bytes are missing at its end", "upload it again")
    elif data > end:
        found.error("trailing-bytes", name, f"{data - end} bytes follow the last tensor", _SOUND)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _DuplicateError(counts.most_common(1)[0][0])
    return entries


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _integer(text: str) -> int | float:
    # Negative zero is a float in JSON, for the format's own reader as well.
    return -0.0 if text == "-0" else int(text)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_INT


def _is_shape(value: object) -> bool:
    # The length first, so that a hostile header cannot make the product huge.
    if not isinstance(value, list) or len(value) > _MOST_DIMENSIONS or not all(_is_count(each) for each in value):
        return False
    # Factor by factor, like the format's own reader: a zero at the end does not undo an overflow.
    return all(product <= _MAX_INT for product in accumulate(value, mul))


def _is_text_map(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
