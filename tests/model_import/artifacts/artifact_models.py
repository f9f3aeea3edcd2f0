"""Tiny models in folders, written by the real safetensors and tokenizers libraries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from model_import.artifacts.findings import Finding, Report
from model_import.artifacts.folder import LocalFolder
from model_import.artifacts.report import check

Tensors = dict[str, NDArray[Any]]

SHAPES = Path(__file__).with_name("transformers_shapes.json")

HIDDEN, INNER, LAYERS, VOCABULARY = 8, 16, 2, 32
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"

_DECODER = {
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "num_hidden_layers": LAYERS,
    "vocab_size": VOCABULARY,
    "tie_word_embeddings": False,
    "rope_theta": 10000.0,
    "torch_dtype": "float16",
    "transformers_version": "4.51.3",
}


def half(*shape: int) -> NDArray[Any]:
    """Return a tensor of FP16 that compresses badly enough to show a mix-up."""
    return np.arange(int(np.prod(shape)), dtype=np.float16).reshape(shape)


def decoder(mlp: Callable[[str], Tensors], **extra: tuple[int, ...]) -> Tensors:
    """Return the tensors of a Llama-like model."""
    tensors = {
        "model.embed_tokens.weight": half(VOCABULARY, HIDDEN),
        "model.norm.weight": half(HIDDEN),
        "lm_head.weight": half(VOCABULARY, HIDDEN),
    }
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}"
        for name, rows in (("q", HIDDEN), ("k", 4), ("v", 4), ("o", HIDDEN)):
            tensors[f"{prefix}.self_attn.{name}_proj.weight"] = half(rows, HIDDEN)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{prefix}.{name}.weight"] = half(HIDDEN)
        for name, shape in extra.items():
            tensors[f"{prefix}.self_attn.{name.replace('__', '.')}"] = half(*shape)
        tensors.update(mlp(prefix))
    return tensors


def gated(prefix: str) -> Tensors:
    """Return the tensors of Llama's MLP."""
    return {
        f"{prefix}.mlp.gate_proj.weight": half(INNER, HIDDEN),
        f"{prefix}.mlp.up_proj.weight": half(INNER, HIDDEN),
        f"{prefix}.mlp.down_proj.weight": half(HIDDEN, INNER),
    }


def experts(prefix: str) -> Tensors:
    """Return the tensors of Mixtral's mixture of two experts."""
    tensors = {f"{prefix}.block_sparse_moe.gate.weight": half(2, HIDDEN)}
    for expert in range(2):
        for name, shape in (("w1", (INNER, HIDDEN)), ("w2", (HIDDEN, INNER)), ("w3", (INNER, HIDDEN))):
            tensors[f"{prefix}.block_sparse_moe.experts.{expert}.{name}.weight"] = half(*shape)
    return tensors


