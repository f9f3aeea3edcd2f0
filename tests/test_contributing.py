"""README, CONTRIBUTING and the settings of tools name what exists, and the same versions everywhere."""

import re
from pathlib import Path

import yaml

from stacks.models import DEPLOYMENTS
from stacks.placement import placements

ROOT = Path(__file__).resolve().parent.parent


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _table() -> list[tuple[str, list[str]]]:
    """Return the questions of CONTRIBUTING's table with the paths that answer each."""
    section = _text("CONTRIBUTING.md").split("## Where is it?")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ") and "?" in line]
    return [(row[0].strip(), re.findall(r"`([^`]+)`", row[1])) for row in rows]


def test_every_question_of_contributing_is_answered_by_files_that_exist() -> None:
    table = _table()
    assert len(table) >= 10
    for question, paths in table:
        assert paths, question
        assert [path for path in paths if not (ROOT / path).exists()] == [], question


def test_contributing_answers_what_a_stranger_asks() -> None:
    asked = " ".join(question for question, _ in _table())
    for words in ("role of a training job", "turns a chat into a prompt", "refuses a wrong timeout", "enforce IAM"):
        assert words in asked


def test_the_readme_lists_every_declared_model_with_its_environments_and_instances() -> None:
    listed: dict[str, tuple[list[str], str]] = {}
    for line in _text("README.md").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[0].startswith("`"):
            for name in re.findall(r"`([^`]+)`", cells[0]):
                listed[name] = (cells[5].split(), cells[3])
    declared: dict[str, list[str]] = {}
    for placement in placements(DEPLOYMENTS):
        declared.setdefault(placement.model.name, []).append(placement.environment.name)
        instance_type = getattr(placement.model, "instance_type", None)
        if instance_type is not None:
            assert f"`{instance_type}`" in listed[placement.model.name][1], placement.path
    assert {name: environments for name, (environments, _) in listed.items()} == declared


def test_the_documents_name_no_path_that_is_gone() -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]
    rooms = "stacks|constructs|catalog|lambda|localaws|tools|tests|bench|docs"
    gone = [
        f"{document.relative_to(ROOT)}: {path}"
        for document in documents
        for path in re.findall(rf"`((?:{rooms})/[\w./-]*)`", document.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    ]
    assert gone == []


def test_the_documents_name_no_command_that_is_gone() -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.*")]
    texts = {document: document.read_text(encoding="utf-8") for document in documents}
    assert len(texts) > 10
    assert [str(place) for place, text in texts.items() if re.search(r"python -m (tools|catalog)", text)] == []


def test_the_version_stands_in_one_place_and_the_changelog_names_it() -> None:
    version = _text("VERSION").strip()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", _text("CHANGELOG.md"), flags=re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == version
    assert headings[1][1]


def test_no_entry_stands_twice_in_one_version_of_the_changelog() -> None:
    sections = re.split(r"^## ", _text("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    twice = {}
    for section in sections:
        # White space is folded: an entry that was wrapped anew is the same one.
        entries = [" ".join(entry.split()) for entry in re.split(r"^(?:- |### .*$)", section, flags=re.MULTILINE)[1:]]
        assert len(entries) > 1
        twice[section.partition("\n")[0]] = [one for one in set(entries) if one and entries.count(one) > 1]
    assert not any(twice.values()), twice


def test_pre_commit_runs_the_ruff_that_the_tests_run() -> None:
    hooks = yaml.safe_load(_text(".pre-commit-config.yaml"))["repos"]
    [ruff] = [hook["rev"] for hook in hooks if hook["repo"].endswith("/ruff-pre-commit")]
    assert f"ruff=={ruff.removeprefix('v')}" in _text("requirements-dev.in").split()


def test_text_files_have_unix_line_endings() -> None:
    # A `bootstrap` with CRLF does not start on Lambda.
    kinds = {"", ".in", ".js", ".json", ".md", ".py", ".toml", ".txt", ".yaml"}
    rooms = ("bench", "catalog", "constructs", "docs", "lambda", "localaws", "stacks", "tests", "tools")
    files = [path for room in rooms for path in (ROOT / room).rglob("*") if path.is_file() and path.suffix in kinds]
    assert ROOT / "lambda" / "invoke_shim" / "bootstrap" in files
    assert [str(path.relative_to(ROOT)) for path in files if b"\r\n" in path.read_bytes()] == []
