"""Protocols of endpoints: task, container and prompt format, declared or the container's own."""

from typing import Any

import pytest

from catalog import Lock
from stacks.declarations import JumpStartModel
from stacks.parts.spoken import spoken


def _spoken(lock: Lock, model_id: str, **declared: Any) -> tuple[str | bool | None, ...]:
    version = lock.versions(model_id)[-1]
    model = JumpStartModel(name="m", model_id=model_id, version=version, **declared)
    return tuple(spoken(lock.model(model_id, version).resolve(region="us-west-2"), model))


@pytest.mark.parametrize(
    ("model_id", "declared", "expected"),
    [
        # Its container takes messages, and writes the prompt by the model's own template.
        ("huggingface-llm-gemma-2-9b-instruct", {}, ("text", "tgi", "container", False)),
        ("huggingface-llm-gemma-2-9b-instruct", {"prompt_format": "chatml"}, ("text", "tgi", "chatml", True)),
        # It sees.
        ("huggingface-vlm-gemma-3-4b-instruct", {}, ("text", "tgi", "container", True)),
        # A base model.
        ("huggingface-llm-falcon-7b-bf16", {}, ("text", "tgi", "none", True)),
        # Trained to chat, in a container from before messages: it has no format of its own.
        ("huggingface-llm-falcon-40b-instruct-bf16", {}, ("text", "tgi", "none", True)),
        ("huggingface-sentencesimilarity-bge-m3", {}, ("embedding", "other", None, True)),
        ("huggingface-sentencesimilarity-bge-m3", {"prompt_format": "none"}, ("embedding", "other", None, True)),
        ("huggingface-asr-whisper-small", {}, ("transcription", "other", None, True)),
    ],
)
def test_speaks_as_the_container_does(
    lock: Lock, model_id: str, declared: dict[str, Any], expected: tuple[str | bool | None, ...]
) -> None:
    assert _spoken(lock, model_id, **declared) == expected
