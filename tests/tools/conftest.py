"""Fixtures that keep the tests of commands apart from the checkout that they run in."""

from pathlib import Path

import pytest

from tools import local


@pytest.fixture(autouse=True)
def _no_local_aws_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide a local AWS that a developer has started to stay: words of commands depend on whether there is one."""
    monkeypatch.setattr(local, "_STATE", Path("/nowhere/local-aws.json"))
