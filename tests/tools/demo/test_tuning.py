"""The demo's sample data: in the form that each declared model is tuned on."""

import json
from dataclasses import replace

import pytest

from stacks.declarations import FineTunedModel
from stacks.models import DEPLOYMENTS
from tools.demo.tuning import sample_of
from tools.deployed import DeclaredStack, declared_stack, declared_stacks

TUNED = [
    stack
    for environment, _ in DEPLOYMENTS
    for stack in declared_stacks(environment.name)
    if isinstance(stack.model, FineTunedModel)
]


@pytest.mark.parametrize("stack", TUNED, ids=lambda stack: stack.path)
def test_is_there_for_every_declared_model(stack: DeclaredStack) -> None:
    files = list(sample_of(stack).iterdir())

    fields = set()
    for file in files:
        if file.suffix == ".jsonl":
            fields |= {key for line in file.read_text(encoding="utf-8").splitlines() for key in json.loads(line)}
    assert isinstance(stack.model, FineTunedModel)
    assert all(f"{{{field}}}" in (stack.model.prompt_template or "") for field in fields)


def test_is_refused_for_a_template_that_no_sample_has() -> None:
    stack = declared_stack("dev/llama-3-2-3b-10k")
    assert isinstance(stack.model, FineTunedModel)
    other = replace(stack, model=replace(stack.model, prompt_template='{"prompt": "{poem}", "completion": "{title}"}'))

    with pytest.raises(ValueError, match=r"no sample in .* has its prompt_template"):
        sample_of(other)


def test_is_refused_for_a_model_that_is_not_tuned() -> None:
    with pytest.raises(ValueError, match="allowed is one of a fine-tuned model"):
        sample_of(declared_stack("dev/falcon-7b"))
