"""Channels of the training data by family, against a table that was read from AWS's notebooks."""

import pytest

from catalog.training.channels import FAMILIES, training_channels

# The `fit` of each notebook in aws/amazon-sagemaker-examples (2d519b52), and the announcement of Mistral's fine-tuning.
NOTEBOOKS = {
    "huggingface-llm-mistral-7b": "train",
    "huggingface-llm-falcon-7b-bf16": "train",
    "huggingface-llm-falcon-40b-instruct-bf16": "train",
    "huggingface-textgeneration1-gpt-j-6b": "train",
    "huggingface-llm-gemma-7b-instruct": "training",
    "huggingface-text2text-flan-t5-base": "training",
    "meta-textgeneration-llama-2-7b-f": "training",
    "meta-textgeneration-llama-3-8b": "training",
    "meta-textgeneration-llama-3-1-405b-fp8": "training",
    "meta-textgeneration-llama-3-2-3b-instruct": "training",
    "meta-textgeneration-llama-codellama-7b": "training",
    "meta-vlm-llama-3-2-11b-vision": "training",
}


@pytest.mark.parametrize(("model_id", "channel"), NOTEBOOKS.items())
def test_is_the_one_in_the_familys_notebook(model_id: str, channel: str) -> None:
    assert training_channels(model_id) == (channel,)


@pytest.mark.parametrize("model_id", ["huggingface-llm-mixtral-8x7b", "huggingface-llm-qwen2-7b", "model-x"])
def test_of_an_unknown_family_are_both(model_id: str) -> None:
    assert set(training_channels(model_id)) == {"train", "training"}


def test_each_family_names_its_source() -> None:
    assert all(family.source.endswith(".ipynb") for family in FAMILIES)
    assert len({family.prefix for family in FAMILIES}) == len(FAMILIES)
