"""The process that serves says its id."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest


def test_says_the_id_of_the_process_that_serves(local_aws: str) -> None:
    with urllib.request.urlopen(f"{local_aws}/_localaws") as answer:
        pid = json.load(answer)["pid"]

    command = Path(f"/proc/{pid}/cmdline")
    if command.exists():
        assert "localaws" in command.read_text()
    assert isinstance(pid, int)


def test_answers_no_other_path(local_aws: str) -> None:
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{local_aws}/_localaws/nothing")
