"""Count a channel's samples, for all methods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from training.dataset.faults import Faults, Kind, Place, shown
from training.dataset.lengths import Lengths, tokens
from training.dataset.options import Options
from training.dataset.repeats import Fingerprints

_FIELDS_NAMED = 20
"""Most names of unused fields that are kept, so that data with a new field on each line needs no more memory."""


class Samples:
    """Counts the good samples of one channel and finds the long and the repeated ones.

    Attributes:
        count: Number of good samples.
        blank_lines: Number of lines without text, where they are allowed.
        over_long: Number of samples with more tokens, by the estimate, than the job keeps.
        lengths: Bytes of the samples.
        empty_fields: Numbers of samples without text in a field that may be empty, by field.
        unused_fields: Numbers of records with a field that the template does not use, by field.
    """

    def __init__(self, options: Options, faults: Faults, *, known: Fingerprints, training: Fingerprints | None) -> None:
        """Start without samples.

        Args:
            options: Options of the check.
            faults: Collects the findings.
            known: The samples of this channel.
            training: The samples of the training channel, where this is the validation channel.
        """
        self.count = 0
        self.blank_lines = 0
        self.over_long = 0
        self.lengths = Lengths()
        self.empty_fields: Counter[str] = Counter()
        self.unused_fields: Counter[str] = Counter()
        self._tokens = options.tokens
        self._known = known
        self._training = training
        self._faults = faults

    @property
    def all_compared(self) -> bool:
        """True if every sample was remembered, so that all repetitions are found."""
        return not self._known.full

    def add(self, place: Place, number: int, size: int, identity: Hashable | None) -> None:
        """Add a good sample.

        Args:
            place: The sample's file.
            number: The sample's line.
            size: The sample's bytes.
            identity: Equal for equal samples; None where repetitions are not reported.
        """
        self.count += 1
        self.lengths.add(size)
        if tokens(size) > self._tokens:
            self.over_long += 1
            detail = f"about {tokens(size)} tokens; max_input_length keeps {self._tokens}"
            self._faults.add(Kind.OVER_LONG, place, number, detail)
        if identity is None:
            return
        if self._known.seen(identity):
            self._faults.add(Kind.DUPLICATE, place, number)
        elif self._training is not None and self._training.knows(identity):
            self._faults.add(Kind.ALSO_IN_TRAINING, place, number)

    def unused(self, place: Place, number: int, names: set[str]) -> None:
        """Count fields that the template does not use, and report each once."""
        for name in names:
            if name not in self.unused_fields:
                if len(self.unused_fields) >= _FIELDS_NAMED:
                    continue
                self._faults.add(Kind.UNUSED_FIELD, place, number, f"field {shown(name)}")
            self.unused_fields[name] += 1
