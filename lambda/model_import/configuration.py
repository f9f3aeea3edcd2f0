"""What the functions are told by their environment variables.

| variable | what it says |
|---|---|
| `MODEL` | what the names of all versions begin with, such as `dev-llama-3b`; a hyphen and the version follow |
| `TARGET_PARAMETER` | the SSM parameter with the served version's ARN, which the invoke shim reads |
| `SERVED_PARAMETER`, `PREVIOUS_PARAMETER` | the parameters with the served version and the one before it |
| `KEEP_VERSIONS` | how many versions stay imported, the served one among them |
| `BODY` | how the model is asked: `chat`, `completion`, `native` or `converse` |
| `SMOKE_PROMPT`, `SMOKE_EXPECT` | what a new version is asked; a text that its answer must hold, or nothing |
| `STATE_MACHINE_ARN` | the state machine that imports |
| `DEADLINE_SECONDS` | how long a deployment waits for an import |
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

BODIES = ("chat", "completion", "native", "converse")


class Configuration(NamedTuple):
    """The parsed environment.

    Attributes:
        model: what the names of all versions begin with.
        target_parameter: name of the parameter with the served ARN.
        served_parameter: name of the parameter with the served version.
        previous_parameter: name of the parameter with the version before.
        state_machine_arn: the state machine that imports.
        keep_versions: how many versions stay imported.
        body: how the model is asked.
        smoke_prompt: what a new version is asked.
        smoke_expect: a text that its answer must hold; empty for any answer.
        deadline_seconds: how long a deployment waits for an import.
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
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Configuration":
        """Parse the variables that the construct sets.

        Raises:
            ValueError: a variable is missing or wrong; all problems at once.
        """
        problems = []
        values: dict[str, object] = {}
        for field in cls._fields:
            name = field.upper()
            text = environment.get(name, "")
            if not text:
                if field not in cls._field_defaults:
                    problems.append(f"{name} is not set")
            elif isinstance(cls._field_defaults.get(field), int):
                if text.isdecimal() and int(text) >= 1:
                    values[field] = int(text)
                else:
                    problems.append(f"{name} is {text!r}, must be an integer of at least 1")
            else:
                values[field] = text
        if values.get("body", "chat") not in BODIES:
            problems.append(f"BODY is {values['body']!r}, must be one of {', '.join(BODIES)}")
        if problems:
            raise ValueError("\n".join(problems))
        return cls(**values)  # type: ignore[arg-type] # every value has been checked against its field above
