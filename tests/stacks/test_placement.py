"""A declared model in an environment: what the environment gives, and what the model overrides."""

from dataclasses import replace

import pytest

from stacks.declarations import BedrockImport, ImportedModel, JumpStartModel, S3Weights
from stacks.environments import Environment, Network
from stacks.models import MISTRAL_7B, MISTRAL_7B_DOLLY
from stacks.placement import Placement, is_of, placements

ENVIRONMENT = Environment(
    name="try", region="us-west-2", account="111122223333", instance_count=3, tags={"environment": "try"}
)
IMPORTED = ImportedModel(name="granite", weights=S3Weights(bucket="weights"))


def test_its_names_are_made_of_the_environments_and_the_models() -> None:
    placement = Placement(environment=ENVIRONMENT, model=MISTRAL_7B)

    assert placement.name == "try-mistral-7b"
    assert placement.path == str(placement) == "try/mistral-7b"


def test_the_models_region_overrides_the_environments() -> None:
    there = Placement(environment=ENVIRONMENT, model=MISTRAL_7B)
    elsewhere = Placement(environment=ENVIRONMENT, model=replace(MISTRAL_7B, region="us-east-2"))

    assert (there.region, there.region_field) == ("us-west-2", "try.region")
    assert (elsewhere.region, elsewhere.region_field) == ("us-east-2", "try/mistral-7b.region")


def test_its_tags_are_the_environments_and_the_model() -> None:
    assert Placement(environment=ENVIRONMENT, model=MISTRAL_7B).tags == {"environment": "try", "model": "mistral-7b"}


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (MISTRAL_7B, 3),
        (replace(MISTRAL_7B, instance_count=1), 1),
        (MISTRAL_7B_DOLLY, 3),
        (replace(MISTRAL_7B_DOLLY, bedrock=BedrockImport()), 0),
        (IMPORTED, 0),
    ],
    ids=["environment's", "model's", "tuned", "tuned and imported", "imported"],
)
def test_only_endpoints_have_instances(model: JumpStartModel | ImportedModel, count: int) -> None:
    assert Placement(environment=ENVIRONMENT, model=model).instance_count == count


def test_without_a_network_there_are_no_subnets() -> None:
    network = Network(subnet_ids=["subnet-0123abcd"], security_group_ids=["sg-0123abcd"])
    inside = Placement(environment=replace(ENVIRONMENT, network=network), model=MISTRAL_7B)
    outside = Placement(environment=ENVIRONMENT, model=MISTRAL_7B)

    assert (inside.subnet_ids, inside.security_group_ids) == (["subnet-0123abcd"], ["sg-0123abcd"])
    assert (outside.subnet_ids, outside.security_group_ids) == ((), ())


def test_all_placements_come_in_the_order_of_the_declarations() -> None:
    other = replace(ENVIRONMENT, name="other")

    placed = placements([(ENVIRONMENT, [MISTRAL_7B_DOLLY, MISTRAL_7B]), (other, [MISTRAL_7B])])

    assert [str(one) for one in placed] == ["try/mistral-7b-dolly", "try/mistral-7b", "other/mistral-7b"]


def test_a_fine_tuned_model_is_a_jumpstart_model_and_an_imported_one_is_none() -> None:
    kinds = {str(one): is_of(one, JumpStartModel) for one in placements([(ENVIRONMENT, [MISTRAL_7B_DOLLY, IMPORTED])])}

    assert kinds == {"try/mistral-7b-dolly": True, "try/granite": False}