def bigcode() -> Tensors:
    """Return the tensors of a GPTBigCode model, whose head is its embedding."""
    tensors = {
        "transformer.wte.weight": half(VOCABULARY, HIDDEN),
        "transformer.wpe.weight": half(8192, HIDDEN),
        "transformer.ln_f.weight": half(HIDDEN),
        "transformer.ln_f.bias": half(HIDDEN),
    }
    shapes = {
        "ln_1": (HIDDEN,),
        "attn.c_attn": (HIDDEN + 8, HIDDEN),
        "attn.c_proj": (HIDDEN, HIDDEN),
        "ln_2": (HIDDEN,),
        "mlp.c_fc": (INNER, HIDDEN),
        "mlp.c_proj": (HIDDEN, INNER),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            tensors[f"transformer.h.{layer}.{name}.weight"] = half(*shape)
            tensors[f"transformer.h.{layer}.{name}.bias"] = half(shape[0])
    return tensors


def t5() -> Tensors:
    """Return the tensors of a Flan-T5."""
    tensors = {
        "shared.weight": half(VOCABULARY, HIDDEN),
        "lm_head.weight": half(VOCABULARY, HIDDEN),
        "encoder.final_layer_norm.weight": half(HIDDEN),
        "decoder.final_layer_norm.weight": half(HIDDEN),
    }
    for stack in ("encoder", "decoder"):
        tensors[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = half(32, 4)
    blocks = {"encoder": ("SelfAttention",), "decoder": ("SelfAttention", "EncDecAttention")}
    for stack, attentions in blocks.items():
        for layer in range(LAYERS):
            prefix = f"{stack}.block.{layer}.layer"
            for number, name in enumerate(attentions):
                for each in "qkvo":
                    tensors[f"{prefix}.{number}.{name}.{each}.weight"] = half(HIDDEN, HIDDEN)
                tensors[f"{prefix}.{number}.layer_norm.weight"] = half(HIDDEN)
            last = f"{prefix}.{len(attentions)}"
            for name, shape in (("wi_0", (INNER, HIDDEN)), ("wi_1", (INNER, HIDDEN)), ("wo", (HIDDEN, INNER))):
                tensors[f"{last}.DenseReluDense.{name}.weight"] = half(*shape)
            tensors[f"{last}.layer_norm.weight"] = half(HIDDEN)
    return tensors


def unigram(*, size: int = VOCABULARY) -> Tokenizer:
    """Return a tokenizer of T5's kind."""
    return Tokenizer(models.Unigram([(f"t{number}", -float(number)) for number in range(size)], unk_id=0))


def bpe(*, size: int = VOCABULARY) -> Tokenizer:
    """Return a tokenizer of Llama 3's kind."""
    tokenizer = Tokenizer(models.BPE(vocab={f"t{number}": number for number in range(size)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    return tokenizer


class Model:
    """A model's files in a folder; the methods break it."""

    def __init__(
        self,
        folder: Path,
        *,
        architecture: str,
        model_type: str,
        tensors: Tensors,
        fields: Mapping[str, Any],
        tokenizer: Tokenizer,
        tokenizer_class: str,
        tokenizer_model: bool = False,
    ) -> None:
        self.folder = folder
        self.tensors = tensors
        folder.mkdir(parents=True, exist_ok=True)
        self.write("config.json", {"architectures": [architecture], "model_type": model_type, **fields})
        self.write("tokenizer_config.json", {"tokenizer_class": tokenizer_class, "chat_template": TEMPLATE})
        tokenizer.save(str(folder / "tokenizer.json"))
        if tokenizer_model:
            self.put("tokenizer.model", b"\n\x0e\n\x05<unk>")
        self.save(tensors)

    @property
    def weights(self) -> Path:
        """The one file of weights."""
        return self.folder / "model.safetensors"

    def save(self, tensors: Tensors, name: str = "model.safetensors") -> None:
        """Write weights."""
        save_file(tensors, self.folder / name, metadata={"format": "pt"})

    def shard(self, count: int = 2) -> list[str]:
        """Replace the one file of weights by several with an index."""
        self.weights.unlink()
        names = [f"model-{number + 1:05d}-of-{count:05d}.safetensors" for number in range(count)]
        keys = sorted(self.tensors)
        for number, name in enumerate(names):
            self.save({key: self.tensors[key] for key in keys[number::count]}, name)
        total = sum(tensor.nbytes for tensor in self.tensors.values())
        weight_map = {key: names[position % count] for position, key in enumerate(keys)}
        self.write("model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})
        return names

    def write(self, name: str, document: Any) -> None:
        """Write a JSON document."""
        self.put(name, json.dumps(document).encode())

    def put(self, name: str, body: bytes) -> None:
        """Write a file, also in a subfolder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def read(self, name: str) -> dict[str, Any]:
        """Return a JSON document."""
        document: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return document

    def edit(self, name: str, **fields: Any) -> None:
        """Set fields of a JSON document; None removes one."""
        document = {**json.loads((self.folder / name).read_bytes()), **fields}
        self.write(name, {key: value for key, value in document.items() if value is not None})

    def remove(self, *names: str) -> None:
        """Delete files."""
        for name in names:
            (self.folder / name).unlink()


def llama(folder: Path) -> Model:
    """Make a model like Llama 3: a fast tokenizer alone."""
    return Model(
        folder,
        architecture="LlamaForCausalLM",
        model_type="llama",
        tensors=decoder(gated),
        fields={**_DECODER, "max_position_embeddings": 8192},
        tokenizer=bpe(),
        tokenizer_class="PreTrainedTokenizerFast",
    )


def llama_2(folder: Path) -> Model:
    """Make a model like Llama 2: a SentencePiece tokenizer."""
    return Model(
        folder,
        architecture="LlamaForCausalLM",
        model_type="llama",
        tensors=decoder(gated),
        fields={**_DECODER, "max_position_embeddings": 4096},
        tokenizer=bpe(),
        tokenizer_class="LlamaTokenizer",
        tokenizer_model=True,
    )


def mistral(folder: Path) -> Model:
    """Make a model like Mistral 7B."""
    return Model(
        folder,
        architecture="MistralForCausalLM",
        model_type="mistral",
        tensors=decoder(gated),
        fields={**_DECODER, "max_position_embeddings": 32768},
        tokenizer=bpe(),
        tokenizer_class="LlamaTokenizerFast",
    )


def mixtral(folder: Path) -> Model:
    """Make a model like Mixtral, with two experts."""
    return Model(
        folder,
        architecture="MixtralForCausalLM",
        model_type="mixtral",
        tensors=decoder(experts),
        fields={**_DECODER, "max_position_embeddings": 32768, "num_local_experts": 2},
        tokenizer=bpe(),
        tokenizer_class="LlamaTokenizer",
        tokenizer_model=True,
    )


def qwen(folder: Path) -> Model:
    """Make a model like a small Qwen2.5: the head is the embedding, which has more rows than the vocabulary."""
    tensors = decoder(gated, q_proj__bias=(HIDDEN,), k_proj__bias=(4,), v_proj__bias=(4,))
    del tensors["lm_head.weight"]
    return Model(
        folder,
        architecture="Qwen2ForCausalLM",
        model_type="qwen2",
        tensors=tensors,
        fields={**_DECODER, "max_position_embeddings": 32768, "tie_word_embeddings": True},
        tokenizer=bpe(size=VOCABULARY - 4),
        tokenizer_class="Qwen2Tokenizer",
    )


def granite_llama(folder: Path) -> Model:
    """Make a model like Granite 3B and 8B code: Llama's architecture with GPT-2's tokenizer."""
    return Model(
        folder,
        architecture="LlamaForCausalLM",
        model_type="llama",
        tensors=decoder(gated, q_proj__bias=(HIDDEN,), k_proj__bias=(4,), v_proj__bias=(4,), o_proj__bias=(HIDDEN,)),
        fields={**_DECODER, "max_position_embeddings": 4096, "attention_bias": True},
        tokenizer=bpe(),
        tokenizer_class="GPT2Tokenizer",
    )


def granite_bigcode(folder: Path) -> Model:
    """Make a model like Granite 20B and 34B code."""
    return Model(
        folder,
        architecture="GPTBigCodeForCausalLM",
        model_type="gpt_bigcode",
        tensors=bigcode(),
        fields={
            "n_embd": HIDDEN,
            "n_layer": LAYERS,
            "n_head": 2,
            "n_inner": INNER,
            "n_positions": 8192,
            "vocab_size": VOCABULARY,
        },
        tokenizer=bpe(),
        tokenizer_class="GPT2TokenizerFast",
    )


def flan_t5(folder: Path) -> Model:
    """Make a model like Flan-T5: relative positions, an embedding with more rows than the vocabulary."""
    return Model(
        folder,
        architecture="T5ForConditionalGeneration",
        model_type="t5",
        tensors=t5(),
        fields={
            "d_model": HIDDEN,
            "d_kv": 2,
            "d_ff": INNER,
            "num_heads": 4,
            "feed_forward_proj": "gated-gelu",
            "num_layers": LAYERS,
            "num_decoder_layers": LAYERS,
            "n_positions": 512,
            "vocab_size": VOCABULARY,
            "tie_word_embeddings": False,
            "torch_dtype": "float16",
        },
        tokenizer=unigram(size=VOCABULARY - 2),
        tokenizer_class="T5Tokenizer",
    )


def published(kind: str) -> dict[str, Any]:
    """Return a configuration, and the tensors that transformers makes of it.

    Args:
        kind: One in `transformers_shapes.json`, which says where it is from.

    Returns:
        `config`; `tensors`, shapes by name; and `embedding`, the names that share the table of tokens.
    """
    models: dict[str, dict[str, Any]] = json.loads(SHAPES.read_bytes())["models"]
    return models[kind]


def as_published(kind: str) -> Callable[[Path], Model]:
    """Return what makes a model of `transformers_shapes.json`, whose shared table is saved once."""

    def make(folder: Path) -> Model:
        model = published(kind)
        fields = dict(model["config"])
        if kind in {"qwen2-vl", "qwen2.5-vl"}:
            # Published files have them, and the configuration no default.
            fields |= {"image_token_id": 3, "video_token_id": 4, "vision_start_token_id": 1}
        [architecture] = fields.pop("architectures")
        model_type = fields.pop("model_type")
        table = max(model["embedding"], key=lambda name: ("shared" in name, "lm_head" not in name))
        tensors = {
            name: half(*shape)
            for name, shape in model["tensors"].items()
            if name == table or name not in model["embedding"]
        }
        return Model(
            folder,
            architecture=architecture,
            model_type=model_type,
            tensors=tensors,
            fields=fields,
            tokenizer=bpe(),
            tokenizer_class="PreTrainedTokenizerFast",
        )

    return make


VALID: dict[str, Callable[[Path], Model]] = {
    "llama-3": llama,
    "llama-2": llama_2,
    "mistral": mistral,
    "mixtral": mixtral,
    "qwen-2.5": qwen,
    "granite-code-llama": granite_llama,
    "granite-code-bigcode": granite_bigcode,
    "flan-t5": flan_t5,
    **{kind: as_published(kind) for kind in ("qwen3", "qwen3-moe", "mllama", "qwen2-vl", "qwen2.5-vl", "t5")},
}
"""Valid models of every kind."""


def checked(model: Model, *, region: str | None = "us-west-2") -> Report:
    """Check a model's folder."""
    return check(LocalFolder(model.folder), region=region)


def rules_and_places(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    """Return the rules and places of some findings."""
    return {(finding.rule, finding.place) for finding in findings}
