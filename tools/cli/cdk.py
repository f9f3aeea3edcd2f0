"""`./jumpstack cdk`: the pinned CDK CLI."""

import click
from click.shell_completion import CompletionItem

from tools.deployed import all_declared_stacks


class _Words(click.ParamType[str]):
    """Words of a CDK command; stacks are completed."""

    name = "ARGUMENT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word."""
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the declared stacks that begin so."""
        return [CompletionItem(stack.path) for stack in all_declared_stacks() if stack.path.startswith(incomplete)]


@click.command(
    short_help="Run the pinned CDK CLI.",
    no_args_is_help=True,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    options_metavar="",
)
@click.argument("arguments", metavar="COMMAND [ENV/MODEL|PATTERN]... [OPTION]...", nargs=-1, type=_Words())
def cdk(arguments: tuple[str, ...]) -> None:
    """Run the pinned CDK CLI in the project's folder, with the environment's Node.js.

    Only the stacks that are asked for are built: 'dev/*' becomes -c environments=dev.

    \b
    ./jumpstack cdk diff dev/mistral-7b-instruct
    ./jumpstack cdk --help
    """
    from tools import aws
    from tools.cdk import replace_process

    if not {"--help", "-h", "--version", "ls", "list", "synth", "synthesize"} & set(arguments):
        aws.address()
    replace_process(arguments)
