"""`./jumpstack completion`: completion of commands, options, ENV/MODEL and model ids in bash, zsh and fish."""

import shlex
from pathlib import Path

import click
from click.shell_completion import get_completion_class, shell_complete

PROGRAM = "jumpstack"
COMPLETE_VARIABLE = "_JUMPSTACK_COMPLETE"

_LAUNCHER = Path(__file__).resolve().parents[2] / PROGRAM
# Where each shell's script calls the program by its name, or by the word that was typed. Ours is on no PATH, and its
# path may hold spaces: the scripts call it by its own path instead.
_CALLS = {
    "bash": ((f"{COMPLETE_VARIABLE}=bash_complete $1", f"{COMPLETE_VARIABLE}=bash_complete {{}}"),),
    "zsh": (
        (f"    (( ! $+commands[{PROGRAM}] )) && return 1\n", ""),
        (f"{COMPLETE_VARIABLE}=zsh_complete {PROGRAM}", f"{COMPLETE_VARIABLE}=zsh_complete {{}}"),
    ),
    "fish": ((f"COMP_CWORD=(commandline -t) {PROGRAM}", "COMP_CWORD=(commandline -t) {}"),),
}


@click.command(short_help="Print a completion script for your shell.")
@click.argument("shell", type=click.Choice(list(_CALLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for SHELL.

    \b
    bash, zsh:  eval "$(./jumpstack completion bash)"
    fish:       ./jumpstack completion fish | source
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"shell is {shell!r}: allowed are {', '.join(_CALLS)}", context)
    script = found(context.find_root().command, {}, PROGRAM, COMPLETE_VARIABLE).source()
    for theirs, ours in _CALLS[shell]:
        if theirs not in script:
            raise RuntimeError(f"click's script for {shell} has changed: it holds no {theirs!r}")
        script = script.replace(theirs, ours.format(shlex.quote(str(_LAUNCHER))))
    print(script)


def complete(command: click.Command, instruction: str) -> int:
    """Answer a shell that completes a command line.

    Args:
        command: The root command.
        instruction: Value of `_JUMPSTACK_COMPLETE`, such as `bash_complete`.
    """
    return shell_complete(command, {}, PROGRAM, COMPLETE_VARIABLE, instruction)
