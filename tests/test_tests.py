"""Check the tests themselves: none asserts inside loops alone that may run over nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

MODULES = sorted(path for path in ROOT.rglob("test_*.py") if path != Path(__file__).resolve())

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _tests(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.name.startswith("test_"):
            yield node


def _is_check(node: ast.AST) -> bool:
    """Return whether a statement fails a test: an assertion, `pytest.raises`, or a call whose name says so."""
    if isinstance(node, ast.Assert):
        return True
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        return name.startswith("pytest.") or name.endswith("_count_is") or "assert" in name
    return False


def _may_be_empty(node: ast.expr) -> bool:
    """Return whether what a loop runs over may be nothing: anything but literals and constants."""
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return not elements
        case ast.Dict(keys=keys):
            return not keys
        case ast.Constant(value=value):
            return not value
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return not name.isupper()
        case ast.Call(func=ast.Name(id="range")):
            return False
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "sorted" | "reversed" | "list"), args=[first, *_]):
            return _may_be_empty(first)
        case ast.Call(func=ast.Attribute(value=value, attr="items" | "values" | "keys")):
            return _may_be_empty(value)
        case _:
            return True


def _weak(test: Function) -> bool:
    """Return whether all checks of a test are within loops that may run over nothing."""
    if not any(isinstance(node, ast.For) for node in ast.walk(test)):
        return False
    literals = {
        ast.unparse(target): node.value
        for node in ast.walk(test)
        if isinstance(node, ast.Assign)
        for target in node.targets
    }

    def checks(node: ast.AST, *, looped: bool) -> Iterator[bool]:
        if _is_check(node):
            yield looped
        inner = looped or (isinstance(node, ast.For) and _may_be_empty(literals.get(ast.unparse(node.iter), node.iter)))
        for child in ast.iter_child_nodes(node):
            yield from checks(child, looped=inner)

    found = list(checks(test, looped=False))
    # Hypothesis finds examples that are not empty.
    properties = any(ast.unparse(decorator).startswith("given(") for decorator in test.decorator_list)
    return bool(found) and all(found) and not properties


@pytest.mark.parametrize(
    "room", sorted({path.parent for path in MODULES}), ids=lambda path: str(path.relative_to(ROOT))
)
def test_asserts_something_that_no_empty_loop_skips(room: Path) -> None:
    weak = [
        f"{path.relative_to(ROOT)}:{test.lineno} {test.name}"
        for path in MODULES
        if path.parent == room
        for test in _tests(ast.parse(path.read_text(encoding="utf-8")))
        if _weak(test)
    ]
    assert not weak, "assert before or after the loop that there is something to run over"


@pytest.mark.parametrize(
    ("body", "weak"),
    [
        ("for one in find(): assert one", True),
        ("for one in found.items(): assert one", True),
        ("for one in []: assert one", True),
        ("for one in (1, 2): assert one", False),
        ("found = [1, 2]\n    for one in found: assert one", False),
        ("for one in NAMES: assert one", False),
        ("for one in range(3): assert one", False),
        ("for one in find(): assert one\n    assert found", False),
        ("with pytest.raises(ValueError): run()", False),
        ("for one in (1, 2):\n        for two in one: assert two", True),
    ],
)
def test_knows_a_weak_test_from_another(body: str, weak: bool) -> None:
    [test] = _tests(ast.parse(f"def test_it():\n    {body}\n"))

    assert _weak(test) is weak
