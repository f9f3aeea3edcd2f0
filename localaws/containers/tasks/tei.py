"""Text Embeddings Inference's `/invocations` (huggingface/text-embeddings-inference, `router/src/http`).

An embedding model has `embed` there, a reranking one `rerank`. Errors have `error` and `error_type`; a body of another
form is 422 with the reader's own words, which are not imitated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from localaws.containers.messages import ContainerResponse, as_json, is_integer
from localaws.containers.settings import ContainerSettings
from localaws.containers.tasks.embeddings import DIMENSIONS, vector_of, words_of
from localaws.containers.tasks.requests import JSON, TaskRequest

_STATUSES: Final[Mapping[str, int]] = {"Empty": 400, "Validation": 422}


class _TeiError(Exception):
    """A request that is refused."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.response = ContainerResponse.of_json(_STATUSES[kind], {"error": message, "error_type": kind})


def answer(request: TaskRequest, settings: ContainerSettings) -> ContainerResponse:
    """Answer one request."""
    if request.kind != JSON:
        return _plain(415, "Expected request with `Content-Type: application/json`")
    if len(request.body) > settings.max_body_bytes:
        return _plain(413, "Failed to buffer the request body: length limit exceeded")
    try:
        document = as_json(request.body)
    except ValueError as error:
        return _plain(400, f"Failed to parse the request body as JSON: {error}")
    if not isinstance(document, dict):
        return _unreadable("expected an object")
    try:
        return _rerank(document, settings) if settings.task == "rerank" else _embed(document, settings)
    except _TeiError as error:
        return error.response


def _embed(document: Mapping[str, Any], settings: ContainerSettings) -> ContainerResponse:
    value = document.get("inputs")
    inputs = value if isinstance(value, list) and not (value and is_integer(value[0])) else [value]
    if not all(isinstance(item, str) or _is_ids(item) for item in inputs):
        return _unreadable("data did not match any variant of untagged enum Input")
    dimensions = document.get("dimensions") or DIMENSIONS
    if not is_integer(dimensions) or not 0 < dimensions <= DIMENSIONS:
        raise _TeiError("Validation", f"`dimensions` should be positive and less than {DIMENSIONS}")
    _check_batch(inputs, "inputs", settings)
    vectors = [_vector(item, document, settings, dimensions) for item in inputs]
    return ContainerResponse.of_json(200, vectors)


def _vector(item: Any, document: Mapping[str, Any], settings: ContainerSettings, dimensions: int) -> list[float]:
    if not item:
        raise _TeiError("Empty", "`inputs` cannot be empty")
    parts = words_of(item) if isinstance(item, str) else item
    if len(parts) > settings.max_input_tokens and not document.get("truncate", True):
        raise _TeiError(
            "Validation", f"`inputs` must have less than {settings.max_input_tokens} tokens. Given: {len(parts)}"
        )
    return vector_of(parts[: settings.max_input_tokens], dimensions)


def _rerank(document: Mapping[str, Any], settings: ContainerSettings) -> ContainerResponse:
    query, texts = document.get("query"), document.get("texts")
    if not isinstance(query, str) or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return _unreadable("missing field `query` or `texts`, or one of another type")
    if not texts:
        raise _TeiError("Empty", "`texts` cannot be empty")
    _check_batch(texts, "texts", settings)
    asked = vector_of(words_of(query))
    ranks = []
    for index, text in enumerate(texts):
        likeness = sum(a * b for a, b in zip(asked, vector_of(words_of(text)), strict=True))
        shown = {"text": text} if document.get("return_text") else {}
        ranks.append({"index": index, **shown, "score": round((1 + likeness) / 2, 6)})
    return ContainerResponse.of_json(200, sorted(ranks, key=lambda rank: -rank["score"]))


def _check_batch(items: list[Any], name: str, settings: ContainerSettings) -> None:
    if not items:
        raise _TeiError("Empty", f"`{name}` cannot be empty")
    if len(items) > settings.max_batch:
        raise _TeiError("Validation", f"batch size {len(items)} > maximum allowed batch size {settings.max_batch}")


def _is_ids(value: Any) -> bool:
    return isinstance(value, list) and all(is_integer(item) and item >= 0 for item in value)


def _unreadable(reason: str) -> ContainerResponse:
    return _plain(422, f"Failed to deserialize the JSON body into the target type: {reason}")


def _plain(status: int, text: str) -> ContainerResponse:
    """Return an error of the web framework's, which is text."""
    return ContainerResponse(status=status, body=text, content_type="text/plain; charset=utf-8")
