"""Settings of *prepare*, parsed once from its environment (`training.contract` lists the variables)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.contract import METHODS
from training.environment import EnvironmentReader, SettingsError

LONGEST_PIPELINE = 46
"""Characters: a job's name has 63, of which 17 are for `-<version>` and `-<number>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of *prepare*; `training.contract.PREPARE` explains the variables behind them."""

    pipeline: str
    model_id: str
    model_version: str
    recipe_sha256: str | None
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
        """Parse the environment.

        Args:
            environment: Usually `os.environ`.

        Raises:
            SettingsError: Variables are missing or wrong; all are listed.
        """
        read = EnvironmentReader(environment)
        settings = cls(
            pipeline=read.required("NAME_PREFIX"),
            model_id=read.required("MODEL_ID"),
            model_version=read.required("MODEL_VERSION"),
            recipe_sha256=read.optional("RECIPE_SHA256"),
            method=read.choice("METHOD", METHODS),
            template=read.mapping("PROMPT_TEMPLATE") or None,
            hyperparameters=read.mapping("HYPERPARAMETERS"),
            instance_type=read.required("INSTANCE_TYPE"),
            instance_count=read.optional_integer("INSTANCE_COUNT") or 1,
            spot=read.flag("SPOT"),
            max_runtime_seconds=read.optional_integer("MAX_RUNTIME_SECONDS"),
            max_wait_seconds=read.optional_integer("MAX_WAIT_SECONDS"),
            data_prefix=read.prefix("DATA_PREFIX"),
            validation_prefix=read.optional_prefix("VALIDATION_PREFIX"),
            validation_split=read.optional("VALIDATION_SPLIT"),
            output_prefix=read.prefix("OUTPUT_PREFIX"),
            key_arn=read.required("KMS_KEY_ARN"),
            volume_key_arn=read.optional("VOLUME_KMS_KEY_ARN"),
            role_arn=read.required("ROLE_ARN"),
            subnet_ids=read.texts("SUBNET_IDS"),
            security_group_ids=read.texts("SECURITY_GROUP_IDS"),
            accept_eula=read.flag("ACCEPT_EULA"),
            tags=read.mapping("TAGS"),
            region=read.required("AWS_REGION"),
        )
        length = len(settings.pipeline)
        if length > LONGEST_PIPELINE:
            read.problems.append(f"NAME_PREFIX has {length} characters, must have at most {LONGEST_PIPELINE}")
        if read.problems:
            raise SettingsError(read.problems)
        return settings
