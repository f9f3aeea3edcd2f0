"""Check `model.safetensors.index.json` against the shards that it lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from model_import.artifacts.contents import Contents, integer
from model_import.artifacts.findings import shown
from model_import.artifacts.limits import GPT_OSS
from model_import.artifacts.shards import Shards, weight_files

INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
_WHERE = f"{INDEX}, weight_map"


def check_index(contents: Contents, shards: Shards, architecture: str | None) -> None:
    """Check the index, and the shards against each other.

    Args:
        contents: The folder; collects the findings.
        shards: Tensors of the files whose headers could be read.
        architecture: The class from `config.json`.
    """
    names = weight_files(contents)
    _duplicates(contents, shards)
    index = contents.document(INDEX)
    if index is None:
        if INDEX not in contents.files and names:
            _without_index(contents, names)
        return
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        contents.found.error("index", _WHERE, f"it is {shown(weight_map)}", "an object: the file of every tensor")
        return
    _files(contents, names, weight_map)
    _tensors(contents, shards, weight_map)
    _metadata(contents, shards, index, architecture)


def _without_index(contents: Contents, names: list[str]) -> None:
    numbered = [match for match in map(_SHARD.fullmatch, names) if match]
    if len(names) > 1 or any(int(match["count"]) > 1 for match in numbered):
        problem = "the file is missing, and the weights are in several shards"
        contents.found.error("missing-file", INDEX, problem, "save_pretrained writes it beside the shards")
    for match in numbered[:1]:
        there = {int(each["number"]) for each in numbered}
        wanted = int(match["count"])
        # Compare counts before any are listed: the number comes from a file's name and may be huge.
        if len(there) < wanted:
            first = next(number for number in range(1, wanted + 1) if number not in there)
            shard = f"{match['stem']}-{first:05d}-of-{wanted:05d}.safetensors"
            problem = f"{wanted - len(there)} of {wanted} shards are missing, the first of them this"
            contents.found.error("missing-shard", shard, problem, "upload all shards")


def _files(contents: Contents, names: list[str], weight_map: Mapping[str, str]) -> None:
    listed = set(weight_map.values())
    for name in sorted(listed - set(names)):
        contents.found.error("missing-shard", shown(name), f"{INDEX} lists the file, which is missing", "upload it")
    for name in sorted(set(names) - listed):
        allowed = "remove it, so that no weight is there twice"
        contents.found.error("extra-shard", name, f"{INDEX} does not list it", allowed)


def _tensors(contents: Contents, shards: Shards, weight_map: Mapping[str, str]) -> None:
    for tensor, name in weight_map.items():
        if name in shards and tensor not in shards[name]:
            problem = f"{shown(tensor)} is listed in {name}, which does not contain it"
            contents.found.error("index", _WHERE, problem, "the file whose header names it")
    listed = set(weight_map.values())
    for name in sorted(listed & set(shards)):
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
    # AWS's guide for GPT-OSS: the entry must be there, and hold no total_parameters.
    if architecture == GPT_OSS and (not isinstance(metadata, dict) or "total_parameters" in metadata):
        contents.found.error("index", place, f"it is {shown(metadata)}", "an object without total_parameters")
    if not isinstance(metadata, dict):
        return
    claimed = integer(metadata, "total_size")
    held = sum(tensor.size for tensors in shards.values() for tensor in tensors.values())
    if claimed is not None and claimed != held and len(shards) == len(weight_files(contents)):
        problem = f"total_size is {claimed}, and the shards have {held} bytes of tensors"
        contents.found.warning("index", place, problem, f"{held}")
