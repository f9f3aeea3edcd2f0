"""Read tensors' names as transformers 4.51.3 does, and recognize names that a training's wrappers changed.

Source: `_load_pretrained_model` in its `modeling_utils.py`; the names of adapters are those of `peft.tuners`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from model_import.artifacts.architectures.sizes import Model
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.headers import Tensor
from model_import.artifacts.layout import MERGE

Tensors = Mapping[str, Tensor]

_ADAPTER = re.compile(
    r"(?:^|\.)(?:(?:lora|hada|lokr|ia3|oft|boft|vera|hra|fourierft|trainable_tokens)_\w+"
    r"|base_layer|modules_to_save|original_module)(?:\.|$)"
)
_WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
"""Modules that DistributedDataParallel, torch.compile, FSDP, checkpointing and DeepSpeed put around others."""
_WRAPPED = re.compile(rf"(?:^|(?<=\.))(?:{'|'.join(_WRAPPERS)})\.")
_PEFT = "base_model.model."
_STRIP = (
    "save the model from inside of its wrapper (unwrap_model), or take {} out of every name and save the tensors again"
)


def adapters(names: Iterable[str]) -> list[str]:
    """Return the names that only an adapter has, or a module with one that is not merged."""
    return [name for name in names if _ADAPTER.search(name)]


def report_adapters(names: list[str], found: Findings) -> None:
    """Record that an adapter is not merged."""
    kinds = Counter(match[0].strip(".") for name in names if (match := _ADAPTER.search(name)))
    most = ", ".join(kind for kind, _ in kinds.most_common(3))
    problem = f"an adapter (LoRA or another of PEFT) is not merged: {len(names)} names hold {shown(most)}"
    found.error("adapter", f"tensor {shown(names[0])}", problem, MERGE)


def as_loaded(model: Model, tensors: Tensors, found: Findings) -> dict[str, Tensor]:
    """Return the tensors by the names that transformers loads them by; other names are findings.

    Args:
        model: The tensors that there should be.
        tensors: Those that there are.
        found: Collects the findings.
    """
    unwrapped = _without_wrappers(model, tensors, found)
    return _of_base(model, unwrapped, found) if unwrapped is tensors else dict(unwrapped)


def _without_wrappers(model: Model, tensors: Tensors, found: Findings) -> Tensors:
    tables = (model.embedding.name, *model.aliases)
    if any(table in tensors for table in tables):
        return tensors
    wrapped = {name: _WRAPPED.sub("", name) for name in tensors}
    prefix = _prefix(wrapped.values(), tables)
    if not model.has_base and prefix == f"{model.base}.":
        # Transformers removes it.
        prefix = ""
    renamed = {new.removeprefix(prefix): tensors[old] for old, new in wrapped.items()}
    changed = [old for old, new in wrapped.items() if old != new or (prefix and new.startswith(prefix))]
    if not changed or len(renamed) != len(tensors) or not any(table in renamed for table in tables):
        return tensors
    words = list(dict.fromkeys(match[0] for name in changed for match in _WRAPPED.finditer(name)))
    if prefix:
        words.append(prefix)
    place = f"tensor {shown(changed[0])}"
    said = " and ".join(shown(word) for word in words)
    problem = f"{len(changed)} of {len(tensors)} names hold {said}, which transformers does not expect"
    if _PEFT in "".join(words):
        # Taking the prefix away would import the base model, should the adapter be missing.
        problem = f"{problem}; it is a PeftModel's, and nothing in the files says that its adapter is merged"
        found.error("adapter", place, problem, MERGE)
    else:
        found.error("prefix", place, problem, _STRIP.format(said))
    return renamed


def _prefix(names: Iterable[str], tables: tuple[str, ...]) -> str:
    """Return what precedes the embedding's name; empty where it is not there."""
    return next((name.removesuffix(table) for name in names for table in tables if name.endswith(f".{table}")), "")


def _of_base(model: Model, tensors: Tensors, found: Findings) -> dict[str, Tensor]:
    base = f"{model.base}."
    # Without the dot, as transformers compares.
    has_prefix = any(name.startswith(model.base) for name in tensors)
    if model.has_base and not has_prefix:
        return _extended(model, base, tensors, found)
    if model.has_base or not has_prefix:
        return dict(tensors)
    kept = {name.removeprefix(base): tensor for name, tensor in tensors.items() if name.startswith(base)}
    if len(kept) == len(tensors):
        problem = f"all names begin with {shown(base)}, which transformers removes"
        found.warning("prefix", "tensors", problem, "names without it are sure to load")
    else:
        odd = next(name for name in tensors if name.startswith(model.base))
        problem = f"of {len(tensors)} tensors, transformers loads only the {len(kept)} that begin with {shown(base)}"
        found.error("prefix", f"tensor {shown(odd)}", problem, "the same kind of names for all tensors")
    return kept


def _extended(model: Model, base: str, tensors: Tensors, found: Findings) -> dict[str, Tensor]:
    """Return the tensors of a base model with its prefix, without which they were saved."""
    named = {name if name == model.head.name else f"{base}{name}": tensor for name, tensor in tensors.items()}
    if model.embedding.name not in named:
        return dict(tensors)
    problem = f"the names do not begin with {shown(base)}, as those of a base model without its head"
    if model.head.name in tensors:
        allowed = f"load and save the model by the class that config.json names: its names begin with {shown(base)}"
        found.error("prefix", f"tensor {model.head.name}", f"{problem}, and a head is beside them", allowed)
    else:
        found.warning("prefix", "tensors", f"{problem}; transformers adds it", "names with it are sure to load")
    return named
