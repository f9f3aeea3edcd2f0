"""`POST /v1/rerank`, as Cohere and Jina have it: a query and documents in, their relevance out."""

import os
from collections.abc import Mapping
from typing import Any

from invoke_shim.backends.base import TaskBackend
from invoke_shim.backends.containers.base import decode
from invoke_shim.backends.tasks.rerank import container_of
from invoke_shim.deadline import Deadline
from invoke_shim.errors import Problem, refuse, show
from invoke_shim.openai.tasks import TaskAnswer, headers_of, model_problems, usage_members, usage_of
from invoke_shim.rules.base import Check, check_all
from invoke_shim.rules.checks import anything, flag, integer, text
from invoke_shim.settings import Settings
from invoke_shim.telemetry.request_log import RequestLog

MOST_DOCUMENTS = 1000
"""Documents of one request: Cohere's recommended limit."""

_CHECKS: Mapping[str, Check] = {
    "documents": anything,
    "model": anything,
    "query": text,
    "return_documents": flag,
    "top_n": integer(1),
    "user": anything,
}


class Rerank:
    """Answers requests for the relevance of documents.

    Args:
        settings: The function's settings.
        backend: Sends to the model.
    """

    def __init__(self, settings: Settings, backend: TaskBackend) -> None:
        self._settings = settings
        self._backend = backend
        self._container = container_of(settings.container)

    def answer(self, body: dict[str, Any], deadline: Deadline, log: RequestLog) -> TaskAnswer:
        """Answer one request, with as many requests to the container as its documents need.

        Raises:
            ApiError: 400, with all that is wrong; 404, another model is meant; what the backend raises.
        """
        given = {name: value for name, value in body.items() if value is not None}
        problems = model_problems(given.get("model"), self._settings)
        right, found = check_all(given, _CHECKS)
        if "query" not in given:
            problems.append(Problem("query", "query is missing, expected a non-empty string"))
        documents, document_problems = _read_documents(given.get("documents"))
        problems += [*found, *document_problems]
        if problems:
            raise refuse(problems)
        query = right["query"]
        log.record_prompt([query, documents])
        scores: list[float] = []
        told: int | None = 0
        for start in range(0, len(documents), self._container.most_texts):
            batch = documents[start : start + self._container.most_texts]
            reply = self._backend.send(self._container.payload(query, batch), deadline)
            read = self._container.read(decode(reply.body), len(batch))
            scores += read.scores
            told = None if told is None or read.tokens is None else told + read.tokens
        # The query is read anew with each document.
        texts = [part for document in documents for part in (query, document)]
        log.usage = usage = usage_of(texts, told, self._settings)
        ranked = sorted(range(len(documents)), key=lambda index: (-scores[index], index))[: right.get("top_n")]
        results: list[dict[str, Any]] = [{"index": index, "relevance_score": scores[index]} for index in ranked]
        if right.get("return_documents"):
            for result in results:
                result["document"] = {"text": documents[result["index"]]}
        answer = {
            "id": f"rerank-{os.urandom(16).hex()}",
            "object": "list",
            "model": self._settings.model_name,
            "results": results,
            **usage_members(usage),
        }
        return TaskAnswer(answer, headers=headers_of(usage))


def _read_documents(value: Any) -> tuple[list[str], list[Problem]]:
    """Read `documents`: texts, or objects with a text."""
    if not isinstance(value, list) or not value:
        return [], [Problem("documents", f"documents is {show(value)}, expected a list of at least one text")]
    if len(value) > MOST_DOCUMENTS:
        return [], [Problem("documents", f"documents has {len(value)} texts, at most {MOST_DOCUMENTS} are allowed")]
    documents: list[str] = []
    problems = []
    for index, item in enumerate(value):
        document = item["text"] if isinstance(item, dict) and list(item) == ["text"] else item
        if (expected := text(document)) is not None:
            where = f"documents[{index}]"
            problems.append(
                Problem(where, f"{where} is {show(item)}, expected {expected}, or an object with one as its text alone")
            )
        documents.append(document)
    return documents, problems
