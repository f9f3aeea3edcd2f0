"""The oracles say in one line what is wrong with them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.oracles import venvs
from tests.support.oracles.drivers.lines import refuse_network
from tests.support.oracles.process import Oracle, OracleDiedError
from tests.support.oracles.venvs import ALL, DATASETS_5, OracleError, not_run, require


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of venvs with nothing in it."""
    monkeypatch.setattr(venvs, "VENVS", tmp_path)
    return tmp_path


def test_a_missing_venv_is_an_error_with_the_next_command(empty: Path) -> None:
    with pytest.raises(OracleError, match=r"^the oracle datasets-5.2.0 is missing: make oracles$"):
        require(DATASETS_5)


def test_a_venv_of_other_requirements_is_out_of_date(empty: Path) -> None:
    DATASETS_5.folder.mkdir()
    (DATASETS_5.folder / ".installed").write_text(DATASETS_5.state() + "0")

    with pytest.raises(OracleError, match=r"is out of date: make oracles$"):
        require(DATASETS_5)


def test_a_venv_of_these_requirements_is_ready(empty: Path) -> None:
    DATASETS_5.folder.mkdir()
    (DATASETS_5.folder / ".installed").write_text(DATASETS_5.state())

    require(DATASETS_5)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("WARNING: Retrying after connection broken\\nERROR: No version", "behind a proxy set HTTPS_PROXY"),
        (
            "WARNING: a cache\\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\\nmore",
            "ERROR: THESE PACKAGES DO NOT MATCH",
        ),
        ("", "it ended with 3"),
    ],
)
def test_a_failed_installation_is_one_line_with_the_way_out(empty: Path, said: str, reason: str) -> None:
    with pytest.raises(OracleError) as caught:
        venvs._run(DATASETS_5, [sys.executable, "-c", f"print('{said}', end=''); raise SystemExit(3)"])

    assert reason in str(caught.value)
    assert str(empty / "datasets-5.2.0.log") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("version", "asked"), [((3, 11), True), ((3, 12), True), ((3, 13), False), ((3, 14), False)])
def test_the_oracles_are_asked_where_their_wheels_are(
    version: tuple[int, int], asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0))

    assert (not_run() == "") is asked
    assert all(venv.name in not_run() for venv in ALL) is not asked


@pytest.mark.parametrize("event", ["socket.connect", "socket.getaddrinfo"])
def test_a_library_reaches_no_network(event: str) -> None:
    refuse_network("open", ("file",))

    with pytest.raises(PermissionError, match="asked for the network"):
        refuse_network(event, (None, ("huggingface.co", 443)))


class _Stub:
    """A venv whose Python is this one."""

    name, python = "stub-1", Path(sys.executable)

    def ready(self) -> bool:
        return True


def _oracle(tmp_path: Path, program: str) -> Any:
    script = tmp_path / "driver.py"
    script.write_text(f"import json, sys\nprint(json.dumps({{'version': '1'}}), flush=True)\n{program}")
    stub: Any = _Stub()
    return Oracle(stub, str(script))


def test_a_process_that_dies_over_a_question_says_its_last_words_and_is_started_again(tmp_path: Path) -> None:
    with _oracle(tmp_path, "input(); sys.exit('out of memory')") as oracle:
        for _ in range(2):
            with pytest.raises(OracleDiedError, match=r"it ended with 1 \['out of memory'\]"):
                oracle.ask(folder="x")


def test_a_fault_of_a_driver_is_no_answer(tmp_path: Path) -> None:
    with (
        _oracle(tmp_path, "input(); print(json.dumps({'fault': 'KeyError'}), flush=True)") as oracle,
        pytest.raises(OracleError, match="has a fault: KeyError"),
    ):
        oracle.ask(folder="x")
