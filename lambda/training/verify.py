"""*Verify*: the endpoint serves what was asked for, and answers.

SageMaker reports success where it has quietly kept the old configuration, so the live one is compared with the one
that was asked for: a config has the name of its release, and SageMaker changes none. The function may:
`sagemaker:DescribeEndpoint` and `sagemaker:InvokeEndpoint` on the pipeline's endpoint.

| variable | what it says |
|---|---|
| `CONTAINER` | what the endpoint's container speaks: `tgi` (if not set), `lmi`, which takes the same, or `vllm` |
| `PROMPT_TEMPLATE` | the declared template, a `template.json` as it is; left out, a plain sentence is sent |
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
from training.errors import VerifyError

CONTAINERS = ("tgi", "lmi", "vllm")

_NEW_TOKENS = 16
_LONGEST_ANSWER = 200
_LONGEST_QUOTE = 500
# The container has 60 s for an answer (API InvokeEndpoint); a first answer may warm it up.
_RUNTIME = Config(connect_timeout=5, read_timeout=70, retries={"mode": "standard", "total_max_attempts": 4})


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Verifies what is live.

    Args:
        event: `endpointName`, and `configName`, which it must serve with.

    Returns:
        `answer`: the beginning of what the model said.

    Raises:
        VerifyError: The endpoint is not in service, serves something else, or does not answer as its container does.
        ValueError: The environment is not usable.
    """
    container = os.environ.get("CONTAINER") or "tgi"
    if container not in CONTAINERS:
        raise ValueError(f"CONTAINER is {container!r}: allowed are {', '.join(CONTAINERS)}")
    prompt = example_prompt(os.environ.get("PROMPT_TEMPLATE"))
    check_live(boto3.client("sagemaker"), event["endpointName"], config=event["configName"])
    runtime = boto3.client("sagemaker-runtime", config=_RUNTIME)
    return {"answer": ask(runtime, event["endpointName"], container=container, prompt=prompt)}


def check_live(sagemaker: Any, endpoint: str, *, config: str) -> None:
    """Refuses an endpoint that is not in service with the given config.

    Args:
        sagemaker: boto3's client.
        endpoint: Name of the endpoint.
        config: Name of the endpoint config that it must have.

    Raises:
        VerifyError: It is not so; the message says what is.
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
    """Sends one short request.

    Args:
        runtime: boto3's client of the SageMaker runtime.
        endpoint: Name of the endpoint.
        container: `tgi`, `lmi` or `vllm`.
        prompt: What the model is to continue.

    Returns:
        The beginning of the answer, which may be empty: a model may have nothing to say.

    Raises:
        VerifyError: The endpoint gives an error, or something that is no answer of the container.
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
        raise VerifyError(f"endpoint {endpoint} answers with what no {container} container says: {quoted}")
    return text[:_LONGEST_ANSWER]


def _text(raw: bytes, container: str) -> str | None:
    """The generated text of an answer, None where it has none."""
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
