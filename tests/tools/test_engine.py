"""The small model answers where it is installed, unless the environment says otherwise."""

from pathlib import Path

import pytest

from tools import engine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the small model, which is not installed."""
    monkeypatch.delenv(engine.VARIABLE)
    monkeypatch.setattr(engine, "_FOLDER", tmp_path)
    return tmp_path


def test_made_up_texts_answer_where_nothing_is_installed(folder: Path) -> None:
    assert engine.arguments() == ()


def test_the_small_model_answers_where_it_is_installed(folder: Path) -> None:
    (folder / ".installed").touch()

    assert engine.arguments() == ("--engine", str(folder))


def test_the_environment_turns_it_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".installed").touch()
    monkeypatch.setenv(engine.VARIABLE, "deterministic")

    assert engine.arguments() == ()


def test_an_unknown_engine_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.VARIABLE, "large")

    with pytest.raises(engine.EngineError, match=r"^JUMPSTACK_ENGINE is 'large': deterministic, or unset for"):
        engine.arguments()


def test_the_demo_says_what_answered() -> None:
    assert engine.said("deterministic").endswith("compute nothing.")
    assert engine.said("SmolLM2").startswith("The answers are SmolLM2's, a small language model")
