"""One line, in place of a stack trace, about declarations that Python cannot even read."""

import re
import sys
from dataclasses import fields, is_dataclass
from types import TracebackType
from typing import Any

from catalog.nearest import did_you_mean

_FILES = ("models.py", "environments.py")
_UNKNOWN = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(\w+)\.__init__\(\) missing \d+ required keyword-only arguments?: (.+)")
_UNNAMED = re.compile(r"(\w+)\.__init__\(\) takes 1 positional argument but \d+ w\w+ given")


def reading_problem(error: BaseException) -> str:
    """Return where a file of declarations cannot be read, and why; empty for an error that is not theirs.

    Args:
        error: What importing `stacks.models` raised.
    """
    line = _line(error)
    return f"{line}: {_words(error)}" if line else ""


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


def _is_ours(path: str) -> bool:
    return path.replace("\\", "/").rpartition("/")[0] == __file__.replace("\\", "/").rpartition("/")[0]


def _words(error: BaseException) -> str:
    text = str(error)
    if found := _UNKNOWN.fullmatch(text.partition(". Did")[0]):
        kind, name = found.groups()
        known = _fields(kind)
        return f"{kind} has no field {name!r}: {did_you_mean(name, known) or 'allowed are ' + ', '.join(known)}"
    if found := _MISSING.fullmatch(text):
        return f"{found[1]} lacks {found[2]}"
    if found := _UNNAMED.fullmatch(text):
        return f"the fields of {found[1]} are named: {', '.join(f'{name}=...' for name in _fields(found[1]))}"
    if isinstance(error, SyntaxError):
        return f"it is no Python: {error.msg}"
    return f"{type(error).__name__}: {text}"


def _fields(kind: str) -> list[str]:
    """Return the names of the fields of a class of declarations."""
    modules: list[Any] = [sys.modules.get(f"stacks.{name}") for name in ("declarations", "environments")]
    found = next((one for module in modules if is_dataclass(one := getattr(module, kind, None))), None)
    return [field.name for field in fields(found)] if found else []
