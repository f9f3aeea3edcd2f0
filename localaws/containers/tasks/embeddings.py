"""JumpStart's script of embeddings (AWS's notebook `text-embedding-sentence-similarity`)."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final

from localaws.containers.messages import ContainerResponse, is_integer
from localaws.containers.tasks.requests import JSON, TEXT, RefusedError, TaskRequest

DIMENSIONS: Final = 384
"""Those of MiniLM-L6 and of the small models of BGE, E5 and GTE."""

_MODES: Final = ("embedding", "nn_corpus")


def vector_of(parts: Iterable[str | int], dimensions: int = DIMENSIONS) -> list[float]:
    """Return the vector of a text's words or token ids: of length 1, equal for the same, near for similar ones.

    It is the sum of a random vector for each word, normalized.
    """
    sums = [0.0] * dimensions
    for part in parts:
        noise = hashlib.shake_128(str(part).encode()).digest(dimensions)
        sums = [total + byte - 127.5 for total, byte in zip(sums, noise, strict=True)]
    length = math.sqrt(sum(total * total for total in sums)) or 1.0
    return [round(total / length, 7) for total in sums]


def words_of(text: str) -> list[str]:
    """Return a text's words in lower case; a text without any is one word."""
    return re.findall(r"\w+", text.lower()) or [text]


def answer(request: TaskRequest) -> ContainerResponse:
    """Answer one request: a text, a list of texts, or an object with `text_inputs` and perhaps a `mode`."""
    request.taken(JSON, TEXT)
    if request.kind == TEXT:
        return _answer_text(request.text())
    document = request.document()
    if isinstance(document, dict) and document.get("mode") == "nn_corpus":
        return _answer_neighbours(request.members(("corpus", "queries", "mode"), ("top_k", "return_text")))
    members = request.members(("text_inputs",), ("mode",))
    if members.get("mode", "embedding") not in _MODES:
        raise RefusedError(f"mode {members['mode']!r} is none of {', '.join(_MODES)}")
    value = members["text_inputs"]
    texts = _texts([value] if isinstance(value, str) else value, "text_inputs")
    return _vectors(texts)


def _answer_text(text: str) -> ContainerResponse:
    """Answer plain text with its vector, and a JSON list, as the notebook sends it, with a vector for each."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, list):
        return _vectors(_texts(value, "the list"))
    return ContainerResponse.of_json(200, {"embedding": vector_of(words_of(text))})


def _answer_neighbours(members: dict[str, Any]) -> ContainerResponse:
    corpus, queries = _texts(members["corpus"], "corpus"), _texts(members["queries"], "queries")
    top_k = members.get("top_k", 1)
    if not is_integer(top_k) or top_k < 1:
        raise RefusedError("top_k must be a positive integer")
    known = [vector_of(words_of(text)) for text in corpus]
    neighbours = []
    for query in queries:
        asked = vector_of(words_of(query))
        scores = [sum(a * b for a, b in zip(asked, vector, strict=True)) for vector in known]
        best = sorted(range(len(corpus)), key=lambda index: -scores[index])[:top_k]
        neighbours.append([{"corpus_id": index, "score": scores[index]} for index in best])
    return ContainerResponse.of_json(200, neighbours)


def _vectors(texts: list[str]) -> ContainerResponse:
    return ContainerResponse.of_json(200, {"embedding": [vector_of(words_of(text)) for text in texts]})


def _texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
        raise RefusedError(f"{name} must be a text, or a list of at least one")
    return value
