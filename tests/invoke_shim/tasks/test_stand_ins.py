"""The function's requests are those that the stand-ins, which are as strict as the documents, take and answer."""

import base64
import json
from typing import Any

import pytest

from invoke_shim.backends.base import JSON, NativeReply, Payload
from invoke_shim.deadline import Deadline
from invoke_shim.openai.audio import Speech
from invoke_shim.openai.embeddings import Embeddings
from invoke_shim.openai.images import Images
from invoke_shim.openai.languages import LANGUAGES
from invoke_shim.openai.rerank import Rerank
from localaws.containers import ContainerSettings
from localaws.containers.serving import Serving
from localaws.containers.tasks import scripts
from tests.invoke_shim.tasks.scripted import MODEL_NAME, log, settings
from tests.invoke_shim.tasks.test_audio import FORM, form, wav
from tests.localaws.containers.test_tasks import SCRIPTS, STABILITY, TEI, weights


class StandIn:
    """A stand-in in place of an endpoint; whatever it refuses fails the test."""

    def __init__(self, image: str, task: str, **environment: str) -> None:
        self._settings = ContainerSettings.of(image=image, environment=environment, artifact=weights(task))

    def send(self, payload: Payload, _deadline: Deadline) -> NativeReply:
        serving = Serving(settings=self._settings, content_type=payload.content_type, accept=payload.accept)
        response = scripts.respond(payload.body, serving)
        assert response.status == 200, response.body
        assert isinstance(response.body, str)
        return NativeReply(response.body.encode(), JSON)


def soon() -> Deadline:
    return Deadline.after(20)


@pytest.mark.parametrize(("container", "image"), [("other", SCRIPTS), ("tei", TEI)])
def test_embeddings_of_many_texts(container: str, image: str) -> None:
    api = Embeddings(settings(container=container, task="embedding"), StandIn(image, "sentencesimilarity"))
    texts = [f"text number {index % 7}, ünïcödé" for index in range(70)]
    data: list[Any] = api.answer({"model": MODEL_NAME, "input": texts}, soon(), log()).body["data"]
    assert len(data) == 70
    assert all(data[index]["embedding"] == data[index % 7]["embedding"] for index in range(70))
    assert data[0]["embedding"] != data[1]["embedding"]


def test_reranking_of_many_documents() -> None:
    stand_in = StandIn(TEI, "", HF_MODEL_ID="BAAI/bge-reranker-base")
    api = Rerank(settings(container="tei", task="rerank"), stand_in)
    documents = [*(f"about cars {index}" for index in range(40)), "the blue sky"]
    body = {"model": MODEL_NAME, "query": "blue sky", "documents": documents, "top_n": 1}
    assert [result["index"] for result in api.answer(body, soon(), log()).body["results"]] == [40]


@pytest.mark.parametrize(
    ("container", "image", "beginning", "extra"),
    [
        ("other", SCRIPTS, b"\xff\xd8", {"guidance_scale": 7, "negative_prompt": "x", "num_inference_steps": 5}),
        ("stability", STABILITY, b"\x89PNG", {"cfg_scale": 7, "steps": 5}),
    ],
)
def test_images_in_several_and_in_a_size(container: str, image: str, beginning: bytes, extra: dict[str, Any]) -> None:
    api = Images(settings(container=container, task="image"), StandIn(image, "txt2img"))
    body = {"model": MODEL_NAME, "prompt": "a cat", "n": 2, "size": "128x64", "seed": 3, **extra}
    images = [base64.b64decode(one["b64_json"]) for one in api.answer(body, soon(), log()).body["data"]]
    assert len(images) == 2
    assert images[0] != images[1]
    assert all(found.startswith(beginning) for found in images)


def test_speech_with_and_without_options() -> None:
    api = Speech(settings(task="transcription"), StandIn(SCRIPTS, "asr"))

    def text(task: Any, *fields: tuple[str, bytes]) -> str:
        raw = form(("model", MODEL_NAME.encode()), ("file", wav()), *fields)
        return str(api.answer(raw, FORM["Content-Type"], task, soon(), log()).body["text"])

    plain = text("transcribe")
    assert plain
    assert text("transcribe", ("temperature", b"0.4")) == plain
    assert text("translate") != plain
    assert {text("transcribe", ("language", code.encode())) for code in LANGUAGES} == {plain}


def test_the_payload_in_json_is_ascii() -> None:
    api = Embeddings(settings(task="embedding"), Ascii())
    api.answer({"model": MODEL_NAME, "input": "ünïcödé \N{GRINNING FACE}"}, soon(), log())


class Ascii:
    """A container that takes nothing else."""

    def send(self, payload: Payload, _deadline: Deadline) -> NativeReply:
        assert json.loads(payload.body.decode("ascii"))["text_inputs"] == ["ünïcödé \N{GRINNING FACE}"]
        return NativeReply(b'{"embedding": [[1.0]]}', JSON)
