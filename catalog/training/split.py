"""Share of the training data that is held back for validation, which a declaration can set in two places."""

from __future__ import annotations

SPLIT = "validation_split_ratio"
"""The recipes' hyperparameter."""


def differs(split: float | str | None, hyperparameter: str | None) -> bool:
    """Return whether both places are set, to shares that are not the same number.

    Args:
        split: The declared share, None where it is not set.
        hyperparameter: The hyperparameter's text, None where it is not set.
    """
    if split is None or hyperparameter is None:
        return False
    try:
        return float(split) != float(hyperparameter)
    except (TypeError, ValueError):
        return True
