"""Make the venvs of published libraries that tests compare our checks with: `make oracles`.

Each library has a venv of its own, because its pins are not the app's. A venv is made again when its requirements
change, and left alone otherwise.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[3]
VENVS: Final = ROOT / ".venv-oracles"
PYTHONS: Final = ((3, 11), (3, 12))
"""Versions of Python that all pinned wheels are published for: pyarrow 14.0.2 and pandas 2.1.4 end at 3.12."""
_INSTALL_SECONDS: Final = 1800


class OracleError(Exception):
    """A library's venv is missing, or cannot be made; the message is one line with the next command."""


class Venv(NamedTuple):
    """A library in a venv of its own.

    Attributes:
        name: Name of its requirements and of its venv.
        module: What is imported to see that it works; its version ends the name.
        unhashed: Requirements that are installed first, whose wheels differ by machine.
    """

    name: str
    module: str
    unhashed: str = ""

    @property
    def folder(self) -> Path:
        """The venv."""
        return VENVS / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def files(self) -> list[Path]:
        """Return the requirements that it is made of, in the order of their installation."""
        names = [self.unhashed] if self.unhashed else []
        return [ROOT / "requirements" / f"{name}.txt" for name in [*names, self.name]]

    def state(self) -> str:
        """Return what the venv's stamp says when the venv is up to date: its requirements and its Python."""
        digest = hashlib.sha256()
        for file in self.files():
            digest.update(file.read_bytes())
        return f"{sys.version.split()[0]} {digest.hexdigest()}"

    def ready(self) -> bool:
        """Return whether the venv is there and up to date."""
        stamp = self.folder / ".installed"
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == self.state()


TRANSFORMERS: Final = Venv("transformers-4.51.3", "transformers", unhashed="torch")
"""The loader that Custom Model Import documents."""
DATASETS_2: Final = Venv("datasets-2.14.7", "datasets")
"""A version of the time of JumpStart's training images."""
DATASETS_5: Final = Venv("datasets-5.2.0", "datasets")
"""Today's version."""
ALL: Final = (TRANSFORMERS, DATASETS_2, DATASETS_5)


def not_run() -> str:
    """Return, in one line, why the libraries are not asked on this version of Python; empty where they are."""
    if sys.version_info[:2] in PYTHONS:
        return ""
    wanted = " or ".join(f"{major}.{minor}" for major, minor in PYTHONS)
    libraries = ", ".join(venv.name for venv in ALL)
    return f"not compared with {libraries}: they need Python {wanted}, this is {sys.version.split()[0]}"


def require(venv: Venv) -> None:
    """Check that a venv is ready.

    Args:
        venv: The venv.

    Raises:
        OracleError: It is missing or out of date.
    """
    if not venv.ready():
        state = "is out of date" if venv.folder.exists() else "is missing"
        raise OracleError(f"the oracle {venv.name} {state}: make oracles")


def make(venv: Venv) -> None:
    """Make a venv again, from nothing.

    Args:
        venv: The venv.

    Raises:
        OracleError: Something cannot be installed, or does not work.
    """
    shutil.rmtree(venv.folder, ignore_errors=True)
    VENVS.mkdir(exist_ok=True)
    _log(venv).unlink(missing_ok=True)
    _run(venv, [sys.executable, "-m", "venv", str(venv.folder)])
    for file in venv.files():
        hashed = [] if file.stem == venv.unhashed else ["--require-hashes"]
        command = [
            str(venv.python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--retries",
            "2",
        ]
        _run(venv, [*command, *hashed, "-r", str(file)])
    program = f"import {venv.module} as module; print(module.__version__)"
    version = _run(venv, [str(venv.python), "-I", "-c", program]).strip()
    if not venv.name.endswith(f"-{version}"):
        raise OracleError(f"the oracle {venv.name} holds {venv.module} {version}: rm -r {VENVS.name}, make oracles")
    (venv.folder / ".installed").write_text(venv.state(), encoding="utf-8")


def _log(venv: Venv) -> Path:
    return VENVS / f"{venv.name}.log"


def _run(venv: Venv, command: Sequence[str]) -> str:
    """Run a command, write what it says into the venv's log, and return its standard output."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    log = _log(venv)
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, env=environment, check=False
        )
        output, code = ended.stdout + ended.stderr, ended.returncode
    except subprocess.TimeoutExpired:
        output, code = f"ERROR: no end after {_INSTALL_SECONDS} seconds\n", 1
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n{output}")
    if code:
        raise OracleError(f"the oracle {venv.name} cannot be made: {_reason(output, code)} (all of it: {log})")
    return ended.stdout


def _reason(output: str, code: int) -> str:
    """Return what to say of a command that failed: the way to the index, or pip's first error."""
    if "connection broken" in output:
        return "pip reached no package index; behind a proxy set HTTPS_PROXY, with a mirror PIP_INDEX_URL"
    errors = [line for line in output.splitlines() if line.startswith("ERROR")] or output.splitlines()[-1:]
    return errors[0][:300] if errors else f"it ended with {code}"


def main() -> int:
    """Make each venv that is missing or out of date; return 1 if one cannot be made."""
    if reason := not_run():
        print(f"warning: {reason}")
        return 0
    for venv in ALL:
        if venv.ready():
            continue
        print(f"installing {venv.name} below {VENVS.name}/", flush=True)
        try:
            make(venv)
        except OracleError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
