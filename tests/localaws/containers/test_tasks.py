"""Stand-ins for the containers of models that generate no text: they answer and refuse as documented."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from localaws.containers import ContainerSettings, ContainerStartError
from localaws.containers.serving import Serving
from localaws.containers.tasks import pictures, scripts
from localaws.containers.tasks.ids import TASKS, task_of
from tests.invoke_shim.tasks.test_audio import wav
from tests.localaws.containers.container_client import REGISTRY

SCRIPTS = f"{REGISTRY}/huggingface-pytorch-inference:1.13.1-transformers4.26.0-gpu-py39-cu117-ubuntu20.04"
STABILITY = f"{REGISTRY}/stabilityai-pytorch-inference:2.0.1-sgm0.1.0-gpu-py310-cu118-ubuntu20.04-sagemaker"
TEI = f"{REGISTRY}/tei:2.0.1-tei1.8.2-gpu-py310-cu122-ubuntu22.04"
JSON = "application/json"


def weights(task: str) -> str:
    return f"s3://jumpstart-cache-prod-us-east-1/huggingface-{task}/huggingface-{task}-a-model/artifacts/v1.0.0/"


def ask(
    task: str,
    body: Any,
    content_type: str = JSON,
    accept: str = JSON,
    *,
    image: str = SCRIPTS,
    artifact: str | None = None,
    **environment: str,
) -> tuple[int, Any]:
    settings = ContainerSettings.of(
        image=image, environment=environment, artifact=weights(task) if artifact is None else artifact
    )
    serving = Serving(settings=settings, content_type=content_type, accept=accept)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = scripts.respond(raw, serving)
    assert isinstance(response.body, str)
    return response.status, json.loads(response.body) if response.content_type == JSON else response.body


def answer(task: str, body: Any, content_type: str = JSON, accept: str = JSON, **more: Any) -> Any:
    status, document = ask(task, body, content_type, accept, **more)
    assert status == 200, document
    return document


def refusal(task: str, body: Any, content_type: str = JSON, accept: str = JSON) -> str:
    status, document = ask(task, body, content_type, accept)
    assert status == 400
    assert set(document) == {"code", "type", "message"}
    assert (document["code"], document["type"]) == (400, "InternalServerException")
    return str(document["message"])


def test_the_script_is_that_of_the_models_task() -> None:
    assert [task_of(weights(task)) for task in TASKS] == list(TASKS)
    assert task_of("s3://b/huggingface-infer/prepack/v1/infer-prepack-huggingface-tc-bert-base-cased.tar.gz") == "tc"
    with pytest.raises(ContainerStartError, match="no script for the weights"):
        ContainerSettings.of(image=SCRIPTS, environment={}, artifact=weights("llm"))


@pytest.mark.parametrize("task", ["sentencesimilarity", "textembedding"])
def test_embeddings_are_of_length_1_equal_for_equal_texts_and_near_for_similar_ones(task: str) -> None:
    texts = ["How cute your dog is!", "Your dog is so cute.", "The mitochondria is the powerhouse.", "A b", "a B"]
    vectors = answer(task, {"text_inputs": texts, "mode": "embedding"})["embedding"]

    def likeness(one: int, other: int) -> float:
        return float(sum(a * b for a, b in zip(vectors[one], vectors[other], strict=True)))

    assert [len(vector) for vector in vectors] == [384] * 5
    assert [round(likeness(index, index), 5) for index in range(5)] == [1.0] * 5
    assert likeness(0, 1) > 0.5 > 0.3 > likeness(0, 2)
    assert vectors[3] == vectors[4]
    assert answer(task, {"text_inputs": "A b"})["embedding"] == [vectors[3]]
    assert answer(task, json.dumps(texts).encode(), "application/x-text")["embedding"] == vectors
    assert answer(task, b"A b", "application/x-text")["embedding"] == vectors[3]


def test_the_nearest_of_a_corpus_comes_first() -> None:
    found = answer(
        "sentencesimilarity",
        {"corpus": ["a red car", "a blue sky"], "queries": ["blue sky"], "mode": "nn_corpus", "top_k": 2},
    )
    assert [one["corpus_id"] for one in found[0]] == [1, 0]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"inputs": ["a"]}, JSON),
        ({"text_inputs": []}, JSON),
        ({"text_inputs": [1]}, JSON),
        ({"text_inputs": ["a"], "mode": "nn"}, JSON),
        ({"text_inputs": ["a"], "dimensions": 5}, JSON),
        (b"{", JSON),
        (b"a", "text/plain"),
        (b"\xff", "application/x-text"),
        (b"", "application/x-text"),
    ],
)
def test_embeddings_are_refused_for_other_requests(body: Any, content_type: str) -> None:
    assert refusal("sentencesimilarity", body, content_type)


def test_images_are_numbers_or_jpegs_as_the_caller_accepts() -> None:
    request = {"prompt": "a cat", "num_images_per_prompt": 2, "width": 16, "height": 8, "seed": 1}
    numbers = answer("txt2img", request)["generated_images"]
    assert [(len(image), len(image[0]), len(image[0][0])) for image in numbers] == [(8, 16, 3)] * 2
    compressed = answer("txt2img", request, accept="application/json;jpeg")
    assert compressed["prompt"] == "a cat"
    images = [base64.b64decode(image) for image in compressed["generated_images"]]
    assert images == [pictures.jpeg(16, 8, image[0][0][0]) for image in numbers]
    assert images[0] != images[1]
    assert answer("txt2img", {**request, "seed": 2}, accept="application/json;jpeg") != compressed
    plain = answer("txt2img", b"a cat", "application/x-text", "application/json;jpeg")
    assert base64.b64decode(plain["generated_image"]) != images[0]


def test_pictures_have_the_structure_of_their_formats() -> None:
    jpeg = pictures.jpeg(32, 16, 200)
    assert jpeg.startswith(b"\xff\xd8\xff\xe0\x00\x10JFIF\0")
    assert jpeg.endswith(b"\xff\xd9")
    # Height and width of the frame. The first block: a category of 10 bits, the difference 576, the block's end.
    assert jpeg[jpeg.index(b"\xff\xc0") + 5 :][:4] == b"\x00\x10\x00\x20"
    scan = jpeg[jpeg.index(b"\xff\xda") + 10 : -2]
    bits = f"{int.from_bytes(scan, 'big'):0{8 * len(scan)}b}"
    assert bits.startswith("1010" + f"{576:010b}" + "0" + "00000" * 7)
    assert set(bits[15 + 35 :]) == {"1"}
    png = pictures.png(24, 16, 90)
    assert png.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x18\0\0\0\x10\x08\0")
    data = png[png.index(b"IDAT") + 4 : png.index(b"IEND") - 8]
    assert zlib.decompress(data) == (b"\0" + bytes([90]) * 24) * 16


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": ""},
        {"prompt": None},
        {"width": 100},
        {"height": -8},
        {"num_images_per_prompt": 0},
        {"num_inference_steps": 2.5},
        {"seed": "1"},
        {"guidance_scale": "7"},
        {"negative_prompt": 1},
        {"cfg_scale": 7},
    ],
)
def test_images_are_refused_for_wrong_parameters(changes: dict[str, Any]) -> None:
    assert refusal("txt2img", {"prompt": "a cat", **changes})


def test_images_are_painted_from_images_in_base64_or_numbers() -> None:
    image = base64.b64encode(pictures.jpeg(8, 8, 1)).decode()
    for task, more in (("inpainting", {"mask_image": image}), ("upscaling", {})):
        request = {"prompt": "a cat", "image": image, **more}
        found = answer(task, request, "application/json;jpeg", "application/json;jpeg")
        assert base64.b64decode(found["generated_images"][0]).startswith(b"\xff\xd8")
        assert "nested list" in refusal(task, request)
        assert refusal(task, {"prompt": "a cat"}, "application/json;jpeg")


def test_stability_ais_container_answers_one_png() -> None:
    request = {"text_prompts": [{"text": "a cat"}], "width": 512, "height": 512, "num_images_per_prompt": 3}
    image = base64.b64decode(answer("imagegeneration", request, image=STABILITY)["generated_image"])
    assert image.startswith(b"\x89PNG")
    refused: list[dict[str, Any]] = [{"prompt": "a cat"}, {**request, "width": 500}, {"text_prompts": []}]
    for wrong in refused:
        assert ask("imagegeneration", wrong, image=STABILITY)[0] == 400


def test_speech_is_written_by_its_sound() -> None:
    text = answer("asr", wav(1.5), "audio/wav")["text"]
    assert text == answer("asr", wav(1.5), "audio/wav")["text"]
    assert text != answer("asr", wav(1.6), "audio/wav")["text"]
    assert len(text[0].split()) == 3
    coded = {"audio_input": wav(1.5).hex(), "language": "french", "task": "transcribe"}
    assert answer("asr", coded)["text"] == text
    assert answer("asr", {**coded, "task": "translate"})["text"] != text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"ID3", "audio/wav"),
        (wav(rate=8000), "audio/wav"),
        (wav(30), "audio/wav"),
        (wav(), "audio/mpeg"),
        ({"audio_input": "xyz"}, JSON),
        ({"audio_input": wav().hex(), "language": "fr"}, JSON),
        ({"audio_input": wav().hex(), "task": "summarize"}, JSON),
        ({"audio_input": wav().hex(), "prompt": "x"}, JSON),
        ({"inputs": wav().hex()}, JSON),
    ],
)
def test_speech_is_refused_in_another_form(body: Any, content_type: str) -> None:
    assert refusal("asr", body, content_type)


def test_encoders_answer_in_their_own_forms() -> None:
    verbose = answer("tc", b"a good film", "application/x-text", "application/json;verbose")
    assert sum(verbose["probabilities"]) == pytest.approx(1)
    assert verbose["predicted_label"] in verbose["labels"]
    assert set(answer("tc", b"a good film", "application/x-text")) == {"probabilities"}
    pair = b'["Is it new?", "It is new here."]'
    assert set(answer("spc", pair, "application/list-text")) == {"probabilities"}
    assert answer("eqa", pair, "application/list-text")["answer"] in "It is new here."
    assert answer("ner", b"Ada met Bob", "application/x-text")["predictions"][1]["start"] == 8
    assert answer("summarization", b"word " * 30, "application/x-text")["summary_text"] == "word " * 19 + "word"
    assert answer("translation", b"one two", "application/x-text") == {"translation_text": "two one"}
    labels = answer("zstc", {"sequences": "a trip", "candidate_labels": ["travel", "food"]})
    assert sorted(labels["labels"]) == ["food", "travel"]
    assert labels["scores"] == sorted(labels["scores"], reverse=True)
    for task, body, kind in (
        ("tc", {"a": 1}, JSON),
        ("spc", ["one"], "application/list-text"),
        ("zstc", {"sequences": "a"}, JSON),
        ("ner", b"x", "application/x-image"),
    ):
        assert refusal(task, body, kind)
    assert refusal("tc", b"x", "application/x-text", "text/csv")


def test_text_embeddings_inference_embeds_and_ranks_by_its_model() -> None:
    def tei(body: Any, **environment: str) -> tuple[int, Any]:
        return ask("", body, image=TEI, artifact="", **environment)

    embedding = {"HF_MODEL_ID": "BAAI/bge-small-en-v1.5"}
    status, vectors = tei({"inputs": ["a", "b"], "dimensions": 8}, **embedding)
    assert (status, [len(vector) for vector in vectors]) == (200, [8, 8])
    assert tei({"inputs": [[1, 2], [1, 2]]}, **embedding)[1][0] == tei({"inputs": [1, 2]}, **embedding)[1][0]
    long = {"inputs": "a " * 600}
    assert tei(long, **embedding)[0] == 200
    status, error = tei({**long, "truncate": False}, **embedding)
    assert (status, error["error_type"]) == (422, "Validation")
    assert tei({"inputs": ["a"] * 33}, **embedding)[1]["error"] == "batch size 33 > maximum allowed batch size 32"
    assert tei({"inputs": ["a"] * 33}, MAX_CLIENT_BATCH_SIZE="64", **embedding)[0] == 200
    assert tei({"inputs": []}, **embedding)[0] == 400
    assert tei({"inputs": [""]}, **embedding)[0] == 400
    assert tei({"inputs": [{}]}, **embedding)[0] == 422
    assert tei({"text_inputs": ["a"]}, **embedding)[0] == 422
    assert tei(b"{", **embedding)[0] == 400
    assert tei({"inputs": "a" * 2_000_001}, **embedding)[0] == 413

    ranking = {"HF_MODEL_ID": "BAAI/bge-reranker-base"}
    status, ranks = tei({"query": "blue sky", "texts": ["a car", "the blue sky"], "return_text": True}, **ranking)
    assert (status, [rank["index"] for rank in ranks], ranks[0]["text"]) == (200, [1, 0], "the blue sky")
    assert tei({"query": "x", "texts": []}, **ranking)[0] == 400
    assert tei({"inputs": "x"}, **ranking)[0] == 422
