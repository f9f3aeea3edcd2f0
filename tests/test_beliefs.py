"""The register of beliefs about AWS: every entry is complete, its places exist, and the page is made of it."""

import ast
import re
from functools import cache
from pathlib import Path

import botocore.session
import pytest

from tools import beliefs
from tools.beliefs import BeliefError
from tools.cli.main import run

REGISTER = beliefs.beliefs()
_BOTOCORE = re.compile(r"botocore:([a-z0-9-]+)\.(\w+)(?:\.(\w+))?")
_ANY_BOTOCORE = re.compile(r"botocore:\S+")
_NUMBER = re.compile(r"\b(?:AWS|SEC|MC)-[A-Z]?\d+\b")
"""Such as AWS-A1: a number of a finding, which a reader of the repository cannot look up."""


@cache
def _names(file: Path) -> frozenset[str]:
    """Return the names that a Python module binds, with those of its classes' members."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                names.add(node.name)
            case ast.Assign():
                names.update(target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return frozenset(names)


def _missing(place: str) -> str | None:
    path, _, name = place.partition("::")
    file = beliefs.ROOT / path
    if not file.is_file():
        return f"{place}: no such file"
    if name and (file.suffix != ".py" or name not in _names(file)):
        return f"{place}: no such name"
    return None


def _unmodelled(source: str) -> list[str]:
    """Return the shapes, operations and members in a source that the installed botocore does not have."""
    session = botocore.session.get_session()
    unknown = []
    for written in _ANY_BOTOCORE.findall(source):
        found = _BOTOCORE.match(written)
        if found is None:
            unknown.append(written)
            continue
        service, shape, member = found.groups()
        model = session.get_service_model(service)
        if shape in model.operation_names and member is None:
            continue
        members = getattr(model.shape_for(shape), "members", {}) if shape in model.shape_names else None
        if members is None or (member and member not in members):
            unknown.append(found[0])
    return unknown


def test_every_place_exists_that_relies_on_a_belief() -> None:
    assert len(REGISTER) > 100
    assert [f"{one.id}: {missing}" for one in REGISTER for place in one.relied_on if (missing := _missing(place))] == []


def test_every_belief_is_relied_on_somewhere() -> None:
    assert [one.id for one in REGISTER if not one.relied_on] == []


def test_ids_are_unique_and_plain() -> None:
    ids = [one.id for one in REGISTER]
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", one)] == []


def test_every_belief_is_of_a_known_kind_and_has_a_source() -> None:
    assert {one.id: one.kind for one in REGISTER if one.kind not in beliefs.KINDS} == {}
    assert [one.id for one in REGISTER if not one.source.strip() or not one.observe.strip()] == []


def test_claims_are_one_sentence() -> None:
    assert [one.id for one in REGISTER if not re.fullmatch(r"[A-Z0-9`$].*[^.]\.", one.claim)] == []
    assert [one.id for one in REGISTER if re.search(r"[a-z`)][.!?] [A-Z]", one.claim)] == []


def test_a_belief_of_the_kind_botocore_names_a_shape() -> None:
    assert [one.id for one in REGISTER if one.kind == "botocore" and not _BOTOCORE.search(one.source)] == []


def test_botocore_has_every_shape_that_a_source_names() -> None:
    assert [unknown for one in REGISTER for unknown in _unmodelled(one.source)] == []


def test_a_documented_belief_names_its_document() -> None:
    documents = ("guide", "reference", "documentation", "OpenAPI", "quotas", "Deep Learning Containers", "arguments")
    nameless = [
        one.id for one in REGISTER if one.kind == "documented" and not any(word in one.source for word in documents)
    ]
    assert nameless == []


def test_a_difference_is_said_in_words_and_has_no_number() -> None:
    numbered = {one.id: _NUMBER.findall(f"{one.claim} {one.differs} {one.local}") for one in REGISTER}
    assert {name: found for name, found in numbered.items() if found} == {}


def test_the_page_is_what_the_register_says() -> None:
    assert beliefs.write(check=True), "docs/beliefs.md is not current: run ./jumpstack beliefs"


def test_no_other_document_lists_what_is_unverified() -> None:
    words = re.compile(r"(?i)^#+ .*(unverified|nobody has checked|not verified|open question)|unverified\.md")
    documents = [*beliefs.ROOT.glob("*.md"), *beliefs.ROOT.glob("docs/**/*.md"), beliefs.ROOT / "localaws/README.md"]
    found = [
        f"{document.relative_to(beliefs.ROOT)}: {line}"
        for document in documents
        if document != beliefs.PAGE
        for line in document.read_text(encoding="utf-8").splitlines()
        if words.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("place", "missing"),
    [
        ("tools/beliefs.py", False),
        ("tools/beliefs.py::KINDS", False),
        ("tools/beliefs.py::write", False),
        ("tools/beliefs.py::KIND", True),
        ("tools/belief.py", True),
        ("docs/adr::x", True),
        ("README.md::JumpStack", True),
    ],
)
def test_finds_places_that_are_missing(place: str, missing: bool) -> None:
    assert (_missing(place) is not None) is missing


@pytest.mark.parametrize(
    ("source", "unknown"),
    [
        ("`botocore:s3.HeadBucket`", []),
        ("`botocore:s3.HeadBucketOutput.BucketRegion`, and more", []),
        ("`botocore:s3.HeadBucketOutput.Region`", ["botocore:s3.HeadBucketOutput.Region"]),
        ("botocore:s3.HeadBuckets", ["botocore:s3.HeadBuckets"]),
        ("botocore:s3", ["botocore:s3"]),
    ],
)
def test_finds_shapes_that_botocore_does_not_have(source: str, unknown: list[str]) -> None:
    assert _unmodelled(source) == unknown


_ENTRY = """
title = "S3"

