"""Tasks of JumpStart's models, by the second part of their ids; the lock holds no other sign of them."""

import re
from collections.abc import Mapping

WITHOUT_TEXT: Mapping[str, str] = {
    "asr": "speech recognition",
    "depth2img": "images from depth maps",
    "eqa": "extracted answers",
    "fillmask": "filled masks",
    "imagegeneration": "images",
    "inpainting": "inpainting",
    "ner": "named entities",
    "od": "object detection",
    "sentencesimilarity": "sentence embeddings",
    "spc": "sentence pairs",
    "tc": "text classification",
    "textembedding": "text embeddings",
    "txt2img": "images from texts",
    "txt2imgneuron": "images from texts",
    "upscaling": "upscaling",
    "zstc": "zero-shot classification",
}
"""Tasks whose models generate no text, whatever image they run in, with words for each."""


def task_of(model_id: str) -> str:
    """Return the task in a model's id, such as `llm`; empty where it has none.

    Some ids number it: `meta-textgeneration1-...`.
    """
    found = re.match(r"[^-]+-([a-z0-9]+?)[0-9]*-", f"{model_id}-")
    return found[1] if found else ""
