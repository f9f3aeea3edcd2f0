"""The demo's part for fine-tuned models: sample data into the bucket, one run of the pipeline, a served version."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from stacks.declarations import FineTunedModel
from tools import finetune
from tools.deployed import DeclaredStack, outputs

_SAMPLES = Path(__file__).resolve().parent / "samples"
# Small data sets of the project's own, in the form that each method takes.
_SAMPLE_OF_METHOD = {"instruction": "dolly", "domain": "sec"}


def hurry(local_aws_url: str) -> None:
    """Let the local AWS's state machines wait a hundredth of the time: its training jobs take less than a second."""
    request = urllib.request.Request(  # noqa: S310 - the address is the local AWS's own, on loopback
        f"{local_aws_url}/_localaws/stepfunctions", data=json.dumps({"wait_scale": 0.01}).encode(), method="PUT"
    )
    urllib.request.urlopen(request).close()  # noqa: S310 - likewise


def tune(stack: DeclaredStack, *, tell: Callable[[str], None]) -> str:
    """Upload the sample data, run the pipeline and wait for its end.

    Args:
        stack: A fine-tuned model's stack, deployed.
        tell: Takes a line for each state that the pipeline enters.

    Returns:
        The release that is served.

    Raises:
        finetune.FineTuningError: If the pipeline fails, with its reason.
        ValueError: If there is no sample for the model's method.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    model = stack.model
    if not isinstance(model, FineTunedModel) or model.method not in _SAMPLE_OF_METHOD:
        raise ValueError(f"stack is {stack.path!r}: samples are for the methods {', '.join(_SAMPLE_OF_METHOD)}")
    bucket, _, prefix = outputs(stack)["DataPrefix"].removeprefix("s3://").partition("/")
    s3: Any = boto3.client("s3", region_name=stack.region)
    for file in sorted((_SAMPLES / _SAMPLE_OF_METHOD[model.method]).iterdir()):
        s3.upload_file(str(file), bucket, f"{prefix}{file.name}")
    finetune.wait(stack, finetune.start(stack), tell=tell, poll_seconds=0.2)
    return finetune.status(stack).served
