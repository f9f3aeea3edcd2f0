"""*Verify*: check that the endpoint serves the requested release, and answers.

SageMaker reports success where it has silently kept the old configuration, so the live one is compared with the
requested one: a config has the name of its release, and SageMaker changes none. The function may:
`sagemaker:DescribeEndpoint` and `sagemaker:InvokeEndpoint` on the pipeline's endpoint.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from catalog.example_prompts import example_prompt
from training.contract import CONTAINERS
from training.environment import EnvironmentReader, SettingsError
from training.errors import VerifyError

_NEW_TOKENS = 16
_LONGEST_ANSWER = 200
_LONGEST_QUOTE = 500
# The container has 60 s for an answer (API InvokeEndpoint); a first answer may warm it up.
_RUNTIME = Config(connect_timeout=5, read_timeout=70, retries={"mode": "standard", "total_max_attempts": 4})


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Verify the live endpoint.

    Args:
        event: `endpointName`, and `configName`, the endpoint config that it must have.

    Returns:
        `answer`, the beginning of the model's answer.

    Raises:
        VerifyError: The endpoint is not in service, serves something else, or does not answer as its container does.
        SettingsError: The environment is not usable.
    """
    read = EnvironmentReader(os.environ)
    container = read.choice("CONTAINER", CONTAINERS, default="tgi")
    if read.problems:
        raise SettingsError(read.problems)
    prompt = example_prompt(read.optional("PROMPT_TEMPLATE"))
    check_live(boto3.client("sagemaker"), event["endpointName"], config=event["configName"])
    runtime = boto3.client("sagemaker-runtime", config=_RUNTIME)
    return {"answer": ask(runtime, event["endpointName"], container=container, prompt=prompt)}


def check_live(sagemaker: Any, endpoint: str, *, config: str) -> None:
    """Refuse an endpoint that is not in service with the given config.

    Args:
        sagemaker: Client of SageMaker.
        endpoint: Name of the endpoint.
        config: Name of the endpoint config that it must have.

    Raises:
        VerifyError: The endpoint has another status or config, which the message names.
    """
    live = sagemaker.describe_endpoint(EndpointName=endpoint)
    reason = f": {live['FailureReason']}" if live.get("FailureReason") else ""
    if live["EndpointStatus"] != "InService":
        raise VerifyError(f"endpoint {endpoint} is {live['EndpointStatus']}, not InService{reason}")
    if live["EndpointConfigName"] != config:
        raise VerifyError(
            f"endpoint {endpoint} serves with {live['EndpointConfigName']}, not with {config}: SageMaker rolled the "
            f"update back{reason}"
        )


def ask(runtime: Any, endpoint: str, *, container: str, prompt: str) -> str:
    """Send one short request.

    Args:
        runtime: Client of the SageMaker runtime.
        endpoint: Name of the endpoint.
        container: `tgi`, `lmi` or `vllm`.
        prompt: The text that the model continues.

    Returns:
        The beginning of the answer, which may be empty: a model may end at once.

    Raises:
        VerifyError: The endpoint answers with an error, or not in the container's form.
    """
    body = (
        {"prompt": prompt, "max_tokens": _NEW_TOKENS}
        if container == "vllm"
        else {"inputs": prompt, "parameters": {"max_new_tokens": _NEW_TOKENS}}
    )
    try:
        response = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body).encode()
        )
        raw = response["Body"].read()
    except (BotoCoreError, ClientError, OSError) as error:
        raise VerifyError(f"endpoint {endpoint} does not answer: {error}") from error
    text = _text(raw, container)
    if text is None:
        quoted = raw[:_LONGEST_QUOTE].decode(errors="replace")
        raise VerifyError(f"endpoint {endpoint} does not answer in the form of a {container} container: {quoted}")
    return text[:_LONGEST_ANSWER]


def _text(raw: bytes, container: str) -> str | None:
    """Return the generated text of an answer, None where it has none."""
    try:
        answer = json.loads(raw)
    except ValueError:
        return None
    match answer:
        case {"choices": [{"text": str(text)}, *_]} if container == "vllm":
            return text
        case [{"generated_text": str(text)}, *_] | {"generated_text": str(text)} if container != "vllm":
            return text
        case _:
            return None
