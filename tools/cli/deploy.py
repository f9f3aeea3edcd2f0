"""`./jumpstack deploy` and `./jumpstack destroy`: models of one environment."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from tools.cli.lookup import looked_up
from tools.cli.types import ENVIRONMENT_OR_PATH, REGION
from tools.deployed import DeclaredStack, UnknownStackError, all_declared_stacks, declared_stacks, environment_names

if TYPE_CHECKING:
    from tools.status.found import FoundStack

_REST = "cdk_options"
_USAGE = "[-- CDK_OPTION...]"


class _Command(click.Command):
    """A command whose words after `--` are options of the CDK CLI."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the CLI's options aside, and parse the rest."""
        own, rest = (args[: args.index("--")], args[args.index("--") + 1 :]) if "--" in args else (args, [])
        ctx.meta[_REST] = rest
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the usage with the CLI's options at its end."""
        return [*super().collect_usage_pieces(ctx), _USAGE]


class _ModelType(click.ParamType[str]):
    """A model's name; those of the environment are completed."""

    name = "MODEL"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the environment's models that begin so."""
        paths = (stack.path.partition("/") for stack in all_declared_stacks())
        environment = str(ctx.params.get("target", "")).partition("/")[0]
        names = [model for name, _, model in paths if environment in {"", name}]
        return [CompletionItem(name) for name in dict.fromkeys(names) if name.startswith(incomplete)]


_TARGET = click.argument("target", metavar="ENV|ENV/MODEL", type=ENVIRONMENT_OR_PATH)
_MODELS = click.argument("models", metavar="[MODEL]...", nargs=-1, type=_ModelType())


@click.command(cls=_Command, short_help="Deploy models after their account's settings.")
@_TARGET
@_MODELS
@click.pass_context
def deploy(context: click.Context, target: str, models: Sequence[str]) -> int:
    """Deploy the models of ENV, or those that are named, with the pinned CDK CLI.

    The settings of their accounts and regions are deployed before them, where they are not up to date. Bootstrap
    comes before that, once an account and region: ./jumpstack cdk bootstrap. Credentials of another account than the
    declared one are refused.

    \b
    ./jumpstack deploy dev
    ./jumpstack deploy prod arctic-instruct -- --require-approval never
    """
    from tools import aws
    from tools import deploy as work

    environment, names = _named(context, target, models)
    try:
        stacks = work.chosen(environment, names)
    except UnknownStackError as error:
        raise click.UsageError(str(error), context) from error
    aws.address()
    return work.deploy(stacks, context.meta[_REST])


@click.command(cls=_Command, short_help="Destroy deployed models.")
@_TARGET
@_MODELS
@click.option("--region", metavar="REGION", type=REGION, help="Region of stacks that are not declared there any more.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def destroy(context: click.Context, *, target: str, models: Sequence[str], region: str | None, yes: bool) -> int:
    """Destroy the models of ENV, or those that are named, with the pinned CDK CLI.

    Stacks that are not declared any more are found by their names, shown with what stays, and deleted with
    CloudFormation. The settings of accounts stay, since other environments use them: ./jumpstack cdk destroy
    'account/*'.

    \b
    ./jumpstack destroy dev falcon-7b
    ./jumpstack destroy dev/a-name-of-before
    """
    from tools import aws
    from tools import deploy as work

    environment, names = _named(context, target, models)
    stacks, lost = _split(context, environment, names, region)
    options = [*context.meta[_REST], *(["--force"] if yes else [])]
    if lost and work.profile_of(options):
        raise click.UsageError("--profile is the CDK CLI's, which knows none of these: set AWS_PROFILE", context)
    if not lost:
        aws.address()
    for stack in lost:
        _delete(stack, asks=not {"--force", "-f"} & set(options))
    code = work.destroy(stacks, options) if stacks else 0
    if stacks and not names and not code:
        # Neither is asked for: whoever may delete stacks need not be allowed to list keys.
        print(
            f"stay, where there are any: stacks that are not declared any more, which cost money (./jumpstack status "
            f"{environment} shows them), and callers' keys (./jumpstack keys revoke ENV/MODEL --all)",
            file=sys.stderr,
        )
    return code


def _named(context: click.Context, target: str, models: Sequence[str]) -> tuple[str, list[str]]:
    """Return the environment and the models of `ENV MODEL...` and of `ENV/MODEL...`."""
    environment, slash, first = target.partition("/")
    names = [first] * bool(slash)
    for model in models:
        other, has_slash, name = model.partition("/")
        if has_slash and other != environment:
            raise click.UsageError(f"{model!r} is in another environment than {environment}: one at a time", context)
        names.append(name if has_slash else model)
    return environment, list(dict.fromkeys(names))


def _split(
    context: click.Context, environment: str, names: Sequence[str], region: str | None
) -> tuple[list[DeclaredStack], list[FoundStack]]:
    """Return the stacks that are declared, and those that are deployed all the same."""
    from tools.status import undeclared

    if not names:
        if environment in environment_names() and region is None:
            return declared_stacks(environment), []
        return [], _lost(context, environment, region)
    declared, lost = [], []
    for path in (f"{environment}/{name}" for name in names):
        stack = undeclared.declared_there(path, region)
        if stack is None:
            lost += _lost(context, path, region)
        else:
            declared.append(stack)
    return declared, lost


def _lost(context: click.Context, what: str, region: str | None) -> list[FoundStack]:
    """Return the deployed stacks of a path or an environment that is not declared."""
    from tools.status import undeclared

    if "/" in what:
        return [looked_up(context, what, lambda: undeclared.find(what, region=region))]
    return looked_up(context, what, lambda: undeclared.find_all(what, region=region))


def _delete(stack: FoundStack, *, asks: bool) -> None:
    from tools.deploy import DeploymentError
    from tools.processes import interruptible
    from tools.status import undeclared

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    for line in undeclared.described(stack, undeclared.removal(stack)):
        say(line)
    if asks and not sys.stdin.isatty():
        raise DeploymentError("nothing was deleted: without a terminal to confirm in, add --yes")
    if asks and not click.confirm(f"Delete the stack {stack.stack_name}?", err=True):
        raise DeploymentError("nothing was deleted")
    goes_on = f"CloudFormation goes on deleting {stack.stack_name}: ./jumpstack status {stack.path} shows it"
    with interruptible(lambda: goes_on):
        undeclared.delete(stack, report=lambda line: say(f"  {line}"))
    say(f"{stack.path} is gone from {stack.region}")
