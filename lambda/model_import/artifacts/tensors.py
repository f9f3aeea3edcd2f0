"""Compare the tensors that `config.json` implies with those in the shards."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from model_import.artifacts import copies
from model_import.artifacts.architectures import implied
from model_import.artifacts.architectures.sizes import Model
from model_import.artifacts.comparison import Comparison
from model_import.artifacts.config import CONFIG, Config
from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.folder import ReadError
from model_import.artifacts.headers import Tensor
from model_import.artifacts.limits import DTYPES, GPT_OSS, TORCH_DTYPES
from model_import.artifacts.loading import adapters, as_loaded, report_adapters
from model_import.artifacts.shards import Shards
from model_import.artifacts.tokenizer import TOKENIZER, Tokenizer

_PACKED = ("_blocks", "_scales")
"""Ends of the names of GPT-OSS's tensors that hold packed numbers of 4 bits."""


def check_tensors(contents: Contents, shards: Shards, config: Config, tokenizer: Tokenizer, *, complete: bool) -> None:
    """Check types, names and shapes of the tensors.

    Args:
        contents: The folder; collects the findings.
        shards: Tensors by file.
        config: Facts of `config.json`.
        tokenizer: The largest token ids.
        complete: True if every header could be read; otherwise missing tensors are no finding.
    """
    found = contents.found
    tensors = {name: tensor for held in shards.values() for name, tensor in held.items()}
    unmerged = adapters(tensors)
    if unmerged:
        report_adapters(unmerged, found)
    ignored: set[int] = set()
    if config.architecture is not None:
        model = implied(config.architecture, config.document, found)
        if tensors:
            _vocabulary(model, tensors, tokenizer, found)
        # Files without any tensor are read, too: all of them are missing.
        if shards and not unmerged:
            loaded = as_loaded(model, tensors, found)
            harmless = Comparison(model, loaded, config.architecture).run(found, complete=complete)
            ignored = {id(loaded[name]) for name in harmless}
            _tables(contents, shards, model, config, loaded)
    _empty(shards, found)
    _types(shards, config, ignored, found)


def _vocabulary(model: Model, tensors: Mapping[str, Tensor], tokenizer: Tokenizer, found: Findings) -> None:
    """Check that every token has a row of the embedding."""
    names = (model.embedding.name, *model.aliases)
    table = next((tensors[name] for name in names if name in tensors), None)
    rows = table.shape[0] if table is not None and table.shape and table.elements else model.embedding.shape[0]
    if rows is None:
        return
    if tokenizer.largest_id is not None and tokenizer.largest_id >= rows:
        problem = f"the vocabulary has the id {tokenizer.largest_id}, and the model {rows} embeddings"
        found.error("vocabulary", TOKENIZER, problem, f"ids up to {rows - 1}: the tokenizer that it was trained with")
    elif tokenizer.largest_added_id is not None and tokenizer.largest_added_id >= rows:
        problem = f"an added token has the id {tokenizer.largest_added_id}, and the model {rows} embeddings"
        found.warning("vocabulary", f"{TOKENIZER}, added_tokens", problem, f"ids up to {rows - 1}, or never used")


def _tables(contents: Contents, shards: Shards, model: Model, config: Config, tensors: Mapping[str, Tensor]) -> None:
    """Check that tables which transformers holds once were saved with the same numbers."""
    there = [name for name in (model.embedding.name, *model.aliases) if name in tensors]
    head = tensors.get(model.head.name) if model.tied else None
    if not there:
        return
    table = tensors[there[0]]
    try:
        for name in there[1:]:
            if not copies.equal(contents, shards, table, tensors[name]):
                problem = f"its numbers are not those of {there[0]}, and transformers holds both as one table"
                contents.found.error("embedding", f"tensor {name}", problem, "one of them, or equal numbers")
        # One of another shape is a finding already.
        if head is None or head.shape != table.shape or not head.elements:
            return
        same = copies.equal(contents, shards, table, head)
    except ReadError as error:
        contents.found.error(error.rule, CONFIG, f"a table cannot be compared: {error.problem}", error.allowed)
        return
    _head(model, config, contents.found, there[0], same=same)


def _head(model: Model, config: Config, found: Findings, table: str, *, same: bool) -> None:
    place, stated = f"tensor {model.head.name}", "tie_word_embeddings" in config.text
    tied = "tie_word_embeddings is true" if stated else "tie_word_embeddings is not set, which is true for this class"
    if same:
        problem = f"it seems to be a copy of {table}: {tied}, and transformers 4.51.3 answers by that table alone"
        found.warning("head", place, problem, "no head of its own, or tie_word_embeddings false")
        return
    problem = f"its numbers are not those of {table}; but {tied}, so that transformers 4.51.3 drops this head"
    allowed = "the value of tie_word_embeddings that the model was trained with: false uses this head"
    if "scale_decoder_outputs" in config.document:
        # transformers 5 writes true for every T5, and the scale that true used to mean by this field.
        scaled = config.document["scale_decoder_outputs"]
        allowed = "transformers 5 writes true for every T5: "
        allowed += "save the model by transformers 4.51.3" if scaled else "set tie_word_embeddings to false"
    found.error("head", place, problem, allowed)


def _empty(shards: Shards, found: Findings) -> None:
    empty = [
        (file, name, tensor) for file, held in shards.items() for name, tensor in held.items() if not tensor.elements
    ]
    if empty:
        file, name, tensor = empty[0]
        more = f", nor have {len(empty) - 1} more" if len(empty) > 1 else ""
        problem = f"it has no numbers (its shape is {list(tensor.shape)}){more}"
        allowed = (
            "the whole model: DeepSpeed ZeRO-3 writes it with stage3_gather_16bit_weights_on_model_save, "
            "and zero_to_fp32.py makes it of a checkpoint"
        )
        found.error("empty-tensor", f"{file}, tensor {shown(name)}", problem, allowed)


def _types(shards: Shards, config: Config, ignored: Collection[int], found: Findings) -> None:
    """Check the formats of numbers.

    Args:
        shards: Tensors by file.
        config: Facts of `config.json`.
        ignored: Identities of the tensors that transformers ignores.
        found: Collects the findings.
    """
    counts: dict[str, int] = {}
    wrong: dict[str, list[str]] = {}
    for file, tensors in shards.items():
        for name, tensor in tensors.items():
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.size
            packed = tensor.dtype == "U8" and config.architecture == GPT_OSS and name.endswith(_PACKED)
            if tensor.dtype not in DTYPES and not packed and id(tensor) not in ignored:
                wrong.setdefault(tensor.dtype, []).append(f"{file}, tensor {shown(name)}")
    for dtype, places in wrong.items():
        more = f", as are {len(places) - 1} more" if len(places) > 1 else ""
        found.error("dtype", places[0], f"it is {shown(dtype)}{more}", ", ".join(DTYPES))
    stated = config.text.get("torch_dtype", config.text.get("dtype"))
    wanted = TORCH_DTYPES.get(stated) if isinstance(stated, str) else None
    most = max(counts, key=lambda dtype: counts[dtype], default=None)
    if wanted and most in DTYPES and most != wanted:
        problem = f"it is {shown(stated)}, and most weights are {most}, so that they are converted"
        found.warning("dtype", f"{CONFIG}, torch_dtype", problem, wanted)
