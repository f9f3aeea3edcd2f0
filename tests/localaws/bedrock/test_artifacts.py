"""Import jobs check a model's files: tiny real ones, some of them broken."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from localaws.bedrock import architectures
from localaws.bedrock.artifacts import ImportFailure, check
from tests.support.bedrock_models import as_json, llama

URI = "s3://weights/model/"
Files = dict[str, bytes]


@dataclass
class InMemory:
    """Files that are not in S3; sizes may be made up."""

    files: Files
    pretended: Mapping[str, int]
    uri: str = URI
    region: str = "us-west-2"

    def sizes(self) -> Mapping[str, int]:
        return {**{name: len(body) for name, body in self.files.items()}, **self.pretended}

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        return self.files[name][start:end]


def checked(files: Files, *, region: str = "us-west-2", pretended: Mapping[str, int] | None = None) -> Any:
    return check(InMemory(files, pretended or {}, region=region))


def without(*names: str) -> Files:
    return {name: body for name, body in llama().items() if name not in names}


def header(entries: dict[str, Any], data: bytes = b"") -> bytes:
    encoded = json.dumps(entries).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def sharded(weight_map: dict[str, str] | None = None, **index: Any) -> Files:
    files = without("model.safetensors")
    for number in (1, 2):
        files[f"model-0000{number}-of-00002.safetensors"] = save({f"layer.{number}": np.zeros(4, dtype=np.float16)})
    shards = {f"layer.{number}": f"model-0000{number}-of-00002.safetensors" for number in (1, 2)}
    files["model.safetensors.index.json"] = as_json({"weight_map": weight_map or shards, **index})
    return files


class TestFacts:
    def test_are_what_the_files_say(self) -> None:
        facts = checked(llama(max_position_embeddings=4096))
        assert facts.architecture == "LlamaForCausalLM"
        assert facts.model_type == "llama"
        assert facts.context_tokens == 4096
        assert facts.has_chat_template
        assert facts.weight_bytes == len(llama()["model.safetensors"])

    @pytest.mark.parametrize("architecture", sorted(architectures.ARCHITECTURES - {architectures.GPT_OSS}))
    def test_of_every_documented_architecture_are_taken(self, architecture: str) -> None:
        assert checked(llama(architectures=[architecture])).architecture == architecture

    @pytest.mark.parametrize("place", ["chat_template.jinja", "chat_template.json"])
    def test_know_a_chat_template_in_a_file_of_its_own(self, place: str) -> None:
        files = llama()
        files["tokenizer_config.json"] = as_json({"tokenizer_class": "LlamaTokenizerFast"})
        assert not checked(files).has_chat_template
        assert checked({**files, place: b"{{ messages }}"}).has_chat_template

    def test_need_no_class_of_the_tokenizer(self) -> None:
        files = {**llama(), "tokenizer_config.json": as_json({"chat_template": "{{ messages }}"})}
        assert checked(files).has_chat_template

    @pytest.mark.parametrize("dtype", [np.float16, np.float32])
    def test_of_half_and_single_precision_are_taken(self, dtype: Any) -> None:
        files = {**llama(), "model.safetensors": save({"weight": np.zeros((2, 3), dtype=dtype)})}
        assert checked(files).weight_bytes > 0

    def test_of_shards_add_up(self) -> None:
        files = sharded()
        weights = [len(body) for name, body in files.items() if name.endswith(".safetensors")]
        assert checked(files).weight_bytes == sum(weights)

    def test_of_a_multimodal_model_come_from_its_text_model(self) -> None:
        config = {"max_position_embeddings": None, "text_config": {"max_position_embeddings": 8192}}
        files = llama(architectures=["MllamaForConditionalGeneration"], **config)
        assert checked(files).context_tokens == 8192

    def test_of_gpt_oss_are_taken_in_one_region(self) -> None:
        files = {**sharded(metadata={}), "config.json": llama(architectures=["GptOssForCausalLM"])["config.json"]}
        assert checked(files, region="us-east-1").architecture == "GptOssForCausalLM"
        with pytest.raises(ImportFailure, match="can be imported in us-east-1 only"):
            checked(files)


FAILURES: dict[str, tuple[Callable[[], Files], str]] = {
    "nothing": (dict, f"could not find the expected file {URI}config.json"),
    "a packed model": (lambda: {"": b"\x1f\x8b"}, f"could not find the expected file {URI}config.json"),
    "no tokenizer": (lambda: without("tokenizer.json"), f"could not find the expected file {URI}tokenizer.json"),
    "no weights": (lambda: without("model.safetensors"), rf"could not find the expected file {URI}\*.safetensors"),
    "pickled weights": (
        lambda: {**without("model.safetensors"), "pytorch_model.bin": b"PK"},
        rf"could not find the expected file {URI}\*.safetensors",
    ),
    "an adapter only": (
        lambda: {"adapter_config.json": b"{}", "adapter_model.safetensors": b""},
        f"could not find the expected file {URI}config.json",
    ),
    "another architecture": (
        lambda: llama(architectures=["FalconForCausalLM"]),
        r"Unsupported model architecture \['FalconForCausalLM'\]",
    ),
    "no architecture": (lambda: llama(architectures=None), "Unsupported model architecture None"),
    "a config that is no JSON": (lambda: {**llama(), "config.json": b"{"}, "config.json is not a valid JSON object"),
    "quantized weights": (
        lambda: llama(quantization_config={"quant_method": "awq"}),
        "Quantized weights are not supported",
    ),
    "a long context": (lambda: llama(max_position_embeddings=131_073), "context length 131073 is not supported"),
    "another tokenizer": (
        lambda: {**llama(), "tokenizer_config.json": as_json({"tokenizer_class": "BloomTokenizer"})},
        "Unsupported tokenizer 'BloomTokenizer'",
    ),
    "a truncated header": (lambda: {**llama(), "model.safetensors": b"\x08"}, "its header is incomplete"),
    "a header beyond the file": (
        lambda: {**llama(), "model.safetensors": struct.pack("<Q", 2**40) + b"{}"},
        "its header is incomplete",
    ),
    "a header that is no JSON": (
        lambda: {**llama(), "model.safetensors": struct.pack("<Q", 2) + b"no"},
        "its header cannot be read",
    ),
    "a truncated file": (
        lambda: {**llama(), "model.safetensors": llama()["model.safetensors"][:-1]},
        r"it has \d+ bytes, not \d+",
    ),
    "integers": (
        lambda: {**llama(), "model.safetensors": save({"weight": np.zeros(4, dtype=np.int64)})},
        "the tensor weight has dtype I64",
    ),
    "a shape that needs other bytes": (
        lambda: {
            **llama(),
            "model.safetensors": header({"w": {"dtype": "F16", "shape": [3], "data_offsets": [0, 4]}}, b"1234"),
        },
        "in as many bytes as the shape needs",
    ),
    "overlapping tensors": (
        lambda: {
            **llama(),
            "model.safetensors": header(
                {
                    "a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
                    "b": {"dtype": "F16", "shape": [2], "data_offsets": [2, 6]},
                },
                b"123456",
            ),
        },
        "its tensors overlap or leave gaps",
    ),
    "shards without an index": (
        lambda: {name: body for name, body in sharded().items() if "index" not in name},
        f"could not find the expected file {URI}model.safetensors.index.json",
    ),
    "a shard that is missing": (
        lambda: sharded({"layer.1": "model-00003-of-00003.safetensors"}),
        f"could not find the expected file {URI}model-00003-of-00003.safetensors",
    ),
    "an index that is wrong": (
        lambda: sharded({"layer.1": "model-00002-of-00002.safetensors"}),
        "places layer.1 in model-00002-of-00002.safetensors",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_fails_on(case: str) -> None:
    make, message = FAILURES[case]
    with pytest.raises(ImportFailure, match=message):
        checked(make())


@pytest.mark.parametrize(
    ("architecture", "size", "limit"),
    [
        ("LlamaForCausalLM", 200_000_000_000, "text models must be below 200000000000"),
        ("MllamaForConditionalGeneration", 100_000_000_000, "multimodal models must be below 100000000000"),
    ],
)
def test_fails_on_weights_that_are_too_large(architecture: str, size: int, limit: str) -> None:
    with pytest.raises(ImportFailure, match=limit):
        checked(llama(architectures=[architecture]), pretended={"model.safetensors": size})
