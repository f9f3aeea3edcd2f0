"""Run all checks of a folder."""

from __future__ import annotations

from typing import Any

from model_import.artifacts.config import Config, check_config
from model_import.artifacts.constants import check_constants
from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import Findings, Report, Severity
from model_import.artifacts.folder import Folder, FolderError, content_version
from model_import.artifacts.generation import check_generation
from model_import.artifacts.index import check_index
from model_import.artifacts.layout import check_layout
from model_import.artifacts.limits import ARCHITECTURES, MAX_MULTIMODAL_BYTES, MAX_TEXT_BYTES
from model_import.artifacts.precision import check_precision
from model_import.artifacts.shards import Shards, read_shards, weight_files
from model_import.artifacts.tensors import check_tensors
from model_import.artifacts.tokenizer import check_tokenizer, read_vocabulary

_FACTS = ("architecture", "contextTokens", "weightBytes", "parameters", "shards", "chatTemplate", "converse", "version")


def check(folder: Folder, *, region: str | None = None) -> Report:
    """Check a model's files.

    Args:
        folder: The folder.
        region: The import's region; None skips the checks that depend on it.

    Returns:
        All findings. A folder that cannot be read is an error like any other.
    """
    found = Findings()
    try:
        files = folder.files()
    except FolderError as error:
        return refused(folder.place, error)
    contents = Contents(folder, files, found)
    check_layout(contents)
    config = check_config(contents, region)
    if config is not None:
        check_constants(config, found)
    check_generation(contents, config)
    has_template = check_tokenizer(contents)
    # The two that take memory, one after the other.
    tokenizer = read_vocabulary(contents)
    shards = read_shards(contents)
    _size(contents, config)
    check_index(contents, shards, config.architecture if config else None)
    if config is not None:
        links = any(name.endswith(".safetensors") for name in contents.unreadable)
        complete = len(shards) == len(weight_files(contents)) and not links
        check_precision(config, shards, found, complete=complete)
        check_tensors(contents, shards, config, tokenizer, complete=complete)
    facts = _facts(contents, config, shards, has_template=has_template)
    return Report(folder.place, tuple(found.of(Severity.ERROR)), tuple(found.of(Severity.WARNING)), facts)


def refused(place: str, error: FolderError) -> Report:
    """Make the report on a folder that cannot be read at all.

    Args:
        place: Path or URI of the folder.
        error: The reason.
    """
    found = Findings()
    found.error(error.rule, "", error.problem, error.allowed)
    return Report(place, tuple(found.of(Severity.ERROR)), (), dict.fromkeys(_FACTS))


def _size(contents: Contents, config: Config | None) -> None:
    architecture = ARCHITECTURES.get(config.architecture or "") if config else None
    multimodal = architecture is not None and architecture.multimodal
    limit = MAX_MULTIMODAL_BYTES if multimodal else MAX_TEXT_BYTES
    total = sum(contents.files[name].size for name in weight_files(contents))
    if total >= limit:
        kind = "multimodal" if multimodal else "text"
        problem = f"the weights of this {kind} model have {total} bytes"
        contents.found.error("too-large", "*.safetensors", problem, f"less than {limit}")


def _facts(contents: Contents, config: Config | None, shards: Shards, *, has_template: bool) -> dict[str, Any]:
    architecture = config.architecture if config else None
    weights = weight_files(contents)
    complete = bool(weights) and len(shards) == len(weights)
    elements = (tensor.elements for tensors in shards.values() for tensor in tensors.values())
    values = (
        architecture,
        config.context_tokens if config else None,
        sum(contents.files[name].size for name in weights),
        sum(elements) if complete else None,
        len(weights),
        has_template,
        has_template and ARCHITECTURES[architecture].converse if architecture else None,
        content_version(contents.files, contents.digests),
    )
    return dict(zip(_FACTS, values, strict=True))
