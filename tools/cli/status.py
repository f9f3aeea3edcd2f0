"""`./jumpstack status`: what is deployed and what is declared."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from tools.cli.types import ENVIRONMENT_OR_PATH, REGION
from tools.deployed import UnknownStackError

if TYPE_CHECKING:
    from tools.status.report import Report, Row


@click.command(short_help="Compare what is deployed and what is declared.")
@click.argument("what", metavar="[ENV|ENV/MODEL]", type=ENVIRONMENT_OR_PATH, required=False)
@click.option(
    "--region",
    "regions",
    metavar="REGION",
    type=REGION,
    multiple=True,
    help="May be given several times.  [default: all that are declared]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def status(context: click.Context, what: str | None, regions: Sequence[str], as_json: bool) -> int:
    """List the models' stacks that are declared, deployed, or both, with what serves each, and the next command.

    A stack whose model was renamed or removed is "not declared any more": it runs, and costs money, until it is
    destroyed. Looks at all regions that the declarations name, in the account of this shell's credentials. Ends with
    1 where a region does not answer. In a pipe, one line a stack, with tabs between its columns.

    \b
    ./jumpstack status
    ./jumpstack status dev --json
    """
    from tools import aws
    from tools.status.report import report

    aws.address()
    try:
        found = report(what, regions=regions)
    except UnknownStackError as error:
        raise click.UsageError(str(error), context) from error
    if as_json:
        print(_json(found))
    elif sys.stdout.isatty():
        _print_blocks(found)
    else:
        for row in found.rows:
            print("\t".join(_columns(row)))
    for name, account in found.elsewhere:
        text = f"not looked at: {name} is declared in account {account}; these credentials are of {found.account}"
        print(text, file=sys.stderr)
    for region, reason in found.unanswered:
        print(f"error: {region} was not looked at: {reason}", file=sys.stderr)
    return 1 if found.unanswered else 0


def _json(found: Report) -> str:
    import json
    from dataclasses import asdict

    return json.dumps(asdict(found), indent=2)


def _columns(row: Row) -> Sequence[str]:
    serving = str(row.serving) if row.serving else ""
    return (row.path, row.state, row.status, serving, row.model, row.region, "; ".join(row.commands))


def _print_blocks(found: Report) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    for row in found.rows:
        colour = {"deployed": "green", "not declared any more": "red"}.get(row.state, "yellow")
        status = f"  {row.status}" if row.status else ""
        console.print(f"[bold]{row.path}[/bold]  [{colour}]{row.state}[/{colour}]{status}")
        for line in _details(row):
            console.print(f"  {line}", markup=False)
        for command in row.commands:
            # A command that is broken into lines cannot be copied.
            console.print(f"  {command}", markup=False, soft_wrap=True, style="cyan")
    if not found.rows:
        console.print(f"nothing is declared or deployed in {', '.join(found.regions)}")


def _details(row: Row) -> Iterator[str]:
    yield f"{row.model}, {row.region}"
    if row.serving is not None:
        yield str(row.serving)
    elif row.status:
        yield "nothing serves it"
    yield from row.notes
