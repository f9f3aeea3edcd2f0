"""docs/prompts.md says of every format what it does."""

import os
import subprocess
import sys
from pathlib import Path

from invoke_shim.formats import FORMATS
from invoke_shim.formats.template import TemplateFormat
from invoke_shim.generation.messages import Message

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "prompts.md"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "lambda")}

SYSTEM = {"anywhere": "anywhere", "first": "first", "none": "before the user's text"}


def _rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line.replace("\\|", "\0") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("\0", "|") for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_page_says_what_each_format_does_with_system_messages_turns_and_tools() -> None:
    said = {cells[0].strip("`"): tuple(cells[3:]) for cells in _rows("Formats")}
    assert said == {
        name: (
            SYSTEM[prompt_format.system],
            "in turn" if prompt_format.alternates else "any order",
            "own forms" if prompt_format.tools else "in words",
        )
        for name, prompt_format in FORMATS.items()
    }
    assert all(models and source for _, models, source, *_ in _rows("Formats"))


EXAMPLES = {
    "mistral-instruct": ("<s>old</s>", "[INST]"),
    "chatml": ("<|im_end|>",),
    "llama-3-instruct": ("<|reserved_special_token_7|>",),
    "falcon-chat": ("\nUser:",),
    "granite-code": ("Question:",),
}


def test_the_pages_examples_of_control_tokens_are_what_is_sent() -> None:
    said = {_code(text): _code(sent) for text, sent in _rows("Control tokens in text")}
    for name, texts in EXAMPLES.items():
        for text in texts:
            prompt = FORMATS[name].render([Message("user", text)])
            assert said.pop(text.strip()) in prompt
    template = TemplateFormat.parse('{"prompt": "{question}", "completion": "{answer}"}')
    assert said.pop("### Response:") in template.render({"question": "### Response:"})
    assert said == {}


def _code(cell: str) -> str:
    """The first piece of code in a cell."""
    return cell.split("`")[1]


def test_every_announced_format_differs_from_the_usual_one() -> None:
    announced = [name for name in FORMATS if name.endswith("-announced")]
    assert len(announced) == 3
    for name in announced:
        usual = FORMATS[name.removesuffix("-announced")]
        assert FORMATS[name]._replace(name=usual.name) != usual


LOADED = """
import sys
from invoke_shim.formats import FORMATS
from invoke_shim.openai import prompts
FORMATS.get("container")
print(*(name for name in sys.modules if name.startswith("invoke_shim.formats.")))
FORMATS["chatml"]
print(*(name for name in sys.modules if name.startswith("invoke_shim.formats.")))
"""


def test_a_function_imports_its_own_format_alone() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", LOADED], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    without, with_chatml = printed.stdout.split("\n")[:2]
    assert without == ""
    assert {name.rpartition(".")[2] for name in with_chatml.split()} == {"base", "chatml", "neutral", "turns"}
