"""Settings of the server's process, and constants that every part needs."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
"""The only interface that is served: the local AWS has no authentication worth the name."""

ACCOUNT: Final = "123456789012"
"""The account of every resource: moto's default (`moto.core.DEFAULT_ACCOUNT_ID`)."""

ACCESS_KEY: Final = "test"
SECRET_KEY: Final = "test"
"""The credential of the person at the keyboard."""

ADMIN_ACCESS_KEY: Final = "localaws-admin"
"""The access key of the local AWS's own calls to itself; no policy is evaluated for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options that this process was started with.

    Attributes:
        port: The TCP port on `HOST` that everything is served on.
        account: The twelve-digit account of every resource.
        node_modules: The folder with the Node packages that deployed Node functions may import.
        python: The interpreter that runs deployed Python functions.
        verbose: Whether every request is logged to standard error.
    """

    port: int
    account: str = ACCOUNT
    node_modules: Path = field(default_factory=lambda: Path("node_modules").resolve())
    python: str = sys.executable
    verbose: bool = False

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://{HOST}:{self.port}"


class _Process:
    """Holds the one `Settings` of this process."""

    settings: Settings | None = None


def configure(settings: Settings) -> None:
    """Make `settings` those of this process; called once at start, and by tests."""
    _Process.settings = settings


def current() -> Settings:
    """Return the settings of this process.

    Raises:
        RuntimeError: If `configure` was not called.
    """
    if _Process.settings is None:
        raise RuntimeError("the local AWS is not configured: call localaws.settings.configure first")
    return _Process.settings
