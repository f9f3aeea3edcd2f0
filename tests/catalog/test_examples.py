"""Example requests of the lock's models."""

import json
from collections import Counter

import pytest

from catalog import Lock
from catalog.abilities import Abilities, abilities
from catalog.examples import example_request


def _of(lock: Lock, model_id: str) -> Abilities:
    model = lock.model(model_id, lock.versions(model_id)[0])
    return abilities(model.resolve(region=model.regions()[0]))


@pytest.mark.parametrize(
    ("model_id", "beginning"),
    [
        ("huggingface-llm-qwen2-5-7b-instruct", 'POST /v1/chat/completions {"model": "MODEL", "messages": ['),
        ("huggingface-llm-mistral-7b", 'POST /v1/completions {"model": "MODEL", "prompt": '),
        ("huggingface-sentencesimilarity-gte-small", 'POST /v1/embeddings {"model": "MODEL", "input": ['),
        ("huggingface-asr-whisper-small", "POST /v1/audio/transcriptions multipart/form-data: model=MODEL, file=@"),
        ("huggingface-tc-bert-base-cased", "POST /invocations application/x-text: The Danube"),
        ("huggingface-eqa-bert-base-cased", 'POST /invocations application/list-text: ["Which river'),
        ("model-inpainting-runwayml-stable-diffusion-inpainting", "POST /invocations application/json;jpeg: {"),
    ],
)
def test_an_example_is_in_the_form_of_its_route(lock: Lock, model_id: str, beginning: str) -> None:
    request = example_request(_of(lock, model_id))

    assert request is not None
    assert request.startswith(beginning)


def test_the_example_of_a_model_that_takes_images_has_one(lock: Lock) -> None:
    request = example_request(_of(lock, "huggingface-vlm-qwen2-vl-7b-instruct")) or ""
    parts = json.loads(request.partition(" ")[2].partition(" ")[2])["messages"][0]["content"]

    assert [part["type"] for part in parts] == ["text", "image_url"]


def test_a_model_that_nobody_can_ask_has_no_example(lock: Lock) -> None:
    assert example_request(_of(lock, "huggingface-textgeneration1-gpt-j-6b-fp16")) is None


def test_all_models_have_one_but_those_whose_form_is_not_published(lock: Lock) -> None:
    found = [_of(lock, model_id) for model_id in lock.model_ids()]
    without = Counter(one.kind.name for one in found if not one.refusal and example_request(one) is None)

    assert without == {"chat": 3, "completion": 3, "masked words": 1}
