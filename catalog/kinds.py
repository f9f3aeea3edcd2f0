"""Kinds of JumpStart's models: what each is for, and the route of OpenAI's API that serves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.chats import is_trained_to_chat
from catalog.tasks import task_of

Task = Literal["text", "embedding", "image", "transcription", "rerank", "native"]
"""The invoke shim's setting TASK: the routes that it serves."""

ROUTES: Mapping[Task, str] = {
    "embedding": "/v1/embeddings",
    "image": "/v1/images/generations",
    "transcription": "/v1/audio/transcriptions",
    "rerank": "/v1/rerank",
    "native": "/invocations",
}
"""The route of each task but `text`, which has two: chats where something writes their prompts, and completions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of model.

    Attributes:
        name: One or a few words, such as `embedding`; the search finds models by them.
        task: The shim's task where the container's protocol is known.
        takes: What a request carries, in a few words.
        gives: What an answer carries, likewise.
    """

    name: str
    task: Task
    takes: str
    gives: str


CHAT = Kind(name="chat", task="text", takes="messages, or a prompt", gives="text")
VISION_CHAT = Kind(name="chat with images", task="text", takes="messages with images, or a prompt", gives="text")
COMPLETION = Kind(name="completion", task="text", takes="a prompt", gives="the text that follows")
VISION_COMPLETION = Kind(name="completion with images", task="text", takes="a prompt with images", gives="text")
RERANKING = Kind(name="reranking", task="rerank", takes="a query and documents", gives="a score for each document")
OTHER = Kind(name="other", task="native", takes="the container's own request", gives="the container's own answer")

_EMBEDDING = Kind(name="embedding", task="embedding", takes="texts", gives="a vector for each")
_IMAGE = Kind(name="image generation", task="image", takes="a prompt", gives="images")
# Tasks as the second part of an id names them (`catalog.tasks`). `spc` and others of the encoders answer in forms of
# their own, for which OpenAI's API has no route.
_BY_TASK: Mapping[str, Kind] = {
    "asr": Kind(name="speech recognition", task="transcription", takes="a recording", gives="its text"),
    "depth2img": Kind(name="image from depth", task="native", takes="an image and a prompt", gives="an image"),
    "eqa": Kind(name="question answering", task="native", takes="a question and a text", gives="the answer's words"),
    "fillmask": Kind(name="masked words", task="native", takes="a text with a mask", gives="words for the mask"),
    "imagegeneration": _IMAGE,
    "inpainting": Kind(
        name="inpainting", task="native", takes="an image, its mask and a prompt", gives="the image painted in"
    ),
    "ner": Kind(name="named entities", task="native", takes="a text", gives="its entities"),
    "od": Kind(name="object detection", task="native", takes="an image", gives="its objects"),
    "sentencesimilarity": _EMBEDDING,
    "spc": Kind(
        name="sentence pair classification", task="native", takes="two sentences", gives="a probability for each class"
    ),
    "summarization": Kind(name="summarization", task="native", takes="a text", gives="its summary"),
    "tc": Kind(name="text classification", task="native", takes="a text", gives="a probability for each class"),
    "textembedding": _EMBEDDING,
    "translation": Kind(name="translation", task="native", takes="a text", gives="its translation"),
    "txt2img": _IMAGE,
    "txt2imgneuron": _IMAGE,
    "upscaling": Kind(name="upscaling", task="native", takes="an image and a prompt", gives="a larger image"),
    "zstc": Kind(
        name="zero-shot classification", task="native", takes="a text and labels", gives="a probability for each label"
    ),
}
_TEXT = frozenset({"llm", "reasoning", "text2text", "textgeneration", "textgenerationjp", "vlm"})


def kind_of(model_id: str) -> Kind:
    """Return the kind of a JumpStart model."""
    task = task_of(model_id)
    if "reranker" in model_id:
        return RERANKING
    if task not in _TEXT:
        return _BY_TASK.get(task, OTHER)
    if is_trained_to_chat(model_id):
        return VISION_CHAT if task == "vlm" else CHAT
    return VISION_COMPLETION if task == "vlm" else COMPLETION
