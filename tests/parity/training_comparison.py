"""The CreateTrainingJob request that the SageMaker SDK sends for a spec document, and ours."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from catalog.training.recipe import read_recipe
from catalog.training.request import TrainingJob, create_training_job

ROLE = "arn:aws:iam::111122223333:role/parity"
JOB_NAME = "parity-1"
OUTPUT = "s3://own-bucket/training/output/"
TRAINING = "s3://own-bucket/training/data/"

_CONFIG = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One training job of one document.

    Attributes:
        document: The spec document.
        region: AWS region.
        job: Fields of our job besides those that every case has.
        estimator: The SDK's arguments that ask for the same.
        validation: Prefix of a validation channel.
        accept_eula: Whether the licence is accepted; None says nothing.
        config: Training config, None for the one ranked first.
    """

    document: dict[str, Any]
    region: str = "us-west-2"
    job: Mapping[str, Any] = field(default_factory=dict)
    estimator: Mapping[str, Any] = field(default_factory=dict)
    validation: str | None = None
    accept_eula: bool | None = None
    config: str | None = None

    @property
    def channels(self) -> dict[str, str]:
        """Prefix by name of the channel."""
        return {"training": TRAINING} | ({"validation": self.validation} if self.validation else {})


def sdk_request(case: Case) -> dict[str, Any]:
    """Train by the SDK, with AWS mocked."""
    from tests.parity import sdk  # noqa: PLC0415 - see there

    client = mock.Mock()
    # People say that they accept by a variable where the container reads the weights, by an argument otherwise.
    by_variable = any(name in str(case.document) for name in ("gated_model_key", "training_model_package"))
    environment = {"accept_eula": "true"} if case.accept_eula and by_variable else None
    with _jumpstart(case):
        session = sdk.Session(
            boto_session=mock.Mock(region_name=case.region),
            sagemaker_client=client,
            sagemaker_runtime_client=mock.Mock(),
            default_bucket="own-bucket",
            sagemaker_config=_CONFIG,
        )
        estimator = sdk.JumpStartEstimator(
            model_id=case.document["model_id"],
            model_version=case.document["version"],
            region=case.region,
            role=ROLE,
            output_path=OUTPUT,
            environment=environment,
            config_name=case.config,
            sagemaker_session=session,
            **case.estimator,
        )
        estimator.fit(
            case.channels,
            wait=False,
            job_name=JOB_NAME,
            accept_eula=case.accept_eula if environment is None else None,
        )
    request: dict[str, Any] = client.create_training_job.call_args.kwargs
    return request


def our_request(case: Case) -> dict[str, Any]:
    """Return our request for the same."""
    job = TrainingJob(
        name=JOB_NAME,
        role_arn=ROLE,
        region=case.region,
        channels=case.channels,
        output_path=OUTPUT,
        accept_eula=bool(case.accept_eula),
        **case.job,
    )
    return create_training_job(read_recipe(case.document, config=case.config), job)


@contextmanager
def _jumpstart(case: Case) -> Iterator[None]:
    """Patch the SDK to read the document, and not to call AWS."""
    from tests.parity import sdk  # noqa: PLC0415 - see there

    accessor = "sagemaker.jumpstart.accessors.JumpStartModelsAccessor"

    def manifest(*_: object, model_type: object, **__: object) -> list[mock.Mock]:
        open_weights = model_type == sdk.JumpStartModelType.OPEN_WEIGHTS
        return [mock.Mock(model_id=case.document["model_id"])] if open_weights else []

    def specs(*_: object, **__: object) -> object:
        # A new one each time: the SDK writes the variables of an instance type into those of its family.
        return sdk.JumpStartModelSpecs(deepcopy(case.document))

    with ExitStack() as patches:
        patches.enter_context(mock.patch(f"{accessor}._get_manifest", side_effect=manifest))
        patches.enter_context(mock.patch(f"{accessor}.get_model_specs", side_effect=specs))
        # Reads a large schema against a fixed config many times, which takes seconds.
        patches.enter_context(mock.patch("sagemaker.config.config.jsonschema.validate"))
        yield
