"""Install clients, each into a venv or a folder of its own below `.local/clients/`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.clients.clients import Client

ROOT = Path(__file__).resolve().parents[2]
HOMES = ROOT / ".local" / "clients"
_NODE = Path(__file__).resolve().parent / "node"
_PINS = ("package.json", "package-lock.json")


class InstallError(RuntimeError):
    """A client cannot be installed."""


def home_of(client: Client) -> Path:
    """Return the venv or the folder of a client."""
    return HOMES / (f"node-{client.home}" if client.is_node else client.home)


def pins_of(client: Client) -> list[Path]:
    """Return the files that pin what is installed."""
    if client.is_node:
        return [_NODE / client.home / name for name in _PINS]
    return [ROOT / "requirements" / f"clients-{client.home}.txt"]


def require(client: Client) -> None:
    """Install a client where it is missing, or where its pins have changed.

    Raises:
        InstallError: If it cannot be installed.
    """
    home, digest = home_of(client), hashlib.sha256()
    for file in pins_of(client):
        digest.update(file.read_bytes())
    state, stamp = f"{sys.version.split()[0]} {digest.hexdigest()}", home / ".installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == state:
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    if client.is_node:
        for file in pins_of(client):
            shutil.copy(file, home)
        _run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], home)
    else:
        _run([sys.executable, "-m", "venv", str(home)], home)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-input", "--require-hashes", "-r", str(pins_of(client)[0])], home)
    stamp.write_text(state, encoding="utf-8")


def command(client: Client) -> list[str]:
    """Return the command that asks by a client, to be run in its home."""
    driver = Path(__file__).resolve().parent / "drivers" / client.driver
    interpreter = "node" if client.is_node else str(home_of(client) / "bin" / "python")
    return [interpreter, str(driver), *client.arguments]


def environment() -> dict[str, str]:
    """Return the environment of clients: the project's Node, and no settings of other services'."""
    foreign = ("AWS_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}


def _run(words: list[str], folder: Path) -> None:
    ended = subprocess.run(  # noqa: S603 - pip and npm
        words, cwd=folder, env=environment(), capture_output=True, text=True, timeout=1800, check=False
    )
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        raise InstallError(f"{' '.join(words[:3])} failed in {folder.name}: {said[-1] if said else ended.returncode}")
