"""Answers that pages of other sites may read, or not."""

import pytest

from tests.invoke_shim.client import MODEL_NAME, Deploy, Runtime, last_token, token

PAGE, OTHER = "https://chat.example.com", "https://chat-example.com"
CHAT = {"model": MODEL_NAME, "messages": [{"role": "user", "content": "Hi"}]}
EXPOSED = "retry-after,x-request-id,x-should-retry,x-usage"


@pytest.mark.parametrize(
    ("body", "status"), [(CHAT, 200), ({**CHAT, "stream": True}, 200), ({}, 400), ({"model": "another"}, 404)]
)
def test_a_declared_page_may_read_every_answer(deploy: Deploy, runtime: Runtime, body: object, status: int) -> None:
    shim = deploy(CORS_ORIGINS=f"http://localhost:3000,{PAGE}")
    if "stream" in str(body):
        runtime.streams(token(" Hi"), last_token("", " Hi"))

    answer = shim.post("/v1/chat/completions", body, headers={"Origin": PAGE})

    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-expose-headers"] == EXPOSED
    assert answer.headers["vary"] == "origin"


@pytest.mark.parametrize("headers", [{"Origin": OTHER}, {"Origin": "null"}, {}])
def test_no_other_page_may(deploy: Deploy, headers: dict[str, str]) -> None:
    answer = deploy(CORS_ORIGINS=PAGE).request("GET", "/health", headers=headers)

    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "origin"


def test_any_page_may_where_any_is_declared(deploy: Deploy) -> None:
    answer = deploy(CORS_ORIGINS="*").request("GET", "/health", headers={"Origin": OTHER})

    assert answer.headers["access-control-allow-origin"] == "*"


def test_without_origins_no_answer_names_any(deploy: Deploy) -> None:
    answer = deploy().request("GET", "/health", headers={"Origin": PAGE})

    assert not [name for name in answer.headers if name == "vary" or name.startswith("access-control")]
