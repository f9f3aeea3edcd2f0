"""`./jumpstack deploy` and `./jumpstack destroy`: declared models of one environment."""

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from tools.cli.types import ENVIRONMENT
from tools.deployed import DeclaredStack, UnknownStackError, all_declared_stacks

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
        environment = ctx.params.get("environment")
        names = [model for name, _, model in paths if environment in {None, name}]
        return [CompletionItem(name) for name in dict.fromkeys(names) if name.startswith(incomplete)]


_ENVIRONMENT = click.argument("environment", metavar="ENV", type=ENVIRONMENT)
_MODELS = click.argument("models", metavar="[MODEL]...", nargs=-1, type=_ModelType())


@click.command(cls=_Command, short_help="Deploy models after their account's settings.")
@_ENVIRONMENT
@_MODELS
@click.pass_context
def deploy(context: click.Context, environment: str, models: Sequence[str]) -> None:
    """Deploy the models of ENV, or those that are named, with the pinned CDK CLI.

    The settings of their accounts and regions are deployed before them, where they are not up to date. Bootstrap
    comes before that, once an account and region: ./jumpstack cdk bootstrap.

    \b
    ./jumpstack deploy dev
    ./jumpstack deploy prod arctic-instruct -- --require-approval never
    """
    from tools import aws
    from tools import deploy as work

    stacks = _chosen(context, environment, models)
    aws.address()
    work.deploy(stacks, context.meta[_REST])


@click.command(cls=_Command, short_help="Destroy deployed models.")
@_ENVIRONMENT
@_MODELS
@click.pass_context
def destroy(context: click.Context, environment: str, models: Sequence[str]) -> None:
    """Destroy the models of ENV, or those that are named, with the pinned CDK CLI.

    The settings of their accounts stay, since other environments use them: ./jumpstack cdk destroy 'account/*'.

    \b
    ./jumpstack destroy dev falcon-7b
    """
    from tools import aws
    from tools import deploy as work

    stacks = _chosen(context, environment, models)
    aws.address()
    work.destroy(stacks, context.meta[_REST])


def _chosen(context: click.Context, environment: str, models: Sequence[str]) -> list[DeclaredStack]:
    from tools import deploy as work

    try:
        return work.chosen(environment, models)
    except UnknownStackError as error:
        raise click.UsageError(str(error), context) from error
