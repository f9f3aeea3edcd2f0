"""`./jumpstack keys`: keys for the callers of a model."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from tools.cli.lookup import looked_up
from tools.cli.types import ANY_PATH, REGION, STACK
from tools.deployed import DeclaredStack, NamedStack

if TYPE_CHECKING:
    from tools.keys import Key


@click.group(short_help="Make, list and revoke callers' keys.")
def keys() -> None:
    """Make, list and revoke the keys of a model's callers."""


@keys.command(short_help="Make a key and print it, this once.")
@click.argument("stack", metavar="ENV/MODEL", type=STACK)
@click.option("--name", metavar="NAME", help="Name of the key.  [default: your user name]")
def create(stack: DeclaredStack, name: str | None) -> None:
    """Make a key and print it, this once, alone on stdout.

    \b
    export JUMPSTACK_API_KEY=$(./jumpstack keys create ENV/MODEL --name ada)
    """
    from tools import aws
    from tools import keys as work

    aws.address()
    name = name or _user()
    print(work.create(stack, name))
    print(f"this is the key {name!r} of {stack.path}; it is not shown again", file=sys.stderr)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        # As in a container whose user has no name.
        raise click.UsageError("--name is missing, and this machine has no user name to take in its place") from error


_REGION_OPTION = click.option(
    "--region", metavar="REGION", type=REGION, help="Region of a stack that is not declared there any more."
)


@keys.command("list", short_help="List keys, without their values.")
@click.argument("path", metavar="ENV/MODEL", type=ANY_PATH)
@_REGION_OPTION
@click.pass_context
def list_keys(context: click.Context, path: str, region: str | None) -> None:
    """List names, dates and usage of a model's keys, never a value; also of a stack that is no longer declared."""
    from tools import keys as work

    stack = _stack(context, path, region)
    found = work.keys(stack)
    print("\n".join(_table(found)) if found else f"{stack.path} has no keys")


@keys.command(short_help="Delete keys, at once and for good.")
@click.argument("path", metavar="ENV/MODEL", type=ANY_PATH)
@click.option("--name", "names", metavar="NAME", multiple=True, help="A key's name or id; may be given several times.")
@click.option("--all", "every", is_flag=True, help="All keys of the stack, also when it is gone.")
@_REGION_OPTION
@click.pass_context
def revoke(context: click.Context, *, path: str, names: Sequence[str], every: bool, region: str | None) -> None:
    """Delete keys, at once and for good; also of a stack that is no longer declared, or gone."""
    if every and names:
        raise click.UsageError("--all and --name exclude each other: --all is every key of the stack", context)
    if not every and not names:
        raise click.UsageError("which keys? --name NAME is one, --all is every key of the stack", context)
    from tools import keys as work

    stack = _stack(context, path, region)
    gone = work.revoke(stack, None if every else list(names))
    print(f"revoked: {', '.join(gone)}" if gone else f"{stack.path} has no keys")


def _stack(context: click.Context, path: str, region: str | None) -> NamedStack:
    """Return the stack that is declared there, or else one that is deployed, or whose keys are left."""
    from tools import aws
    from tools.status import undeclared

    declared = undeclared.declared_there(path, region)
    if declared is None:
        return looked_up(context, path, lambda: undeclared.find_for_keys(path, region=region))
    aws.address()
    return declared


def _table(rows: Sequence[Key]) -> Iterator[str]:
    cells: list[tuple[str, ...]] = [("name", "id", "made", "today", "left", "state")]
    for key in rows:
        state = "on" if key.enabled else "off"
        cells.append(
            (
                *(key.name, key.id, f"{key.created:%Y-%m-%d}"),
                *("-" if number is None else str(number) for number in (key.used, key.remaining)),
                state if key.opens else "opens nothing",
            )
        )
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
