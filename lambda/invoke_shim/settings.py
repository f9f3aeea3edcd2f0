"""What the function is told by its environment, parsed once."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

ContainerName = Literal["tgi", "lmi"]
PromptFormatName = Literal["falcon-chat", "falcon-instruct", "mistral-instruct", "chatml", "none"]

CONTAINERS: tuple[ContainerName, ...] = get_args(ContainerName)
PROMPT_FORMATS: tuple[PromptFormatName, ...] = get_args(PromptFormatName)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

CONNECT_TIMEOUT_SECONDS = 1
"""Time to open a connection to the SageMaker runtime; within one region it takes milliseconds."""

START_MARGIN_SECONDS = 2
"""What a cold start and the shim's own work may use of API Gateway's time."""

MAX_READ_TIMEOUT_SECONDS = 70
"""The socket timeout that the InvokeEndpoint documentation advises: the container's 60 s and some more."""

SHORTEST_INVOKE_TIMEOUT_SECONDS = 5
LONGEST_INVOKE_TIMEOUT_SECONDS = 900


class SettingsError(ValueError):
    """The environment is not usable; the message lists every problem, one per line."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The function's settings.

    Attributes:
        endpoint_name: the SageMaker endpoint's name.
        model_name: the model's name to clients.
        container: how the container takes parameters and answers.
        prompt_format: how a chat becomes a prompt; "none" for a base model.
        max_input_tokens: the most tokens a prompt may have, where known.
        max_total_tokens: the most tokens of prompt and answer together, where known.
        invoke_timeout_seconds: how long API Gateway waits for this function.
        log_level: the lowest level that is logged.
    """

    endpoint_name: str
    model_name: str
    container: ContainerName
    prompt_format: PromptFormatName
    invoke_timeout_seconds: int
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None
    log_level: str = "INFO"

    @property
    def read_timeout_seconds(self) -> int:
        """How long to wait for the model's answer, so that the shim answers before API Gateway gives up."""
        left = self.invoke_timeout_seconds - CONNECT_TIMEOUT_SECONDS - START_MARGIN_SECONDS
        return min(left, MAX_READ_TIMEOUT_SECONDS)

    @property
    def log_level_number(self) -> int:
        """The log level as `logging` counts."""
        return logging.getLevelNamesMapping()[self.log_level]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Parse the environment variables that the InvokeApi construct sets.

        Args:
            environment: usually `os.environ`.

        Raises:
            SettingsError: a variable is missing or wrong; all problems at once.
        """
        # Every variable is read before anything is raised; values that are wrong are not used.
        reader = _Reader(environment)
        max_input_tokens = reader.optional_integer("MAX_INPUT_TOKENS", lowest=1)
        max_total_tokens = reader.optional_integer("MAX_TOTAL_TOKENS", lowest=2)
        if max_input_tokens and max_total_tokens and max_input_tokens >= max_total_tokens:
            reader.problems.append(
                f"MAX_INPUT_TOKENS is {max_input_tokens}, must be less than MAX_TOTAL_TOKENS ({max_total_tokens})"
            )
        settings = cls(
            endpoint_name=reader.required("ENDPOINT_NAME"),
            model_name=reader.required("MODEL_NAME"),
            container=cast("ContainerName", reader.choice("CONTAINER", CONTAINERS)),
            prompt_format=cast("PromptFormatName", reader.choice("PROMPT_FORMAT", PROMPT_FORMATS)),
            invoke_timeout_seconds=reader.integer(
                "INVOKE_TIMEOUT_SECONDS",
                lowest=SHORTEST_INVOKE_TIMEOUT_SECONDS,
                highest=LONGEST_INVOKE_TIMEOUT_SECONDS,
            ),
            max_input_tokens=max_input_tokens,
            max_total_tokens=max_total_tokens,
            log_level=reader.choice("LOG_LEVEL", LOG_LEVELS, default="INFO"),
        )
        if reader.problems:
            raise SettingsError(reader.problems)
        return settings


class _Reader:
    """Reads variables and gathers what is wrong with them, so that one error can name it all.

    A number that is missing or wrong is read as 0.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def required(self, name: str) -> str:
        value = self._environment.get(name, "").strip()
        if not value:
            self.problems.append(f"{name} is not set")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str = "") -> str:
        value = self._environment.get(name, "").strip() or default
        if not value:
            self.problems.append(f"{name} is not set, must be one of {', '.join(allowed)}")
        elif value not in allowed:
            self.problems.append(f"{name} is {value!r}, must be one of {', '.join(allowed)}")
        return value

    def integer(self, name: str, *, lowest: int, highest: int | None = None) -> int:
        text = self.required(name)
        return self._parse(name, text, lowest, highest) if text else 0

    def optional_integer(self, name: str, *, lowest: int) -> int | None:
        text = self._environment.get(name, "").strip()
        return self._parse(name, text, lowest, None) if text else None

    def _parse(self, name: str, text: str, lowest: int, highest: int | None) -> int:
        allowed = f"an integer of at least {lowest}" if highest is None else f"an integer from {lowest} to {highest}"
        # isdecimal() accepts digits of other scripts, and int() digits beyond any sensible length.
        if not (text.isascii() and text.isdecimal() and len(text) <= 9):
            self.problems.append(f"{name} is {text!r}, must be {allowed}")
            return 0
        number = int(text)
        if number < lowest or (highest is not None and number > highest):
            self.problems.append(f"{name} is {number}, must be {allowed}")
            return 0
        return number
