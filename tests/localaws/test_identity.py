"""The process that serves says its id."""

import urllib.error
from pathlib import Path

import pytest

from tests.support.local_aws import steer


def test_says_the_id_of_the_process_that_serves(local_aws: str) -> None:
    pid = steer(local_aws, "")["pid"]

    command = Path(f"/proc/{pid}/cmdline")
    if command.exists():
        assert "localaws" in command.read_text()
    assert isinstance(pid, int)


def test_answers_no_other_path(local_aws: str) -> None:
    with pytest.raises(urllib.error.HTTPError):
        steer(local_aws, "nothing")
