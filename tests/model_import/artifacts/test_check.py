"""Valid models are accepted, broken ones refused with the right finding, all findings at once."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from localaws.bedrock import architectures
from localaws.bedrock import artifacts as bedrock
from model_import.artifacts import limits
from model_import.artifacts.findings import ArtifactError, Finding, Report
from model_import.artifacts.folder import File, LocalFolder
from model_import.artifacts.report import check
from model_import.artifacts.tensors import PLANS
from tests.model_import.artifacts.artifact_models import (
    HIDDEN,
    TEMPLATE,
    VALID,
    VOCABULARY,
    Model,
    bpe,
    checked,
    flan_t5,
    half,
    llama_2,
    mixtral,
    told,
)

CONFIG, TOKENIZER_CONFIG, WEIGHTS = "config.json", "tokenizer_config.json", "model.safetensors"
INDEX = "model.safetensors.index.json"
Q_PROJ = "model.layers.0.self_attn.q_proj.weight"


@pytest.mark.parametrize("kind", VALID)
def test_accepts_a_valid_model(tmp_path: Path, kind: str) -> None:
    report = checked(VALID[kind](tmp_path))
    assert not report.errors
    assert not report.warnings


@pytest.mark.parametrize("kind", VALID)
def test_accepts_a_valid_model_in_shards(tmp_path: Path, kind: str) -> None:
    model = VALID[kind](tmp_path)
    names = model.shard(3)
    report = checked(model)
    assert not report.errors
    assert not report.warnings
    assert report.facts["shards"] == len(names)


def test_tells_what_the_model_is(model: Model) -> None:
    facts = checked(model).facts
    assert facts["architecture"] == "LlamaForCausalLM"
    assert facts["contextTokens"] == 8192
    assert facts["weightBytes"] == model.weights.stat().st_size
    assert facts["parameters"] == sum(tensor.size for tensor in model.tensors.values())
    assert facts["chatTemplate"] is True
    assert facts["converse"] is True


def header_of(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return a file's header and its data."""
    body = path.read_bytes()
    (length,) = struct.unpack("<Q", body[:8])
    return json.loads(body[8 : 8 + length]), body[8 + length :]


def rewritten(model: Model, change: Callable[[dict[str, Any]], None], *, more: bytes = b"") -> None:
    """Change the header of the weights, leaving the data as they are."""
    header, data = header_of(model.weights)
    change(header)
    encoded = json.dumps(header).encode()
    model.weights.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data + more)


def cut(model: Model, size: int) -> None:
    model.weights.write_bytes(model.weights.read_bytes()[:size])


def with_tensor(model: Model, name: str, value: Any) -> None:
    model.save({**model.tensors, name: value})


def without_tensor(model: Model, name: str) -> None:
    model.save({key: value for key, value in model.tensors.items() if key != name})


def overlapping(header: dict[str, Any]) -> None:
    first, second = sorted(
        (name for name in header if name != "__metadata__"), key=lambda n: header[n]["data_offsets"]
    )[:2]
    shift = header[second]["data_offsets"][0] - header[first]["data_offsets"][0]
    header[second]["data_offsets"] = [offset - shift for offset in header[second]["data_offsets"]]


def holed(header: dict[str, Any]) -> None:
    names = sorted((name for name in header if name != "__metadata__"), key=lambda n: header[n]["data_offsets"])
    del header[names[3]]


def wrong_size(header: dict[str, Any]) -> None:
    header[Q_PROJ]["shape"] = [HIDDEN, HIDDEN + 1]


def duplicated(model: Model) -> None:
    header, data = header_of(model.weights)
    encoded = json.dumps(header).encode()
    entry = json.dumps({Q_PROJ: header[Q_PROJ]}).encode()
    encoded = encoded[:-1] + b"," + entry[1:]
    model.weights.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)


def nested(model: Model) -> None:
    below = model.folder / "checkpoint-500"
    below.mkdir()
    for path in [path for path in model.folder.iterdir() if path.is_file()]:
        path.rename(below / path.name)


def only(model: Model, name: str, body: bytes = b"packed") -> None:
    for path in model.folder.iterdir():
        path.unlink()
    model.put(name, body)


