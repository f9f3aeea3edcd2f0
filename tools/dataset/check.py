"""Check fine-tuning data in folders as the pipeline's first step does, without AWS."""

from __future__ import annotations

import sys
from pathlib import Path

from catalog import Lock
from catalog.nearest import did_you_mean

ROOT = Path(__file__).resolve().parents[2]
# Packages of `lambda/` are imported by their own names, as in the functions.
sys.path.insert(0, str(ROOT / "lambda"))

from training import dataset  # noqa: E402 - its path comes first


class UnknownModelError(ValueError):
    """The catalogue has no such model."""


def check(
    folder: Path,
    *,
    model_id: str,
    method: str,
    max_input_length: int | None,
    validation: Path | None,
    validation_split: float | None,
    keep: int,
) -> dataset.Report:
    """Check a folder of training data.

    Args:
        folder: The training channel's.
        model_id: JumpStart's id of the model to be tuned.
        method: `instruction`, `domain` or `chat`.
        max_input_length: Tokens of a sample that the job keeps; None for the job's own, 1024.
        validation: The validation channel's folder, if there is one.
        validation_split: Share of the samples to validate with where there is no such folder, 0 to 1; None for the
            recipes' own.
        keep: Number of places that the report keeps of each kind of fault.

    Raises:
        UnknownModelError: If the lock has no such model.
        training.dataset.OptionsError: If an option is out of range.
        training.dataset.SourceError: If a folder cannot be read.
    """
    known = Lock.load().model_ids()
    if model_id not in known:
        meant = did_you_mean(model_id, known) or "no id there is like it"
        raise UnknownModelError(
            f"model is {model_id!r}: the catalogue has no such model; {meant} ./jumpstack catalog search lists them"
        )
    split = dataset.Options().validation_split if validation_split is None else validation_split
    options = dataset.Options(method=method, max_input_length=max_input_length, validation_split=split, keep=keep)
    held_out = dataset.LocalFolder(validation) if validation else None
    return dataset.check(dataset.LocalFolder(folder), options, validation=held_out)
