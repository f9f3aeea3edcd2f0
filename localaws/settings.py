"""Settings of the server's process, and constants that every part needs."""

from __future__ import annotations

import os
import secrets
import string
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
"""The only interface that is served."""

ACCOUNT_VARIABLE: Final = "MOTO_ACCOUNT_ID"
"""The environment variable that moto takes its account from, at each request."""

DEFAULT_ACCOUNT: Final = "123456789012"
"""moto's default (`moto.core.DEFAULT_ACCOUNT_ID`)."""

ACCOUNT: Final = os.environ.get(ACCOUNT_VARIABLE) or DEFAULT_ACCOUNT
"""The account of every resource; the command line's option `--account` has been written into the environment by now."""

_KEY_ALPHABET: Final = string.ascii_uppercase + "234567"
_KEY_LENGTH: Final = 12
# 256 bits.
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An access key of this process, for which no policy is evaluated.

    Attributes:
        access_key_id: Its public half.
        secret_access_key: Its secret half.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def random(cls) -> Credential:
        """Return one that nobody knows."""
        return cls(
            access_key_id="LOCALAWS" + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(_KEY_LENGTH)),
            secret_access_key=secrets.token_urlsafe(_SECRET_BYTES),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options that this process was started with.

    Attributes:
        port: The TCP port on `HOST` of AWS's services.
        apis_port: The TCP port on `HOST` of deployed APIs.
        credential: The credential of the person who started the process, who hands it out.
        own_credential: The credential of the local AWS's calls to itself.
        account: The twelve-digit account of every resource.
        node_modules: The folder with the Node packages that deployed Node functions may import.
        python: The interpreter that runs deployed Python functions.
        verbose: Whether every request is logged to standard error.
    """

    port: int
    apis_port: int = 0
    credential: Credential = field(default_factory=Credential.random)
    own_credential: Credential = field(default_factory=Credential.random)
    account: str = ACCOUNT
    node_modules: Path = field(default_factory=lambda: Path("node_modules").resolve())
    python: str = sys.executable
    verbose: bool = False

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://{HOST}:{self.port}"

    @property
    def apis_url(self) -> str:
        """The address of deployed APIs."""
        return f"http://{HOST}:{self.apis_port}"


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
