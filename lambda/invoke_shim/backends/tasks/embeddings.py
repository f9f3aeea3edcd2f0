"""Containers of embedding models.

| container | request | answer |
|---|---|---|
| JumpStart's script (`other`) | `{"text_inputs": [...], "mode": "embedding"}` | `{"embedding": [[...], ...]}` |
| Text Embeddings Inference (`tei`) | `{"inputs": [...], "truncate": false}` | `[[...], ...]` |
| Large Model Inference (`lmi`) | `{"inputs": [...]}` | `[[...], ...]` |
| vLLM (`vllm`) | OpenAI's, without the model's name | OpenAI's |

Sources: AWS's notebooks of text embeddings and the SageMaker SDK's tests of `huggingface-sentencesimilarity-bge-m3`;
TEI's `router/src/http/types.rs`; DJL Serving's `embedding-user-guide.md`; vLLM's `entrypoints/sagemaker`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from invoke_shim.backends.base import Payload
from invoke_shim.backends.containers.base import count, encode
from invoke_shim.backends.streams import not_understood
from invoke_shim.contract import ContainerName

TextOrIds = str | list[int]


class Embeddings(NamedTuple):
    """The vectors of some texts, in their order, and the tokens of these texts, where the container tells them."""

    vectors: list[list[float]]
    tokens: int | None = None


class EmbeddingContainer(NamedTuple):
    """One kind of container.

    Attributes:
        members: The members of a request's body for some texts, without the number of dimensions.
        read: Reads the answer for so many texts; raises ApiError if it is not understood.
        takes_ids: Whether a text may be given as its token ids.
        takes_dimensions: Whether the length of the vectors may be chosen.
        most_texts: The most texts of one request.
        most_bytes: The most bytes of the texts of one request.
    """

    members: Callable[[Sequence[TextOrIds]], Mapping[str, Any]]
    read: Callable[[Any, int], Embeddings]
    takes_ids: bool = False
    takes_dimensions: bool = False
    most_texts: int = 32
    most_bytes: int = 1_900_000

    def payload(self, texts: Sequence[TextOrIds], dimensions: int | None) -> Payload:
        """Encode a request."""
        shortened = {} if dimensions is None else {"dimensions": dimensions}
        return Payload(encode({**self.members(texts), **shortened}))


def _read_jumpstart(answer: Any, texts: int) -> Embeddings:
    vectors = answer.get("embedding") if isinstance(answer, dict) else None
    return Embeddings(_vectors(vectors, texts))


def _read_list(answer: Any, texts: int) -> Embeddings:
    return Embeddings(_vectors(answer, texts))


def _read_openai(answer: Any, texts: int) -> Embeddings:
    items = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise not_understood()
    places = [item.get("index") for item in items]
    if sorted(place for place in places if type(place) is int) != list(range(texts)):
        raise not_understood()
    vectors = [item.get("embedding") for item in sorted(items, key=lambda item: item["index"])]
    usage = answer.get("usage")
    return Embeddings(_vectors(vectors, texts), count(usage.get("prompt_tokens")) if isinstance(usage, dict) else None)


def _vectors(value: Any, texts: int) -> list[list[float]]:
    """Check the vectors: one for each text, of one length, of finite numbers; the vector alone for one text.

    Raises:
        ApiError: 502, they are not.
    """
    if texts == 1 and isinstance(value, list) and value and not isinstance(value[0], list):
        value = [value]
    if not isinstance(value, list) or len(value) != texts or not all(isinstance(vector, list) for vector in value):
        raise not_understood()
    try:
        # A sum is finite where all numbers are, and says so in a tenth of the time of a look at each.
        right = all(isfinite(sum(vector)) and len(vector) == len(value[0]) > 0 for vector in value)
    except (TypeError, OverflowError):
        right = False
    if not right:
        raise not_understood()
    return value


JUMPSTART = EmbeddingContainer(
    members=lambda texts: {"text_inputs": texts, "mode": "embedding"},
    read=_read_jumpstart,
)
TEI = EmbeddingContainer(
    # OpenAI's API refuses a text that is too long; cut without a word, it would have the vector of its beginning.
    members=lambda texts: {"inputs": texts, "truncate": False},
    read=_read_list,
    takes_ids=True,
    takes_dimensions=True,
)
LMI = EmbeddingContainer(members=lambda texts: {"inputs": texts}, read=_read_list)
VLLM = EmbeddingContainer(
    members=lambda texts: {"input": texts, "encoding_format": "float"},
    read=_read_openai,
    takes_ids=True,
    takes_dimensions=True,
)

_CONTAINERS: Mapping[ContainerName, EmbeddingContainer] = {"other": JUMPSTART, "tei": TEI, "lmi": LMI, "vllm": VLLM}


def container_of(name: ContainerName | None) -> EmbeddingContainer:
    """Return a container by its name in CONTAINER.

    Raises:
        ValueError: It is none of those in `TASK_CONTAINERS`; `Settings` keeps that from happening.
    """
    if name is None or name not in _CONTAINERS:
        raise ValueError(f"no container of embeddings is named {name!r}")
    return _CONTAINERS[name]


def batches(container: EmbeddingContainer, texts: Sequence[TextOrIds]) -> Iterator[list[TextOrIds]]:
    """Divide texts into requests of what the container takes at once, in their order; a long text goes alone."""
    batch: list[TextOrIds] = []
    size = 0
    for text in texts:
        # Of JSON's escapes a character takes up to 12 bytes, and an id with its comma and space up to 12 as well.
        length = len(text) if isinstance(text, str) and text.isascii() else 12 * len(text)
        if batch and (len(batch) == container.most_texts or size + length > container.most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch
