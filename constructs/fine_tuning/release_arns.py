"""ARNs of what a pipeline makes, whose names end in hashes: of its own, and of no pipeline with a longer name.

`dev-dolly-*` would cover the releases of a model `dolly-v2` as well. IAM's `?` stands for exactly one character, so
that a pattern has one length: the releases of a longer name are longer.
"""

from constructs import IConstruct
from constructs.values.arns import arn

from training.contract import SETTINGS_DIGITS, VERSION_DIGITS

_VERSION, _SETTINGS = "?" * VERSION_DIGITS, "?" * SETTINGS_DIGITS
# The attempts after a failed job: `-2` to `-9`, and `-10` to `-99`. Where the hyphen is in these patterns, the version
# of a longer name has a digit.
_ATTEMPTS = ("", "-?", "-??")


def release_arn(scope: IConstruct, kind: str, pipeline: str) -> str:
    """Return the ARN of a pipeline's models or endpoint configs.

    Args:
        scope: A construct of the stack.
        kind: `model` or `endpoint-config`.
        pipeline: Such as `dev-mistral-7b-dolly`.
    """
    return arn(scope, "sagemaker", f"{kind}/{pipeline}-{_VERSION}-{_SETTINGS}".lower())


def job_arns(scope: IConstruct, pipeline: str) -> list[str]:
    """Return the ARNs of a pipeline's training jobs."""
    return [arn(scope, "sagemaker", f"training-job/{pipeline}-{_VERSION}{attempt}".lower()) for attempt in _ATTEMPTS]
