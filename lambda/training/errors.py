"""Errors that end a run; the state machine's execution shows their names.

Bad data raises `training.dataset.DataError`, data that cannot be read `training.dataset.SourceError`.
"""


class ConcurrentRunError(Exception):
    """Another run of the same pipeline is under way."""


class HyperparameterError(Exception):
    """Declared hyperparameters are not the recipe's, or out of their range; all are listed."""


class InputError(Exception):
    """The execution's input is not understood."""


class RecipeError(Exception):
    """There is no recipe of the pinned version, or the declaration conflicts with it; all conflicts are listed."""


class VerifyError(Exception):
    """The endpoint does not serve the requested release."""
