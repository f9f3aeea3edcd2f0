"""The launcher `./jumpstack`: it finds its own virtual environment wherever it is called from."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
VERSION = f"jumpstack {(ROOT / 'VERSION').read_text(encoding='utf-8').strip()}\n"

Launch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Run a launcher from another folder, with a PATH that has no Python of ours."""

    def run(launcher: Path | str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [launcher, *arguments],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def _project(folder: Path) -> Path:
    """Make a copy of the project's command line in a folder, with links to the rest."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "jumpstack", folder)
    for name in (".venv", "VERSION", "catalog", "stacks", "tools"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_works_from_another_folder_without_an_activated_environment(launch: Launch) -> None:
    ended = launch(ROOT / "jumpstack", "--version")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, VERSION, "")


def test_works_through_symlinks(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "absolute").symlink_to(ROOT / "jumpstack")
    (tmp_path / "bin" / "relative").symlink_to("absolute")

    assert launch(tmp_path / "bin" / "relative", "--version").stdout == VERSION


def test_works_in_a_path_with_a_space(launch: Launch, tmp_path: Path) -> None:
    assert launch(_project(tmp_path / "my project's") / "jumpstack", "--version").stdout == VERSION


def test_is_found_on_the_path(launch: Launch, tmp_path: Path) -> None:
    ended = launch("/bin/sh", "-c", "jumpstack --version", PATH=f"{ROOT}:/usr/bin:/bin")

    assert ended.stdout == VERSION


def test_imports_nothing_from_the_folder_that_it_is_called_from(launch: Launch, tmp_path: Path) -> None:
    for name in ("click.py", "json.py", "tools.py"):
        (tmp_path / name).write_text("raise SystemExit(99)\n")

    assert launch(ROOT / "jumpstack", "--version").returncode == 0


def test_names_the_command_that_makes_a_missing_environment(launch: Launch, tmp_path: Path) -> None:
    project = _project(tmp_path / "project")
    (project / ".venv").unlink()
    ended = launch(project / "jumpstack", "--version")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"error: there is no virtual environment in {project}/.venv: make install\n"


def test_says_when_the_python_of_the_environment_is_gone(launch: Launch, tmp_path: Path) -> None:
    project = _project(tmp_path / "project")
    (project / ".venv").unlink()
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(tmp_path / "gone")
    ended = launch(project / "jumpstack", "--version")

    assert ended.returncode == 1
    assert ended.stderr == f"error: the Python that {project}/.venv was made with is gone: make clean install\n"


def test_ends_with_one_line_and_130_when_it_is_interrupted() -> None:
    waiting = subprocess.Popen(
        [ROOT / "jumpstack", "invoke", "dev/falcon-7b", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background process of a shell ignores interrupts, and so do its children: a terminal's does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no thread yet
    )
    assert waiting.stdin is not None
    # More than a pipe holds: it is written once the command reads.
    waiting.stdin.write(" " * 200_000)
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate()

    assert (waiting.returncode, out, err) == (130, "", "interrupted\n")


def test_imports_nothing_slow_for_help() -> None:
    program = (
        "import sys; from tools.cli.main import run; code = run(['--help']);"
        "slow = {'aws_cdk', 'boto3', 'botocore', 'openai', 'httpx2', 'rich', 'jsii'} & {*sys.modules};"
        "sys.exit(f'imports {slow}' if slow else code)"
    )
    ended = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