def adapter(model: Model) -> None:
    model.remove(WEIGHTS, CONFIG)
    model.write("adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "meta-llama/Llama-3.2-3B"})
    model.save(
        {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": half(2, 8)}, "adapter_model.safetensors"
    )


def pickled(model: Model) -> None:
    model.weights.rename(model.folder / "pytorch_model.bin")


def missing_shard(model: Model) -> None:
    model.remove(model.shard()[1])


def without_index(model: Model) -> None:
    model.shard()
    model.remove(INDEX)


def last_shard_and_index_missing(model: Model) -> None:
    model.remove(model.shard(3)[2], INDEX)


def extra_shard(model: Model) -> None:
    model.shard()
    model.save({"model.other.weight": half(2, 2)}, "consolidated.safetensors")


def moved_in_the_index(model: Model) -> None:
    first, second = model.shard()
    weight_map = json.loads((model.folder / INDEX).read_bytes())["weight_map"]
    key = next(key for key, name in weight_map.items() if name == first)
    model.edit(INDEX, weight_map={**weight_map, key: second})


def left_out_of_the_index(model: Model) -> None:
    model.shard()
    weight_map = json.loads((model.folder / INDEX).read_bytes())["weight_map"]
    del weight_map[Q_PROJ]
    model.edit(INDEX, weight_map=weight_map)


def in_two_shards(model: Model) -> None:
    _first, second = model.shard()
    keys = sorted(model.tensors)
    model.save({key: model.tensors[key] for key in [*keys[1::2], keys[0]]}, second)


def lfs_pointer(model: Model) -> None:
    model.weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4665\nsize 4976698672\n")


def claims(length: int) -> Callable[[Model], None]:
    return lambda model: model.put(WEIGHTS, struct.pack("<Q", length) + b"{}")


def edit(name: str, **fields: Any) -> Callable[[Model], None]:
    return lambda model: model.edit(name, **fields)


def put(name: str, body: bytes) -> Callable[[Model], None]:
    return lambda model: model.put(name, body)


def remove(*names: str) -> Callable[[Model], None]:
    return lambda model: model.remove(*names)


def header(change: Callable[[dict[str, Any]], None], *, more: bytes = b"") -> Callable[[Model], None]:
    return lambda model: rewritten(model, change, more=more)


BROKEN: dict[str, tuple[Callable[[Model], None], str, str]] = {
    # What breaks it, the rule that it breaks, and a part of what is said.
    "weights packed": (lambda model: only(model, "model.tar.gz"), "packed", "model.tar.gz: bedrock does not unpack"),
    "weights pickled": (pickled, "not-safetensors", "pytorch_model.bin: it is pickled pytorch weights (safetensors:"),
    "weights of llama.cpp": (lambda model: only(model, "model-Q4.gguf"), "not-safetensors", "weights of llama.cpp"),
    "weights missing": (remove(WEIGHTS), "missing-file", "*.safetensors: the folder has no weights"),
    "weights one level below": (nested, "nested", "checkpoint-500/: the model is one level below"),
    "an adapter": (adapter, "adapter", "merge_and_unload()"),
    "an adapter beside the model": (
        lambda model: model.write("adapter_config.json", {"peft_type": "LORA"}),
        "adapter",
        "adapter_config.json: an adapter (LoRA) is not a model",
    ),
    "an adapter's tensors": (
        lambda model: with_tensor(model, "model.layers.0.self_attn.q_proj.lora_A.weight", half(2, 8)),
        "adapter",
        "1 tensors are a LoRA adapter's",
    ),
    "a pointer of git lfs": (lfs_pointer, "lfs-pointer", "model.safetensors: it is a pointer of Git LFS"),
    "a tokenizer that is a pointer": (
        put("tokenizer.json", b"version https://git-lfs.github.com/spec/v1\n"),
        "lfs-pointer",
        "tokenizer.json: it is a pointer of Git LFS",
    ),
    "no config": (remove(CONFIG), "missing-file", "config.json: the file is missing"),
    "no tokenizer": (remove("tokenizer.json"), "missing-file", "tokenizer.json: the file is missing"),
    "no tokenizer config": (remove(TOKENIZER_CONFIG), "missing-file", "tokenizer_config.json: the file is missing"),
    "an empty tokenizer": (put("tokenizer.json", b""), "empty-file", "tokenizer.json: the file is empty"),
    "a config that is no json": (put(CONFIG, b"{'a': 1}"), "not-json", "config.json: it is not JSON"),
    "a config that is a list": (put(CONFIG, b"[]"), "not-json", "config.json: it is []"),
    "a config nested too deeply": (put(CONFIG, b"[" * 200_000), "not-json", "config.json: it is not JSON"),
    "another architecture": (
        edit(CONFIG, architectures=["FalconForCausalLM"]),
        "architecture",
        "'FalconForCausalLM' is not supported (",
    ),
    "a classifier": (
        edit(CONFIG, architectures=["LlamaForSequenceClassification"]),
        "architecture",
        "allowed are GPTBigCodeForCausalLM, ",
    ),
    "a misspelt architecture": (
        edit(CONFIG, architectures=["LLamaForCausalLM"]),
        "architecture",
        "did you mean LlamaForCausalLM?",
    ),
    "no architecture": (edit(CONFIG, architectures=None), "architecture", "config.json, architectures: it is None"),
    "two architectures": (
        edit(CONFIG, architectures=["LlamaForCausalLM", "LlamaModel"]),
        "architecture",
        "a list with exactly one of",
    ),
    "another model type": (
        edit(CONFIG, model_type="mistral"),
        "model-type",
        "it is 'mistral', with the architecture LlamaForCausalLM ('llama')",
    ),
    "too much context": (
        edit(CONFIG, max_position_embeddings=131_073),
        "context",
        "the model has 131073 tokens of context (less than 131072)",
    ),
    "context stretched too far": (
        edit(
            CONFIG,
            max_position_embeddings=65536,
            rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 65536},
        ),
        "context",
        "the model has 262144 tokens of context",
    ),
    "no context length": (edit(CONFIG, max_position_embeddings="8k"), "context", "it is '8k' (1 to 131072 tokens)"),
    "quantized weights": (
        edit(CONFIG, quantization_config={"quant_method": "awq", "bits": 4}),
        "quantized",
        "config.json, quantization_config: quantized by 'awq'",
    ),
    "a number format of eight bits": (
        edit(CONFIG, torch_dtype="float8_e4m3fn"),
        "dtype",
        "it is 'float8_e4m3fn' (float32, float16, bfloat16)",
    ),
    "positions of transformers 5": (
        edit(CONFIG, rope_theta=None, rope_parameters={"rope_theta": 500000.0}),
        "rope",
        "only transformers 5 reads it",
    ),
    "no tokenizer class": (
        edit(TOKENIZER_CONFIG, tokenizer_class=None),
        "tokenizer-class",
        "tokenizer_config.json, tokenizer_class: it is None",
    ),
    "another tokenizer class": (
        edit(TOKENIZER_CONFIG, tokenizer_class="GemmaTokenizerFast"),
        "tokenizer-class",
        "it is 'GemmaTokenizerFast' (CodeLlamaTokenizer, ",
    ),
    "a tokenizer class of transformers 5": (
        edit(TOKENIZER_CONFIG, tokenizer_class="TokenizersBackend"),
        "tokenizer-class",
        "set PreTrainedTokenizerFast",
    ),
    "no sentencepiece model": (
        edit(TOKENIZER_CONFIG, tokenizer_class="LlamaTokenizer"),
        "missing-file",
        "tokenizer.model: LlamaTokenizer needs the file, which is missing (add tokenizer.model, or set",
    ),
    "a tokenizer without vocabulary": (
        put("tokenizer.json", b'{"version": "1.0"}'),
        "tokenizer",
        "tokenizer.json, model.vocab: there is no vocabulary",
    ),
    "two chat templates": (
        put("chat_template.jinja", TEMPLATE.encode()),
        "chat-template",
        "there are 2 chat templates: chat_template.jinja; tokenizer_config.json, chat_template (exactly one of",
    ),
    "an empty chat template": (
        edit(TOKENIZER_CONFIG, chat_template=" "),
        "chat-template",
        "tokenizer_config.json, chat_template: the template is ' '",
    ),
    "an empty file": (put(WEIGHTS, b""), "invalid-header", "model.safetensors: it has 0 bytes"),
    "a header that ends too early": (lambda model: cut(model, 200), "truncated", "it has 200 bytes and ends within"),
    "data that end too early": (
        lambda model: cut(model, model.weights.stat().st_size - 100),
        "truncated",
        "model.safetensors: 100 bytes are missing at its end",
    ),
    "data after the last tensor": (
        header(lambda _: None, more=b"more"),
        "trailing-bytes",
        "4 bytes follow the last tensor",
    ),
    "a header beyond the format": (claims(100_000_001), "invalid-header", "its header claims 100000001 bytes"),
    "a header that is no json": (put(WEIGHTS, struct.pack("<Q", 8) + b"{not js}"), "invalid-header", "is not JSON"),
    "a header that is a list": (put(WEIGHTS, struct.pack("<Q", 2) + b"[]"), "invalid-header", "is not a JSON object"),
    "a header in utf-16": (
        put(WEIGHTS, struct.pack("<Q", 4) + "{}".encode("utf-16-le")),
        "invalid-header",
        "its header is",
    ),
    "tensors that overlap": (header(overlapping), "overlap", "within the tensor before it"),
    "a hole between tensors": (header(holed), "hole", "bytes too late"),
    "a shape that does not fit": (
        header(wrong_size),
        "tensor-size",
        f"tensor '{Q_PROJ}': its shape [8, 9] of F16 does not fit its 128 bytes (144 bytes)",
    ),
    "a tensor twice in one header": (duplicated, "invalid-header", f"its header names '{Q_PROJ}' twice"),
    "metadata that are no strings": (
        header(lambda entries: entries.update({"__metadata__": {"format": 1}})),
        "invalid-header",
        "model.safetensors, __metadata__: it is not an object of strings",
    ),
    "a negative dimension": (
        header(lambda entries: entries[Q_PROJ].update(shape=[-8, -8])),
        "invalid-header",
        "its shape is [-8, -8]",
    ),
    "weights of eight bits": (
        lambda model: with_tensor(model, Q_PROJ, np.zeros((HIDDEN, HIDDEN), dtype=np.int8)),
        "dtype",
        f"model.safetensors, tensor '{Q_PROJ}': it is 'I8' (F32, F16, BF16)",
    ),
    "weights of double precision": (
        lambda model: with_tensor(model, Q_PROJ, np.zeros((HIDDEN, HIDDEN))),
        "dtype",
        "it is 'F64' (F32, F16, BF16)",
    ),
    "a shard missing": (missing_shard, "missing-shard", "'model-00002-of-00002.safetensors': "),
    "the index missing": (without_index, "missing-file", f"{INDEX}: the file is missing"),
    "the last shard and the index missing": (
        last_shard_and_index_missing,
        "missing-shard",
        "model-00003-of-00003.safetensors: 1 of 3 shards are missing",
    ),
    "a file beside the shards": (extra_shard, "extra-shard", f"consolidated.safetensors: {INDEX} does not list it"),
    "a tensor in another shard than listed": (moved_in_the_index, "index", "which does not contain it"),
    "a tensor that is not listed": (left_out_of_the_index, "index", f"'{Q_PROJ}' of model-0000"),
    "a tensor in two shards": (in_two_shards, "duplicate-tensor", "it is in model-00001-of-00002.safetensors too"),
    "an index without a map": (put(INDEX, b"{}"), "index", f"{INDEX}, weight_map: it is None"),
    "a layer missing": (
        edit(CONFIG, num_hidden_layers=3),
        "layers",
        "the weights have 2 layers (0 to 1) (3 layers, 0 to 2: num_hidden_layers of config.json)",
    ),
    "a layer too many": (edit(CONFIG, num_hidden_layers=1), "layers", "the weights have 2 layers"),
    "a tensor missing": (
        lambda model: without_tensor(model, Q_PROJ),
        "missing-tensor",
        f"tensor {Q_PROJ}: it is not in the weights (needed in every layer)",
    ),
    "no embedding": (
        lambda model: without_tensor(model, "model.embed_tokens.weight"),
        "missing-tensor",
        "tensor model.embed_tokens.weight",
    ),
    "no head": (
        lambda model: without_tensor(model, "lm_head.weight"),
        "missing-tensor",
        "needed unless tie_word_embeddings is true",
    ),
    "another vocabulary size": (
        edit(CONFIG, vocab_size=VOCABULARY + 1),
        "embedding",
        "tensor model.embed_tokens.weight: its shape is [32, 8] ([33, 8]: vocab_size and hidden_size of config.json)",
    ),
    "another model's tokenizer": (
        lambda model: bpe(size=VOCABULARY + 10).save(str(model.folder / "tokenizer.json")),
        "vocabulary",
        "tokenizer.json: the vocabulary has the id 41, and the model 32 embeddings",
    ),
    "no hidden size": (edit(CONFIG, hidden_size=None), "config-field", "config.json, hidden_size: it is None"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_refuses_a_model_with(model: Model, kind: str) -> None:
    breaks, rule, words = BROKEN[kind]
    breaks(model)
    errors = checked(model).errors
    assert rule in {finding.rule for finding in errors}
    said = [str(finding) for finding in errors if finding.rule == rule]
    assert any(words in text for text in said), said


@pytest.mark.parametrize(
    "kind",
    ["weights packed", "weights one level below", "another architecture", "a tensor missing", "an adapter"],
)
def test_says_one_thing_of_one_mistake(model: Model, kind: str) -> None:
    BROKEN[kind][0](model)
    assert len(checked(model).errors) == 1


def test_tells_all_mistakes_at_once(model: Model) -> None:
    for kind in ("another architecture", "too much context", "two chat templates", "no tokenizer class"):
        BROKEN[kind][0](model)
    cut(model, model.weights.stat().st_size - 1)
    assert {"architecture", "tokenizer-class", "chat-template", "truncated"} <= {f.rule for f in checked(model).errors}


def test_counts_further_findings_of_one_rule(model: Model) -> None:
    model.save({name: tensor.astype(np.float64) for name, tensor in model.tensors.items()})
    errors = [finding for finding in checked(model).errors if finding.rule == "dtype"]
    assert len(errors) == 6
    assert str(errors[-1]) == f"and {len(model.tensors) - 5} more findings like these"


@pytest.mark.parametrize("region", ["eu-west-1", "", "us-west-1"])
def test_refuses_a_region_without_imports(model: Model, region: str) -> None:
    [finding] = checked(model, region=region).errors
    assert finding.rule == "region"
    assert finding.allowed == "us-east-1, us-east-2, us-west-2, eu-central-1"


def test_needs_no_region_on_a_laptop(model: Model) -> None:
    assert not checked(model, region=None).errors


def gpt_oss(model: Model) -> None:
    model.edit(CONFIG, architectures=["GptOssForCausalLM"], model_type="gpt_oss")
    model.edit(CONFIG, quantization_config={"quant_method": "mxfp4"})
    with_tensor(model, "model.layers.0.mlp.experts.down_proj_blocks", np.zeros((2, 4), dtype=np.uint8))


def test_takes_gpt_oss_as_published_in_its_one_region(model: Model) -> None:
    gpt_oss(model)
    assert not checked(model, region="us-east-1").errors
    [finding] = checked(model, region="us-west-2").errors
    assert (finding.rule, finding.allowed) == ("region", "us-east-1")


def test_refuses_an_index_of_gpt_oss_with_a_total_of_parameters(model: Model) -> None:
    gpt_oss(model)
    weight_map = {name: WEIGHTS for name in header_of(model.weights)[0] if name != "__metadata__"}
    model.write(INDEX, {"metadata": {"total_parameters": 1}, "weight_map": weight_map})
    assert told(checked(model, region="us-east-1").errors) == {("index", f"{INDEX}, metadata")}


def warned(model: Model) -> list[Finding]:
    report = checked(model)
    assert not report.errors
    return list(report.warnings)


def test_warns_of_a_context_at_the_documented_limit(model: Model) -> None:
    model.edit(CONFIG, max_position_embeddings=131_072)
    [finding] = warned(model)
    assert finding.rule == "context"


def test_warns_of_a_model_without_chat_template(model: Model) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=None)
    [finding] = warned(model)
    assert "Converse and chat completions will not work" in str(finding)
    assert checked(model).facts["converse"] is False


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("chat_template.jinja", TEMPLATE.encode()),
        ("chat_template.json", json.dumps({"chat_template": TEMPLATE}).encode()),
        (
            "tokenizer_config.json",
            json.dumps(
                {
                    "tokenizer_class": "PreTrainedTokenizerFast",
                    "chat_template": [{"name": "default", "template": TEMPLATE}, {"name": "rag", "template": "x"}],
                }
            ).encode(),
        ),
    ],
)
def test_takes_a_chat_template_from_any_one_place(model: Model, name: str, body: bytes) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=None)
    model.put(name, body)
    assert not warned(model)
    assert checked(model).facts["chatTemplate"] is True


