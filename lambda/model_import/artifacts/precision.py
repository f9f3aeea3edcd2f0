"""Check the number format that `config.json` states: `torch_dtype`, `dtype` and `quantization_config`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from model_import.artifacts.config import CONFIG, Config
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.limits import DTYPES, GPT_OSS, LOADER, TORCH_DTYPES
from model_import.artifacts.shards import Shards

_FIELD = "quantization_config"
_NESTED = ("text_config", "vision_config")
_UNQUANTIZED = "weights in float32, float16 or bfloat16: save the model unquantized"
# Beside quantized weights there are tensors of numbers in 16 or 32 bits, which say how they were made.
_OF_QUANTIZED = re.compile(r"[._](?:q?scales?|scale_inv|q?zeros|qweight|g_idx|absmax|quant_map|quant_state\b.*|codes)$")


def check_precision(config: Config, shards: Shards, found: Findings, *, complete: bool) -> None:
    """Check the fields that say what the numbers of the weights are.

    Args:
        config: Facts of `config.json`.
        shards: Tensors by file.
        found: Collects the findings.
        complete: True if every header could be read.
    """
    for place, document in _documents(config.document):
        _dtype(place, document, found)
    if not config.document.get("torch_dtype") and config.document.get("dtype") and config.architecture != GPT_OSS:
        problem = f"it is {shown(config.document['dtype'])}, and transformers {LOADER} reads torch_dtype alone"
        found.warning("dtype", f"{CONFIG}, dtype", problem, "set torch_dtype to the same beside it")
    left_over = complete and _unquantized(shards)
    for place, document in _documents(config.document):
        if _FIELD in document:
            nested = document is not config.document
            _quantization(place, document[_FIELD], config.architecture, found, left_over=left_over, nested=nested)


def _documents(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the document and those in it that are configurations of their own, with how a place in them begins."""
    yield f"{CONFIG}, ", document
    for name in _NESTED:
        if isinstance(document.get(name), dict):
            yield f"{CONFIG}, {name}.", document[name]


def _dtype(place: str, document: Mapping[str, Any], found: Findings) -> None:
    # transformers 5 writes it as dtype.
    field = "torch_dtype" if document.get("torch_dtype") is not None else "dtype"
    dtype = document.get(field)
    if dtype is not None and (not isinstance(dtype, str) or dtype not in TORCH_DTYPES):
        found.error("dtype", f"{place}{field}", f"it is {shown(dtype)}", ", ".join(TORCH_DTYPES))


def _quantization(
    place: str, value: object, architecture: str | None, found: Findings, *, left_over: bool, nested: bool
) -> None:
    where = f"{place}{_FIELD}"
    method = value.get("quant_method") if isinstance(value, dict) else None
    if architecture == GPT_OSS and (value is None or method == "mxfp4"):
        return
    if not isinstance(value, dict) or not (value or nested):
        problem = f"it is {shown(value)}, which transformers {LOADER} does not load"
        found.error(
            "quantized", where, problem, f"remove the field{'' if left_over else ' where nothing is quantized'}"
        )
    elif left_over:
        problem = f"it says {shown(method)}, and no tensor of the weights is quantized"
        allowed = "remove the field, which an earlier form of the model left behind"
        (found.warning if nested else found.error)("quantized", where, problem, allowed)
    else:
        found.error("quantized", where, f"quantized by {shown(method)}", _UNQUANTIZED)


def _unquantized(shards: Shards) -> bool:
    tensors = [(name, tensor) for held in shards.values() for name, tensor in held.items()]
    return bool(tensors) and all(
        tensor.dtype in DTYPES and not _OF_QUANTIZED.search(name.lower()) for name, tensor in tensors
    )
