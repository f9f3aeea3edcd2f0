import textwrap
from pathlib import Path

import pytest

from bench.mutations import mutations


@pytest.mark.parametrize(
    ("source", "mutated"),
    [
        ("x = a < b", {"x = a <= b"}),
        ("x = a not in b", {"x = a in b"}),
        ("x = a and b", {"x = (a or b)", "x = (a)"}),
        ("x = not a", {"x = (a)"}),
        ("x = a - 1", {"x = (a + 1)", "x = a - 2"}),
        ("x = f'{a + 1}' + 'b'", set()),
        ("x = True", {"x = False"}),
        ("x = ('a', 'b')", {"x = ('a',)"}),
        ("x = {'a': b, **c}", {"x = {**c}", "x = {'a': b}"}),
        ("f(a, b=c, reason=d)", {"f(a, reason=d)", "pass"}),
        ("raise E('wrong')", {"pass"}),
        ("if a: b()", {"if not (a): b()", "if a: pass"}),
        ('"""Say 1."""', set()),
        ("x: Literal[1]", set()),
        ("x = '€' if a is b else 2", {"x = '€' if a is not b else 2", "x = '€' if a is b else 3"}),
    ],
)
def test_makes_each_small_fault_of_a_line(tmp_path: Path, source: str, mutated: set[str]) -> None:
    module = tmp_path / "module.py"
    module.write_text(source, encoding="utf-8")

    assert {mutation.applied(source) for mutation in mutations(module)} == mutated


def test_tells_the_line_and_what_is_changed(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    source = textwrap.dedent(
        """
        def f(a: int = 3) -> bool:
            return a == 0
        """
    )
    module.write_text(source, encoding="utf-8")

    found = [(one.line, one.kind, one.before, one.after) for one in mutations(module)]
    assert found == [(2, "constant", "3", "4"), (3, "comparison", "a == 0", "a != 0"), (3, "constant", "0", "1")]
