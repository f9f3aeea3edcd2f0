"""Each kind of model is asked at the route of its task."""

import json

import httpx2
import openai
import pytest

from tools.demo.questions import ask_task
from tools.deployed import declared_stack

ANSWERS = {
    "/v1/embeddings": {"data": [{"embedding": [0.0, 1.0, 2.0], "index": 0, "object": "embedding"}]},
    "/v1/images/generations": {"data": [{"b64_json": "AAAA"}]},
    "/v1/audio/transcriptions": {"text": "nothing is said"},
    "/v1/models/m": {"id": "m", "object": "model"},
}


def _api(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(
        200, content=json.dumps(ANSWERS[request.url.path]), headers={"content-type": "application/json"}
    )


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("embedding", "a vector of 3 numbers"),
        ("image", "1 image of 256x256"),
        ("transcription", "nothing is said"),
        ("native", "m is there; its own form of request goes to /invocations"),
    ],
)
def test_a_model_is_asked_by_its_task(task: str, said: str) -> None:
    http_client = httpx2.Client(transport=httpx2.MockTransport(_api))
    with openai.OpenAI(api_key="k", base_url="https://api.example.com/v1", http_client=http_client) as client:
        assert ask_task(client, model="m", task=task) == said


def test_the_shipped_models_generate_text() -> None:
    paths = ("dev/mistral-7b-instruct", "dev/llama-3-2-3b-10k", "staging/granite-3b-code-instruct")
    assert {declared_stack(path).task for path in paths} == {"text"}
