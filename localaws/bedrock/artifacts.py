"""Checks of the files that an import job reads.

The files are really read, of the weights only the headers and what distinguishes them from others. One failure ends the
check, as in Bedrock, and becomes the job's `failureMessage`. AWS documents the rules but not the words; that a file is
missing, with its full place, is worded as users quote it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from localaws.bedrock import architectures

_MAX_HEADER_BYTES: Final = 100_000_000
"""safetensors' own limit of a header."""

_FINGERPRINT_BYTES: Final = 1 << 16
"""The part of each file of weights that distinguishes one model from another, in bytes."""

_INDEX: Final = "model.safetensors.index.json"
_CONFIG: Final = "config.json"
_TOKENIZER_CONFIG: Final = "tokenizer_config.json"
_REQUIRED: Final = (_CONFIG, _TOKENIZER_CONFIG, "tokenizer.json")


class ImportFailure(Exception):  # noqa: N818 - it is the outcome of a job, not a fault of the program
    """The reason for a job's failure; the text is its `failureMessage`."""


class Files(Protocol):
    """The files below an import's prefix."""

    @property
    def uri(self) -> str:
        """The prefix as an S3 URI that ends with a slash."""

    @property
    def region(self) -> str:
        """The region of the import."""

    def sizes(self) -> Mapping[str, int]:
        """Return the size in bytes of every file, by its name below the prefix."""

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of a file from `start` up to, without, `end`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Facts about a model, from its files.

    Attributes:
        architecture: The class that `config.json` names.
        model_type: The family that `config.json` names, e.g. `llama`.
        context_tokens: The most tokens of prompt and answer together.
        has_chat_template: Whether the tokenizer says how to write a chat.
        weight_bytes: The size of the weights.
        weights_digest: A digest of the beginnings of the weights' files.
    """

    architecture: str
    model_type: str
    context_tokens: int
    has_chat_template: bool
    weight_bytes: int
    weights_digest: str


def check(files: Files) -> ModelFacts:
    """Return what the files say about the model.

    Raises:
        ImportFailure: If Bedrock does not take them.
    """
    sizes = files.sizes()
    for name in _REQUIRED:
        if name not in sizes:
            raise ImportFailure(f"Amazon Bedrock could not find the expected file {files.uri}{name}.")
    config = _document(files, _CONFIG)
    architecture = _architecture(config, files.region)
    context_tokens = _context_tokens(config)
    tokenizer = _document(files, _TOKENIZER_CONFIG)
    # Without one, transformers takes the class that goes with model_type.
    if tokenizer.get("tokenizer_class") not in {None, *architectures.TOKENIZERS}:
        allowed = ", ".join(sorted(architectures.TOKENIZERS))
        raise ImportFailure(f"Unsupported tokenizer {tokenizer.get('tokenizer_class')!r}. Supported: {allowed}.")
    weights = {name: size for name, size in sizes.items() if name.endswith(".safetensors") and "/" not in name}
    _check_weights(files, weights, architecture)
    return ModelFacts(
        architecture=architecture,
        model_type=str(config.get("model_type", "")),
        context_tokens=context_tokens,
        has_chat_template=bool(tokenizer.get("chat_template"))
        or not {"chat_template.jinja", "chat_template.json"}.isdisjoint(sizes),
        weight_bytes=sum(weights.values()),
        weights_digest=_digest(files, weights),
    )


def _digest(files: Files, weights: Mapping[str, int]) -> str:
    digest = hashlib.sha256()
    for name, size in sorted(weights.items()):
        digest.update(files.read(name, 0, min(size, _FINGERPRINT_BYTES)))
    return digest.hexdigest()


def _architecture(config: Mapping[str, Any], region: str) -> str:
    named = config.get("architectures")
    if not isinstance(named, list) or len(named) != 1 or named[0] not in architectures.ARCHITECTURES:
        allowed = ", ".join(sorted(architectures.ARCHITECTURES))
        raise ImportFailure(f"Unsupported model architecture {named} in {_CONFIG}. Supported architectures: {allowed}.")
    if named[0] == architectures.GPT_OSS and region != architectures.GPT_OSS_REGION:
        raise ImportFailure(f"{named[0]} can be imported in {architectures.GPT_OSS_REGION} only, not in {region}.")
    if config.get("quantization_config") and named[0] != architectures.GPT_OSS:
        raise ImportFailure(f"Quantized weights are not supported: {_CONFIG} has a quantization_config.")
    return str(named[0])


def _context_tokens(config: Mapping[str, Any]) -> int:
    # Multimodal models keep it with their text model, T5 and GPTBigCode under names of their own.
    text = config.get("text_config") or config
    named = (text.get(name) for name in ("max_position_embeddings", "n_positions"))
    tokens = next((value for value in named if isinstance(value, int)), 4096)
    if tokens > architectures.MAX_CONTEXT_TOKENS:
        raise ImportFailure(
            f"The context length {tokens} is not supported: it must be at most {architectures.MAX_CONTEXT_TOKENS}."
        )
    return tokens


def _check_weights(files: Files, weights: Mapping[str, int], architecture: str) -> None:
    if not weights:
        raise ImportFailure(f"Amazon Bedrock could not find the expected file {files.uri}*.safetensors.")
    kind = "multimodal" if architecture in architectures.MULTIMODAL else "text"
    limit = architectures.MAX_WEIGHT_BYTES[kind]
    if sum(weights.values()) >= limit:
        raise ImportFailure(f"The weights have {sum(weights.values())} bytes: {kind} models must be below {limit}.")
    quantized = architecture == architectures.GPT_OSS
    tensors = {name: _tensors(files, name, size, any_dtype=quantized) for name, size in weights.items()}
    if _INDEX in files.sizes():
        _check_index(_document(files, _INDEX), tensors, architecture, files.uri)
    elif len(weights) > 1:
        raise ImportFailure(f"Amazon Bedrock could not find the expected file {files.uri}{_INDEX}.")


def _check_index(index: Mapping[str, Any], tensors: Mapping[str, set[str]], architecture: str, uri: str) -> None:
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict):
        raise ImportFailure(f"{_INDEX} has no weight_map.")
    metadata = index.get("metadata")
    # AWS's guide for GPT-OSS: the entry must be there, and hold no total_parameters.
    if architecture == architectures.GPT_OSS and (metadata is None or "total_parameters" in metadata):
        raise ImportFailure(f"{_INDEX} needs an entry 'metadata' without 'total_parameters'.")
    for tensor, name in weight_map.items():
        if name not in tensors:
            raise ImportFailure(f"Amazon Bedrock could not find the expected file {uri}{name}.")
        if tensor not in tensors[name]:
            raise ImportFailure(f"{_INDEX} places {tensor} in {name}, which does not hold it.")


def _tensors(files: Files, name: str, size: int, *, any_dtype: bool) -> set[str]:
    """Return the names of the tensors in a safetensors file, once its header is what it should be."""
    prefix = files.read(name, 0, 8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else _MAX_HEADER_BYTES + 1
    if length > min(_MAX_HEADER_BYTES, size - 8):
        raise ImportFailure(f"{name} is not a valid safetensors file: its header is incomplete.")
    try:
        header = json.loads(files.read(name, 8, 8 + length))
        entries = {tensor: entry for tensor, entry in header.items() if tensor != "__metadata__"}
        spans = sorted((*entry["data_offsets"], tensor) for tensor, entry in entries.items())
        wrong = [tensor for tensor, entry in entries.items() if not _is_sound(entry, any_dtype=any_dtype)]
    except (ValueError, AttributeError, KeyError, TypeError):
        raise ImportFailure(f"{name} is not a valid safetensors file: its header cannot be read.") from None
    if wrong:
        entry = entries[wrong[0]]
        allowed = ", ".join(architectures.DTYPES)
        raise ImportFailure(
            f"{name}: the tensor {wrong[0]} has dtype {entry['dtype']} and shape {entry['shape']}; "
            f"supported are {allowed}, in as many bytes as the shape needs."
        )
    end = 0
    for start, stop, _ in spans:
        if start != end:
            raise ImportFailure(f"{name} is not a valid safetensors file: its tensors overlap or leave gaps.")
        end = stop
    if 8 + length + end != size:
        raise ImportFailure(f"{name} is not a valid safetensors file: it has {size} bytes, not {8 + length + end}.")
    return set(entries)


def _is_sound(entry: Mapping[str, Any], *, any_dtype: bool) -> bool:
    if any_dtype:
        return True
    width = architectures.DTYPES.get(entry["dtype"])
    elements = 1
    for dimension in entry["shape"]:
        elements *= dimension
    start, stop = entry["data_offsets"]
    return width is not None and elements * width == stop - start


def _document(files: Files, name: str) -> Mapping[str, Any]:
    try:
        document = json.loads(files.read(name))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ImportFailure(f"{files.uri}{name} is not a valid JSON object.")
    return document
