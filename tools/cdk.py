"""The real CDK CLI, run from the project's own `node_modules`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from tools.cdk_contexts import with_contexts
from tools.processes import ROOT, dies_with_its_parent

_CLI = ROOT / "node_modules" / ".bin" / "cdk"

# The heading under which the CLI repeats the failures among all of a deployment's events; logs of the functions that
# it thinks may explain them follow, at any length.
_FAILED = "Failed resources:"
_SHOWN_LINES = 40
_INTERRUPTED_SECONDS = 3.0


class CdkError(RuntimeError):
    """The CLI failed, with the end of its output in the message, or is not installed."""


def cli_environment() -> dict[str, str]:
    """Return this process's environment with the venv's programs first: the CLI runs `python3 app.py`, jsii `node`."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}


def replace_process(arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the CLI, run in the project's folder, with only what is asked for built.

    Args:
        arguments: The CLI's, such as `deploy dev/*`.

    Raises:
        CdkError: If the CLI is not installed.
    """
    _require_cli()
    os.chdir(ROOT)
    os.execve(_CLI, [str(_CLI), *with_contexts(arguments)], cli_environment())  # noqa: S606 - the project's own CLI


def call(arguments: Sequence[str]) -> int:
    """Run the CLI on this terminal, in the project's folder, with only what is asked for built; return its exit code.

    Args:
        arguments: The CLI's, such as `deploy account/us-west-2`.

    Raises:
        CdkError: If the CLI is not installed.
    """
    _require_cli()
    process = subprocess.Popen(  # noqa: S603 - the project's own CLI, no shell
        [_CLI, *with_contexts(arguments)],
        cwd=ROOT,
        env=cli_environment(),
        preexec_fn=dies_with_its_parent,  # noqa: PLW1509 - nothing in this process locks what it calls
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        # A terminal interrupts the CLI, too; whoever interrupts this process alone does not.
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_INTERRUPTED_SECONDS)
        raise
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _require_cli() -> None:
    if not _CLI.exists():
        raise CdkError(f"the CDK CLI is not in {_CLI.parent}: make install")


class Cdk:
    """The CDK CLI with one set of environment variables; its output goes into log files."""

    def __init__(self, *, environment: Mapping[str, str], logs: Path) -> None:
        """Store the settings.

        Args:
            environment: Variables laid over this process's own.
            logs: Folder for one log file a command.
        """
        self._environment = {**cli_environment(), **environment}
        self._logs = logs

    def start(self, *arguments: str, folder: Path = ROOT) -> subprocess.Popen[bytes]:
        """Start a command, such as `deploy dev/*`, and return its process.

        Args:
            arguments: The command and its options.
            folder: Folder whose `cdk.json` holds: the project's by default.
        """
        with self._log(arguments).open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - the project's own CLI, no shell
                [str(_CLI), "--no-notices", "--no-color", "--ci", *arguments],
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=dies_with_its_parent,  # noqa: PLW1509 - nothing in this process locks what it calls
            )

    def finish(
        self, process: subprocess.Popen[bytes], *arguments: str, while_waiting: Callable[[], None] | None = None
    ) -> str:
        """Wait for a command and return its output.

        Args:
            process: From `start`.
            arguments: The arguments of `start`.
            while_waiting: Called a few times a second.

        Raises:
            CdkError: If the command failed.
        """
        try:
            while process.poll() is None:
                if while_waiting:
                    while_waiting()
                time.sleep(0.1)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        printed = self._log(arguments).read_text(encoding="utf-8", errors="replace")
        if process.returncode:
            raise CdkError(f"cdk {' '.join(arguments)} failed with exit code {process.returncode}:\n{_why(printed)}")
        return printed

    def run(self, *arguments: str, while_waiting: Callable[[], None] | None = None) -> str:
        """Run a command and return its output.

        Raises:
            CdkError: If the command failed.
        """
        return self.finish(self.start(*arguments), *arguments, while_waiting=while_waiting)

    def bootstrap(self, environments: Iterable[str]) -> None:
        """Prepare accounts and regions for deployments.

        Args:
            environments: Such as `aws://111122223333/us-west-2`.

        Raises:
            CdkError: If the command failed.
        """
        arguments = ("bootstrap", *environments)
        # Where no cdk.json names an app: the CLI would synthesize all of it for nothing.
        self.finish(self.start(*arguments, folder=self._logs), *arguments)

    def _log(self, arguments: tuple[str, ...]) -> Path:
        return self._logs / f"cdk-{arguments[0]}.log"


def _why(printed: str) -> str:
    """Return the part of a failed command's output with the reason: its list of failures, or else the end."""
    lines = printed.splitlines()
    if _FAILED in lines:
        start = lines.index(_FAILED)
        return "\n".join(lines[start : start + _SHOWN_LINES])
    return "\n".join(lines[-_SHOWN_LINES:])
