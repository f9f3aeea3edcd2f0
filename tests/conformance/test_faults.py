"""The tests of beliefs find what they are for: a local AWS without a belief's rule makes the belief's test fail."""

from __future__ import annotations

import ast
import json
import os
import random
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.faulty_aws import VARIABLE, Fault, faulty
from tests.conformance.faults import FAULTS, name
from tests.support.local_aws import MODULE_VARIABLE
from tools.beliefs import beliefs
from tools.processes import ROOT

SEED = int(os.environ.get("SEED", "1"))
_SAMPLE = 10
"""Faults of `make sweep`: each takes about 5 s, two at a time."""
_SAMPLED = random.Random(SEED).sample(FAULTS, _SAMPLE)


def _held() -> set[str]:
    """Return the beliefs that have a test which the local AWS passes."""
    named = set()
    # Those with a GPU are many rules at once: a whole stack.
    for file in set(Path(__file__).parent.glob("test_*.py")) - {Path(__file__).with_name("test_gpu.py")}:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="mark"), attr="belief"),
                    args=[ast.Constant(value=name), *_],
                ):
                    named.add(str(name))
    return named - {belief.id for belief in beliefs() if belief.local}


def test_each_belief_with_a_test_has_a_fault() -> None:
    assert {fault.belief for fault in FAULTS} == _held()


@pytest.mark.parametrize("fault", FAULTS, ids=name)
def test_each_fault_changes_a_module_that_can_be_compiled(fault: Fault) -> None:
    # Packages are not imported for it: moto's take seconds.
    package, *names = fault.module.split(".")
    spec = find_spec(package)
    assert spec
    assert spec.origin
    source = Path(spec.origin).parent.joinpath(*names).with_suffix(".py").read_text(encoding="utf-8")
    assert ast.dump(ast.parse(faulty(fault, source))) != ast.dump(ast.parse(source))


@pytest.mark.nightly
@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=name(fault), marks=[pytest.mark.sweep] * (fault in _SAMPLED)) for fault in FAULTS],
)
def test_a_local_aws_without_the_rule_fails(fault: Fault) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    environment |= {VARIABLE: json.dumps(fault), MODULE_VARIABLE: "bench.faulty_aws"}
    command = [sys.executable, "-m", "pytest", "tests/conformance", "-q", "-x", "-n", "0", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, "-m", "belief"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert re.search(r"^FAILED tests/conformance/test_\w+\.py::", ended.stdout, re.MULTILINE), ended.stdout[-3000:]
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    [belief] = [one for one in beliefs() if one.id == fault.belief]
    assert f"{belief.id}: {belief.claim}\n{belief.kind}: {belief.source}" in ended.stdout
