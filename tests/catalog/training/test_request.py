"""The whole request of a declared model that Bedrock imports: Llama 3.2 3B as its announcement tunes it."""

import json
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from catalog.training.recipe import TrainingRecipe, read_recipe
from tests.training.jumpstart_cache import spec
from tools.dataset.request import declared, settings_of
from training.errors import RecipeError
from training.jobs import job_of, named, request_of
from training.settings import Settings

STACK = "prod/llama-3-2-3b-10k"
ROLE = "arn:aws:iam::123456789012:role/training"
GATED = "s3://jumpstart-private-cache-prod-us-west-2/meta-training/g5/v1.0.0/"


def _settings(**changed: Any) -> Settings:
    return replace(settings_of(declared(STACK)), role_arn=ROLE, **changed)


def _recipe(**estimator: Any) -> TrainingRecipe:
    document = spec("meta-textgeneration-llama-3-2-3b-instruct", "1.0.6")
    return read_recipe({**document, "estimator_kwargs": {**document["estimator_kwargs"], **estimator}})


def _request(recipe: TrainingRecipe) -> dict[str, Any]:
    settings = _settings(output_prefix="s3://b/training/runs/", key_arn="k", volume_key_arn=None)
    job = named(settings, job_of(settings, recipe, "s3://b/training/data/"), "prod-llama-3-2-3b-10k-0123456789ab")
    return request_of(recipe, job)


@pytest.fixture(scope="module")
def request_() -> dict[str, Any]:
    return _request(_recipe())


def test_tunes_with_the_announcements_parameters(request_: dict[str, Any]) -> None:
    hyperparameters = {name: json.loads(value) for name, value in request_["HyperParameters"].items()}

    announced = {"instruction_tuned": "True", "epoch": "5", "max_input_length": "1024", "chat_dataset": "False"}
    assert hyperparameters | announced == hyperparameters
    assert request_["ResourceConfig"]["InstanceType"] == "ml.g5.12xlarge"
    assert request_["ResourceConfig"]["VolumeSizeInGB"] == 30


def test_accepts_the_licence_for_the_gated_weights_that_the_container_reads_itself(request_: dict[str, Any]) -> None:
    assert request_["Environment"] == {
        "SageMakerGatedModelS3Uri": f"{GATED}train-meta-textgeneration-llama-3-2-3b-instruct.tar.gz",
        "accept_eula": "true",
    }
    assert [channel["ChannelName"] for channel in request_["InputDataConfig"]] == ["training", "code"]


def test_leaves_the_weights_below_a_prefix_as_bedrock_takes_them(request_: dict[str, Any]) -> None:
    assert request_["OutputDataConfig"]["CompressionType"] == "NONE"


@pytest.mark.parametrize("kept", [False, None])
def test_leaves_them_so_even_where_the_recipe_would_pack_them(kept: bool | None) -> None:
    recipe = _recipe(disable_output_compression=kept)

    assert recipe.compresses_output
    assert _request(recipe)["OutputDataConfig"]["CompressionType"] == "NONE"


def test_is_a_request_that_the_api_takes(request_: dict[str, Any]) -> None:
    shape = botocore.session.get_session().get_service_model("sagemaker").operation_model("CreateTrainingJob")
    assert shape.input_shape is not None

    assert ParamValidator().validate(request_, shape.input_shape).generate_report() == ""


def test_trains_nothing_before_the_licence_is_accepted() -> None:
    with pytest.raises(RecipeError, match="accept_eula is False"):
        job_of(_settings(accept_eula=False), _recipe(), "s3://b/training/data/")
