"""JumpStart's scripts of encoders, and of models that turn a text into another: AWS's notebooks `Amazon_JumpStart_*`.

They read `application/x-text`, `application/list-text` (a pair of texts as a JSON list) or JSON, and write more to
`application/json;verbose`.
"""

from __future__ import annotations

from typing import Any, Final

from localaws.containers.messages import ContainerResponse
from localaws.containers.tasks.requests import JSON, LIST, TEXT, RefusedError, TaskRequest, number_of

_LABELS: Final = ["negative", "positive"]


def answer_class(request: TaskRequest) -> ContainerResponse:
    """Answer a text with the probability of each class (`tc`)."""
    request.taken(TEXT)
    return _classes(request, request.text())


def answer_pair(request: TaskRequest) -> ContainerResponse:
    """Answer two texts with the probability of each class (`spc`)."""
    return _classes(request, "\n".join(_pair(request)))


def answer_extraction(request: TaskRequest) -> ContainerResponse:
    """Answer a question and a context with a part of the context (`eqa`)."""
    question, context = _pair(request)
    words = context.split() or [""]
    first = number_of(question, context) % len(words)
    return ContainerResponse.of_json(200, {"answer": " ".join(words[first : first + 3])})


def answer_entities(request: TaskRequest) -> ContainerResponse:
    """Answer a text with its entities (`ner`): its words with a capital letter."""
    request.taken(TEXT)
    found, place = [], 0
    text = request.text()
    for word in text.split():
        place = text.index(word, place)
        if word[:1].isupper():
            found.append({"entity": "MISC", "word": word, "start": place, "end": place + len(word)})
        place += len(word)
    return ContainerResponse.of_json(200, {"predictions": found})


def answer_summary(request: TaskRequest) -> ContainerResponse:
    """Answer a text with its first words (`summarization`)."""
    request.taken(TEXT)
    return ContainerResponse.of_json(200, {"summary_text": " ".join(request.text().split()[:20])})


def answer_translation(request: TaskRequest) -> ContainerResponse:
    """Answer a text with its words in reverse (`translation`)."""
    request.taken(TEXT)
    return ContainerResponse.of_json(200, {"translation_text": " ".join(reversed(request.text().split()))})


def answer_labels(request: TaskRequest) -> ContainerResponse:
    """Answer a text and labels with the score of each, the best first (`zstc`)."""
    request.taken(JSON)
    members = request.members(("sequences", "candidate_labels"), ("multi_class", "multi_label", "hypothesis_template"))
    text, labels = members["sequences"], members["candidate_labels"]
    if not isinstance(text, str) or not _is_texts(labels):
        raise RefusedError("sequences must be a text, candidate_labels a list of texts")
    weights = {label: 1 + number_of(text, label) % 100 for label in labels}
    best = sorted(labels, key=lambda label: -weights[label])
    scores = [round(weights[label] / sum(weights.values()), 6) for label in best]
    return ContainerResponse.of_json(200, {"sequence": text, "labels": best, "scores": scores})


def _pair(request: TaskRequest) -> list[str]:
    request.taken(LIST)
    pair = request.document()
    if not _is_texts(pair) or len(pair) != 2:
        raise RefusedError("the body must be a list of two texts")
    return [str(text) for text in pair]


def _classes(request: TaskRequest, text: str) -> ContainerResponse:
    positive = round(number_of(text) % 1000 / 1000, 3)
    probabilities = [round(1 - positive, 3), positive]
    document: dict[str, Any] = {"probabilities": probabilities}
    if "verbose" in request.suffixes(request.accept):
        document |= {"labels": _LABELS, "predicted_label": _LABELS[positive >= 0.5]}
    return ContainerResponse.of_json(200, document)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)
