"""Mutations of Python source: small faults, each a replacement of one expression or statement."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARISONS: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
}
_ARITHMETIC: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.FloorDiv(),
    ast.FloorDiv: ast.Mult(),
    ast.Div: ast.Mult(),
    ast.Mod: ast.Mult(),
}

# Functions whose calls say something to people, and whose arguments are prose; and `encoding`, without which a file is
# read and written alike where the locale is UTF-8.
_PROSE = {
    "description",
    "reason",
    "message",
    "suggestion",
    "comment",
    "help",
    "allowed",
    "AlarmDescription",
    "encoding",
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault.

    Attributes:
        file: Path of the module.
        line: Line on which the changed code begins, from 1.
        kind: What is changed: `comparison`, `constant` and so on.
        before: The code that is changed.
        after: The code in its place.
        start: Offset of the changed code in the module's UTF-8 bytes.
    """

    file: Path
    line: int
    kind: str
    before: str
    after: str
    start: int

    def applied(self, source: str) -> str:
        """Return the module's source with the fault."""
        data = source.encode()
        end = self.start + len(self.before.encode())
        return (data[: self.start] + self.after.encode() + data[end:]).decode()


def mutations(file: Path) -> list[Mutation]:
    """List every mutation of a module, in the order of its lines."""
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for kind, node, after in _changes(tree):
        before = ast.get_source_segment(source, node)
        if before is None:
            continue
        start = starts[node.lineno - 1] + node.col_offset
        mutation = Mutation(file, node.lineno, kind, before, after, start)
        if after != before and _parses(mutation.applied(source)):
            found.append(mutation)
    return sorted(found, key=lambda mutation: (mutation.start, mutation.kind, mutation.after))


def _parses(source: str) -> bool:
    try:
        compile(source, "mutated", "exec")
    except SyntaxError:
        return False
    return True


Change = tuple[str, ast.expr | ast.stmt, str]


def _changes(node: ast.AST) -> Iterator[Change]:
    """Yield changes of a node and of all that is in it, except annotations, f-strings, docstrings and prose."""
    if isinstance(node, ast.JoinedStr):
        return
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
    if isinstance(node, ast.expr):
        yield from _of_expression(node)
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.keyword) and child.arg in _PROSE:
                continue
            if isinstance(child, ast.AST) and not _is_docstring(child):
                yield from _changes(child)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _of_statement(node: ast.stmt) -> Iterator[Change]:
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Delete():
            yield "statement", node, "pass"
        case ast.Raise(exc=ast.expr()):
            yield "statement", node, "pass"
        case ast.If(test=test) | ast.While(test=test) if not _is_type_checking(test):
            yield "condition", test, f"not ({ast.unparse(test)})"


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "__name__ == '__main__'"}


def _of_expression(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
            yield (
                "comparison",
                node,
                ast.unparse(ast.Compare(node.left, [_COMPARISONS[type(operator)]], node.comparators)),
            )
        case ast.BoolOp(op=operator, values=values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "boolean", node, f"({ast.unparse(ast.BoolOp(other, values))})"
            yield "boolean", node, f"({ast.unparse(values[0])})"
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC and _is_number(
            left, right
        ):
            yield "arithmetic", node, f"({ast.unparse(ast.BinOp(left, _ARITHMETIC[type(operator)], right))})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "boolean", node, f"({ast.unparse(operand)})"
        case ast.Constant(value=bool(value)):
            yield "constant", node, str(not value)
        case ast.Constant(value=int(value)):
            yield "constant", node, str(value + 1)
        case ast.Constant(value=float(value)):
            yield "constant", node, str(value * 2 + 1)
        case _:
            yield from _of_collection(node)


def _of_collection(node: ast.expr) -> Iterator[Change]:
    """Leave one element, entry or argument out."""
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements) if len(elements) > 1:
            yield from _without_one(node, elements)
        case ast.Dict(keys=keys, values=values) if keys:
            for index in (0, len(keys) - 1)[: len(keys)]:
                rest = ast.Dict(keys[:index] + keys[index + 1 :], values[:index] + values[index + 1 :])
                yield "entry", node, ast.unparse(rest)
        case ast.Call(func=function, args=args, keywords=keywords):
            for keyword in keywords:
                if keyword.arg is not None and keyword.arg not in _PROSE:
                    others = [one for one in keywords if one is not keyword]
                    yield "argument", node, ast.unparse(ast.Call(function, args, others))


def _without_one(node: ast.Tuple | ast.List | ast.Set, elements: list[ast.expr]) -> Iterator[Change]:
    """Leave the last element out, where all are constants: names of statuses, choices, actions."""
    if all(isinstance(element, ast.Constant) and isinstance(element.value, str) for element in elements):
        rest = elements[:-1]
        yield "element", node, ast.unparse(ast.Set(rest) if isinstance(node, ast.Set) else type(node)(rest, ast.Load()))


def _is_number(*operands: ast.expr) -> bool:
    """Return whether operands may be numbers: no texts, lists or dicts are seen in them."""
    return not any(
        isinstance(part, ast.JoinedStr | ast.List | ast.Tuple | ast.Dict)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str | bytes))
        for operand in operands
        for part in ast.walk(operand)
    )
