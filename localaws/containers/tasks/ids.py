"""Tasks of JumpStart's models whose scripts are imitated, as their ids name them."""

from __future__ import annotations

import re
from typing import Final

TASKS: Final = (
    *("asr", "eqa", "imagegeneration", "inpainting", "ner", "sentencesimilarity", "spc", "summarization", "tc"),
    *("textembedding", "translation", "txt2img", "txt2imgneuron", "upscaling", "zstc"),
)
_ID: Final = re.compile(r"(?:huggingface|model)-([a-z0-9]+)-")


def task_of(artifact: str) -> str:
    """Return the task in a JumpStart model's id, which the key of its weights has in it; empty if it has none."""
    return next((task for task in _ID.findall(artifact) if task in TASKS), "")
