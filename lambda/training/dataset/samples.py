"""What all methods count of a channel's samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from training.dataset.faults import Faults, Kind, Place, shown
from training.dataset.lengths import Lengths, tokens
from training.dataset.options import Options
from training.dataset.repeats import Fingerprints

_FIELDS_NAMED = 20
"""Names of fields that are kept, so that data with a new field on each line needs no more memory."""


class Samples:
    """Counts the good samples of one channel and finds the long and the repeated ones.

    Attributes:
        count: good samples.
        blank_lines: lines without text, where they are allowed.
        over_long: samples that are estimated to have more tokens than are kept.
        lengths: bytes of the samples.
        empty_fields: how many samples have no text in a field that may be empty.
        unused_fields: how many records have a field that the template does not use.
    """

    def __init__(self, options: Options, faults: Faults, *, known: Fingerprints, training: Fingerprints | None) -> None:
        """Starts at nothing.

        Args:
            options: what the data is checked against.
            faults: takes what is wrong.
            known: the samples of this channel.
            training: the samples that are trained on, where this channel is there to validate.
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
        """Whether every sample was remembered, to find its repetitions."""
        return not self._known.full

    def add(self, place: Place, number: int, size: int, identity: Hashable | None) -> None:
        """Adds a good sample.

        Args:
            place: its file.
            number: its line.
            size: its bytes.
            identity: equal for equal samples; None where repetitions mean nothing.
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
        """Counts fields that the template does not use, and reports each once."""
        for name in names:
            if name not in self.unused_fields:
                if len(self.unused_fields) >= _FIELDS_NAMED:
                    continue
                self._faults.add(Kind.UNUSED_FIELD, place, number, f"field {shown(name)}")
            self.unused_fields[name] += 1