[[belief]]
id = "s3-one"
claim = "It is so."
relied_on = ["app.py"]
kind = "inference"
source = "Nobody says it."
observe = "Look."
"""
_OBSERVATION = """
[[observation]]
belief = "{belief}"
where = "us-west-2"
when = "2026-11-30"
command = "make conformance"
holds = {holds}
answer = "200"
"""


def _read(folder: Path, text: str, observations: str = "") -> list[beliefs.Belief]:
    (folder / "s3.toml").write_text(text, encoding="utf-8")
    if observations:
        (folder / "observations.toml").write_text(observations, encoding="utf-8")
    return beliefs.beliefs(folder)


def test_reads_an_entry_under_the_title_of_its_file(tmp_path: Path) -> None:
    [one] = _read(tmp_path, _ENTRY)
    assert (one.service, one.id, one.relied_on, one.seen) == ("S3", "s3-one", ("app.py",), ())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('observe = "Look."', "", "s3.toml: s3-one: unknown [], missing ['observe']"),
        ("observe =", "observed =", "s3.toml: s3-one: unknown ['observed'], missing ['observe']"),
        ("[[belief]]", "[[entry]]", "s3.toml: it has entry, title: allowed are title and belief"),
    ],
)
def test_refuses_an_entry_that_is_not_in_its_form(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(BeliefError, match=re.escape(problem)):
        _read(tmp_path, _ENTRY.replace(old, new))


def test_refuses_an_observation_of_no_belief(tmp_path: Path) -> None:
    with pytest.raises(BeliefError, match="observations of no belief: s3-two"):
        _read(tmp_path, _ENTRY, _OBSERVATION.format(belief="s3-two", holds="true"))


def test_the_page_shows_claim_source_kind_and_what_was_seen(tmp_path: Path) -> None:
    seen = _OBSERVATION.format(belief="s3-one", holds="false")
    text = beliefs.page(_read(tmp_path, _ENTRY, seen))
    assert "| S3 | 1 | 0 | 0 | 0 | 1 | 0 | 1 |" in text
    assert text.endswith(
        "### s3-one\n\nIt is so.\n\n- Source, *inference*: Nobody says it.\n- To see it: Look.\n"
        "- Relied on in `app.py`.\n- **Does not hold** in us-west-2, 2026-11-30, by `make conformance`: 200\n"
    )


def test_the_command_checks_without_writing_and_writes_what_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "beliefs.md"
    monkeypatch.setattr(beliefs, "PAGE", page)
    assert run(["beliefs", "--check"]) == 1
    assert not page.exists()
    assert capsys.readouterr().err == "error: docs/beliefs.md is not what docs/beliefs/ says: ./jumpstack beliefs\n"
    assert run(["beliefs"]) == 0
    assert page.read_text(encoding="utf-8") == beliefs.page(REGISTER)
    assert run(["beliefs", "--check"]) == 0
    assert capsys.readouterr().out == "docs/beliefs.md: written\ndocs/beliefs.md: current\n"
