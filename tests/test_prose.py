"""Hold the prose of docstrings, comments and documents to the rules of the house."""

import ast
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

ROOMS = ("app.py", "bench", "catalog", "constructs", "lambda", "localaws", "stacks", "tests", "tools")

# Rooms whose prose is not clean yet. Each line goes when its room is.
UNFINISHED = frozenset[str]()

DOCUMENTS = [str(file.relative_to(ROOT)) for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]]

UNFINISHED_DOCUMENTS = frozenset[str]()

# The longest sentence of a document.
LONGEST_SENTENCE_WORDS = 45

_QUESTION = re.compile(r"(What|How|Where|Who|Whose|Whom|Whether|Which|When|Why)\b")

# Entries of a section: `name: Text`, `name (type): Text` or `ErrorType: Text`.
_SECTIONS = {"Args:", "Attributes:", "Raises:", "Yields:", "Returns:"}
_ENTRY = re.compile(r"(?P<name>[*\w.`]+(?: \([^)]*\))?): (?P<text>.*)")
_CAPITAL = re.compile(r"[A-Z0-9`\"'“(*<{\[/.+-]")

# What says nothing that the signature does not say.
_SILENT = re.compile(r"(scope: (The )?parent construct\b|(construct_id|id): (The )?id (with)?in\b)", re.IGNORECASE)

# Words of a private dialect, and the field's.
DIALECT = {
    r"\b(take|takes|took|taken|taking) down\b": "record",
    r"\b(tell|tells|told|telling) of\b": "notify, report",
    r"\b(tell|tells|told) (that|whether|what|how|which|where|who)\b": "report, return",
    r"\bin the place of\b": "replace",
    r"\bis let\b|\bthat are let\b": "is granted",
    r"\bgoes by\b": "follows",
}
_DIALECT = {re.compile(words, re.IGNORECASE): better for words, better in DIALECT.items()}


def _rooms() -> dict[str, list[Path]]:
    """Group the project's modules by folder."""
    rooms: dict[str, list[Path]] = defaultdict(list)
    for name in ROOMS:
        place = ROOT / name
        for module in [place] if place.is_file() else sorted(place.rglob("*.py")):
            parent = module.parent.relative_to(ROOT).as_posix()
            rooms[name if parent == "." else parent].append(module)
    rooms["tests"] = [module for module in rooms["tests"] if module != Path(__file__).resolve()]
    return rooms


MODULES = _rooms()


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each docstring with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.body[0].lineno, text


def _notes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each text below a constant or an attribute with its line: Python knows it as no docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for before, after in pairwise(node.body):
                match before, after:
                    case ast.Assign() | ast.AnnAssign(), ast.Expr(value=ast.Constant(value=str(text))):
                        yield after.lineno, text


def _entries(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield each entry of a section with its text; of `Returns:` the first line."""
    lines = docstring.splitlines()
    for start, heading in enumerate(lines):
        if heading.strip() not in _SECTIONS:
            continue
        outer = len(heading) - len(heading.lstrip())
        inner = None
        for line in lines[start + 1 :]:
            if not line.strip():
                continue
            indent = len(line) - len(line.lstrip())
            if indent <= outer:
                break
            if inner is None:
                inner = indent
                if heading.strip() in {"Returns:", "Yields:"}:
                    yield heading.strip(), line.strip()
                    break
            entry = _ENTRY.match(line.strip()) if indent == inner else None
            if entry:
                yield entry["name"], entry["text"]


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.splitlines(), 1):
        found = re.match(r"(?:.*\s{2})?\s*# (.*)", line)
        if found:
            yield number, found[1]


def _problems(source: str) -> Iterator[str]:
    """Yield what is wrong with the prose of a module: `line: problem`."""
    tree = ast.parse(source)
    for line, text in _notes(tree):
        if found := _QUESTION.match(text):
            yield f"{line}: a note starts with {found[1]!r}"
    docstrings = list(_docstrings(tree))
    for line, text in docstrings:
        if found := _QUESTION.match(text):
            yield f"{line}: a docstring starts with {found[1]!r}"
        if "``" in text:
            yield f"{line}: double backticks"
        for name, entry in _entries(text):
            if _SILENT.match(f"{name}: {entry}"):
                yield f"{line}: {name!r} says nothing"
            if entry and not _CAPITAL.match(entry):
                yield f"{line}: {name!r} starts with {entry.split()[0]!r}, not with a capital letter"
    for line, text in [*docstrings, *_comments(source)]:
        for words, better in _DIALECT.items():
            if found := words.search(" ".join(text.split())):
                yield f"{line}: {found[0]!r}: say {better}"


@pytest.mark.parametrize("room", sorted(set(MODULES) - UNFINISHED))
def test_docstrings_and_comments_are_in_the_fields_english(room: str) -> None:
    problems = [
        f"{module.relative_to(ROOT)}:{problem}"
        for module in MODULES[room]
        for problem in _problems(module.read_text(encoding="utf-8"))
    ]
    assert not problems


def _sentences(markdown: str) -> Iterator[str]:
    """Yield the sentences of a document's prose: no code, tables or headings."""
    prose = re.sub(r"```.*?```|^#.*?$", "\n", markdown, flags=re.DOTALL | re.MULTILINE)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|>]|\d+\.)\s?)", prose):
        if not block.lstrip().startswith("|"):
            yield from re.split(r"(?<=[.!?:;])\s+(?=[A-Z`*\[\"0-9])", " ".join(block.split()))


@pytest.mark.parametrize("document", sorted(set(DOCUMENTS) - UNFINISHED_DOCUMENTS))
def test_sentences_of_documents_are_short(document: str) -> None:
    sentences = _sentences((ROOT / document).read_text(encoding="utf-8"))
    long = [sentence for sentence in sentences if len(sentence.split()) > LONGEST_SENTENCE_WORDS]
    assert not long


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('"""What it is."""', "1: a docstring starts with 'What'"),
        ('def f():\n    """Whether it is."""', "2: a docstring starts with 'Whether'"),
        ('X = 1\n"""How many."""', "2: a note starts with 'How'"),
        ('class C:\n    """Use ``it``."""', "2: double backticks"),
        ('"""Do.\n\nArgs:\n    scope: Parent construct.\n"""', "1: 'scope' says nothing"),
        (
            '"""Do.\n\nArgs:\n    one: Fine,\n        on: two lines.\n    two: not fine.\n"""',
            "1: 'two' starts with 'not'",
        ),
        ('"""Do.\n\nReturns:\n    a number.\n"""', "1: 'Returns:' starts with 'a'"),
        ('"""Do.\n\nRaises:\n    ValueError: if it is.\n"""', "1: 'ValueError' starts with 'if'"),
        ("x = 1  # This tells\n# the state machine takes down what it did", "2: 'takes down': say record"),
        ('"""Do it, and\ntell of it."""', "1: 'tell of': say notify, report"),
    ],
)
def test_finds_what_breaks_the_rules(source: str, problem: str) -> None:
    [found] = _problems(source)
    assert found.startswith(problem)


def test_finds_nothing_in_plain_english() -> None:
    source = '''
        """Return the size.

        Args:
            path: `~/x` or an address such as s3://bucket.
            limit: 3 bytes or more.

        Returns:
            Bytes: what: is not an entry.
        """
    '''
    assert list(_problems(textwrap.dedent(source))) == []


def test_reads_sentences_out_of_markdown() -> None:
    expected = ["", "One is.", "Two are.", "- three", "- four", "five"]
    assert list(_sentences("# Head\nOne is. Two\nare.\n- three\n- four\n\n| a | b |\n```\ncode\n```\nfive")) == expected
