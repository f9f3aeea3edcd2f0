"""Answer a request by the container, and the script, that it is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from localaws.containers.messages import ContainerResponse
from localaws.containers.serving import Serving
from localaws.containers.tasks import classification, embeddings, images, speech, stability, tei
from localaws.containers.tasks.requests import RefusedError, TaskRequest

Answer = Callable[[TaskRequest], ContainerResponse]

_SCRIPTS: Final[Mapping[str, Answer]] = {
    "asr": speech.answer,
    "eqa": classification.answer_extraction,
    "imagegeneration": images.answer,
    "inpainting": images.answer_painting,
    "ner": classification.answer_entities,
    "sentencesimilarity": embeddings.answer,
    "spc": classification.answer_pair,
    "summarization": classification.answer_summary,
    "tc": classification.answer_class,
    "textembedding": embeddings.answer,
    "translation": classification.answer_translation,
    "txt2img": images.answer,
    "txt2imgneuron": images.answer,
    "upscaling": images.answer_painting,
    "zstc": classification.answer_labels,
}


def respond(body: bytes, serving: Serving) -> ContainerResponse:
    """Answer one request to `/invocations`."""
    request = TaskRequest(body=body, content_type=serving.content_type, accept=serving.accept)
    try:
        match serving.settings.family:
            case "tei":
                return tei.answer(request, serving.settings)
            case "stability":
                return stability.answer(request)
            case _:
                return _SCRIPTS[serving.settings.task](request)
    except RefusedError as error:
        return error.response
