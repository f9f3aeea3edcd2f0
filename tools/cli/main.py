"""The root command, and how every command ends: exit codes, errors and interrupts.

Exit codes: 0 done, 1 failed, 2 not understood, 130 interrupted. Nothing heavy is imported here, nor at the top of any
command's module: `--help` and completion take a tenth of a second so.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tools.cli.artifacts import artifacts
from tools.cli.beliefs import beliefs
from tools.cli.catalog import catalog
from tools.cli.cdk import cdk
from tools.cli.completion import COMPLETE_VARIABLE, PROGRAM, complete, completion
from tools.cli.conformance import conformance
from tools.cli.dataset import dataset
from tools.cli.demo import demo
from tools.cli.deploy import deploy, destroy
from tools.cli.errors import error_lines, usage_text
from tools.cli.finetune import finetune
from tools.cli.invoke import chat, invoke
from tools.cli.keys import keys
from tools.cli.leftovers import leftovers
from tools.cli.local import local
from tools.cli.preflight import preflight
from tools.cli.status import status

FAILED = 1
INTERRUPTED = 130

_VERSION = Path(__file__).resolve().parents[2] / "VERSION"


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"{PROGRAM} {_VERSION.read_text(encoding='utf-8').strip()}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def cli() -> None:
    """Deploy, tune, import and call large language models on AWS.

    ENV/MODEL is a declared model in one environment, such as dev/mistral-7b-instruct.
    """


for _command in (
    *(artifacts, beliefs, catalog, cdk, chat, completion, conformance, dataset, demo, deploy, destroy),
    *(finetune, invoke, keys, leftovers, local, preflight, status),
):
    cli.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run one command and print its errors, one a line on stderr.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The exit code.
    """
    context: click.Context | None = None
    code = 0
    try:
        with cli.make_context(f"./{PROGRAM}", list(arguments)) as context:
            code = cli.invoke(context) or 0
        # Here, where a reader that is gone is no error; Python would write the rest when it ends.
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        code = end.exit_code
    except click.UsageError as error:
        print(usage_text(error), file=sys.stderr)
        code = error.exit_code
    except (KeyboardInterrupt, EOFError, click.Abort) as error:
        # What goes on all the same, and the next command, where the command said so.
        goes_on = f": {error}" if isinstance(error, KeyboardInterrupt) and str(error) else ""
        print(f"interrupted{goes_on}", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has seen enough, as `head` does; Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        lines = error_lines(error, place=context.meta.get("place", "") if context else "")
        if not lines:
            raise
        print("\n".join(lines), file=sys.stderr)
        code = FAILED
    return code


def start(arguments: Sequence[str]) -> int:
    """Run the process's command, or answer a shell that completes one."""
    # The environment brings its own Node.js, which CDK looks for on the path; the machine may have none.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        return complete(cli, instruction)
    return run(arguments)
