"""Commands on the JumpStart catalogue: `python -m catalog show | search | update | diff | verify`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from catalog.commands import search, show, update
from catalog.lock import DEFAULT_LOCK
from catalog.spec import CatalogError


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all other errors here."""

    def error(self, message: str) -> NoReturn:
        raise CatalogError([f"{message}: {self.prog} --help says what is allowed"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: Words after the program's name; those of the process if None.

    Returns:
        The exit code: 0, or 1 after the problems went to standard error, one a line.
    """
    try:
        options = _parser().parse_args(arguments)
        options.run(options)
    except CatalogError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read the output has seen enough, as `head` does; Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m catalog", description="The catalogue of JumpStart models.")
    parser.add_argument("--lock", type=Path, default=DEFAULT_LOCK, help="folder of the lock")
    commands = parser.add_subparsers(dest="command", required=True)
    for module in (show, search, update):
        module.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
