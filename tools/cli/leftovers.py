"""`./jumpstack leftovers`: what is left in an account."""

import sys
from collections.abc import Sequence

import click

from tools.cli.types import REGION
from tools.deployed import all_declared_stacks


@click.command(short_help="List what is in an account once all is destroyed.")
@click.option(
    "--region",
    "regions",
    metavar="REGION",
    type=REGION,
    multiple=True,
    help="May be given several times.  [default: all declared]",
)
def leftovers(regions: Sequence[str]) -> int:
    """List the resources in an account that are of the types that the app deploys, stacks included.

    For a local AWS, or an account with nothing else in it: whatever is found counts, whoever made it. Ends with 1
    where something is left. Log groups that AWS's services made for the whole account are named, and do not count.
    """
    from tools import aws
    from tools.cli.output import print_table
    from tools.leftovers import leftovers as find
    from tools.leftovers import services_logs

    aws.address()
    places = regions or sorted({stack.region for stack in all_declared_stacks()})
    for group in services_logs(places):
        print(
            f"kept by a service for the account, and yours to delete: {group.name} in {group.region}", file=sys.stderr
        )
    left = find(places)
    if not left:
        print("nothing is left")
        return 0
    print(
        "whatever is found is listed, deployed stacks and what others made included: look, then delete", file=sys.stderr
    )
    print_table(("type", "name", "region"), [(one.kind, one.name, one.region) for one in left])
    return 1
