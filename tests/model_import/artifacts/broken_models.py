"""Models that are broken in one way each, with the rule and a part of the finding that reports it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.model_import.artifacts.artifact_models import HIDDEN, TEMPLATE, VOCABULARY, Model, as_published, bpe, half

CONFIG, TOKENIZER_CONFIG, WEIGHTS = "config.json", "tokenizer_config.json", "model.safetensors"
INDEX = "model.safetensors.index.json"
Q_PROJ = "model.layers.0.self_attn.q_proj.weight"


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


def gpt_oss(model: Model) -> None:
    """Replace a model by a GPT-OSS of the precision that OpenAI published: blocks of 32 numbers of 4 bits."""
    made = as_published("gpt-oss")(model.folder)
    made.edit(CONFIG, quantization_config={"quant_method": "mxfp4"})
    for name in [name for name in made.tensors if name.endswith(("gate_up_proj", "down_proj"))]:
        experts, columns, rows = made.tensors.pop(name).shape
        made.tensors[f"{name}_blocks"] = np.zeros((experts, rows, columns // 32, 16), dtype=np.uint8)
        made.tensors[f"{name}_scales"] = np.zeros((experts, rows, columns // 32), dtype=np.uint8)
    made.save(made.tensors)
    model.tensors = made.tensors


def quantized(model: Model) -> None:
    model.edit(CONFIG, quantization_config={"quant_method": "awq", "bits": 4})
    with_tensor(model, "model.layers.0.self_attn.q_proj.qweight", np.zeros((HIDDEN, HIDDEN), dtype=np.int32))


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
        "move its files out of the folder where model.safetensors has it already",
    ),
    "an adapter's tensors": (
        lambda model: with_tensor(model, "model.layers.0.self_attn.q_proj.lora_A.weight", half(2, 8)),
        "adapter",
        "an adapter (LoRA or another of PEFT) is not merged: 1 names hold 'lora_A'",
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
    "a config nested too deeply": (put(CONFIG, b"[" * 90_000), "not-json", "config.json: it is not JSON"),
    "another architecture": (
        edit(CONFIG, architectures=["FalconForCausalLM"]),
        "architecture",
        "'FalconForCausalLM' is not supported (allowed: ",
    ),
    "a classifier": (
        edit(CONFIG, architectures=["LlamaForSequenceClassification"]),
        "architecture",
        "allowed: GPTBigCodeForCausalLM, ",
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
        quantized,
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
    "a number as a tokenizer class": (
        edit(TOKENIZER_CONFIG, tokenizer_class=5),
        "tokenizer-class",
        "tokenizer_config.json, tokenizer_class: it is 5",
    ),
    "another tokenizer class": (
        edit(TOKENIZER_CONFIG, tokenizer_class="GemmaTokenizerFast"),
        "tokenizer-class",
        "it is 'GemmaTokenizerFast' (CodeLlamaTokenizer, ",
    ),
    "a tokenizer class of transformers 5": (
        edit(TOKENIZER_CONFIG, tokenizer_class="TokenizersBackend"),
        "tokenizer-class",
        "set PreTrainedTokenizerFast, which reads the same tokenizer.json in transformers 4",
    ),
    "a tokenizer class of mistral's own": (
        edit(TOKENIZER_CONFIG, tokenizer_class="MistralCommonTokenizer"),
        "tokenizer-class",
        "save the tokenizer as tokenizer.json",
    ),
    "a chat template in another encoding": (
        put("chat_template.jinja", TEMPLATE.encode("utf-16")),
        "not-utf8",
        "chat_template.jinja: it is not UTF-8",
    ),
    "a chat template that is a pointer": (
        put("chat_template.jinja", b"version https://git-lfs.github.com/spec/v1\n"),
        "lfs-pointer",
        "chat_template.jinja: it is a pointer of Git LFS",
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
    "an empty chat template in a file of its own": (
        put("chat_template.jinja", b" "),
        "chat-template",
        "chat_template.jinja: the template is ' '",
    ),
    "no text as a chat template in a file of its own": (
        put("chat_template.json", b'{"chat_template": null}'),
        "chat-template",
        "chat_template.json, chat_template: the template is None",
    ),
    "a chat template of a megabyte": (
        put("chat_template.jinja", b"x" * 1_000_001),
        "file-too-large",
        "chat_template.jinja: it has 1000001 bytes (at most 1000000 bytes are read)",
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
    "metadata of another library": (
        header(lambda entries: entries.update({"__metadata__": {"format": "np"}})),
        "format",
        "model.safetensors, __metadata__: its format is 'np', which transformers 4.51.3 does not load",
    ),
    "metadata without a format": (
        header(lambda entries: entries.update({"__metadata__": {"step": "1"}})),
        "format",
        "its format is None",
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
        "the weights have 2 layers (0 to 1) (3, 0 to 2: num_hidden_layers 3 of config.json)",
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
        "needed, as tie_word_embeddings is not true in config.json: save the model with the head",
    ),
    "another vocabulary size": (
        edit(CONFIG, vocab_size=VOCABULARY + 1),
        "shape",
        "tensor model.embed_tokens.weight: size mismatch: its shape is [32, 8] "
        "([33, 8]: vocab_size 33, hidden_size 8 of config.json)",
    ),
    "another model's tokenizer": (
        lambda model: bpe(size=VOCABULARY + 10).save(str(model.folder / "tokenizer.json")),
        "vocabulary",
        "tokenizer.json: the vocabulary has the id 41, and the model 32 embeddings",
    ),
    "no hidden size": (edit(CONFIG, hidden_size=None), "shape", "hidden_size 4096 (the default) of config.json"),
    "a hidden size that is a text": (
        edit(CONFIG, hidden_size="8"),
        "config-field",
        "config.json, hidden_size: it is '8' (1 or more)",
    ),
}
