"""The Runtime API of a process answers its function, and no page of a browser and no other user of the machine."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator

import pytest

from localaws.functions.messages import Invocation, Ready
from localaws.functions.runtime_api import RuntimeApi

NEXT = "/2018-06-01/runtime/invocation/next"
FAILED = "/2018-06-01/runtime/init/error"


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    """An API with an invocation to hand out."""
    made = RuntimeApi()
    invocation = Invocation(request_id="1", trace_id="trace", event='{"secret": 1}')
    made.offer(invocation, function_arn="arn", deadline_ms=1, limit=100)
    yield made
    made.close()


def ask(api: RuntimeApi, method: str = "GET", path: str = NEXT, **headers: str) -> tuple[int, bytes]:
    address = api.variables["AWS_LAMBDA_RUNTIME_API"]
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        body = b"{}" if method == "POST" else None
        connection.request(method, path, body=body, headers={name.replace("_", "-"): headers[name] for name in headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


PAGES = [
    {"Host": "evil.example:1"},
    {"Host": "localhost"},
    {"Origin": "https://evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
]


@pytest.mark.parametrize("headers", PAGES, ids=str)
@pytest.mark.parametrize(("method", "path"), [("GET", NEXT), ("POST", FAILED), ("GET", "/")])
def test_a_page_of_a_browser_gets_and_changes_nothing(
    api: RuntimeApi, method: str, path: str, headers: dict[str, str]
) -> None:
    assert ask(api, method, path, **headers) == (403, b"")
    assert api.messages.empty()
    assert ask(api) == (200, b'{"secret": 1}')


def test_another_user_gets_nothing(api: RuntimeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(os, "getuid", lambda: 4711)
        assert ask(api) == (403, b"")
    assert api.messages.empty()
    assert ask(api) == (200, b'{"secret": 1}')
    assert isinstance(api.messages.get(timeout=1), Ready)
