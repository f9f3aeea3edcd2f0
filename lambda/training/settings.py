"""What *prepare* is told by its environment, parsed once.

| variable | what it says |
|---|---|
| `NAME_PREFIX` | the pipeline: what names of jobs begin with, such as `dev-mistral-7b-dolly`; at most 46 characters |
| `MODEL_ID`, `MODEL_VERSION` | the base model, pinned |
| `METHOD` | `instruction`, `domain` or `chat` |
| `PROMPT_TEMPLATE` | with `instruction`: the declared template, a `template.json` as it is; may be left out |
| `HYPERPARAMETERS` | the declared hyperparameters, a JSON object of texts; may be left out |
| `INSTANCE_TYPE`, `INSTANCE_COUNT` | what to train on; the count is 1 if not set |
| `SPOT` | `true`: managed spot training, with checkpoints in the bucket |
| `MAX_RUNTIME_SECONDS` | the longest run; the recipe's if not set |
| `MAX_WAIT_SECONDS` | with spot: the longest wait and run together; twice the run if not set |
| `DATA_PREFIX` | `s3://` prefix of the training channel, where an execution names none |
| `VALIDATION_PREFIX` | `s3://` prefix of a validation channel; without it the job splits the data |
| `VALIDATION_SPLIT` | share of the data that the job sets aside; the recipe's if not set |
| `OUTPUT_PREFIX` | `s3://` prefix of reports and requests (`<version>/`), models and checkpoints (`<job>/`) |
| `KMS_KEY_ARN` | KMS key of what is written there |
| `VOLUME_KMS_KEY_ARN` | KMS key of the storage volume, where the instance type takes one; may be left out |
| `ROLE_ARN` | the jobs' execution role |
| `SUBNET_IDS`, `SECURITY_GROUP_IDS` | the jobs' network, joined by commas; may be left out |
| `ACCEPT_EULA` | `true`: the model's licence is accepted |
| `TAGS` | tags of the jobs, a JSON object of texts; may be left out |
| `AWS_REGION` | set by Lambda |

A variable that is empty counts as not set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_PIPELINE = 46
"""Characters: a job's name has 63, of which 17 are for `-<version>` and `-<number>`."""


class SettingsError(ValueError):
    """The environment is not usable; the message lists every problem, one a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of *prepare*; the table above says what they mean."""

    pipeline: str
    model_id: str
    model_version: str
    method: str
    template: Mapping[str, str] | None
    hyperparameters: Mapping[str, str]
    instance_type: str
    instance_count: int
    spot: bool
    max_runtime_seconds: int | None
    max_wait_seconds: int | None
    data_prefix: str
    validation_prefix: str | None
    validation_split: str | None
    output_prefix: str
    key_arn: str
    volume_key_arn: str | None
    role_arn: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    accept_eula: bool
    tags: Mapping[str, str]
    region: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Parses the environment.

        Args:
            environment: Usually `os.environ`.

        Raises:
            SettingsError: Variables are missing or wrong; all are listed.
        """
        read = _Reader(environment)
        settings = cls(
            pipeline=read.required("NAME_PREFIX"),
            model_id=read.required("MODEL_ID"),
            model_version=read.required("MODEL_VERSION"),
            method=read.required("METHOD"),
            template=read.texts("PROMPT_TEMPLATE") or None,
            hyperparameters=read.texts("HYPERPARAMETERS"),
            instance_type=read.required("INSTANCE_TYPE"),
            instance_count=read.number("INSTANCE_COUNT") or 1,
            spot=read.flag("SPOT"),
            max_runtime_seconds=read.number("MAX_RUNTIME_SECONDS"),
            max_wait_seconds=read.number("MAX_WAIT_SECONDS"),
            data_prefix=read.prefix("DATA_PREFIX") or "",
            validation_prefix=read.prefix("VALIDATION_PREFIX"),
            validation_split=read.optional("VALIDATION_SPLIT"),
            output_prefix=f"{(read.prefix('OUTPUT_PREFIX') or '').rstrip('/')}/",
            key_arn=read.required("KMS_KEY_ARN"),
            volume_key_arn=read.optional("VOLUME_KMS_KEY_ARN"),
            role_arn=read.required("ROLE_ARN"),
            subnet_ids=read.several("SUBNET_IDS"),
            security_group_ids=read.several("SECURITY_GROUP_IDS"),
            accept_eula=read.flag("ACCEPT_EULA"),
            tags=read.texts("TAGS"),
            region=read.required("AWS_REGION"),
        )
        if len(settings.pipeline) > LONGEST_PIPELINE:
            length = len(settings.pipeline)
            read.problems.append(f"NAME_PREFIX has {length} characters: at most {LONGEST_PIPELINE} are allowed")
        for name in ("DATA_PREFIX", "OUTPUT_PREFIX"):
            read.required(name)
        if read.problems:
            raise SettingsError("\n".join(dict.fromkeys(read.problems)))
        return settings


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def optional(self, name: str) -> str | None:
        return self._environment.get(name, "").strip() or None

    def required(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            self.problems.append(f"{name} is not set")
        return value or ""

    def flag(self, name: str) -> bool:
        value = self.optional(name) or "false"
        if value not in {"true", "false"}:
            self.problems.append(f"{name} is {value!r}: allowed are true and false")
        return value == "true"

    def number(self, name: str) -> int | None:
        value = self.optional(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdecimal() and int(value) > 0):
            self.problems.append(f"{name} is {value!r}: allowed is a whole number, 1 or more")
            return None
        return int(value)

    def prefix(self, name: str) -> str | None:
        value = self.optional(name)
        if value is not None and not value.startswith("s3://"):
            self.problems.append(f"{name} is {value!r}: allowed is an s3:// prefix")
        return value

    def several(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in (self.optional(name) or "").split(",") if part.strip())

    def texts(self, name: str) -> dict[str, str]:
        value = self.optional(name)
        if value is None:
            return {}
        try:
            parsed = json.loads(value)
        except ValueError as error:
            self.problems.append(f"{name} is not json: {error}")
            return {}
        if not isinstance(parsed, dict) or not all(isinstance(one, str) for one in parsed.values()):
            self.problems.append(f"{name} is not an object of texts")
            return {}
        return parsed
