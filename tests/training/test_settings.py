"""Parses the environment of *prepare*, and says all that is wrong with it at once."""

import pytest

from tests.training.training_account import ENVIRONMENT, TEMPLATE
from training.settings import LONGEST_PIPELINE, Settings, SettingsError
from training.versions import LENGTH, job_name


def test_reads_what_is_set() -> None:
    settings = Settings.from_environment(
        {
            **ENVIRONMENT,
            "SPOT": "true",
            "MAX_WAIT_SECONDS": "600",
            "SUBNET_IDS": "subnet-1, subnet-2",
            "OUTPUT_PREFIX": "s3://own-bucket/runs",
        }
    )

    assert settings.template == TEMPLATE
    assert settings.hyperparameters == {"epoch": "1", "max_input_length": "2048"}
    assert (settings.spot, settings.max_wait_seconds, settings.instance_count) == (True, 600, 1)
    assert settings.subnet_ids == ("subnet-1", "subnet-2")
    assert settings.output_prefix == "s3://own-bucket/runs/"


def test_takes_an_empty_variable_for_one_that_is_not_set() -> None:
    settings = Settings.from_environment({**ENVIRONMENT, "MAX_WAIT_SECONDS": "", "PROMPT_TEMPLATE": " "})
    assert (settings.max_wait_seconds, settings.template) == (None, None)


def test_says_everything_that_is_wrong_with_the_environment() -> None:
    wrong = {
        **ENVIRONMENT,
        "NAME_PREFIX": "x" * 47,
        "MODEL_ID": "",
        "HYPERPARAMETERS": '{"epoch": 1}',
        "TAGS": "{",
        "INSTANCE_COUNT": "two",
        "MAX_RUNTIME_SECONDS": "0",
        "SPOT": "yes",
        "VALIDATION_PREFIX": "/data",
        "OUTPUT_PREFIX": "",
    }
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(wrong)
    assert sorted(str(raised.value).splitlines()) == [
        "HYPERPARAMETERS is not an object of texts",
        "INSTANCE_COUNT is 'two': allowed is a whole number, 1 or more",
        "MAX_RUNTIME_SECONDS is '0': allowed is a whole number, 1 or more",
        "MODEL_ID is not set",
        "NAME_PREFIX has 47 characters: at most 46 are allowed",
        "OUTPUT_PREFIX is not set",
        "SPOT is 'yes': allowed are true and false",
        "TAGS is not json: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "VALIDATION_PREFIX is '/data': allowed is an s3:// prefix",
    ]


def test_the_longest_name_of_a_pipeline_leaves_room_for_any_job() -> None:
    assert len(job_name("x" * LONGEST_PIPELINE, "0" * LENGTH, 99)) <= 63