@pytest.mark.parametrize("named", [[], [{"name": "rag", "template": TEMPLATE}], [{"name": [], "template": "x"}, 1]])
def test_refuses_named_chat_templates_without_a_default(model: Model, named: list[Any]) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=named)
    assert told(checked(model).errors) == {("chat-template", "tokenizer_config.json, chat_template")}


def test_expects_no_converse_of_qwen(tmp_path: Path) -> None:
    assert checked(VALID["qwen-2.5"](tmp_path)).facts["converse"] is False


def test_warns_of_a_newer_transformers(model: Model) -> None:
    model.edit(CONFIG, transformers_version="4.52.0")
    [finding] = warned(model)
    assert finding.problem == "saved by transformers 4.52.0, and Bedrock loads with 4.51.3"


def test_warns_of_pickles_and_archives_beside_the_weights(model: Model) -> None:
    model.put("training_args.bin", b"pickle")
    model.put("model.tar.gz", b"packed")
    assert told(tuple(warned(model))) == {("not-safetensors", "training_args.bin"), ("packed", "model.tar.gz")}


def test_warns_of_a_total_size_that_is_not_the_shards(model: Model) -> None:
    model.shard()
    model.edit(INDEX, metadata={"total_size": 1})
    [finding] = warned(model)
    assert "total_size is 1, and the shards have" in str(finding)


