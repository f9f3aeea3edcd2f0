"""The function's environment."""

import pytest

from invoke_shim.formats import FORMATS
from invoke_shim.settings import PROMPT_FORMATS, Settings, SettingsError

ENVIRONMENT = {
    "ENDPOINT_NAME": "mistral-endpoint",
    "MODEL_NAME": "mistral-7b-instruct",
    "CONTAINER": "tgi",
    "PROMPT_FORMAT": "mistral-instruct",
    "MAX_INPUT_TOKENS": "8191",
    "MAX_TOTAL_TOKENS": "8192",
    "INVOKE_TIMEOUT_SECONDS": "29",
}


def test_reads_every_variable() -> None:
    assert Settings.from_environment({**ENVIRONMENT, "LOG_LEVEL": "DEBUG"}) == Settings(
        endpoint_name="mistral-endpoint",
        model_name="mistral-7b-instruct",
        container="tgi",
        prompt_format="mistral-instruct",
        max_input_tokens=8191,
        max_total_tokens=8192,
        invoke_timeout_seconds=29,
        log_level="DEBUG",
    )


def test_does_without_the_optional_variables() -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("MAX_")}
    settings = Settings.from_environment(environment)
    assert (settings.max_input_tokens, settings.max_total_tokens) == (None, None)
    assert settings.log_level == "INFO"


def test_names_everything_that_is_missing_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({"UNRELATED": "1"})
    missing = {problem.split()[0] for problem in raised.value.problems}
    assert missing == {"ENDPOINT_NAME", "MODEL_NAME", "CONTAINER", "PROMPT_FORMAT", "INVOKE_TIMEOUT_SECONDS"}


def test_names_everything_that_is_wrong_at_once_with_what_is_allowed() -> None:
    wrong = {
        "CONTAINER": "vllm",
        "PROMPT_FORMAT": "llama",
        "MAX_TOTAL_TOKENS": "1",
        "INVOKE_TIMEOUT_SECONDS": "29.5",
        "LOG_LEVEL": "LOUD",
    }
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({**ENVIRONMENT, **wrong})
    text = str(raised.value)
    assert len(raised.value.problems) == len(wrong)
    assert "CONTAINER is 'vllm', must be one of tgi, lmi" in text
    assert "PROMPT_FORMAT is 'llama', must be one of falcon-chat" in text
    assert "MAX_TOTAL_TOKENS is 1, must be an integer of at least 2" in text
    assert "INVOKE_TIMEOUT_SECONDS is '29.5', must be an integer from 5 to 900" in text
    assert "LOG_LEVEL is 'LOUD', must be one of DEBUG" in text


@pytest.mark.parametrize("number", ["", " ", "0", "-1", "4", "901", "1e3", "٢٩", "9" * 5000])
def test_refuses_a_timeout_that_is_no_sensible_number(number: str) -> None:
    with pytest.raises(SettingsError, match="INVOKE_TIMEOUT_SECONDS"):
        Settings.from_environment({**ENVIRONMENT, "INVOKE_TIMEOUT_SECONDS": number})


def test_refuses_a_prompt_limit_that_leaves_no_room_for_an_answer() -> None:
    with pytest.raises(SettingsError, match="MAX_INPUT_TOKENS is 8192, must be less than MAX_TOTAL_TOKENS"):
        Settings.from_environment({**ENVIRONMENT, "MAX_INPUT_TOKENS": "8192"})


@pytest.mark.parametrize(("invoke_timeout", "read_timeout"), [("5", 2), ("29", 26), ("60", 57), ("300", 70)])
def test_waits_for_the_model_less_long_than_api_gateway_waits(invoke_timeout: str, read_timeout: int) -> None:
    settings = Settings.from_environment({**ENVIRONMENT, "INVOKE_TIMEOUT_SECONDS": invoke_timeout})
    assert settings.read_timeout_seconds == read_timeout


def test_every_prompt_format_of_the_settings_exists() -> None:
    assert {*FORMATS, "none"} == set(PROMPT_FORMATS)


def test_reads_a_containers_version() -> None:
    assert Settings.from_environment(ENVIRONMENT).container_version is None
    versions = {"1.4.3": (1, 4, 3), "17": (17,)}
    for text, version in versions.items():
        assert Settings.from_environment({**ENVIRONMENT, "CONTAINER_VERSION": text}).container_version == version


@pytest.mark.parametrize("text", ["1.4-gpu", "v2", "1..2", "latest", "1.\u0664"])
def test_refuses_a_version_that_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match=r"CONTAINER_VERSION is .*, must be numbers with dots, such as 2\.0\.1"):
        Settings.from_environment({**ENVIRONMENT, "CONTAINER_VERSION": text})
