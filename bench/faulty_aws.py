"""The local AWS without one of its rules: `python -m bench.faulty_aws`, with the local AWS's own arguments.

The environment variable `JUMPSTACK_FAULT` says what is changed in which module while that is imported; files stay as
they are. `tests/conformance/faults.py` has the faults.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import NamedTuple

VARIABLE = "JUMPSTACK_FAULT"
"""Environment variable with the fault as JSON."""


class Fault(NamedTuple):
    """One rule taken out.

    Attributes:
        belief: The id of the belief that no longer holds.
        module: The module's name.
        changes: Texts that stand in the module once, each with what replaces it.
    """

    belief: str
    module: str
    changes: Sequence[Sequence[str]]


def chosen_fault() -> Fault | None:
    """Return the fault with which the local AWS is to start; None for none."""
    text = os.environ.get(VARIABLE)
    return Fault(*json.loads(text)) if text else None


def faulty(fault: Fault, source: str) -> str:
    """Return a module's source with the fault in it.

    Raises:
        ValueError: If a text does not stand in it exactly once.
    """
    for old, new in fault.changes:
        if source.count(old) != 1:
            raise ValueError(f"{fault.belief}: {fault.module} has {source.count(old)} times: {old}")
        source = source.replace(old, new)
    return source


class _Loader(SourceFileLoader):
    """Compiles a module from its changed source, and never from a cache."""

    def __init__(self, name: str, path: str, fault: Fault) -> None:
        super().__init__(name, path)
        self._fault = fault

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(faulty(self._fault, self.get_data(path).decode()), path)
        return code


class _Finder(MetaPathFinder):
    """Finds the module of a fault."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path) if fullname == self._fault.module else None
        if found is None or found.origin is None:
            return None
        return spec_from_file_location(fullname, found.origin, loader=_Loader(fullname, found.origin, self._fault))


if __name__ == "__main__":
    chosen = chosen_fault()
    if chosen:
        sys.meta_path.insert(0, _Finder(chosen))
    sys.exit(importlib.import_module("localaws.__main__").main())
