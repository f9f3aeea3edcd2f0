"""Settings of the functions, parsed once from their environment (`model_import.contract` explains the variables)."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from model_import.contract import BODIES
from model_import.environment import EnvironmentReader, SettingsError


class Settings(NamedTuple):
    """The settings of *steps*, *on_event* and *is_complete*.

    Attributes:
        model: Name of the model, with which the names of all versions begin.
        target_parameter: Name of the parameter with the served model's ARN.
        served_parameter: Name of the parameter with the served version.
        previous_parameter: Name of the parameter with the version before it.
        state_machine_arn: The state machine that imports.
        keep_versions: Number of versions that stay imported.
        body: Form of the model's requests.
        smoke_prompt: Prompt that a new version has to answer.
        smoke_expect: A text that its answer must contain; empty for any answer.
        deadline_seconds: Time that a deployment waits for an import.
    """

    model: str
    target_parameter: str
    served_parameter: str
    previous_parameter: str
    state_machine_arn: str = ""
    keep_versions: int = 2
    body: str = "chat"
    smoke_prompt: str = "Answer in one word: what is the capital of France?"
    smoke_expect: str = ""
    deadline_seconds: int = 3240

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Parse the environment.

        Raises:
            SettingsError: Variables are missing or wrong; all are listed.
        """
        read = EnvironmentReader(environment)
        default = cls._field_defaults
        settings = cls(
            model=read.required("MODEL"),
            target_parameter=read.required("TARGET_PARAMETER"),
            served_parameter=read.required("SERVED_PARAMETER"),
            previous_parameter=read.required("PREVIOUS_PARAMETER"),
            state_machine_arn=read.optional("STATE_MACHINE_ARN"),
            keep_versions=read.optional_integer("KEEP_VERSIONS", default["keep_versions"]),
            body=read.choice("BODY", BODIES, default["body"]),
            # A prompt may end in the line break after which the model answers.
            smoke_prompt=read.text("SMOKE_PROMPT", default["smoke_prompt"]),
            smoke_expect=read.text("SMOKE_EXPECT"),
            deadline_seconds=read.optional_integer("DEADLINE_SECONDS", default["deadline_seconds"]),
        )
        if read.problems:
            raise SettingsError(read.problems)
        return settings
