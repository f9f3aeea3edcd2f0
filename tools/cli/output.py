"""Output for people on a terminal and for programs in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, tab-separated and without headings in a pipe.

    Args:
        headings: Names of the columns.
        rows: Cells, as many a row as there are headings.
    """
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Column, Table

    # An id that is cut is no id.
    columns = (Column(heading, overflow="fold") for heading in headings)
    table = Table(*columns, header_style="bold", row_styles=("", "dim"))
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def print_facts(rows: Iterable[tuple[str, str]]) -> None:
    """Print names and values, aligned in a pipe and with bold names on a terminal."""
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0) + 2
    if not sys.stdout.isatty():
        for name, value in pairs:
            print(f"{name:<{width}}{value}".rstrip())
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(name, value)
    Console(highlight=False).print(grid)


def print_lines(lines: Iterable[str]) -> int:
    """Print lines, with colours on a terminal, and returns how many there were."""
    count = 0
    if not sys.stdout.isatty():
        for count, line in enumerate(lines, start=1):  # noqa: B007 - the count is what is returned
            print(line)
        return count
    from rich.console import Console

    console = Console(soft_wrap=True)
    for count, line in enumerate(lines, start=1):  # noqa: B007 - the count is what is returned
        console.print(line, markup=False)
    return count
