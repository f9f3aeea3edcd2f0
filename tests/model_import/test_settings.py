"""Parsing the environment of the import's functions: all problems are reported at once."""

import pytest

from model_import.environment import SettingsError
from model_import.settings import Settings

REQUIRED = {
    "MODEL": "dev-llama-3b",
    "TARGET_PARAMETER": "/target",
    "SERVED_PARAMETER": "/served",
    "PREVIOUS_PARAMETER": "/previous",
}


def test_reads_the_environment_with_its_defaults() -> None:
    settings = Settings.from_environment({**REQUIRED, "KEEP_VERSIONS": "3", "BODY": "native", "SMOKE_PROMPT": ""})

    assert settings == Settings("dev-llama-3b", "/target", "/served", "/previous", keep_versions=3, body="native")
    assert (settings.smoke_expect, settings.deadline_seconds) == ("", 3240)
    assert settings.smoke_prompt == "Answer in one word: what is the capital of France?"


def test_keeps_the_line_break_at_the_end_of_a_prompt() -> None:
    settings = Settings.from_environment({**REQUIRED, "SMOKE_PROMPT": "### Response:\n", "SMOKE_EXPECT": " 4"})
    assert (settings.smoke_prompt, settings.smoke_expect) == ("### Response:\n", " 4")


def test_reports_all_that_is_wrong_with_the_environment_at_once() -> None:
    with pytest.raises(SettingsError, match="MODEL") as refused:
        Settings.from_environment({"KEEP_VERSIONS": "0", "DEADLINE_SECONDS": "soon", "BODY": "text"})

    assert str(refused.value).splitlines() == [
        "MODEL is not set",
        "TARGET_PARAMETER is not set",
        "SERVED_PARAMETER is not set",
        "PREVIOUS_PARAMETER is not set",
        "KEEP_VERSIONS is '0', must be an integer of at least 1",
        "BODY is 'text', must be one of chat, completion, native, converse",
        "DEADLINE_SECONDS is 'soon', must be an integer of at least 1",
    ]


@pytest.mark.parametrize("text", ["1", "999999999"])
def test_takes_an_integer_of_at_most_nine_digits_from_1_on(text: str) -> None:
    assert Settings.from_environment({**REQUIRED, "KEEP_VERSIONS": text}).keep_versions == int(text)


@pytest.mark.parametrize("text", ["0", "1000000000", "-1", "1.0", "²"])
def test_refuses_any_other_number(text: str) -> None:
    with pytest.raises(SettingsError, match=f"KEEP_VERSIONS is '{text}', must be an integer of at least 1"):
        Settings.from_environment({**REQUIRED, "KEEP_VERSIONS": text})
