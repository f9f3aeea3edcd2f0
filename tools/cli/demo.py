"""`./jumpstack demo`: deploy, chat and destroy on this machine."""

import click

from tools.cli.types import ENVIRONMENT


@click.command(short_help="Deploy, chat and destroy on this machine.")
@click.argument("environment", metavar="[ENV]", type=ENVIRONMENT, default="dev")
@click.option("--keep", is_flag=True, help="Leave everything running, and print commands for it.")
def demo(environment: str, keep: bool) -> None:
    """Deploy ENV (default: dev) onto a local AWS, tune, chat with every model, destroy, and look for leftovers."""
    from tools.demo import run as work

    work.run(environment, keep=keep)
