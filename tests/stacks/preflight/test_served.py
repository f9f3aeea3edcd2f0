"""Lines that say what the API of each declared model will do."""

from dataclasses import replace
from typing import Any

import pytest

from catalog import Lock
from stacks.declarations import JumpStartModel, Model
from stacks.environments import DEV
from stacks.models import FALCON_7B, FALCON_7B_INSTRUCT, GRANITE_3B_CODE, LLAMA_3_2_3B_10K, MISTRAL_7B_DOLLY
from stacks.placement import placed
from stacks.preflight.served import api_line
from tools.preflight import served


def _model(lock: Lock, model_id: str, **fields: Any) -> JumpStartModel:
    return JumpStartModel(name="m", model_id=model_id, version=lock.versions(model_id)[0], **fields)


def _line(model: Model, lock: Lock) -> str | None:
    [placement] = placed(DEV, [model])
    return api_line(placement, lock)


@pytest.mark.parametrize(
    ("model_id", "line"),
    [
        ("huggingface-llm-qwen2-5-7b-instruct", "chat by its own template, completions, tools, JSON; usage"),
        (
            "huggingface-vlm-qwen2-vl-7b-instruct",
            "chat by its own template, completions, tools, JSON, images; usage",
        ),
        ("meta-vlm-llama-3-2-11b-vision-instruct", None),
        (
            "meta-textgeneration-llama-3-1-8b-instruct",
            "chat by its own template, completions; usage of whole answers",
        ),
        ("huggingface-sentencesimilarity-gte-small", "embedding by /v1/embeddings: texts in, a vector for each out"),
        (
            "huggingface-zstc-facebook-bart-large-mnli",
            "zero-shot classification by /invocations: a text and labels in, a probability for each label out",
        ),
        ("huggingface-textgeneration1-gpt-j-6b-fp16", None),
    ],
)
def test_says_what_a_model_of_each_kind_will_do(lock: Lock, model_id: str, line: str | None) -> None:
    assert _line(_model(lock, model_id), lock) == line


def test_says_what_the_declared_format_makes_of_it(lock: Lock) -> None:
    qwen = "huggingface-llm-qwen2-5-7b-instruct"

    assert _line(_model(lock, qwen, prompt_format="chatml"), lock) == (
        "chat as chatml, completions, JSON; usage of streams"
    )
    assert _line(_model(lock, qwen, prompt_format="none"), lock) == "completions, JSON; usage of streams"
    assert _line(MISTRAL_7B_DOLLY, lock) == "chat of one question by your template, completions; usage estimated"


def test_says_who_counts_where_the_container_does_not(lock: Lock) -> None:
    assert _line(FALCON_7B, lock) == "completions; usage estimated"
    assert _line(replace(FALCON_7B, usage="omit"), lock) == "completions; no usage"
    assert _line(replace(FALCON_7B, tokenizer="tokenizers/falcon.json"), lock) == "completions; usage by its tokenizer"


def test_says_what_bedrock_does_with_an_import(lock: Lock) -> None:
    assert _line(GRANITE_3B_CODE, lock) == "chat by the template in its weights"
    assert _line(LLAMA_3_2_3B_10K, lock) == "chat of one question by your template, completions"


def test_says_nothing_of_what_does_not_resolve(lock: Lock) -> None:
    assert _line(replace(FALCON_7B, version="9.9.9"), lock) is None


def test_prints_a_line_a_model_within_80_columns(lock: Lock) -> None:
    long = replace(FALCON_7B_INSTRUCT, name="a-model-with-a-name-that-leaves-little-room")
    lines = served(DEV.name, deployments=[(DEV, [FALCON_7B, long])], lock=lock)

    assert lines == [
        "  falcon-7b: completions; usage estimated",
        "  a-model-with-a-name-that-leaves-little-room: chat as falcon-instruct,",
        "    completions, JSON; usage of streams",
    ]
