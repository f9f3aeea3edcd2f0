"""Names and tokens of imports, in Bedrock's patterns as botocore's model of the API has them."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_import import names

VERSION = "0123456789ab"
SHAPES = botocore.session.get_session().get_service_model("bedrock").operation_model("CreateModelImportJob").input_shape


def allowed(member: str, value: str) -> bool:
    """Report whether Bedrock accepts a value."""
    shape: Any = SHAPES.members[member]  # type: ignore[union-attr] # the operation has an input
    in_pattern = re.fullmatch(shape.metadata["pattern"], value) is not None
    return in_pattern and shape.metadata["min"] <= len(value) <= shape.metadata["max"]


MODELS = st.from_regex(r"[0-9a-zA-Z]{1,8}(-[0-9a-zA-Z]{1,8}){0,5}", fullmatch=True).filter(
    lambda name: len(name) <= names.LONGEST_MODEL
)
VERSIONS = st.text("0123456789abcdef", min_size=12, max_size=12)


@given(MODELS, VERSIONS, st.integers(1, names.MOST_ATTEMPTS))
def test_makes_names_and_tokens_that_bedrock_takes(model: str, version: str, attempt: int) -> None:
    assert allowed("importedModelName", names.model_name(model, version))
    assert allowed("jobName", names.job_name(model, version, attempt))
    assert allowed("clientRequestToken", names.request_token(model, version, settings={}, attempt=attempt))


@pytest.mark.parametrize(
    ("pattern", "member"),
    [
        (names.JOB_NAME, "jobName"),
        (names.MODEL_NAME, "importedModelName"),
        (names.REQUEST_TOKEN, "clientRequestToken"),
    ],
)
def test_has_bedrocks_patterns(pattern: re.Pattern[str], member: str) -> None:
    assert pattern.pattern == SHAPES.members[member].metadata["pattern"]  # type: ignore[union-attr] # as above


def test_leaves_room_for_the_longest_attempt() -> None:
    name = names.job_name("m" * names.LONGEST_MODEL, VERSION, names.MOST_ATTEMPTS)
    assert len(name) == names.LONGEST_NAME


@pytest.mark.parametrize("model", ["", "a.b", "a--b", "a_b", "-a", "a-", "a b", "ä", "m" * 47, "a\n"])
def test_refuses_a_name_whose_versions_would_not_fit(model: str) -> None:
    with pytest.raises(ValueError, match=r"must be 1 to 46 letters and digits"):
        names.check_model(model)


@pytest.mark.parametrize("version", ["", "0123456789AB", "0123456789abc", "0123456789a"])
def test_refuses_what_is_no_version(version: str) -> None:
    with pytest.raises(ValueError, match="12 hexadecimal digits"):
        names.model_name("llama", version)


@pytest.mark.parametrize("attempt", [0, 1000])
def test_refuses_what_is_no_attempt(attempt: int) -> None:
    with pytest.raises(ValueError, match="1 to 999"):
        names.job_name("llama", VERSION, attempt)


def test_names_the_first_job_as_its_model() -> None:
    assert names.job_name("llama", VERSION) == names.model_name("llama", VERSION) == "llama-0123456789ab"
    assert names.job_name("llama", VERSION, 2) == "llama-0123456789ab-2"


@given(MODELS, MODELS, VERSIONS)
def test_knows_its_own_versions_alone(model: str, other: str, version: str) -> None:
    name = names.model_name(model, version)
    assert names.is_version_of(model, name)
    assert names.is_version_of(other, name) == (other == model)


@pytest.mark.parametrize("name", ["llama", "llama-3b-0123456789ab", "llama-0123456789ab-2", "llama_0123456789ab"])
def test_takes_no_other_model_for_a_version(name: str) -> None:
    assert not names.is_version_of("llama", name)


def test_has_one_token_for_one_import() -> None:
    settings = {"weights": "s3://bucket/a/", "role": "arn:role", "key": None}
    token = names.request_token("llama", VERSION, settings=settings)
    assert token == names.request_token("llama", VERSION, settings=dict(reversed(settings.items())))
    others = [
        names.request_token("llama", VERSION, settings=settings, attempt=2),
        names.request_token("llama", "f" * 12, settings=settings),
        names.request_token("mistral", VERSION, settings=settings),
        names.request_token("llama", VERSION, settings={**settings, "key": "arn:key"}),
    ]
    assert len({token, *others}) == 5
