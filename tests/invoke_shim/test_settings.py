"""The function's environment."""

from typing import Any

import pytest

from invoke_shim.contract import LONGEST_TEMPLATE, PROMPT_FORMATS
from invoke_shim.formats import FORMATS
from invoke_shim.settings import Settings, SettingsError

SAGEMAKER = {
    "MODEL_NAME": "mistral-7b-instruct",
    "BACKEND": "sagemaker",
    "CONTAINER": "tgi",
    "ENDPOINT_NAME": "mistral-endpoint",
    "PROMPT_FORMAT": "mistral-instruct",
    "INVOKE_TIMEOUT_SECONDS": "29",
}
ARN = "arn:aws:bedrock:us-west-2:111122223333:imported-model/abc"
BEDROCK = {
    "MODEL_NAME": "granite",
    "BACKEND": "bedrock",
    "BODY": "completion",
    "MODEL_ARN": ARN,
    "PROMPT_FORMAT": "granite-code",
    "INVOKE_TIMEOUT_SECONDS": "900",
}
TEMPLATE = '{"prompt": "Q: {question}", "completion": " {answer}"}'


def problems(environment: dict[str, str], **changes: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({**environment, **changes})
    assert str(raised.value) == "\n".join(raised.value.problems)
    return list(raised.value.problems)


def without(environment: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}


def test_reads_every_variable_of_an_endpoint() -> None:
    more = {
        "CONTAINER_VERSION": "2.0.1",
        "MAX_INPUT_TOKENS": "8191",
        "MAX_TOTAL_TOKENS": "8192",
        "GATHER_STREAM": "true",
        "IMAGES": "false",
        "LOG_PROMPTS": "true",
        "LOG_LEVEL": "DEBUG",
    }
    assert Settings.from_environment({**SAGEMAKER, **more}) == Settings(
        model_name="mistral-7b-instruct",
        backend="sagemaker",
        container="tgi",
        container_version=(2, 0, 1),
        endpoint_name="mistral-endpoint",
        prompt_format="mistral-instruct",
        invoke_timeout_seconds=29,
        max_input_tokens=8191,
        max_total_tokens=8192,
        gather_stream=True,
        takes_images=False,
        log_prompts=True,
        log_level="DEBUG",
    )


def test_reads_every_variable_of_an_imported_model() -> None:
    assert Settings.from_environment(BEDROCK) == Settings(
        model_name="granite",
        backend="bedrock",
        body="completion",
        model_arn=ARN,
        prompt_format="granite-code",
        invoke_timeout_seconds=900,
    )


def test_does_without_the_optional_variables() -> None:
    settings = Settings.from_environment(without(SAGEMAKER, "BACKEND"))
    assert settings.backend == "sagemaker"
    assert (settings.max_input_tokens, settings.max_total_tokens, settings.container_version) == (None, None, None)
    assert (settings.gather_stream, settings.log_prompts, settings.log_level) == (False, False, "INFO")


@pytest.mark.parametrize(("environment", "name"), [(SAGEMAKER, "ENDPOINT_NAME"), (BEDROCK, "MODEL_ARN")])
def test_takes_a_parameter_that_names_what_is_served(environment: dict[str, str], name: str) -> None:
    settings = Settings.from_environment({**without(environment, name), "TARGET_PARAMETER": "/models/served"})
    assert settings.target_parameter == "/models/served"
    assert settings.pipeline is None
    assert (settings.endpoint_name, settings.model_arn) == (None, None)
    assert problems(environment, TARGET_PARAMETER="/models/served") == [
        f"{name} and TARGET_PARAMETER are both set: one of them must be left out"
    ]


def test_takes_a_pipeline_beside_a_parameter_only() -> None:
    pointed = {**without(SAGEMAKER, "ENDPOINT_NAME"), "TARGET_PARAMETER": "/models/served"}
    assert Settings.from_environment({**pointed, "PIPELINE": "dev/m"}).pipeline == "dev/m"
    assert problems(SAGEMAKER, PIPELINE="dev/m") == [
        "PIPELINE is set, but TARGET_PARAMETER is not set: it must be left out"
    ]


@pytest.mark.parametrize(
    "environment",
    [{**SAGEMAKER, "CONTAINER": "vllm"}, {**BEDROCK, "BODY": "chat"}, {**BEDROCK, "BODY": "converse"}],
)
def test_needs_no_prompt_format_where_the_models_side_writes_the_prompt(environment: dict[str, str]) -> None:
    assert Settings.from_environment(without(environment, "PROMPT_FORMAT")).prompt_format == "none"


def test_takes_a_template_with_its_format_only() -> None:
    settings = Settings.from_environment({**SAGEMAKER, "PROMPT_FORMAT": "template", "PROMPT_TEMPLATE": TEMPLATE})
    assert settings.prompt_template == TEMPLATE
    assert problems(SAGEMAKER, PROMPT_TEMPLATE=TEMPLATE) == [
        "PROMPT_TEMPLATE is set, but PROMPT_FORMAT is mistral-instruct: it must be left out"
    ]
    assert problems(SAGEMAKER, PROMPT_FORMAT="template") == ["PROMPT_TEMPLATE is not set"]


def test_names_all_that_is_wrong_with_a_template() -> None:
    found = problems(SAGEMAKER, PROMPT_FORMAT="template", PROMPT_TEMPLATE='{"prompt": "Q: {}", "end": 1}')
    assert len(found) > 1
    assert all(problem.startswith("PROMPT_TEMPLATE: ") for problem in found)
    long = TEMPLATE.replace("Q:", "Q" * LONGEST_TEMPLATE)
    [problem] = problems(SAGEMAKER, PROMPT_FORMAT="template", PROMPT_TEMPLATE=long)
    assert "must be at most 3000, Lambda's limit of environment variables being 4 KB" in problem


def test_names_everything_that_is_missing_at_once() -> None:
    missing = {problem.split()[0] for problem in problems({"UNRELATED": "1"})}
    assert missing == {"ENDPOINT_NAME", "MODEL_NAME", "CONTAINER", "PROMPT_FORMAT", "INVOKE_TIMEOUT_SECONDS"}
    missing = {problem.split()[0] for problem in problems({"BACKEND": "bedrock"})}
    assert missing == {"MODEL_ARN", "MODEL_NAME", "BODY", "PROMPT_FORMAT", "INVOKE_TIMEOUT_SECONDS"}


def test_an_empty_variable_counts_as_not_set() -> None:
    assert problems(SAGEMAKER, ENDPOINT_NAME=" ") == [
        "ENDPOINT_NAME is not set, nor is TARGET_PARAMETER: one of them must be"
    ]


@pytest.mark.parametrize(
    ("environment", "name", "reason"),
    [
        (SAGEMAKER, "BODY", "BACKEND is sagemaker"),
        (SAGEMAKER, "MODEL_ARN", "BACKEND is sagemaker"),
        (BEDROCK, "CONTAINER", "BACKEND is bedrock"),
        (BEDROCK, "CONTAINER_VERSION", "BACKEND is bedrock"),
        (BEDROCK, "ENDPOINT_NAME", "BACKEND is bedrock"),
    ],
)
def test_refuses_a_variable_of_the_other_backend(environment: dict[str, str], name: str, reason: str) -> None:
    assert problems(environment, **{name: "tgi"}) == [f"{name} is set, but {reason}: it must be left out"]


def test_names_everything_that_is_wrong_at_once_with_what_is_allowed() -> None:
    wrong = {
        "CONTAINER": "torchserve",
        "PROMPT_FORMAT": "llama",
        "MAX_TOTAL_TOKENS": "1",
        "INVOKE_TIMEOUT_SECONDS": "29.5",
        "GATHER_STREAM": "yes",
        "LOG_PROMPTS": "1",
        "LOG_LEVEL": "LOUD",
    }
    found = problems(SAGEMAKER, **wrong)
    assert len(found) == len(wrong)
    for text in (
        "CONTAINER is 'torchserve', must be one of tgi, lmi, vllm, tei, stability, other",
        "PROMPT_FORMAT is 'llama', must be one of chatml, chatml-announced, falcon-chat",
        "MAX_TOTAL_TOKENS is 1, must be an integer of at least 2",
        "INVOKE_TIMEOUT_SECONDS is '29.5', must be an integer from 5 to 900",
        "GATHER_STREAM is 'yes', must be one of true, false",
        "LOG_PROMPTS is '1', must be one of true, false",
        "LOG_LEVEL is 'LOUD', must be one of TRACE",
    ):
        assert any(problem.startswith(text) for problem in found), text


def test_refuses_a_backend_that_there_is_not() -> None:
    assert "BACKEND is 'openai', must be one of sagemaker, bedrock" in problems(SAGEMAKER, BACKEND="openai")


@pytest.mark.parametrize("number", ["", " ", "0", "-1", "4", "901", "1e3", "٢٩", "9" * 5000])
def test_refuses_a_timeout_that_is_no_sensible_number(number: str) -> None:
    [problem] = problems(SAGEMAKER, INVOKE_TIMEOUT_SECONDS=number)
    assert problem.startswith("INVOKE_TIMEOUT_SECONDS is ")


def test_refuses_a_prompt_limit_that_leaves_no_room_for_an_answer() -> None:
    assert problems(SAGEMAKER, MAX_INPUT_TOKENS="8192", MAX_TOTAL_TOKENS="8192") == [
        "MAX_INPUT_TOKENS is 8192, must be less than MAX_TOTAL_TOKENS (8192)"
    ]


@pytest.mark.parametrize(("invoke_timeout", "read_timeout"), [("5", 2), ("29", 26), ("60", 57), ("300", 70)])
def test_waits_for_the_model_less_long_than_api_gateway_waits(invoke_timeout: str, read_timeout: int) -> None:
    settings = Settings.from_environment({**SAGEMAKER, "INVOKE_TIMEOUT_SECONDS": invoke_timeout})
    assert settings.read_timeout_seconds == read_timeout


def test_every_prompt_format_of_the_settings_exists() -> None:
    assert {*FORMATS, "template", "container", "none"} == set(PROMPT_FORMATS)


CHATS = {
    "TGI before 2.4": (
        {"CONTAINER_VERSION": "2.3.1"},
        "tgi 2.3.1 takes prompts, not chats: it writes their",
    ),
    "TGI, unknown": (
        {"CONTAINER_VERSION": ""},
        "tgi writes the prompts of chats from version 2.4.0, and its",
    ),
    "LMI 10": ({"CONTAINER": "lmi", "CONTAINER_VERSION": "10.0.0"}, "lmi 10.0.0 takes prompts, not chats"),
}


@pytest.mark.parametrize(("more", "message"), CHATS.values(), ids=CHATS)
def test_refuses_chats_by_a_container_that_takes_none(more: dict[str, str], message: str) -> None:
    [problem] = problems({**SAGEMAKER, "PROMPT_FORMAT": "container", **more})
    assert problem.startswith(f"PROMPT_FORMAT is container, but {message}")


def test_takes_chats_by_a_container_that_writes_their_prompts() -> None:
    versions = [("tgi", "2.4.0"), ("lmi", "11.0.0"), ("vllm", ""), ("vllm", "0.9.0")]
    for container, version in versions:
        more = {"CONTAINER": container, "CONTAINER_VERSION": version, "PROMPT_FORMAT": "container"}
        assert Settings.from_environment({**SAGEMAKER, **more}).prompt_format == "container"
    [problem] = problems({**BEDROCK, "PROMPT_FORMAT": "container"})
    assert "BACKEND is bedrock" in problem


@pytest.mark.parametrize(("text", "version"), [("1.4.3", (1, 4, 3)), ("17", (17,))])
def test_reads_a_containers_version(text: str, version: tuple[int, ...]) -> None:
    assert Settings.from_environment({**SAGEMAKER, "CONTAINER_VERSION": text}).container_version == version


@pytest.mark.parametrize("text", ["1.4-gpu", "v2", "1..2", "latest", "1.\u0664"])
def test_refuses_a_version_that_is_none(text: str) -> None:
    assert problems(SAGEMAKER, CONTAINER_VERSION=text) == [
        f"CONTAINER_VERSION is {text!r}, must be numbers with dots, such as 2.0.1"
    ]


def test_settings_do_not_change() -> None:
    settings: Any = Settings.from_environment(SAGEMAKER)
    with pytest.raises(AttributeError):
        settings.model_name = "another"
