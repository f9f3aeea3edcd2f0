"""Compare the tensors that an architecture needs with those in the shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from model_import.artifacts.config import CONFIG, Config
from model_import.artifacts.contents import integer
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.headers import Tensor
from model_import.artifacts.layout import MERGE
from model_import.artifacts.limits import DTYPES, GPT_OSS, TORCH_DTYPES
from model_import.artifacts.shards import Shards
from model_import.artifacts.tokenizer import TOKENIZER, Tokenizer

_MOST_LAYERS = 10_000


class Stack(NamedTuple):
    """Consecutive layers with the same tensors.

    Attributes:
        prefix: Prefix of their tensors' names, before the layer's number.
        fields: Fields of `config.json`; the first that is there has the number of layers.
        tensors: Names within one layer; an expert's with `*` for its number.
    """

    prefix: str
    fields: tuple[str, ...]
    tensors: tuple[str, ...]


class Plan(NamedTuple):
    """The tensors of an architecture, as transformers saves them.

    Attributes:
        embedding: The table of token embeddings: `vocab_size` rows of the hidden size.
        hidden: The field with the hidden size.
        stacks: Its layers.
        single: Other tensors, which occur once.
        tied: True if the head shares the embedding's numbers where `tie_word_embeddings` is not set.
        experts: The field with the number of experts; empty for a model without.
    """

    embedding: str
    hidden: str
    stacks: tuple[Stack, ...]
    single: tuple[str, ...]
    tied: bool = False
    experts: str = ""


_NORMS = ("input_layernorm.weight", "post_attention_layernorm.weight")
_ATTENTION = tuple(f"self_attn.{each}_proj.weight" for each in "qkvo")
_MLP = tuple(f"mlp.{each}_proj.weight" for each in ("gate", "up", "down"))
_QWEN_BIASES = tuple(f"self_attn.{each}_proj.bias" for each in "qkv")
_QWEN_NORMS = ("self_attn.q_norm.weight", "self_attn.k_norm.weight")


def _decoder(*tensors: str, experts: str = "") -> Plan:
    stack = Stack("model.layers.", ("num_hidden_layers",), (*_NORMS, *_ATTENTION, *tensors))
    return Plan("model.embed_tokens.weight", "hidden_size", (stack,), ("model.norm.weight",), experts=experts)


def _t5_attention(layer: int, name: str) -> tuple[str, ...]:
    return (*(f"layer.{layer}.{name}.{each}.weight" for each in "qkvo"), f"layer.{layer}.layer_norm.weight")


_T5_ENCODER = (*_t5_attention(0, "SelfAttention"), "layer.1.DenseReluDense.wo.weight", "layer.1.layer_norm.weight")
_T5_DECODER = (
    *_t5_attention(0, "SelfAttention"),
    *_t5_attention(1, "EncDecAttention"),
    *("layer.2.DenseReluDense.wo.weight", "layer.2.layer_norm.weight"),
)
_BIGCODE_LAYER = tuple(
    f"{name}.{kind}"
    for name in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
    for kind in ("weight", "bias")
)
PLANS = {
    "LlamaForCausalLM": _decoder(*_MLP),
    "MistralForCausalLM": _decoder(*_MLP),
    "MixtralForCausalLM": _decoder(
        "block_sparse_moe.gate.weight",
        *(f"block_sparse_moe.experts.*.w{number}.weight" for number in (1, 2, 3)),
        experts="num_local_experts",
    ),
    "Qwen2ForCausalLM": _decoder(*_MLP, *_QWEN_BIASES),
    "Qwen3ForCausalLM": _decoder(*_MLP, *_QWEN_NORMS),
    # Several fields select the layers with experts, so that experts are not checked.
    "Qwen3MoeForCausalLM": _decoder(*_QWEN_NORMS),
    "GPTBigCodeForCausalLM": Plan(
        "transformer.wte.weight",
        "n_embd",
        (Stack("transformer.h.", ("n_layer",), _BIGCODE_LAYER),),
        ("transformer.wpe.weight", "transformer.ln_f.weight", "transformer.ln_f.bias"),
        tied=True,
    ),
    "T5ForConditionalGeneration": Plan(
        "shared.weight",
        "d_model",
        (
            Stack("encoder.block.", ("num_layers",), _T5_ENCODER),
            # It has as many layers as the encoder where the field is not set.
            Stack("decoder.block.", ("num_decoder_layers", "num_layers"), _T5_DECODER),
        ),
        ("encoder.final_layer_norm.weight", "decoder.final_layer_norm.weight"),
        tied=True,
    ),
}
"""Checks by architecture. The names of the multimodal models' and GPT-OSS's tensors changed between versions
of transformers, so that only their types are checked."""


def check_tensors(shards: Shards, config: Config, tokenizer: Tokenizer, found: Findings, *, complete: bool) -> None:
    """Check types and names of the tensors, and the sizes that must agree with other files.

    Args:
        shards: Tensors by file.
        config: Facts of `config.json`.
        tokenizer: The largest token ids.
        found: Collects the findings.
        complete: True if every header could be read; otherwise missing tensors are no finding.
    """
    _types(shards, config, found)
    tensors = {name: tensor for held in shards.values() for name, tensor in held.items()}
    adapters = [name for name in tensors if ".lora_A." in name or ".lora_B." in name]
    if adapters:
        found.error("adapter", f"tensor {shown(adapters[0])}", f"{len(adapters)} tensors are a LoRA adapter's", MERGE)
    plan = PLANS.get(config.architecture or "")
    if plan is None or not tensors:
        return
    _embedding(plan, tensors, config.text, tokenizer, found)
    if complete and not adapters:
        _names(plan, tensors, config.text, found)


def _types(shards: Shards, config: Config, found: Findings) -> None:
    allowed = {*DTYPES, *(("U8",) if config.architecture == GPT_OSS else ())}
    counts: dict[str, int] = {}
    for name, tensors in shards.items():
        for key, tensor in tensors.items():
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.size
            if tensor.dtype not in allowed:
                found.error("dtype", f"{name}, tensor {shown(key)}", f"it is {shown(tensor.dtype)}", ", ".join(DTYPES))
    stated = config.text.get("torch_dtype", config.text.get("dtype"))
    wanted = TORCH_DTYPES.get(stated) if isinstance(stated, str) else None
    most = max(counts, key=lambda dtype: counts[dtype], default=None)
    if wanted and most in DTYPES and most != wanted:
        problem = f"it is {shown(stated)}, and most weights are {most}, so that they are converted"
        found.warning("dtype", f"{CONFIG}, torch_dtype", problem, wanted)


def _embedding(
    plan: Plan, tensors: Mapping[str, Tensor], text: Mapping[str, Any], tokenizer: Tokenizer, found: Findings
) -> None:
    vocabulary, hidden = integer(text, "vocab_size"), integer(text, plan.hidden)
    for field, value in (("vocab_size", vocabulary), (plan.hidden, hidden)):
        if value is None or value < 1:
            found.error("config-field", f"{CONFIG}, {field}", f"it is {shown(text.get(field))}", "1 or more")
    table = tensors.get(plan.embedding)
    if table is not None and vocabulary and hidden and table.shape != (vocabulary, hidden):
        problem = f"its shape is {list(table.shape)}"
        allowed = f"{[vocabulary, hidden]}: vocab_size and {plan.hidden} of {CONFIG}"
        found.error("embedding", f"tensor {plan.embedding}", problem, allowed)
    rows = table.shape[0] if table is not None and table.shape else vocabulary
    if rows is None:
        return
    if tokenizer.largest_id is not None and tokenizer.largest_id >= rows:
        problem = f"the vocabulary has the id {tokenizer.largest_id}, and the model {rows} embeddings"
        found.error("vocabulary", TOKENIZER, problem, f"ids up to {rows - 1}: the tokenizer that it was trained with")
    elif tokenizer.largest_added_id is not None and tokenizer.largest_added_id >= rows:
        problem = f"an added token has the id {tokenizer.largest_added_id}, and the model {rows} embeddings"
        found.warning("vocabulary", f"{TOKENIZER}, added_tokens", problem, f"ids up to {rows - 1}, or never used")


def _names(plan: Plan, tensors: Mapping[str, Tensor], text: Mapping[str, Any], found: Findings) -> None:
    single = [*plan.single, plan.embedding]
    if not text.get("tie_word_embeddings", plan.tied):
        single.append("lm_head.weight")
    for name in single:
        if name not in tensors:
            hint = " unless tie_word_embeddings is true" if name == "lm_head.weight" else ""
            found.error("missing-tensor", f"tensor {name}", "it is not in the weights", f"needed{hint}")
    experts = integer(text, plan.experts) if plan.experts else 0
    if experts is None or not 0 <= experts <= _MOST_LAYERS:
        found.error("config-field", f"{CONFIG}, {plan.experts}", f"it is {shown(experts)}", f"1 to {_MOST_LAYERS}")
        experts = 0
    for stack in plan.stacks:
        _layers(stack, tensors, text, found, experts=experts)


def _layers(
    stack: Stack, tensors: Mapping[str, Tensor], text: Mapping[str, Any], found: Findings, *, experts: int
) -> None:
    wanted = integer(text, *stack.fields)
    if wanted is None or not 1 <= wanted <= _MOST_LAYERS:
        field = stack.fields[0]
        found.error("config-field", f"{CONFIG}, {field}", f"it is {shown(wanted)}", f"1 to {_MOST_LAYERS}")
        return
    numbers = (name[len(stack.prefix) :].partition(".")[0] for name in tensors if name.startswith(stack.prefix))
    # Only short ones: int() refuses a number of thousands of digits.
    there = {int(number) for number in numbers if number.isascii() and number.isdigit() and len(number) < 10}
    if there != set(range(wanted)):
        problem = f"the weights have {len(there)} layers ({_ranges(there)})"
        allowed = f"{wanted} layers, 0 to {wanted - 1}: {stack.fields[0]} of {CONFIG}"
        found.error("layers", f"tensors {stack.prefix}*", problem, allowed)
    for layer in sorted(there & set(range(wanted))):
        for name in _expected(stack.tensors, experts):
            if f"{stack.prefix}{layer}.{name}" not in tensors:
                place = f"tensor {stack.prefix}{layer}.{name}"
                found.error("missing-tensor", place, "it is not in the weights", "needed in every layer")


def _expected(names: tuple[str, ...], experts: int) -> Iterator[str]:
    for name in names:
        if "*" in name:
            yield from (name.replace("*", str(number)) for number in range(experts))
        else:
            yield name


def _ranges(numbers: set[int]) -> str:
    ordered = sorted(numbers)
    if len(ordered) < 2:
        return str(*ordered) if ordered else "none"
    gaps = "" if ordered[-1] - ordered[0] + 1 == len(ordered) else ", with gaps"
    return f"{ordered[0]} to {ordered[-1]}{gaps}"
