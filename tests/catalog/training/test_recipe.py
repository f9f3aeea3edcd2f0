"""Reads the training part of spec documents, and says all that is wrong with a job at once."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog import CatalogError, Lock
from catalog.document import read_document
from catalog.training.methods import METHODS, method_problems, with_method
from catalog.training.recipe import TrainingRecipe, read_recipe
from catalog.training.request import TrainingJob, create_training_job

CACHE = Path(__file__).resolve().parents[3] / "localaws" / "data" / "jumpstart"
MISTRAL = "community_models/huggingface-llm-mistral-7b/specs_v2.1.0.json"
LLAMA = "community_models/meta-textgeneration-llama-3-2-3b-instruct/specs_v1.0.6.json"


def _document(key: str = MISTRAL) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CACHE / key).read_text(encoding="utf-8"))
    return document


@pytest.fixture
def job() -> TrainingJob:
    return TrainingJob(
        name="dev-mistral-1",
        role_arn="arn:aws:iam::111122223333:role/training",
        region="us-west-2",
        channels={"training": "s3://bucket/data/"},
        output_path="s3://bucket/runs/",
    )


def test_reads_what_a_recipe_says(recipe: TrainingRecipe) -> None:
    assert recipe.default_instance_type == "ml.g5.12xlarge"
    assert (
        recipe.image(
            "us-west-2",
            "ml.g5.48xlarge",
        )
        is not None
    )
    assert recipe.takes_model_channel
    assert not recipe.requires_eula
    assert recipe.max_runtime_seconds == 360_000
    assert len(recipe.spec_sha256) == 64


@pytest.mark.parametrize("entry", json.loads((CACHE / "models_manifest.json").read_text(encoding="utf-8")))
def test_the_stand_in_cache_has_what_the_lock_has_for_hosting(entry: dict[str, str]) -> None:
    document = _document(entry["spec_key"])
    locked = Lock.load().model(entry["model_id"], entry["version"])
    read = read_document(document)

    assert (read.model_id, read.version) == (entry["model_id"], entry["version"])
    assert read.environment == locked.environment
    assert read.images == locked.images
    assert read.artifact_key == locked.artifact_key
    assert read_recipe(document).version == entry["version"]


def test_every_default_of_a_recipe_is_allowed_by_its_own_rules(recipe: TrainingRecipe) -> None:
    defaults = {one.name: one.default for one in recipe.hyperparameters if one.is_algorithms}
    assert recipe.hyperparameter_problems(defaults, instance_type="ml.g5.12xlarge") == []


def test_says_everything_that_is_wrong_with_hyperparameters_at_once(recipe: TrainingRecipe) -> None:
    values: dict[str, Any] = {
        "epochs": "1",
        "learning_rate": "2",
        "instruction_tuned": "yes",
        "per_device_train_batch_size": "2.5",
        "seed": 7,
        "sagemaker_program": "mine.py",
        "preprocessing_num_workers": "x" * 2501,
    }
    assert recipe.hyperparameter_problems(values, instance_type="ml.g5.12xlarge") == [
        "hyperparameter 'epochs' is not in the recipe: did you mean epoch?",
        "hyperparameter 'learning_rate' is '2': allowed is a number at least 1e-08 and at most 1",
        "hyperparameter 'instruction_tuned' is 'yes': allowed is True, False",
        "hyperparameter 'per_device_train_batch_size' is '2.5': allowed is a whole number at least 1 and at most 1000",
        "hyperparameter 'seed' is 7: allowed is text, in quotes",
        "hyperparameter 'sagemaker_program' is the container's: it is not for you to set",
        "hyperparameter 'preprocessing_num_workers' has 2501 characters: at most 2500 are allowed",
    ]


def test_says_everything_that_is_wrong_with_a_job_at_once(recipe: TrainingRecipe, job: TrainingJob) -> None:
    wrong = replace(
        job,
        name="a_b",
        channels={"code": "s3://bucket/data/", "training": "/data"},
        instance_type="ml.g4dn.xlarge",
        instance_count=0,
        max_runtime_seconds=0,
        max_wait_seconds=5,
        hyperparameters={"epoch": "0"},
    )
    with pytest.raises(CatalogError) as raised:
        create_training_job(recipe, wrong)
    assert raised.value.problems == (
        "the job's name is 'a_b': allowed are 1 to 63 letters, digits and inner hyphens",
        (
            "instance_type is 'ml.g4dn.xlarge': huggingface-llm-mistral-7b 2.1.0 is trained on one of "
            "ml.g5.12xlarge, ml.g5.24xlarge, ml.g5.48xlarge, ml.p4d.24xlarge"
        ),
        "instance_count is 0: allowed is 1 or more",
        "channel 'code' cannot be the data's: allowed are other names than model and code",
        "channel 'training' is '/data': allowed is an s3:// prefix",
        "max_runtime_seconds is 0: allowed are 1 to 2419200",
        "max_wait_seconds is 5: it goes with spot instances only",
        "hyperparameter 'epoch' is '0': allowed is a whole number at least 1 and at most 1000",
    )


def test_refuses_a_licensed_model_whose_licence_is_not_accepted(job: TrainingJob) -> None:
    with pytest.raises(CatalogError, match=r"accept_eula is False: .* licence \(fmhMetadata/eula/llama3_2Eula\.txt\)"):
        create_training_job(read_recipe(_document(LLAMA)), job)


def test_refuses_a_region_without_image(recipe: TrainingRecipe, job: TrainingJob) -> None:
    with pytest.raises(CatalogError, match="has no training image in region 'mx-central-1': it has them in af-south-1"):
        create_training_job(recipe, replace(job, region="mx-central-1"))


def test_refuses_a_wait_on_spot_instances_that_is_shorter_than_the_run(
    recipe: TrainingRecipe, job: TrainingJob
) -> None:
    with pytest.raises(CatalogError, match="max_wait_seconds is 10: allowed is at least the runtime, 20"):
        create_training_job(recipe, replace(job, spot=True, max_runtime_seconds=20, max_wait_seconds=10))


def test_waits_for_spot_instances_twice_as_long_as_the_run_by_default(recipe: TrainingRecipe, job: TrainingJob) -> None:
    request = create_training_job(recipe, replace(job, spot=True, max_runtime_seconds=20))
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 20, "MaxWaitTimeInSeconds": 40}


def test_refuses_more_hyperparameters_than_the_api_takes(job: TrainingJob) -> None:
    entries = [{"name": f"h{number}", "type": "int", "default": 1, "scope": "algorithm"} for number in range(96)]
    with pytest.raises(CatalogError, match="the job has 101 hyperparameters: at most 100"):
        create_training_job(read_recipe(_document() | {"hyperparameters": entries}), job)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"training_supported": False}, "cannot be fine-tuned: its spec has no training"),
        ({"deprecated": True, "deprecated_message": "use 3"}, r"is withdrawn by AWS \(use 3\)"),
        ({"training_vulnerable": True, "training_vulnerabilities": ["CVE-1"]}, r"known vulnerabilities \(CVE-1\)"),
        ({"training_instance_type_variants": None}, "and so no training image: choose a newer version"),
        ({"supported_training_instance_types": []}, "must be at least one"),
        ({"training_script_key": None, "training_prepacked_script_key": None}, "has no training script"),
        ({"estimator_kwargs": {"max_retry_attempts": 3}}, "sets max_retry_attempts for training: known are "),
        ({"hyperparameters": [{"name": "epoch"}]}, r"is not of a form that is known: KeyError\('type'\)"),
        ({"hyperparameters": [{"name": "epoch", "type": "list"}]}, "hyperparameter 'epoch' has type 'list'"),
        ({"default_training_instance_type": 5}, "has default_training_instance_type 5: it must be text"),
    ],
)
def test_refuses_a_document_that_is_no_recipe(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(CatalogError, match=problem):
        read_recipe(_document() | change)


def test_refuses_a_training_config_that_is_not_on_offer() -> None:
    with pytest.raises(CatalogError, match=r"'lora' is not offered by .*: it has no training configs"):
        read_recipe(_document(), config="lora")


def test_says_the_method_by_hyperparameters(recipe: TrainingRecipe) -> None:
    assert with_method(recipe, "domain", {"epoch": "1"}) == {
        "instruction_tuned": "False",
        "chat_dataset": "False",
        "epoch": "1",
    }


@pytest.mark.parametrize(
    ("method", "instruction_tuned", "chat_dataset"),
    [("instruction", "True", "False"), ("domain", "False", "False"), ("chat", "False", "True")],
)
def test_each_method_sets_both_hyperparameters_that_select_it(
    recipe: TrainingRecipe, method: str, instruction_tuned: str, chat_dataset: str
) -> None:
    expected = {"instruction_tuned": instruction_tuned, "chat_dataset": chat_dataset}

    assert with_method(recipe, method, {}) == expected


@pytest.mark.parametrize("method", METHODS)
def test_takes_declared_hyperparameters_that_agree_with_the_method(recipe: TrainingRecipe, method: str) -> None:
    assert list(method_problems(recipe, method, METHODS[method])) == []


def test_refuses_hyperparameters_that_contradict_the_method(recipe: TrainingRecipe) -> None:
    assert list(method_problems(recipe, "domain", {"instruction_tuned": "True"})) == [
        "hyperparameter 'instruction_tuned' is 'True': with the method domain it is 'False'"
    ]


def test_refuses_a_method_that_the_recipe_has_not(recipe: TrainingRecipe) -> None:
    without = replace(
        recipe, hyperparameters=tuple(one for one in recipe.hyperparameters if one.name != "chat_dataset")
    )
    assert list(method_problems(without, "chat", {})) == [
        "method is 'chat': huggingface-llm-mistral-7b 2.1.0 has no chat_dataset; it can be tuned by instruction, domain"
    ]
    assert list(method_problems(without, "instruction", {})) == []


def test_refuses_an_unknown_method(recipe: TrainingRecipe) -> None:
    assert list(method_problems(recipe, "rlhf", {})) == ["method is 'rlhf': allowed are instruction, domain, chat"]
