"""Declarations that Python cannot read: one line with the place, in place of a stack trace."""

import importlib.abc
import importlib.machinery
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import NoReturn

import pytest

import stacks
from stacks.reading import reading_problem

STACKS = Path(stacks.__path__[0])
ROOT = STACKS.parent
HEAD = "from stacks.declarations import *\nfrom stacks.environments import *\n\n"


def _read(source: str, path: Path = STACKS / "models.py") -> None:
    exec(compile(HEAD + source, str(path), "exec"), {"__name__": "declared"})


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            "m = JumpStartModel(\n    name='m',\n    instance_typ='ml.g5.2xlarge',\n)",
            "stacks/models.py:4: JumpStartModel has no field 'instance_typ': did you mean instance_type, "
            "unlisted_instance_type, instance_count?",
        ),
        (
            "q = Quota(requests=5, xyz=1)",
            "stacks/models.py:4: Quota has no field 'xyz': allowed are requests, per",
        ),
        ("m = 1\nw = S3Weights(prefix='x/')", "stacks/models.py:5: S3Weights lacks 'bucket'"),
        (
            "t = Throttle()",
            "stacks/models.py:4: Throttle lacks 'requests_per_second' and 'burst'",
        ),
        (
            "D = {DEV: ()}",
            "stacks/models.py:4: a declaration is no key of a mapping: DEPLOYMENTS are pairs, ((DEV, (FALCON_7B,)),)",
        ),
        ("q = Quota(5)", "stacks/models.py:4: the fields of Quota are named: requests=..., per=..."),
        (
            "m = JumpStartModel('m', version='1.0.0')",
            "stacks/models.py:4: the fields of JumpStartModel are named: name=..., ",
        ),
        ("x = 7\ny = FALCON_7C", "stacks/models.py:5: 'FALCON_7C' is not defined here: define it above, or import it"),
        (
            "x = JumpstartModel()",
            "stacks/models.py:4: 'JumpstartModel' is not defined here: did you mean JumpStartModel",
        ),
        (
            "del STAGING\nx = STAGING",
            "stacks/models.py:5: 'STAGING' is not defined here: import it, from stacks.environments import STAGING",
        ),
        (
            "x = Removal.DELETE",
            "stacks/models.py:4: Removal has no 'DELETE': allowed are Removal.DESTROY, Removal.RETAIN",
        ),
        ("x = (1,\n(", "stacks/models.py:5: it is no Python: '(' was never closed"),
    ],
)
def test_names_the_line_and_what_is_wrong_there(source: str, line: str) -> None:
    with pytest.raises((TypeError, NameError, AttributeError, SyntaxError)) as raised:
        _read(source)

    assert reading_problem(raised.value).startswith(line)


def test_a_class_of_the_file_that_cannot_be_read_has_its_fields_named() -> None:
    own = "import dataclasses\n@dataclasses.dataclass\nclass Own:\n    first: int\n\nx = Own(first=1, zzz=2)"

    with pytest.raises(TypeError) as raised:
        _read(own, STACKS / "environments.py")
    assert reading_problem(raised.value) == "stacks/environments.py:9: Own has no field 'zzz': allowed are first"


def test_leaves_the_errors_of_others_alone() -> None:
    with pytest.raises(NameError) as elsewhere:
        _read("x = NOTHING", ROOT / "somewhere" / "models.py")
    with pytest.raises(SyntaxError) as other:
        _read("x = (", ROOT / "tools" / "models.py")
    assert [reading_problem(one.value) for one in (elsewhere, other)] == ["", ""]
    assert reading_problem(ValueError("without a stack trace")) == ""


class _Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds declarations with a typing error in place of the app's own."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == "stacks.models" else None

    def exec_module(self, module: ModuleType) -> None:
        _read("q = Quota(request=5)")


def test_the_app_ends_with_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "stacks.models", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Broken(), *sys.meta_path])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "app.py"), run_name="app_that_cannot_be_read")
    assert ended.value.code == (
        "the declarations in stacks/ cannot be read:\n"
        "  stacks/models.py:4: Quota has no field 'request': did you mean requests?"
    )


def test_the_command_ends_with_the_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def start(_: list[str]) -> NoReturn:
        _read("q = Quota(request=5)")
        raise AssertionError

    monkeypatch.setitem(sys.modules, "tools.cli.main", SimpleNamespace(start=start))

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / "cli" / "__main__.py"), run_name="__main__")
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "error: stacks/models.py:4: Quota has no field 'request': did you mean requests?\n"
    )
