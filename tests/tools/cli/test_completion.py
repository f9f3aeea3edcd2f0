"""Completion in bash, zsh and fish."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.cli.main import run

ROOT = Path(__file__).resolve().parents[3]


def _script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_calls_the_launcher_by_its_path(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = _script(shell, capsys)

    assert f"_JUMPSTACK_COMPLETE={shell}_complete" in script
    assert str(ROOT / "jumpstack") in script


def test_the_script_is_valid_for_bash(capsys: pytest.CaptureFixture[str]) -> None:
    script = _script("bash", capsys)

    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_is_valid_where_the_shell_is_there(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = _script(shell, capsys)
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=script, text=True, check=True)
    assert "return 1\n" not in script


def _complete(*words: str) -> list[str]:
    """Return what bash is offered for the last word."""
    environment = {
        **os.environ,
        "_JUMPSTACK_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["./jumpstack", *words]),
        "COMP_CWORD": str(len(words)),
    }
    ended = subprocess.run([ROOT / "jumpstack"], env=environment, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    return [line.partition(",")[2] for line in ended.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("fin",), ["finetune"]),
        (("keys", "re"), ["revoke"]),
        (("chat", "dev/falcon"), ["dev/falcon-7b", "dev/falcon-7b-instruct"]),
        (("finetune", "start", "dev/"), ["dev/mistral-7b-dolly", "dev/llama-3-2-3b-10k"]),
        (("preflight", "s"), ["staging"]),
        (("cdk", "deploy", "staging/gran"), ["staging/granite-3b-code-instruct"]),
        (("catalog", "show", "huggingface-llm-falcon-180b-b"), ["huggingface-llm-falcon-180b-bf16"]),
        (("dataset", "check", "x", "--model", "huggingface-llm-falcon-180b-b"), ["huggingface-llm-falcon-180b-bf16"]),
    ],
    ids=" ".join,
)
def test_completes_commands_and_what_is_declared(words: tuple[str, ...], offered: list[str]) -> None:
    assert _complete(*words) == offered
