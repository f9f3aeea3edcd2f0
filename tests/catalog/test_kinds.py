"""Kinds of models, read off their ids."""

from typing import get_args

import pytest

from catalog import Lock
from catalog.deployment import TaskContainer
from catalog.kinds import OTHER, Task, kind_of
from invoke_shim.contract import CONTAINERS, TASKS


@pytest.mark.parametrize(
    ("model_id", "kind", "task"),
    [
        ("huggingface-llm-mistral-7b", "completion", "text"),
        ("huggingface-llm-mistral-7b-instruct", "chat", "text"),
        ("deepseek-llm-r1-distill-llama-8b", "chat", "text"),
        ("meta-textgeneration-llama-2-7b-f", "chat", "text"),
        ("huggingface-text2text-flan-t5-base", "completion", "text"),
        ("meta-vlm-llama-3-2-11b-vision", "completion with images", "text"),
        ("huggingface-vlm-qwen2-vl-7b-instruct", "chat with images", "text"),
        ("huggingface-textembedding-all-MiniLM-L6-v2", "embedding", "embedding"),
        ("huggingface-sentencesimilarity-gte-small", "embedding", "embedding"),
        ("huggingface-txt2imgneuron-stabilityai-stable-diffusion-v2-1", "image generation", "image"),
        ("model-inpainting-runwayml-stable-diffusion-inpainting", "inpainting", "native"),
        ("huggingface-asr-whisper-small", "speech recognition", "transcription"),
        ("huggingface-sentencesimilarity-bge-reranker-large", "reranking", "rerank"),
        ("huggingface-spc-bert-base-cased", "sentence pair classification", "native"),
        ("huggingface-somethingnew-model", "other", "native"),
        ("bare", "other", "native"),
    ],
)
def test_the_kind_follows_from_the_task_and_the_words_of_an_id(model_id: str, kind: str, task: str) -> None:
    assert (kind_of(model_id).name, kind_of(model_id).task) == (kind, task)


def test_every_model_of_the_lock_has_a_kind(lock: Lock) -> None:
    assert len(lock.model_ids()) == 342
    assert [model_id for model_id in lock.model_ids() if kind_of(model_id) is OTHER] == []


def test_tasks_and_containers_are_those_that_the_shim_knows() -> None:
    assert get_args(Task) == TASKS
    assert set(get_args(TaskContainer)) == set(CONTAINERS)
