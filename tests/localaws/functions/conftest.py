"""Functions on the local AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.localaws.functions.deployed_functions import Invoke, create


@pytest.fixture
def functions(aws: Callable[..., Any]) -> Any:
    return aws("lambda")


@pytest.fixture
def make_function(aws: Callable[..., Any], functions: Any) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def make(code: bytes | None = None, **options: Any) -> str:
        made.append(create(aws("iam"), functions, code, **options))
        return made[-1]

    yield make
    for name in made:
        functions.delete_function(FunctionName=name)


@pytest.fixture
def invoke(functions: Any) -> Invoke:
    def call(name: str, **event: Any) -> Any:
        return json.loads(functions.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read())

    return call


@pytest.fixture(scope="module")
def function(aws: Callable[..., Any]) -> Iterator[str]:
    """A function in Python that the tests which do not change it share."""
    name = create(aws("iam"), aws("lambda"), Environment={"Variables": {"MODEL_NAME": "falcon"}})
    yield name
    aws("lambda").delete_function(FunctionName=name)
