"""`./jumpstack finetune`: start a fine-tuning, look at it, or go back."""

import sys
from collections.abc import Iterator

import click

from tools.cli.types import TUNED_STACK
from tools.deployed import DeclaredStack


@click.group(short_help="Start, watch and undo a fine-tuning.")
def finetune() -> None:
    """Start, watch and undo a fine-tuning."""


@finetune.command(short_help="Train on the data and serve the result.")
@click.argument("stack", metavar="ENV/MODEL", type=TUNED_STACK)
@click.option("--data", metavar="S3_PREFIX", help="Data in place of the declared, s3://bucket/prefix/.")
@click.option("--wait", is_flag=True, help="Wait for the end, and fail where the run fails.")
def start(stack: DeclaredStack, data: str | None, wait: bool) -> None:
    """Train on the data and serve the result; prints the execution's ARN."""
    from tools import aws
    from tools import finetune as work

    aws.address()
    _follow(stack, work.start(stack, data_prefix=data), wait=wait)


@finetune.command(short_help="Print what is served and what runs.")
@click.argument("stack", metavar="ENV/MODEL", type=TUNED_STACK)
def status(stack: DeclaredStack) -> None:
    """Print what is served, what a rollback would serve, and the last runs."""
    from tools import aws

    aws.address()
    print("\n".join(_lines(stack)))


@finetune.command(short_help="Serve the release before.")
@click.argument("stack", metavar="ENV/MODEL", type=TUNED_STACK)
@click.option("--wait", is_flag=True, help="Wait for the end, and fail where the run fails.")
def rollback(stack: DeclaredStack, wait: bool) -> None:
    """Serve the release before; prints the execution's ARN."""
    from tools import aws
    from tools import finetune as work

    aws.address()
    _follow(stack, work.rollback(stack), wait=wait)


def _follow(stack: DeclaredStack, arn: str, *, wait: bool) -> None:
    from tools import finetune as work

    print(arn, flush=True)
    if wait:
        work.wait(stack, arn, report=lambda state: print(f"  {state}", file=sys.stderr))


def _lines(stack: DeclaredStack) -> Iterator[str]:
    from tools import finetune as work

    found = work.status(stack)
    yield f"served    {found.served}"
    yield f"previous  {found.previous}"
    yield f"{'bedrock ' if found.endpoint is None else 'endpoint'}  {found.endpoint or found.target}"
    for execution in found.executions:
        yield f"{execution.started:%Y-%m-%d %H:%M}  {execution.status.ljust(9)}  {execution.name}  {execution.state}"
