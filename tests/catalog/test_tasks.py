"""Tasks of models, read off their ids."""

import pytest

from catalog import Lock
from catalog.tasks import WITHOUT_TEXT, task_of


@pytest.mark.parametrize(
    ("model_id", "task"),
    [
        ("huggingface-llm-mistral-7b", "llm"),
        ("huggingface-textgeneration1-bloom-3b", "textgeneration"),
        ("huggingface-text2text-flan-t5-base", "text2text"),
        ("model-depth2img-stable-diffusion-v1-5-controlnet", "depth2img"),
        ("meta-tc-llama-prompt-guard-86m", "tc"),
        ("bare-llm", "llm"),
        ("bare", ""),
        ("", ""),
    ],
)
def test_the_task_is_the_second_part_of_an_id_without_its_number(model_id: str, task: str) -> None:
    assert task_of(model_id) == task


def test_a_model_whose_task_is_not_text_has_no_container_that_speaks_it(lock: Lock) -> None:
    models = [entry.model for entry in lock.entries() if task_of(entry.model.model_id) in WITHOUT_TEXT]

    assert len(models) > 100
    assert {model.resolve(region=model.regions()[0]).container for model in models} == {"other"}
