"""Words that find models of the lock."""

from dataclasses import replace

import pytest

from catalog import CatalogError, Lock, ModelVersion
from catalog.search import matches, route, search


@pytest.mark.parametrize("word", ["g5", "ml.g5.2xlarge", "tgi", "7b", "instruct", "7b-instruct", "stral", "chat"])
def test_a_model_matches_what_it_is(lock: Lock, word: str) -> None:
    assert matches(lock.model("huggingface-llm-mistral-7b-instruct", "2.0.0"), word)


@pytest.mark.parametrize("word", ["g6", "ml.g5.xlarge", "lmi", "b", "7", "str", "gated", "eula", "package", "-", "."])
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
        (["embedding"], "huggingface-textembedding-all-MiniLM-L6-v2"),
        (["summarization"], "huggingface-summarization-bart-large-cnn-samsum"),
        (["zero-shot"], "huggingface-zstc-facebook-bart-large-mnli"),
        (["classification"], "huggingface-spc-bert-base-cased"),
        (["chat", "qwen2"], "huggingface-llm-qwen2-5-7b-instruct"),
        (["vision"], "meta-vlm-llama-3-2-11b-vision"),
        (["image", "stabilityai"], "model-txt2img-stabilityai-stable-diffusion-v2-1-base"),
        (["speech"], "huggingface-asr-whisper-small"),
    ],
)
def test_finds_models_by_the_words_that_people_use(lock: Lock, words: list[str], found: str) -> None:
    assert found in {model.model_id for model in search(lock, words)}


def test_a_kind_has_models_of_its_own_only(lock: Lock) -> None:
    found = {model.model_id for model in search(lock, ["embedding"])}

    assert len(found) == 17
    assert found.isdisjoint(model.model_id for model in search(lock, ["completion"]))


def test_tells_the_route_of_each_model(lock: Lock) -> None:
    def routes(*words: str) -> set[str]:
        return {route(model) for model in search(lock, words)}

    assert routes("embedding") == {"/v1/embeddings"}
    assert routes("lmi") == {"/v1/chat/completions", "/v1/completions"}
    assert routes("depth2img") == {"no"}
    assert routes("summarization") == {"/invocations"}
