"""`POST /v1/embeddings`: texts in, vectors out."""

import base64
import struct
from collections.abc import Mapping
from typing import Any

from invoke_shim.backends.base import TaskBackend
from invoke_shim.backends.containers.base import decode
from invoke_shim.backends.streams import not_understood
from invoke_shim.backends.tasks.embeddings import EmbeddingContainer, TextOrIds, batches, container_of
from invoke_shim.deadline import Deadline
from invoke_shim.errors import Problem, refuse, show
from invoke_shim.openai.tasks import TaskAnswer, headers_of, model_problems, usage_members, usage_of
from invoke_shim.rules.base import Check, check_all
from invoke_shim.rules.checks import MAX_INT32, anything, integer, text
from invoke_shim.settings import Settings
from invoke_shim.telemetry.request_log import RequestLog

MOST_TEXTS = 2048
"""Texts of one request: OpenAI's own limit of `input`."""

LONGEST_VECTOR = 65_536
"""Dimensions that may be asked for: more than any published model has."""


def encoding_format(value: Any) -> str | None:
    """Check for a form of vectors that OpenAI's API knows."""
    return None if value in ("float", "base64") else "'float' or 'base64'"


_CHECKS: Mapping[str, Check] = {
    "dimensions": integer(1, LONGEST_VECTOR),
    "encoding_format": encoding_format,
    "input": anything,
    "model": anything,
    "user": anything,
}


class Embeddings:
    """Answers requests for vectors.

    Args:
        settings: The function's settings.
        backend: Sends to the model.
    """

    def __init__(self, settings: Settings, backend: TaskBackend) -> None:
        self._settings = settings
        self._backend = backend
        self._container = container_of(settings.container)

    def answer(self, body: dict[str, Any], deadline: Deadline, log: RequestLog) -> TaskAnswer:
        """Answer one request, with as many requests to the container as its texts need.

        Raises:
            ApiError: 400, with all that is wrong; 404, another model is meant; what the backend raises.
        """
        # OpenAI's clients leave options out or send null.
        given = {name: value for name, value in body.items() if value is not None}
        problems = model_problems(given.get("model"), self._settings)
        right, found = check_all(given, _CHECKS)
        texts, input_problems = _read_input(given.get("input"), self._container)
        problems += [*found, *input_problems]
        dimensions = right.get("dimensions")
        if dimensions is not None and not self._container.takes_dimensions:
            problems.append(
                Problem("dimensions", "dimensions is not taken by this model's container: its vectors have one length")
            )
        if problems:
            raise refuse(problems)
        log.record_prompt(texts)
        vectors: list[list[float]] = []
        told: int | None = 0
        for batch in batches(self._container, texts):
            reply = self._backend.send(self._container.payload(batch, dimensions), deadline)
            read = self._container.read(decode(reply.body), len(batch))
            vectors += read.vectors
            told = None if told is None or read.tokens is None else told + read.tokens
        if any(len(vector) != (dimensions or len(vectors[0])) for vector in vectors):
            # An older container ignores the number of dimensions.
            raise not_understood()
        log.usage = usage = usage_of(texts, told, self._settings)
        write = _base64 if right.get("encoding_format") == "base64" else _float
        data = [
            {"object": "embedding", "index": index, "embedding": write(vector)} for index, vector in enumerate(vectors)
        ]
        answer = {"object": "list", "data": data, "model": self._settings.model_name, **usage_members(usage)}
        return TaskAnswer(answer, headers=headers_of(usage))


def _read_input(value: Any, container: EmbeddingContainer) -> tuple[list[TextOrIds], list[Problem]]:
    """Read `input`: a text, texts, the token ids of one text, or of several."""
    if isinstance(value, str) or (isinstance(value, list) and value and type(value[0]) is int):
        texts, single = [value], True
    elif isinstance(value, list) and value:
        texts, single = value, False
    else:
        return [], [Problem("input", f"input is {show(value)}, expected a text, or a list of at least one text")]
    if len(texts) > MOST_TEXTS:
        return [], [Problem("input", f"input has {len(texts)} texts, at most {MOST_TEXTS} are allowed")]
    problems = []
    for index, item in enumerate(texts):
        where = "input" if single else f"input[{index}]"
        expected = _ids_problem(item, container) if isinstance(item, list) else text(item)
        if expected is not None:
            problems.append(Problem(where, f"{where} is {show(item)}, expected {expected}"))
    return texts, problems


def _ids_problem(ids: list[Any], container: EmbeddingContainer) -> str | None:
    if not container.takes_ids:
        return (
            "a text: this model's container takes no token ids (LangChain sends them unless "
            "check_embedding_ctx_length=False)"
        )
    right = ids and all(type(item) is int and 0 <= item <= MAX_INT32 for item in ids)
    return None if right else "a text, or a list of at least one token id"


def _float(vector: list[float]) -> list[float]:
    return vector


def _base64(vector: list[float]) -> str:
    """Encode as OpenAI does: 32-bit floats, the lowest byte first."""
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
    except OverflowError:
        # A number that no 32-bit float holds.
        raise not_understood() from None
