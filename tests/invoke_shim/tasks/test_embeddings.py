"""`/v1/embeddings`, with OpenAI's client, and over batches of every size."""

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.tasks.embeddings import JUMPSTART, LMI, TEI, VLLM, EmbeddingContainer, batches
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError
from invoke_shim.generation.estimate import estimate_tokens
from invoke_shim.openai.embeddings import Embeddings
from tests.invoke_shim.client import MODEL_NAME, Runtime, Shim
from tests.invoke_shim.tasks.conftest import Connect
from tests.invoke_shim.tasks.scripted import Scripted, log, settings, texts_of

Serve = Callable[..., Shim]

CONTAINERS = {"other": JUMPSTART, "tei": TEI, "lmi": LMI, "vllm": VLLM}


def vector(text: Any) -> list[float]:
    """A vector that is of its text alone, of numbers that 32 bits hold."""
    return [float(len(text)), sum(ord(c) for c in text) % 8191 / 8 if isinstance(text, str) else sum(text) / 8]


def container(name: str) -> Scripted:
    """A container that answers in its own form."""

    def answer(body: Any) -> Any:
        texts = body.get("text_inputs") or body.get("inputs") or body["input"]
        vectors = [vector(text) for text in texts]
        if name == "other":
            return {"embedding": vectors}
        if name == "vllm":
            # In any order, with their places.
            data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
            return {"object": "list", "data": data[::-1], "usage": {"prompt_tokens": 3 * len(texts)}}
        return vectors

    return Scripted(answer)


def ask(name: str, **body: Any) -> tuple[Any, Scripted]:
    asked = container(name)
    reader = Embeddings(settings(container=name, task="embedding"), asked)
    return reader.answer({"model": MODEL_NAME, **body}, Deadline.after(20), log()).body, asked


