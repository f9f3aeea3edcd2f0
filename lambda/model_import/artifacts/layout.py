"""Check the list of a folder's files: missing ones, and unexpected ones such as adapters and archives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from model_import.artifacts.contents import Contents
from model_import.artifacts.shards import weight_files

_REQUIRED = ("config.json", "tokenizer_config.json", "tokenizer.json")
_INDEX_STEM = "model.safetensors.index"
_PACKED = (".tar.gz", ".tgz", ".tar", ".zip", ".tar.zst")
_OTHER_WEIGHTS = {
    ".bin": "pickled pytorch weights",
    ".pt": "pickled pytorch weights",
    ".pth": "pickled pytorch weights",
    ".ckpt": "pickled pytorch weights",
    ".pkl": "pickled data",
    ".distcp": "a distributed checkpoint",
    ".gguf": "weights of llama.cpp",
    ".h5": "tensorflow weights",
    ".msgpack": "flax weights",
    ".onnx": "an onnx graph",
}
_CONVERT = "safetensors: load the model with transformers and save_pretrained(..., safe_serialization=True)"
_ELSEWHERE = "keep it elsewhere"
_ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
MERGE = "merge it: PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(...)"
"""Advice for an adapter."""


def check_layout(contents: Contents) -> None:
    """Check the listing alone.

    Args:
        contents: The folder; collects the findings.
    """
    top = [name for name in contents.files if "/" not in name]
    weights = weight_files(contents)
    _links(contents)
    adapters = [name for name in top if name in _ADAPTERS]
    if adapters:
        problem = f"an adapter (LoRA) is not a model: {', '.join(sorted(adapters))}"
        # Merged twice, its changes would count twice.
        allowed = f"{MERGE}; move its files out of the folder where {weights[0]} has it already" if weights else MERGE
        contents.found.error("adapter", adapters[0], problem, allowed)
    packed = _packed(contents, top, has_weights=bool(weights))
    _other_weights(contents, top, has_weights=bool(weights))
    nested = "" if weights else _nested(contents)
    if nested:
        contents.found.error("nested", nested, "the model is one level below", f"name {contents.folder.place}{nested}")
    _required(contents, has_weights=bool(weights), explained=bool(nested or adapters or packed))


def _links(contents: Contents) -> None:
    for name, fault in contents.unreadable.items():
        if name in _REQUIRED or name.endswith(".safetensors") or name.startswith(("chat_template", _INDEX_STEM)):
            contents.found.error("dangling-link", name, fault, "download the model again, or copy it with cp -L")
        elif "/" not in name:
            contents.found.warning("dangling-link", name, f"{fault}, so that it is not read", "remove the link")


def _required(contents: Contents, *, has_weights: bool, explained: bool) -> None:
    if not has_weights and not explained and not any(name.endswith(".safetensors") for name in contents.unreadable):
        contents.found.error("missing-file", "*.safetensors", "the folder has no weights", "one file or more")
    if explained and not has_weights:
        # Everything is missing here for one reason, which is reported already.
        return
    for name in _REQUIRED:
        if name in contents.unreadable:
            continue
        if name not in contents.files:
            contents.found.error("missing-file", name, "the file is missing", f"required are {', '.join(_REQUIRED)}")
        elif contents.files[name].size == 0:
            contents.found.error("empty-file", name, "the file is empty", "a JSON object")


def _packed(contents: Contents, names: Iterable[str], *, has_weights: bool) -> list[str]:
    archives = [name for name in names if name.endswith(_PACKED)]
    for name in archives:
        problem = "bedrock does not unpack archives"
        if has_weights:
            contents.found.warning("packed", name, f"{problem}, so it is not read", _ELSEWHERE)
        else:
            contents.found.error("packed", name, problem, "unpack it, and name the folder with config.json in it")
    return archives


def _other_weights(contents: Contents, names: Iterable[str], *, has_weights: bool) -> None:
    for name in names:
        kind = _OTHER_WEIGHTS.get(PurePosixPath(name).suffix)
        if kind is None or name in _ADAPTERS:
            continue
        if has_weights:
            contents.found.warning("not-safetensors", name, f"it is {kind} and not read", _ELSEWHERE)
        else:
            contents.found.error("not-safetensors", name, f"it is {kind}", _CONVERT)


def _nested(contents: Contents) -> str:
    """Return the topmost subfolder with a model, with a slash at its end; empty where there is none."""
    folders = {
        name.rpartition("/")[0] + "/"
        for name in contents.files
        if name.endswith((".safetensors", "/config.json")) and "/" in name
    }
    with_config = [folder for folder in folders if f"{folder}config.json" in contents.files]
    return min(with_config, key=lambda folder: (folder.count("/"), folder)) if with_config else ""
