"""The demo's part for fine-tuned models: sample data into the bucket, one run of the pipeline, a served version."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from stacks.declarations import FineTunedModel
from tools import finetune
from tools.deployed import DeclaredStack, outputs
from tools.local import LocalAws

# Small data sets of the project's own, each with its template where it has one.
_SAMPLES = Path(__file__).resolve().parents[1] / "samples"
_TEMPLATE = "template.json"


def hurry(local_aws: LocalAws) -> None:
    """Make the local AWS's state machines wait a hundredth of the time: its jobs take less than a second."""
    local_aws.steer("PUT", "stepfunctions", {"wait_scale": 0.01})


def sample_of(stack: DeclaredStack) -> Path:
    """Find the sample data in the form that a model is tuned on: with the declaration's template, or with none.

    Args:
        stack: A fine-tuned model's stack.

    Raises:
        ValueError: If there is no such sample.
    """
    model = stack.model
    if not isinstance(model, FineTunedModel):
        raise ValueError(f"stack is {stack.path!r}: allowed is one of a fine-tuned model")
    wanted = json.loads(model.prompt_template) if model.prompt_template else None
    for folder in sorted(_SAMPLES.iterdir()):
        template = folder / _TEMPLATE
        if (json.loads(template.read_text(encoding="utf-8")) if template.exists() else None) == wanted:
            return folder
    raise ValueError(f"stack is {stack.path!r}: no sample in {_SAMPLES} has its prompt_template, {wanted}")


def tune(stack: DeclaredStack, *, report: Callable[[str], None]) -> str:
    """Upload the sample data, run the pipeline and wait for its end.

    Args:
        stack: A fine-tuned model's stack, deployed.
        report: Takes the name of each state that the pipeline enters.

    Returns:
        The release that is served.

    Raises:
        finetune.FineTuningError: If the pipeline fails, with its reason.
        ValueError: If there is no sample for the model's template.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    sample = sample_of(stack)
    bucket, _, prefix = outputs(stack)["DataPrefix"].removeprefix("s3://").partition("/")
    s3: Any = boto3.client("s3", region_name=stack.region)
    for file in sorted(sample.iterdir()):
        s3.upload_file(str(file), bucket, f"{prefix}{file.name}")
    finetune.wait(stack, finetune.start(stack), report=lambda run: report(run.state), poll_seconds=0.2)
    return finetune.status(stack).served