def test_warns_of_weights_that_are_converted(model: Model) -> None:
    model.edit(CONFIG, torch_dtype="bfloat16")
    [finding] = warned(model)
    assert finding.place == "config.json, torch_dtype"


def test_warns_of_added_tokens_without_an_embedding(model: Model) -> None:
    tokenizer = bpe()
    tokenizer.add_special_tokens(["[PAD]"])
    tokenizer.save(str(model.folder / "tokenizer.json"))
    [finding] = warned(model)
    assert finding.problem == "an added token has the id 32, and the model 32 embeddings"


def test_compares_the_ids_of_a_unigram_tokenizer_too(tmp_path: Path) -> None:
    model = flan_t5(tmp_path)
    model.edit(CONFIG, vocab_size=20)
    model.save({**model.tensors, "shared.weight": half(20, HIDDEN)})
    assert ("vocabulary", "tokenizer.json") in told(checked(model).errors)


def test_misses_an_expert_of_a_mixture(tmp_path: Path) -> None:
    model = mixtral(tmp_path)
    model.edit(CONFIG, num_local_experts=3)
    places = {finding.place for finding in checked(model).errors}
    assert "tensor model.layers.0.block_sparse_moe.experts.2.w1.weight" in places


def test_misses_a_layer_of_a_decoder_whose_number_is_the_encoders(tmp_path: Path) -> None:
    model = flan_t5(tmp_path)
    model.edit(CONFIG, num_layers=3, num_decoder_layers=None)
    assert ("layers", "tensors decoder.block.*") in told(checked(model).errors)


