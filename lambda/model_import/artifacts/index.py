"""Check `model.safetensors.index.json` against the shards that it lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from model_import.artifacts.contents import Contents, integer
from model_import.artifacts.findings import shown
from model_import.artifacts.limits import GPT_OSS, LOADER
from model_import.artifacts.shards import Shards, weight_files

INDEX = "model.safetensors.index.json"
ONE_FILE = "model.safetensors"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
_WHERE = f"{INDEX}, weight_map"
_MOVE = "move it out of the folder if it is left over; if it is the model, save the model again into an empty folder"
_MISTRAL_EMBEDDING = "tok_embeddings.weight"
_SHOWN = 3


def check_index(contents: Contents, shards: Shards, architecture: str | None) -> None:
    """Check the index, and the shards against each other.

    transformers reads `model.safetensors` where it is there, and the files of the index where it is not. No advice
    loses weights: the index can be written again, and files of weights are moved, not removed.

    Args:
        contents: The folder; collects the findings.
        shards: Tensors of the files whose headers could be read.
        architecture: The class from `config.json`.
    """
    names = weight_files(contents)
    if INDEX not in contents.files:
        if names:
            _without_index(contents, names, shards)
        return
    index = contents.document(INDEX)
    if index is None:
        return
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        allowed = "an object: the file of every tensor; save_pretrained writes it beside the shards"
        contents.found.error("index", _WHERE, f"it is {shown(weight_map)}", allowed)
        return
    listed = set(weight_map.values())
    if names == [ONE_FILE] and listed != {ONE_FILE}:
        problem = f"it lists other files ({shown(min(listed, default=''))}), and {ONE_FILE} is all that is there"
        contents.found.error("index", INDEX, problem, "remove the index, which an earlier save left behind")
        return
    _metadata(contents, shards, index, architecture)
    if _files(contents, names, listed):
        _tensors(contents, shards, weight_map)
        _duplicates(contents, shards)


def _without_index(contents: Contents, names: list[str], shards: Shards) -> None:
    numbered = [match for match in map(_SHARD.fullmatch, names) if match]
    if ONE_FILE in names:
        for name in names:
            if name != ONE_FILE:
                problem = f"transformers reads {ONE_FILE} alone, and not this file beside it"
                contents.found.error("extra-shard", name, problem, _MOVE)
        return
    if len(names) > 1 or any(int(match["count"]) > 1 for match in numbered):
        problem = "the file is missing, and the weights are in several shards"
        contents.found.error("missing-file", INDEX, problem, "save_pretrained writes it beside the shards")
    else:
        _other_name(contents, names[0], shards)
    for match in numbered[:1]:
        there = {int(each["number"]) for each in numbered}
        wanted = int(match["count"])
        # Compare counts before any are listed: the number comes from a file's name and may be huge.
        if len(there) < wanted:
            first = next(number for number in range(1, wanted + 1) if number not in there)
            shard = f"{match['stem']}-{first:05d}-of-{wanted:05d}.safetensors"
            problem = f"{wanted - len(there)} of {wanted} shards are missing, the first of them this"
            contents.found.error("missing-shard", shard, problem, "upload all shards")


def _other_name(contents: Contents, name: str, shards: Shards) -> None:
    problem = f"transformers reads {ONE_FILE}, or the files that {INDEX} lists"
    allowed = f"rename it {ONE_FILE}"
    if _MISTRAL_EMBEDDING in shards.get(name, {}):
        allowed = "it is in Mistral's own format: take the files of the same model that transformers saves"
    contents.found.error("file-name", name, problem, allowed)


def _files(contents: Contents, names: list[str], listed: set[str]) -> bool:
    """Compare the files with those listed; return False where they are of another save than the index."""
    if names and not listed & set(names):
        problem = f"no file that it lists is there; there are {', '.join(names[:_SHOWN])}"
        allowed = "upload the listed files, or the index of these: save_pretrained writes it beside the shards"
        contents.found.error("index", INDEX, problem, allowed)
        return False
    for name in sorted(listed - set(names) - set(contents.unreadable)):
        problem, allowed = f"{INDEX} lists the file, which is missing", "upload it"
        if name in contents.files:
            problem = f"{INDEX} lists the file, which is in a subfolder"
            allowed = "move it beside the index, and take the subfolder out of the index"
        contents.found.error("missing-shard", shown(name), problem, allowed)
    if ONE_FILE in names and ONE_FILE not in listed:
        problem = f"transformers reads it in place of the {len(listed)} files that {INDEX} lists"
        allowed = "keep one of the two saves, and move the other, with the index if it is that, out of the folder"
        contents.found.error("extra-shard", ONE_FILE, problem, allowed)
        return False
    extra = sorted(set(names) - listed)
    for name in extra:
        contents.found.error("extra-shard", name, f"{INDEX} does not list it", _MOVE)
    return not extra


def _tensors(contents: Contents, shards: Shards, weight_map: Mapping[str, str]) -> None:
    for tensor, name in weight_map.items():
        if name in shards and tensor not in shards[name]:
            problem = f"{shown(tensor)} is listed in {name}, which does not contain it"
            holder = next((each for each, tensors in shards.items() if tensor in tensors), None)
            allowed = f"it is in {holder}" if holder else "the file whose header names it: save the model again"
            contents.found.error("index", _WHERE, problem, allowed)
    for name in sorted(set(weight_map.values()) & set(shards)):
        for tensor in shards[name]:
            if tensor not in weight_map:
                problem = f"{shown(tensor)} of {name} is not listed"
                contents.found.error("index", _WHERE, problem, "every tensor of every shard")


def _duplicates(contents: Contents, shards: Shards) -> None:
    first: dict[str, str] = {}
    for name, tensors in shards.items():
        for tensor in tensors:
            if tensor in first:
                place = f"{name}, tensor {shown(tensor)}"
                contents.found.error("duplicate-tensor", place, f"it is in {first[tensor]} too", "every tensor once")
            first.setdefault(tensor, name)


def _metadata(contents: Contents, shards: Shards, index: Mapping[str, Any], architecture: str | None) -> None:
    metadata = index.get("metadata")
    place = f"{INDEX}, metadata"
    if not isinstance(metadata, dict):
        problem = f"it is {shown(metadata)}, which transformers {LOADER} does not load"
        contents.found.error("index", place, problem, 'an object, at least "metadata": {}')
        return
    # AWS's guide for GPT-OSS: the entry must be there, and hold no total_parameters.
    if architecture == GPT_OSS and "total_parameters" in metadata:
        contents.found.error("index", place, f"it is {shown(metadata)}", "an object without total_parameters")
    claimed = integer(metadata, "total_size")
    held = sum(tensor.size for tensors in shards.values() for tensor in tensors.values())
    if claimed is not None and claimed != held and len(shards) == len(weight_files(contents)):
        problem = f"total_size is {claimed}, and the shards have {held} bytes of tensors"
        contents.found.warning("index", place, problem, f"{held}")
