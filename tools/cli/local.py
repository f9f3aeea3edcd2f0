"""`./jumpstack local`: the local AWS of this machine."""

import sys

import click


@click.group(short_help="Start and stop the local AWS.")
def local() -> None:
    """Start and stop the local AWS of this machine.

    \b
    ./jumpstack local start
    eval "$(./jumpstack local env)"
    """


@local.command(short_help="Start a local AWS that stays.")
@click.option("--account", metavar="ID", help="The account that it plays, 12 digits.  [default: the only declared one]")
@click.pass_context
def start(context: click.Context, account: str | None) -> None:
    """Start a local AWS that stays, unless one runs already.

    It plays the account that all environments declare, or 123456789012 where they declare none, or several.
    """
    import re

    from tools import local as work
    from tools.deployed import all_declared_stacks

    if account is not None and not re.fullmatch(r"[0-9]{12}", account):
        raise click.UsageError(f"--account is {account!r}: an account's number has 12 digits", context)
    stacks = all_declared_stacks()
    accounts = {stack.account for stack in stacks}
    only = next(iter(accounts)) if len(accounts) == 1 else None
    wanted = account or only or work.DEFAULT_ACCOUNT
    found = work.find()
    if found is None:
        found = work.start(account=wanted)
        print(f"the local AWS answers at {found.url}, its models by {found.engine}")
    else:
        print(f"the local AWS runs already, at {found.url}")
        if account is not None and account != found.account:
            raise work.LocalAwsError(
                f"it plays account {found.account}, not {account}: ./jumpstack local stop removes all of it"
            )
    print('address it from this shell: eval "$(./jumpstack local env)"')
    regions = sorted({stack.region for stack in stacks if stack.account in {None, found.account}})
    places = " ".join(f"aws://{found.account}/{region}" for region in regions or ["us-west-2"])
    print(f"before the first deployment: ./jumpstack cdk bootstrap {places}")


@local.command(short_help="Print what a shell needs to address it.")
def env() -> int:
    """Print the variables with which a shell's AWS clients address the local AWS, and no account any more.

    They open the local AWS to whoever reads them.
    """
    import os
    import shlex

    from tools import local as work

    found = work.find()
    if found is None:
        print("error: no local AWS runs: ./jumpstack local start", file=sys.stderr)
        return 1
    for name in work.other_aws_variables(os.environ):
        print(f"unset {name}")
    for name, value in found.client_environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


@local.command(short_help="Say whether it runs, and what is addressed.")
def status() -> int:
    """Say whether a local AWS runs, and which AWS this shell addresses. Ends with 1 where none runs."""
    from tools import aws
    from tools import local as work

    found = work.find()
    if found is None:
        print("no local AWS runs: ./jumpstack local start")
    else:
        print(f"the local AWS runs at {found.url} (process {found.pid})")
    print(f"this shell addresses {aws.named()}")
    return 0 if found else 1


@local.command(short_help="Stop it.")
def stop() -> None:
    """Stop the local AWS; everything that is deployed on it is gone."""
    from tools import local as work

    found = work.stop()
    print(f"stopped the local AWS at {found.url}" if found else "no local AWS was running")
