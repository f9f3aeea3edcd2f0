"""LangChain's `OpenAI`, the class of `/v1/completions`."""

from __future__ import annotations

from typing import Any

import common
from common import Asked
from langchain_openai import OpenAI


def _model(asked: Asked) -> Any:
    return OpenAI(model=asked.model, base_url=asked.base_url, api_key=asked.key, max_retries=0, max_tokens=60)


def completion(asked: Asked) -> None:
    """Complete a text."""
    common.said(_model(asked).invoke(common.PROMPT))


def stream(asked: Asked) -> None:
    """Complete a text, streamed."""
    common.streamed([*_model(asked).stream(common.QUESTION)])


TASKS = {"completion": completion, "stream": stream}

if __name__ == "__main__":
    common.main(TASKS)
