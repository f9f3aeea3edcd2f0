"""Other tools' names of what JumpStart's recipes call otherwise: near in meaning, not in spelling.

The names are those of `transformers.TrainingArguments`, `peft.LoraConfig`, `trl.SFTConfig` and the usual short forms.
"""

from __future__ import annotations

from collections.abc import Collection

_NAMES: dict[str, tuple[str, ...]] = {
    "epoch": ("epochs", "num_epochs", "n_epochs", "num_train_epochs", "max_epochs", "number_of_epochs"),
    "learning_rate": ("lr",),
    "per_device_train_batch_size": ("batch_size", "train_batch_size", "batch", "micro_batch_size"),
    "per_device_eval_batch_size": ("eval_batch_size", "val_batch_size"),
    "gradient_accumulation_steps": ("accumulation_steps", "grad_accum", "grad_accumulation", "gradient_accumulation"),
    "lora_r": ("r", "rank", "lora_rank"),
    "lora_alpha": ("alpha",),
    "lora_dropout": ("dropout",),
    "target_modules": ("lora_target_modules", "lora_modules"),
    "max_input_length": (
        *("max_length", "max_seq_length", "max_seq_len", "seq_length", "sequence_length", "context_length"),
        *("block_size", "model_max_length", "max_input_tokens", "cutoff_len"),
    ),
    "validation_split_ratio": ("validation_split", "val_split", "test_size", "validation_ratio", "validation_fraction"),
    "int8_quantization": ("load_in_8bit", "int8", "quantization", "use_8bit"),
    "enable_fsdp": ("fsdp", "use_fsdp"),
    "instruction_tuned": ("instruction", "instruction_tuning", "instruct"),
    "chat_dataset": ("chat", "chat_tuned"),
    "evaluation_strategy": ("eval_strategy",),
    "lr_scheduler_type": ("scheduler", "lr_scheduler", "scheduler_type"),
    "warmup_ratio": ("warmup",),
    "max_train_samples": ("train_samples", "num_train_samples"),
    "max_val_samples": ("val_samples", "max_eval_samples"),
    "preprocessing_num_workers": ("num_workers", "dataset_num_proc"),
    "peft_type": ("peft", "use_peft", "use_lora"),
    "max_grad_norm": ("gradient_clipping", "clip_grad_norm"),
    "seed": ("random_seed", "data_seed"),
}
_MEANT = {other: name for name, others in _NAMES.items() for other in others}


def meant(name: str, known: Collection[str]) -> str | None:
    """Return the recipe's hyperparameter that another tool's name stands for; None where there is none.

    Args:
        name: The unknown name, however it is cased; hyphens stand for underscores.
        known: Names that the recipe has.
    """
    plain = name.lower().replace("-", "_")
    if plain in known:
        return plain
    found = _MEANT.get(plain)
    return found if found in known else None
