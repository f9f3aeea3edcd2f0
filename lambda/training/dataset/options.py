"""Options of the data check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from training.contract import METHODS

DEFAULT_MAX_INPUT_LENGTH: Final = 1024
"""Most tokens of a sample with `max_input_length` -1, by AWS's description of the setting (amazon-sagemaker-examples,
JumpStart text generation notebooks)."""

DEFAULT_VALIDATION_SPLIT: Final = 0.2
"""`validation_split_ratio` of the recipes (hyperparameters of the JumpStart specs)."""


class OptionsError(ValueError):
    """Options of the check are wrong; the message lists all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of the training job that the data must fit, and limits of the report.

    Attributes:
        method: `instruction`, `domain` or `chat`.
        max_input_length: Tokens of a sample that the job keeps; None or -1 is the recipes' own default.
        validation_split: Share of the samples that the job sets aside where there is no validation channel; between 0
            and 1.
        template: The declared template, with `prompt` and `completion`, which the data's must equal. None accepts any.
        keep: Findings of each kind that are listed.
        max_line_bytes: Bytes of the longest line that is read; longer ones are reported. It bounds the memory.
        remembered_samples: Samples among which repetitions are found; 8 bytes each, a third more in all.

    Raises:
        OptionsError: A value is not allowed.
    """

    method: str = "instruction"
    max_input_length: int | None = None
    validation_split: float = DEFAULT_VALIDATION_SPLIT
    template: Mapping[str, Any] | None = None
    keep: int = 5
    max_line_bytes: int = 4 * 2**20
    remembered_samples: int = 3 * 2**22

    def __post_init__(self) -> None:
        problems = []
        if self.method not in METHODS:
            problems.append(f"method is {self.method!r}; allowed: {', '.join(METHODS)}")
        if self.max_input_length is not None and self.max_input_length < 1 and self.max_input_length != -1:
            problems.append(f"max_input_length is {self.max_input_length}; allowed: 1 or more, or -1 for the default")
        if not 0 <= self.validation_split <= 1:
            problems.append(f"validation_split is {self.validation_split}; allowed: 0 to 1")
        if self.template is not None and self.method != "instruction":
            problems.append(f"template is given, but {self.method} data has none; allowed with: instruction")
        for name in ("keep", "max_line_bytes", "remembered_samples"):
            if getattr(self, name) < 1:
                problems.append(f"{name} is {getattr(self, name)}; allowed: 1 or more")
        if problems:
            raise OptionsError("; ".join(problems))

    @property
    def tokens(self) -> int:
        """Tokens of a sample that the job keeps."""
        length = self.max_input_length or 0
        return length if length > 0 else DEFAULT_MAX_INPUT_LENGTH


def options_of(
    method: str, hyperparameters: Mapping[str, str], *, template: Mapping[str, Any] | None = None
) -> Options:
    """Derive the options from a job's hyperparameters.

    Args:
        method: `instruction`, `domain` or `chat`.
        hyperparameters: The job's, defaults included; `max_input_length` and `validation_split_ratio` are read.
        template: The declared template.

    Raises:
        OptionsError: A value is no number or not allowed.
    """
    length = hyperparameters.get("max_input_length", "-1")
    split = hyperparameters.get("validation_split_ratio", str(DEFAULT_VALIDATION_SPLIT))
    try:
        return Options(method=method, max_input_length=int(length), validation_split=float(split), template=template)
    except OptionsError:
        raise
    except ValueError:
        message = f"max_input_length is {length!r} and validation_split_ratio {split!r}; allowed: numbers"
        raise OptionsError(message) from None
