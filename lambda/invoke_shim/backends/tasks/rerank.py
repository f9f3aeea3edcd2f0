"""Containers of reranking models.

| container | request | answer |
|---|---|---|
| Text Embeddings Inference (`tei`) | `{"query", "texts"}`, at most 32 texts | `[{"index", "score"}, ...]` |
| vLLM (`vllm`) | `{"query", "documents"}` | `{"results": [{"index", "relevance_score"}, ...], "usage": {...}}` |

Sources: TEI's `router/src/http/types.rs` and `router/src/main.rs`; vLLM's `entrypoints/pooling/score` and
`entrypoints/sagemaker`.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from invoke_shim.backends.base import Payload
from invoke_shim.backends.containers.base import count, encode
from invoke_shim.backends.streams import not_understood
from invoke_shim.contract import ContainerName


class Scores(NamedTuple):
    """The score of each text, in the texts' order, and the tokens of all, where the container tells them."""

    scores: list[float]
    tokens: int | None = None


class RerankContainer(NamedTuple):
    """One kind of container.

    Attributes:
        members: The members of a request's body for a query and some texts.
        read: Reads the answer for so many texts; raises ApiError if it is not understood.
        most_texts: The most texts of one request.
    """

    members: Callable[[str, Sequence[str]], Mapping[str, Any]]
    read: Callable[[Any, int], Scores]
    most_texts: int = 32

    def payload(self, query: str, texts: Sequence[str]) -> Payload:
        """Encode a request."""
        return Payload(encode(self.members(query, texts)))


def _read_tei(answer: Any, texts: int) -> Scores:
    return Scores(_in_order(answer, texts, "score"))


def _read_vllm(answer: Any, texts: int) -> Scores:
    if not isinstance(answer, dict):
        raise not_understood()
    usage = answer.get("usage")
    tokens = count(usage.get("total_tokens")) if isinstance(usage, dict) else None
    return Scores(_in_order(answer.get("results"), texts, "relevance_score"), tokens)


def _in_order(ranks: Any, texts: int, name: str) -> list[float]:
    """Return the score of each text; containers list them by score.

    Raises:
        ApiError: 502, a text has none or two, or one that is no number.
    """
    if not isinstance(ranks, list) or len(ranks) != texts:
        raise not_understood()
    scores: dict[int, float] = {}
    for rank in ranks:
        place: dict[str, Any] = rank if isinstance(rank, dict) else {}
        index, score = place.get("index"), place.get(name)
        if type(index) is not int or not isinstance(score, int | float) or not isfinite(score):
            raise not_understood()
        scores[index] = float(score)
    if sorted(scores) != list(range(texts)):
        raise not_understood()
    return [scores[index] for index in range(texts)]


TEI = RerankContainer(members=lambda query, texts: {"query": query, "texts": texts}, read=_read_tei)
VLLM = RerankContainer(members=lambda query, texts: {"query": query, "documents": texts}, read=_read_vllm)

_CONTAINERS: Mapping[ContainerName, RerankContainer] = {"tei": TEI, "vllm": VLLM}


def container_of(name: ContainerName | None) -> RerankContainer:
    """Return a container by its name in CONTAINER.

    Raises:
        ValueError: It is none of those in `TASK_CONTAINERS`; `Settings` keeps that from happening.
    """
    if name is None or name not in _CONTAINERS:
        raise ValueError(f"no container of rerank is named {name!r}")
    return _CONTAINERS[name]
