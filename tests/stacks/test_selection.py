"""Selection of stacks by lists of environments' and models' names."""

import pytest

from stacks.environments import DEV, PROD
from stacks.models import FALCON_7B, FALCON_7B_INSTRUCT, MISTRAL_7B
from stacks.placement import Deployments, placements
from stacks.selection import SelectionError, select

DEPLOYMENTS: Deployments = [(DEV, [FALCON_7B, FALCON_7B_INSTRUCT]), (PROD, [FALCON_7B, MISTRAL_7B])]


@pytest.mark.parametrize(
    ("environments", "models", "selected"),
    [
        (None, None, ["dev/falcon-7b", "dev/falcon-7b-instruct", "prod/falcon-7b", "prod/mistral-7b"]),
        ("dev", None, ["dev/falcon-7b", "dev/falcon-7b-instruct"]),
        (None, "falcon-7b", ["dev/falcon-7b", "prod/falcon-7b"]),
        ("prod", "falcon-7b", ["prod/falcon-7b"]),
        ("prod, dev", "mistral-7b,falcon-7b-instruct", ["dev/falcon-7b-instruct", "prod/mistral-7b"]),
    ],
    ids=["all", "an environment", "a model", "a model in an environment", "several"],
)
def test_selects_the_named_models_in_the_named_environments(
    environments: str | None, models: str | None, selected: list[str]
) -> None:
    found = select(DEPLOYMENTS, environments=environments, models=models)

    assert [str(placement) for placement in placements(found)] == selected


def test_leaves_out_environments_that_run_none_of_the_models() -> None:
    assert [environment.name for environment, _ in select(DEPLOYMENTS, models="mistral-7b")] == ["prod"]


@pytest.mark.parametrize(
    ("environments", "models", "message"),
    [
        ("qa", None, "context environments is 'qa': 'qa' is not declared; allowed: dev, prod"),
        (
            None,
            "mistral-7c",
            "context models is 'mistral-7c': 'mistral-7c' is not declared; allowed: falcon-7b, falcon-7b-instruct, "
            "mistral-7b; did you mean mistral-7b?",
        ),
        (
            "dev",
            "mistral-7b",
            "context models is 'mistral-7b': 'mistral-7b' is not declared in dev; allowed: falcon-7b, "
            "falcon-7b-instruct",
        ),
        ("dev,", None, "context environments is 'dev,': '' is not declared; allowed: dev, prod"),
        (
            "dve",
            "mistral-7,qwen",
            "context environments is 'dve': 'dve' is not declared; allowed: dev, prod; did you mean dev?\n"
            "context models is 'mistral-7,qwen': 'mistral-7' is not declared; allowed: falcon-7b, "
            "falcon-7b-instruct, mistral-7b; did you mean mistral-7b?\n"
            "context models is 'mistral-7,qwen': 'qwen' is not declared; allowed: falcon-7b, falcon-7b-instruct, "
            "mistral-7b",
        ),
    ],
    ids=["environment", "model", "model of another environment", "no name", "all at once"],
)
def test_refuses_names_that_are_not_declared(environments: str | None, models: str | None, message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        select(DEPLOYMENTS, environments=environments, models=models)

    assert str(refused.value) == message