def test_needs_tokenizer_model_for_the_slow_class_alone(tmp_path: Path) -> None:
    model = llama_2(tmp_path)
    model.remove("tokenizer.model")
    assert told(checked(model).errors) == {("missing-file", "tokenizer.model")}
    model.edit(TOKENIZER_CONFIG, tokenizer_class="LlamaTokenizerFast")
    assert not checked(model).errors


class Pretending(LocalFolder):
    """A folder whose weights are said to be larger than they are."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(path)
        self._size = size

    def files(self) -> dict[str, File]:
        return {**super().files(), WEIGHTS: File(self._size)}


@pytest.mark.parametrize(
    ("architecture", "model_type", "limit"),
    [
        ("LlamaForCausalLM", "llama", 200_000_000_000),
        ("Qwen2VLForConditionalGeneration", "qwen2_vl", 100_000_000_000),
    ],
)
def test_refuses_weights_at_the_limit_and_none_below(
    model: Model, architecture: str, model_type: str, limit: int
) -> None:
    model.edit(CONFIG, architectures=[architecture], model_type=model_type)

    def refused(size: int) -> bool:
        report = check(Pretending(model.folder, size))
        return "too-large" in {finding.rule for finding in report.errors}

    assert refused(limit)
    assert not refused(limit - 1)


def test_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    report = check(LocalFolder(tmp_path / "absent"))
    assert [finding.rule for finding in report.errors] == ["no-folder"]


def test_refuses_a_file_in_the_place_of_a_folder(model: Model) -> None:
    report = check(LocalFolder(model.weights))
    assert [finding.rule for finding in report.errors] == ["not-a-folder"]


def test_changes_the_version_with_the_content_alone(model: Model) -> None:
    before = checked(model).facts["version"]
    model.put(".cache/lock", b"")
    model.put(".gitattributes", b"")
    assert checked(model, region="us-east-1").facts["version"] == before
    model.edit(CONFIG, eos_token_id=2)
    assert checked(model).facts["version"] != before


def test_says_everything_in_a_cause_of_step_functions(model: Model) -> None:
    for kind in ("another architecture", "no tokenizer class", "two chat templates"):
        BROKEN[kind][0](model)
    message = str(ArtifactError(checked(model)))
    assert message.splitlines()[0].endswith("cannot be imported, 3 errors:")
    assert len(message.splitlines()) == 4


def test_bounds_an_error_and_keeps_it_ascii(model: Model) -> None:
    finding = checked(model, region="nowhere").errors[0]._replace(place="Käse", problem="x" * 3000)
    message = str(ArtifactError(Report("s3://bucket/", (finding,) * 40, (), {})))
    assert len(message) <= 8000
    assert message.isascii()
    assert message.endswith("(cut; check it locally)")


def test_the_real_library_reads_what_is_accepted(model: Model) -> None:
    assert not checked(model).errors
    with safe_open(model.weights, framework="numpy") as weights:
        assert set(weights.keys()) == set(model.tensors)


def test_all_architectures_with_a_plan_are_taken() -> None:
    assert set(PLANS) < set(limits.ARCHITECTURES)


@dataclass
class StandInFiles:
    """A folder as the stand-in Bedrock sees it."""

    folder: LocalFolder
    uri: str = "s3://bucket/model/"
    region: str = "us-west-2"

    def sizes(self) -> dict[str, int]:
        return {name: file.size for name, file in self.folder.files().items()}

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        return self.folder.read(name, start, (self.sizes()[name] if end is None else end) - start)


@pytest.mark.parametrize("kind", VALID)
def test_agrees_with_the_stand_in_bedrock_on_a_valid_model(tmp_path: Path, kind: str) -> None:
    model = VALID[kind](tmp_path)
    model.shard()
    stand_in = bedrock.check(StandInFiles(LocalFolder(model.folder)))
    facts = checked(model).facts
    assert (stand_in.architecture, stand_in.has_chat_template) == (facts["architecture"], facts["chatTemplate"])
    assert stand_in.weight_bytes == facts["weightBytes"]


def test_takes_what_the_stand_in_bedrock_takes() -> None:
    assert set(limits.ARCHITECTURES) == architectures.ARCHITECTURES
    assert set(limits.TOKENIZERS) == architectures.TOKENIZERS
    assert limits.REGIONS == architectures.REGIONS
    assert {name for name, kind in limits.ARCHITECTURES.items() if not kind.converse} == architectures.WITHOUT_CONVERSE
    assert {name for name, kind in limits.ARCHITECTURES.items() if kind.multimodal} == architectures.MULTIMODAL
