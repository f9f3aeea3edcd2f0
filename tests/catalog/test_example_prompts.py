"""Prompts for models that nobody has asked yet."""

import json

import pytest

from catalog.example_prompts import SENTENCE, example_prompt


def _template(prompt: str, **more: object) -> str:
    return json.dumps({"prompt": prompt, "completion": "{answer}", **more})


def test_fills_every_field_and_ends_as_the_training_did() -> None:
    prompt = example_prompt(_template("### {question}\n{context}"))

    assert prompt == f"### {SENTENCE}\n{SENTENCE}\n\n### Response:\n"


def test_leaves_out_what_the_training_left_out() -> None:
    assert example_prompt(_template("{question}", add_input_output_demarcation_key=False)) == SENTENCE


def test_keeps_braces_that_are_no_fields() -> None:
    assert example_prompt(_template("{{x}} {question}")).startswith("{x} Summarize")


def test_asks_a_sentence_without_a_template() -> None:
    assert example_prompt(None) == SENTENCE


@pytest.mark.parametrize(("template", "error"), [("{", ValueError), ('{"completion": "{a}"}', KeyError)])
def test_refuses_what_is_no_template(template: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        example_prompt(template)
