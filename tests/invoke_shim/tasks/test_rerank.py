"""`/v1/rerank`, in the shape of Cohere's and Jina's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.tasks.rerank import TEI, VLLM
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError
from invoke_shim.generation.estimate import estimate_tokens
from invoke_shim.openai.rerank import Rerank
from tests.invoke_shim.client import MODEL_NAME
from tests.invoke_shim.tasks.scripted import Scripted, log, settings, texts_of

CONTAINERS = {"tei": TEI, "vllm": VLLM}


def score(text: str) -> float:
    return len(text) / 100


def container(name: str) -> Scripted:
    """A container that scores a text by its length, the best first."""

    def answer(body: Any) -> Any:
        assert body["query"] == "which?"
        texts = body["texts" if name == "tei" else "documents"]
        order = sorted(range(len(texts)), key=lambda i: -score(texts[i]))
        if name == "tei":
            return [{"index": i, "score": score(texts[i])} for i in order]
        results = [{"index": i, "relevance_score": score(texts[i]), "document": {"text": texts[i]}} for i in order]
        return {"id": "x", "results": results, "usage": {"total_tokens": 7}}

    return Scripted(answer)


def ask(name: str, **body: Any) -> tuple[Any, Scripted]:
    asked = container(name)
    reader = Rerank(settings(container=name, task="rerank"), asked)
    return reader.answer({"model": MODEL_NAME, "query": "which?", **body}, Deadline.after(20), log()).body, asked


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_most_relevant_documents_come_first_with_their_places(name: str) -> None:
    answer, _ = ask(name, documents=["a", {"text": "ccc"}, "bb"], top_n=2, return_documents=True)
    assert answer["results"] == [
        {"index": 1, "relevance_score": 0.03, "document": {"text": "ccc"}},
        {"index": 2, "relevance_score": 0.02, "document": {"text": "bb"}},
    ]
    assert answer["model"] == MODEL_NAME
    assert answer["usage"]["total_tokens"] == (
        7 if name == "vllm" else sum(map(estimate_tokens, ["which?"] * 3 + ["a", "ccc", "bb"]))
    )


@pytest.mark.parametrize("name", CONTAINERS)
@given(documents=st.lists(texts_of(9), min_size=1, max_size=70))
def test_every_document_keeps_its_score_over_all_batches(name: str, documents: list[str]) -> None:
    answer, asked = ask(name, documents=documents)
    ranked = [(result["index"], result["relevance_score"]) for result in answer["results"]]
    assert sorted(ranked) == [(index, score(text)) for index, text in enumerate(documents)]
    assert ranked == sorted(ranked, key=lambda pair: (-pair[1], pair[0]))
    assert len(asked.payloads) == -(-len(documents) // 32)
    assert all("document" not in result for result in answer["results"])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": "a"}, "documents"),
        ({"documents": ["a"] * 1001}, "documents"),
        ({"documents": ["a", ""]}, "documents[1]"),
        ({"documents": [{"text": "a", "title": "b"}]}, "documents[0]"),
        ({"documents": ["a"], "query": ""}, "query"),
        ({"documents": ["a"], "query": None}, "query"),
        ({"documents": ["a"], "top_n": 0}, "top_n"),
        ({"documents": ["a"], "return_documents": "yes"}, "return_documents"),
        ({"documents": ["a"], "rank_fields": ["x"]}, "rank_fields"),
    ],
)
def test_wrong_requests_name_their_field(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        ask("tei", **body)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "x"},
        [{"index": 0, "score": 1.0}],
        [{"index": 0, "score": 1.0}, {"index": 0, "score": 2.0}],
        [{"index": 0, "score": 1.0}, {"index": 2, "score": 2.0}],
        [{"index": 0, "score": "high"}, {"index": 1, "score": 2.0}],
        [1, 2],
    ],
)
def test_an_answer_of_another_form_is_no_ranking(answer: Any) -> None:
    for asked in (TEI, VLLM):
        with pytest.raises(ApiError) as caught:
            asked.read(json.loads(json.dumps(answer)), 2)
        assert caught.value.status == 502


def test_a_query_is_estimated_once_for_all_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def estimate(text: str) -> int:
        seen.append(text)
        return estimate_tokens(text)

    monkeypatch.setattr("invoke_shim.openai.tasks.estimate_tokens", estimate)
    ask("tei", documents=["a", "bb", "ccc"])
    assert sorted(seen) == ["a", "bb", "ccc", "which?"]