def refusal(name: str, **body: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        ask(name, **body)
    assert caught.value.status == 400
    return caught.value


def test_openais_client_gets_its_vectors_in_base64_and_in_numbers(
    serve: Serve, connect: Connect, runtime: Runtime
) -> None:
    runtime.answers({"embedding": [[0.25, -1.5], [1.0, 2.0]]})
    client = connect(serve("embedding"))
    for options in ({}, {"encoding_format": "float"}):
        answer = client.embeddings.create(model=MODEL_NAME, input=["one", "two"], **options)  # type: ignore[arg-type]
        assert [item.embedding for item in answer.data] == [[0.25, -1.5], [1.0, 2.0]]
        assert [item.index for item in answer.data] == [0, 1]
        assert answer.usage.prompt_tokens == answer.usage.total_tokens == 2 * estimate_tokens("one")
    assert json.loads(runtime.bodies[0]) == {"text_inputs": ["one", "two"], "mode": "embedding"}
    assert runtime.headers[0]["content-type"] == "application/json"


def test_an_estimate_is_marked_and_a_count_is_not(serve: Serve, runtime: Runtime) -> None:
    runtime.answers({"embedding": [[1.0]]})
    shim = serve("embedding")
    estimated = shim.post("/v1/embeddings", {"model": MODEL_NAME, "input": "four words of text"})
    tokens = estimate_tokens("four words of text")
    assert estimated.json["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert estimated.headers["x-usage"] == "estimate"
    omitted = serve("embedding", USAGE="omit").post("/v1/embeddings", {"model": MODEL_NAME, "input": "some text"})
    assert "usage" not in omitted.json
    runtime.answers({"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 9}})
    told = serve("embedding", "vllm").post("/v1/embeddings", {"model": MODEL_NAME, "input": "some text"})
    assert told.json["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    assert "x-usage" not in told.headers


def test_a_container_that_refuses_is_quoted(serve: Serve, connect: Connect, runtime: Runtime) -> None:
    runtime.model_fails(400, json.dumps({"code": 400, "type": "InternalServerException", "message": "too long"}))
    with pytest.raises(openai.BadRequestError, match="too long"):
        connect(serve("embedding")).embeddings.create(model=MODEL_NAME, input="one")
    runtime.model_fails(500, "CUDA out of memory at /opt/ml/model/code/inference.py")
    with pytest.raises(openai.InternalServerError, match="the model's container failed to answer") as caught:
        connect(serve("embedding")).embeddings.create(model=MODEL_NAME, input="one")
    assert "CUDA" not in str(caught.value)


@pytest.mark.parametrize("name", CONTAINERS)
@given(
    texts=st.lists(texts_of(5), min_size=1, max_size=70),
    base64_asked=st.booleans(),
)
def test_every_text_gets_its_own_vector_in_its_place_however_many_there_are(
    name: str, texts: list[str], base64_asked: bool
) -> None:
    answer, asked = ask(name, input=texts, encoding_format="base64" if base64_asked else "float")
    assert [item["index"] for item in answer["data"]] == list(range(len(texts)))
    found = [item["embedding"] for item in answer["data"]]
    if base64_asked:
        found = [list(struct.unpack("<2f", base64.b64decode(text))) for text in found]
    assert found == [vector(text) for text in texts]
    assert len(asked.payloads) == -(-len(texts) // CONTAINERS[name].most_texts)


@given(
    texts=st.lists(st.one_of(texts_of(40), st.lists(st.integers(0, 9), max_size=40)), max_size=40),
    most_texts=st.integers(1, 5),
    most_bytes=st.integers(1, 400),
)
def test_batches_hold_all_texts_in_order_and_stay_within_their_bounds(
    texts: list[str | list[int]], most_texts: int, most_bytes: int
) -> None:
    small = TEI._replace(most_texts=most_texts, most_bytes=most_bytes)
    found = list(batches(small, texts))
    assert [text for batch in found for text in batch] == texts
    assert all(0 < len(batch) <= most_texts for batch in found)
    for batch in found:
        written = json.dumps(batch).encode()
        # Brackets, quotes and commas aside, which no container counts by the megabyte.
        assert len(batch) == 1 or len(written) - 4 * len(batch) - 2 <= most_bytes


@pytest.mark.parametrize("name", ["tei", "vllm"])
def test_token_ids_and_dimensions_go_to_a_container_that_takes_them(name: str) -> None:
    answer, asked = ask(name, input=[[5, 6], [7, 8, 9]], dimensions=2)
    body = json.loads(asked.payloads[0].body)
    assert (body.get("inputs") or body["input"]) == [[5, 6], [7, 8, 9]]
    assert body["dimensions"] == 2
    assert [item["embedding"] for item in answer["data"]] == [vector([5, 6]), vector([7, 8, 9])]
    alone, _ = ask(name, input=[5, 6])
    assert [item["embedding"] for item in alone["data"]] == [vector([5, 6])]


def test_a_text_that_is_too_long_is_to_be_refused_not_cut() -> None:
    _, asked = ask("tei", input="a")
    assert json.loads(asked.payloads[0].body)["truncate"] is False


@pytest.mark.parametrize("name", ["other", "lmi"])
def test_token_ids_and_dimensions_are_refused_where_the_container_takes_none(name: str) -> None:
    assert "takes no token ids" in refusal(name, input=[[1, 2]]).message
    assert "takes no token ids" in refusal(name, input=[1, 2]).message
    assert "dimensions is not taken" in refusal(name, input="a", dimensions=2).message


def test_a_container_that_ignores_the_dimensions_is_found_out() -> None:
    with pytest.raises(ApiError) as caught:
        ask("tei", input="a", dimensions=1)
    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": ["a", 5]}, "input[1]"),
        ({"input": [True]}, "input[0]"),
        ({"input": [[1, -1]]}, "input[0]"),
        ({"input": [[]]}, "input[0]"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "input_type": "query"}, "input_type"),
        ({"input": "a", "stream": True}, "stream"),
        ({"input": "a", "model": 5}, "model"),
    ],
)
def test_wrong_requests_name_their_field(body: dict[str, Any], param: str) -> None:
    assert refusal("tei", **body).param == param


def test_another_models_name_is_not_found() -> None:
    with pytest.raises(ApiError) as caught:
        ask("tei", input="a", model="gpt-4")
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("other", {"vectors": [[1.0], [2.0]]}),
        ("other", {"embedding": [[1.0]]}),
        ("other", {"embedding": [[1.0], [2.0, 3.0]]}),
        ("other", {"embedding": [[], []]}),
        ("other", {"embedding": [["a"], ["b"]]}),
        ("other", {"embedding": [[float("nan")], [1.0]]}),
        ("other", {"embedding": [[10**400], [1.0]]}),
        ("tei", {"embedding": [[1.0], [2.0]]}),
        ("lmi", [1.0, 2.0]),
        ("vllm", {"data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}]}),
        ("vllm", {"data": [1, 2]}),
    ],
)
def test_an_answer_of_another_form_is_no_vector(name: str, answer: Any) -> None:
    asked: EmbeddingContainer = CONTAINERS[name]
    with pytest.raises(ApiError) as caught:
        asked.read(answer, 2)
    assert caught.value.status == 502


@pytest.mark.parametrize("name", ["other", "lmi"])
def test_the_vector_of_one_text_may_come_alone(name: str) -> None:
    answer = {"embedding": [1.0, 2.0]} if name == "other" else [1.0, 2.0]
    assert CONTAINERS[name].read(answer, 1).vectors == [[1.0, 2.0]]
