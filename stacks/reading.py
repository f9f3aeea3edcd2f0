"""One line, in place of a stack trace, about declarations that Python cannot even read."""

import re
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import TracebackType
from typing import Any

from catalog.nearest import did_you_mean

_FILES = ("models.py", "environments.py")
_UNKNOWN = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(\w+)\.__init__\(\) missing \d+ required keyword-only arguments?: (.+)")
_UNNAMED = re.compile(r"(\w+)\.__init__\(\) takes 1 positional argument but \d+ .*given")


def reading_problem(error: BaseException) -> str:
    """Return where a file of declarations cannot be read, and why; empty for an error that is not theirs.

    Args:
        error: What importing `stacks.models` raised.
    """
    line = _line(error)
    return f"{line}: {_words(error, _names(error.__traceback__))}" if line else ""


def _line(error: BaseException) -> str:
    """Return file and line of the last declaration that was being read."""
    if isinstance(error, SyntaxError) and error.filename:
        places = [(error.filename, error.lineno or 0)]
    else:
        places = list(_modules(error.__traceback__))
    named = [(path.replace("\\", "/").rpartition("/")[2], path, number) for path, number in places]
    ours = [f"stacks/{name}:{number}" for name, path, number in named if name in _FILES and _is_ours(path)]
    return ours[-1] if ours else ""


def _modules(trace: TracebackType | None) -> list[tuple[str, int]]:
    """Return the places in a stack trace where modules were being read."""
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name == "<module>":
            found.append((code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return found


def _names(trace: TracebackType | None) -> Mapping[str, Any]:
    """Return what the last module that was being read in a stack trace has defined."""
    names: Mapping[str, Any] = {}
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "<module>":
            names = trace.tb_frame.f_globals
        trace = trace.tb_next
    return names


def _is_ours(path: str) -> bool:
    return path.replace("\\", "/").rpartition("/")[0] == __file__.replace("\\", "/").rpartition("/")[0]


def _words(error: BaseException, names: Mapping[str, Any]) -> str:
    text = str(error)
    if isinstance(error, TypeError):
        if text.startswith("unhashable"):
            return "a declaration is no key of a mapping: DEPLOYMENTS are pairs, ((DEV, (FALCON_7B,)),)"
        return _signature(text, names) or f"TypeError: {text}"
    if isinstance(error, SyntaxError):
        return f"it is no Python: {error.msg}"
    if isinstance(error, NameError) and error.name:
        return f"{error.name!r} is not defined here: {_defined(error.name, names)}"
    if isinstance(error, AttributeError) and isinstance(error.obj, type) and issubclass(error.obj, Enum):
        kind = error.obj.__name__
        return f"{kind} has no {error.name!r}: allowed are {', '.join(f'{kind}.{one.name}' for one in error.obj)}"
    return f"{type(error).__name__}: {text}"


def _signature(text: str, names: Mapping[str, Any]) -> str:
    """Return what is wrong with the fields of a declaration; empty for another error of types."""
    if found := _UNKNOWN.fullmatch(text.partition(". Did")[0]):
        kind, name = found.groups()
        known = _fields(kind, names)
        return f"{kind} has no field {name!r}: {did_you_mean(name, known) or 'allowed are ' + ', '.join(known)}"
    if found := _MISSING.fullmatch(text):
        return f"{found[1]} lacks {found[2]}"
    if found := _UNNAMED.fullmatch(text):
        return f"the fields of {found[1]} are named: {', '.join(f'{name}=...' for name in _fields(found[1], names))}"
    return ""


def _fields(kind: str, names: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields of a class of declarations.

    Args:
        kind: The class's name.
        names: What the file that cannot be read has defined: it is no module, so that it is asked first.
    """
    modules: list[Any] = [sys.modules.get(f"stacks.{name}") for name in ("declarations", "environments")]
    known = [names.get(kind), *(getattr(module, kind, None) for module in modules)]
    found = next((one for one in known if is_dataclass(one)), None)
    return [field.name for field in fields(found)] if found else []


def _defined(name: str, names: Mapping[str, Any]) -> str:
    """Return where a name that a file does not know is defined, or what may be meant by it."""
    for module in ("environments", "declarations"):
        if not name.startswith("_") and hasattr(sys.modules.get(f"stacks.{module}"), name):
            return f"import it, from stacks.{module} import {name}"
    known = [one for one in names if not one.startswith("__")]
    return did_you_mean(name, known) or "define it above, or import it"
