"""Words that find models of the lock."""

from dataclasses import replace

import pytest

from catalog import CatalogError, Lock, ModelVersion
from catalog.search import generates_text, matches, search


@pytest.mark.parametrize("word", ["g5", "ml.g5.2xlarge", "tgi", "7b", "instruct", "7b-instruct", "MISTRAL-7B".lower()])
def test_a_model_matches_what_it_is(lock: Lock, word: str) -> None:
    assert matches(lock.model("huggingface-llm-mistral-7b-instruct", "2.0.0"), word)


@pytest.mark.parametrize("word", ["g6", "ml.g5.xlarge", "lmi", "b", "7", "stral", "gated", "eula", "package", "-", "."])
def test_a_model_does_not_match_what_it_is_not(lock: Lock, word: str) -> None:
    assert not matches(lock.model("huggingface-llm-mistral-7b-instruct", "2.0.0"), word)


def test_finds_what_matches_every_word_in_any_case(lock: Lock) -> None:
    found = search(lock, ["Mistral", "7B", "instruct"])

    assert "huggingface-llm-mistral-7b-instruct" in {model.model_id for model in found}
    assert all(matches(model, "mistral") and matches(model, "7b") and matches(model, "instruct") for model in found)


def test_refuses_words_that_match_nothing(lock: Lock) -> None:
    with pytest.raises(CatalogError, match="no model in the lock matches 'mistral no-such-word': try fewer words, or "):
        search(lock, ["mistral", "no-such-word"])


def test_three_letters_may_begin_a_word_and_two_may_not(mistral: ModelVersion) -> None:
    assert matches(mistral, "mis")
    assert not matches(mistral, "mi")


def test_a_package_may_be_of_one_instance_type_only(mistral: ModelVersion) -> None:
    arn = "arn:aws:sagemaker:us-west-2:123456789012:model-package/x"

    assert not matches(mistral, "package")
    assert matches(replace(mistral, model_packages={"us-west-2": arn}), "package")
    assert matches(replace(mistral, variant_model_packages={"g5": {"us-west-2": arn}}), "package")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["qwen", "2.5"], "huggingface-llm-qwen2-5-7b-instruct"),
        (["qwen2"], "huggingface-llm-qwen2-5-7b-instruct"),
        (["embedding"], "huggingface-sentencesimilarity-gte-small"),
        (["vision"], "meta-vlm-llama-3-2-11b-vision"),
        (["image", "stabilityai"], "model-txt2img-stabilityai-stable-diffusion-v2-1-base"),
        (["speech"], "huggingface-asr-whisper-small"),
    ],
)
def test_finds_models_by_the_words_that_people_use(lock: Lock, words: list[str], found: str) -> None:
    assert found in {model.model_id for model in search(lock, words)}


def test_tells_the_models_that_generate_text_from_the_others(lock: Lock) -> None:
    found = {
        word: {generates_text(model) for model in search(lock, [word])} for word in ("lmi", "tgi", "depth2img", "tc")
    }

    assert found == {"lmi": {True}, "tgi": {True}, "depth2img": {False}, "tc": {False}}
    assert not generates_text(lock.model("huggingface-textgeneration-falcon-7b-bf16", "1.0.0"))
