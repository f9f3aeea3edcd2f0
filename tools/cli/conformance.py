"""`./jumpstack conformance`: hold an AWS to what is believed of it."""

import click

from tools.cli.types import REGION

_DEFAULT = click.core.ParameterSource.DEFAULT


@click.command(short_help="Hold an account to docs/beliefs.md; asks first, costs cents.")
@click.option("--account", metavar="ID", default="", help="The account, 12 digits; its credentials are this shell's.")
@click.option("--region", metavar="REGION", type=REGION, default="us-west-2", show_default=True)
@click.option("--local", is_flag=True, help="Test the local AWS, and print the table of beliefs.")
@click.option("--gpu", is_flag=True, help="Deploy Mistral 7B on a GPU instance, too: costs dollars.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def conformance(context: click.Context, *, account: str, region: str, local: bool, gpu: bool, yes: bool) -> int:
    """Test an account, or the local AWS, for the beliefs of docs/beliefs.md that can be seen for cents.

    Shows the price and asks before it makes anything. Everything is tagged and removed at the end, also after an
    interrupt. What the account answered is added to docs/beliefs/observations.toml.
    """
    given = [f"--{name}" for name in ("account", "region", "yes") if context.get_parameter_source(name) is not _DEFAULT]
    if local and given:
        raise click.UsageError(f"--local is without {given[0]}: nothing is made in an account", context)
    from tools.conformance import run_locally, run_on_account

    return run_locally(gpu=gpu) if local else run_on_account(account, region, gpu=gpu, asks=not yes)
