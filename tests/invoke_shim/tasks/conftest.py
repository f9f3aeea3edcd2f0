"""The function in front of models that generate no text, and OpenAI's client in front of the function."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import openai
import pytest

from tests.invoke_shim.client import Deploy, Shim
from tests.invoke_shim.openai.test_clients import BASE_URL, transport

Connect = Callable[[Shim], openai.OpenAI]


@pytest.fixture
def serve(deploy: Deploy) -> Callable[..., Shim]:
    """Starts the function for a task, by default in JumpStart's own container."""

    def start(task: str, container: str = "other", **changes: str | None) -> Shim:
        return deploy(TASK=task, CONTAINER=container, PROMPT_FORMAT=None, **changes)

    return start


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Puts OpenAI's client in front of a function."""
    with ExitStack() as stack:

        def start(shim: Shim) -> openai.OpenAI:
            client = openai.OpenAI(
                api_key="none", base_url=BASE_URL, http_client=httpx2.Client(transport=transport(shim)), max_retries=0
            )
            return stack.enter_context(client)

        yield start
