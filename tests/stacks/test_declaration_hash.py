"""The hash that starts trainings changes with a declaration's values, and not with the app's next release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest

from stacks.declaration_hash import declaration_hash
from stacks.declarations import BedrockImport, FineTunedModel
from stacks.models import LLAMA_3_2_3B_10K, MISTRAL_7B_DOLLY, MISTRAL_7B_SEC


@dataclass(frozen=True, slots=True, kw_only=True)
class _LaterPart:
    """A type that a later release adds."""

    size: int = 1
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _LaterImport(BedrockImport):
    """The type of imports in a later release."""

    units: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _LaterModel(FineTunedModel):
    """The type of tuned models in a later release."""

    adapters: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    part: _LaterPart | None = None
    defaulted_part: _LaterPart = _LaterPart()


def _later(**changes: Any) -> _LaterModel:
    """Return the declared Llama as a later release reads it: the same values, and new fields at their defaults."""
    today = {each.name: getattr(LLAMA_3_2_3B_10K, each.name) for each in fields(LLAMA_3_2_3B_10K)}
    return _LaterModel(**{**today, "bedrock": _LaterImport(body="completion"), **changes})


# Hashes in deployed stacks: a changed value here starts a training of every model with `start=("deploy",)`.
@pytest.mark.parametrize(
    ("model", "expected"),
    [(MISTRAL_7B_DOLLY, "8231fb6782d3"), (MISTRAL_7B_SEC, "60f564d023b4"), (LLAMA_3_2_3B_10K, "8858ad3bcd52")],
    ids=lambda value: value.name if isinstance(value, FineTunedModel) else "",
)
def test_the_declared_models_keep_the_hashes_of_the_first_release(model: FineTunedModel, expected: str) -> None:
    assert declaration_hash(model) == expected


def test_a_declaration_that_names_every_field_keeps_its_hash() -> None:
    model = FineTunedModel(
        name="tuned",
        prompt_format="llama-3.1-instruct",
        prompt_template="{}",
        region="us-east-1",
        invoke_timeout_seconds=60,
        model_id="base",
        version="1.0.0",
        instance_type="ml.g5.2xlarge",
        unlisted_instance_type="reason",
        instance_count=2,
        environment={"B": "2", "A": "1"},
        accept_eula=True,
        gather_stream=True,
        download_timeout_seconds=100,
        startup_timeout_seconds=200,
        method="chat",
        hyperparameters={"epoch": "1"},
        training_instance_type="ml.g5.12xlarge",
        training_instance_count=2,
        spot=True,
        max_runtime_seconds=1000,
        max_wait_seconds=2000,
        data_prefix="s3://data/chats/",
        validation_split=0.25,
        validation_prefix="s3://data/validation/",
        start=("deploy", "schedule:rate(7 days)"),
        bedrock=BedrockImport(
            body="converse", keep_versions=3, encrypt=False, in_vpc=True, smoke_prompt="Hi", smoke_expect="Hello"
        ),
    )

    assert declaration_hash(model) == "021db2ed7a03"


def test_new_fields_at_their_defaults_leave_the_hash_alone() -> None:
    assert declaration_hash(_later()) == declaration_hash(LLAMA_3_2_3B_10K)


@pytest.mark.parametrize(
    "changes",
    [
        {"adapters": True},
        {"labels": {"team": "search"}},
        {"part": _LaterPart()},
        {"part": _LaterPart(size=2)},
        {"defaulted_part": _LaterPart(names=("a",))},
        {"bedrock": _LaterImport(body="completion", units=2)},
    ],
    ids=str,
)
def test_a_new_field_counts_where_its_value_is_not_the_default(changes: dict[str, Any]) -> None:
    assert declaration_hash(_later(**changes)) != declaration_hash(_later())


def test_two_values_of_a_new_field_have_two_hashes() -> None:
    assert declaration_hash(_later(part=_LaterPart(size=2))) != declaration_hash(_later(part=_LaterPart(size=3)))


@pytest.mark.parametrize("name", [each.name for each in fields(FineTunedModel)])
def test_a_changed_value_of_any_field_changes_the_hash(name: str) -> None:
    changes: dict[str, Any] = {name: "another"}

    assert declaration_hash(replace(LLAMA_3_2_3B_10K, **changes)) != declaration_hash(LLAMA_3_2_3B_10K)


@pytest.mark.parametrize("name", [each.name for each in fields(BedrockImport)])
def test_a_changed_value_of_the_import_changes_the_hash(name: str) -> None:
    changes: dict[str, Any] = {name: "another"}
    bedrock = replace(BedrockImport(body="completion"), **changes)

    assert declaration_hash(replace(LLAMA_3_2_3B_10K, bedrock=bedrock)) != declaration_hash(LLAMA_3_2_3B_10K)


def test_an_empty_list_counts_like_an_empty_tuple_and_the_order_of_keys_not_at_all() -> None:
    model = replace(MISTRAL_7B_DOLLY, environment={"A": "1", "B": "2"}, start=())

    assert declaration_hash(replace(model, environment={"B": "2", "A": "1"}, start=[])) == declaration_hash(model)
    assert declaration_hash(_later(defaulted_part=_LaterPart(names=[]))) == declaration_hash(_later())
