"""Parsing the environment of *prepare*: all problems are reported at once."""

import pytest

from tests.training.training_account import ENVIRONMENT, TEMPLATE
from training.contract import VERSION_DIGITS
from training.environment import SettingsError
from training.settings import LONGEST_PIPELINE, Settings
from training.versions import job_name


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


@pytest.mark.parametrize(
    ("text", "count"), [("1", 1), ("2", 2), ("999999999", 999_999_999), ("0", None), ("1000000000", None), ("²", None)]
)
def test_takes_an_integer_of_at_most_nine_digits_from_1_on(text: str, count: int | None) -> None:
    if count is None:
        with pytest.raises(SettingsError, match=f"INSTANCE_COUNT is '{text}', must be an integer of at least 1"):
            Settings.from_environment({**ENVIRONMENT, "INSTANCE_COUNT": text})
    else:
        assert Settings.from_environment({**ENVIRONMENT, "INSTANCE_COUNT": text}).instance_count == count


def test_takes_the_longest_name_of_a_pipeline() -> None:
    longest = "x" * LONGEST_PIPELINE
    assert Settings.from_environment({**ENVIRONMENT, "NAME_PREFIX": longest}).pipeline == longest


def test_reports_everything_that_is_wrong_with_the_environment() -> None:
    wrong = {
        **ENVIRONMENT,
        "NAME_PREFIX": "x" * 47,
        "MODEL_ID": "",
        "METHOD": "guess",
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
        """HYPERPARAMETERS is '{"epoch": 1}', must be a JSON object of strings""",
        "INSTANCE_COUNT is 'two', must be an integer of at least 1",
        "MAX_RUNTIME_SECONDS is '0', must be an integer of at least 1",
        "METHOD is 'guess', must be one of instruction, domain, chat",
        "MODEL_ID is not set",
        "NAME_PREFIX has 47 characters, must have at most 46",
        "OUTPUT_PREFIX is not set",
        "SPOT is 'yes', must be one of true, false",
        "TAGS is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "VALIDATION_PREFIX is '/data', must be an s3:// prefix",
    ]


def test_the_longest_name_of_a_pipeline_leaves_room_for_any_job() -> None:
    assert len(job_name("x" * LONGEST_PIPELINE, "0" * VERSION_DIGITS, 99)) <= 63
