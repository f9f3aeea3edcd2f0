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
def start() -> None:
    """Start a local AWS that stays, unless one runs already."""
    from tools import local as work

    found = work.find()
    if found is None:
        print(f"the local AWS answers at {work.start().url}")
    else:
        print(f"the local AWS runs already, at {found.url}")
    print('address it from this shell: eval "$(./jumpstack local env)"')
    print("before the first deployment: ./jumpstack cdk bootstrap aws://123456789012/us-west-2")


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
