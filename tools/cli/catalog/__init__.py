"""`./jumpstack catalog`: the lock of the published JumpStart models."""

from pathlib import Path

import click

from catalog.lock import DEFAULT_LOCK
from tools.cli.catalog.search import search
from tools.cli.catalog.show import show
from tools.cli.catalog.training import training
from tools.cli.catalog.update import diff, update, verify


@click.group(short_help="Search and update the lock of JumpStart models.")
@click.option(
    "--lock", type=click.Path(path_type=Path), metavar="DIR", default=DEFAULT_LOCK, help="Folder of the lock."
)
@click.pass_context
def catalog(context: click.Context, lock: Path) -> None:
    """Search and update the lock of the published JumpStart models."""
    context.obj = lock


for _command in (diff, search, show, training, update, verify):
    catalog.add_command(_command)
