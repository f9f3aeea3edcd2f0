"""The likely causes of failures, and the names of steps."""

import json

import pytest

from model_import.failures import with_likely_cause
from model_import.steps import handler


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("could not find the expected file s3://b/output/model.tar.gz/config.json.", "the weights are packed"),
        ("could not find the expected file s3://b/m/config.json.", "LoRA adapters must be merged"),
        ("Unsupported model architecture ['BertForMaskedLM']", "`architectures`"),
        ("The provided role ARN is invalid", "trust policy"),
        ("User: x is not authorized to perform: kms:Decrypt on resource: k", "KMS key"),
        ("AccessDenied: Access Denied", "may not read the weights"),
        ("You have exceeded the quota for Concurrent model import jobs (1).", "one import at a time"),
        ("Unsupported tokenizer 'X'", "`tokenizer_class`"),
        ("The context length 200000 is not supported", "`max_position_embeddings`"),
        ("default chat template is no longer allowed", "`completion` or `native`"),
    ],
)
def test_puts_the_likely_cause_beside_the_unchanged_words(words: str, cause: str) -> None:
    said, likely = with_likely_cause(words).split("\n")

    assert said == words
    assert likely.startswith("likely cause: ")
    assert cause in likely


def test_adds_nothing_to_words_that_it_does_not_know() -> None:
    assert with_likely_cause("the moon is full") == "the moon is full"


def test_looks_at_the_errors_name_too() -> None:
    assert "not loaded within the time" in with_likely_cause("wait", "ModelNotReadyError")


def test_refuses_a_step_that_there_is_not() -> None:
    steps = "check_room, plan, make_room, smoke_test, prune, tidy"
    with pytest.raises(ValueError, match=f"step is 'fly', must be one of {steps}"):
        handler(json.loads('{"step": "fly"}'), None)
