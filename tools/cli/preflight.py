"""`./jumpstack preflight`: check an environment before anything is deployed."""

import click

from tools.cli.types import ENVIRONMENT


@click.command(short_help="Check an environment before it is deployed.")
@click.argument("environment", metavar="ENV", type=ENVIRONMENT)
@click.option("--live", is_flag=True, help="Ask the account too, with this shell's credentials.")
def preflight(environment: str, live: bool) -> int:
    """Check the declarations of ENV as synthesis does, and with --live the account too.

    Nothing is changed. Ends with 1 where there is an error; warnings, hints and what could not be checked do not count.
    """
    from tools import aws
    from tools import preflight as work

    if live:
        aws.address()
    report, passed = work.run(environment, live=live)
    print(report)
    return 0 if passed else 1
