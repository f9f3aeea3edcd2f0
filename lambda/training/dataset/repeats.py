"""Find samples that occur more than once, in constant memory."""

from __future__ import annotations

import mmap
from collections.abc import Hashable
from typing import Final

_SLOT_BYTES: Final = 8


class Fingerprints:
    """A hash table of 64-bit fingerprints, with a fixed number of slots.

    A fingerprint is Python's own hash (SipHash with a key of the process, so that no data can be made to collide).
    Two different samples have equal fingerprints with a probability of n² / 2^65 for n samples: 1 in 200,000 for the
    12.6 million that are remembered by default. Samples beyond that number are compared with those before it, and not
    remembered. The operating system allocates the table page by page as it is written, so small data needs little.
    """

    def __init__(self, *, capacity: int) -> None:
        """Make an empty table.

        Args:
            capacity: Fingerprints that are remembered; the table has at least a third more slots.
        """
        # A search ends at an empty slot, so there is always one.
        slots = 1 << (max(capacity + 1, capacity * 4 // 3) - 1).bit_length()
        self._mask = slots - 1
        self._left = capacity
        self._table = memoryview(mmap.mmap(-1, slots * _SLOT_BYTES)).cast("q")

    @property
    def size(self) -> int:
        """Bytes of the table."""
        return self._table.nbytes

    @property
    def full(self) -> bool:
        """True if no further fingerprint is remembered."""
        return not self._left

    def seen(self, sample: Hashable) -> bool:
        """Report whether an equal sample is remembered, and remember this one."""
        # 0 is an empty slot.
        fingerprint = hash(sample) or 1
        table, mask = self._table, self._mask
        slot = fingerprint & mask
        while (there := table[slot]) != fingerprint:
            if not there:
                if self._left:
                    table[slot] = fingerprint
                    self._left -= 1
                return False
            slot = (slot + 1) & mask
        return True

    def knows(self, sample: Hashable) -> bool:
        """Report whether an equal sample is remembered, without remembering this one."""
        left, self._left = self._left, 0
        known = self.seen(sample)
        self._left = left
        return known
