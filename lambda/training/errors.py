"""Why a run ends before it trains. The names are those that the state machine's execution shows as its error.

What is wrong with data is a `DataError` of `training.dataset`, and data that cannot be read its `SourceError`.
"""


class ConcurrentRunError(Exception):
    """Another run of the same pipeline is under way."""


class HyperparameterError(Exception):
    """Declared hyperparameters are not the recipe's, or out of their range; all are listed."""


class InputError(Exception):
    """The execution's input is not understood."""


class RecipeError(Exception):
    """There is no recipe of the pinned version, or what is declared does not go with it; all is listed."""


class VerifyError(Exception):
    """The endpoint does not serve what was asked for."""
