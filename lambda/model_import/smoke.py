"""*Smoke test*: a new version must answer before clients are sent to it."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from model_import.bodies import check_imported
from model_import.clients import client
from model_import.settings import Settings
from model_import.versions import code_of

_TOKENS = 64
# Errors that pass: the model is being loaded (API reference of InvokeModel, errors), or the service is overloaded.
_NOT_YET = {
    "InternalServerException",
    "ModelNotReadyException",
    "ModelTimeoutException",
    "ServiceUnavailableException",
    "ThrottlingException",
}


class ModelNotReadyError(Exception):
    """The model does not answer yet; the state machine retries."""


class SmokeTestError(Exception):
    """The model refuses the request, or its answer is wrong."""


def smoke_test(settings: Settings, event: dict[str, Any]) -> dict[str, Any]:
    """Send a model one prompt, unless Bedrock reports that it does not take the form of the request.

    Args:
        settings: The function's settings: `body`, `smoke_prompt` and `smoke_expect`.
        event: `modelArn`.

    Returns:
        `answer`, its first 200 characters.

    Raises:
        BodyError: The form is `converse`, and Converse does not work with the model.
        ModelNotReadyError: The model does not answer yet.
        SmokeTestError: The model refuses the request, or its answer is empty or lacks the expected text.
    """
    try:
        check_imported(settings.body, event["modelArn"])
        text = _ASK[settings.body](event["modelArn"], settings.smoke_prompt)
    except ClientError as error:
        message = f"{code_of(error)}: {error.response.get('Error', {}).get('Message', '')}"
        raise (ModelNotReadyError if code_of(error) in _NOT_YET else SmokeTestError)(message) from error
    except BotoCoreError as error:
        raise ModelNotReadyError(str(error)) from error
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise SmokeTestError(f"the answer is not in the form of {settings.body}: {error!r}") from error
    if not text.strip():
        raise SmokeTestError(f"the answer to {settings.smoke_prompt!r} is empty")
    if settings.smoke_expect.lower() not in text.lower():
        raise SmokeTestError(
            f"the answer to {settings.smoke_prompt!r} is {text[:200]!r}, must contain {settings.smoke_expect!r}"
        )
    return {"answer": text[:200]}


def _chat(model_arn: str, prompt: str) -> str:
    document = _invoke(model_arn, {"messages": [{"role": "user", "content": prompt}], "max_tokens": _TOKENS})
    return str(document["choices"][0]["message"]["content"] or "")


def _completion(model_arn: str, prompt: str) -> str:
    return str(_invoke(model_arn, {"prompt": prompt, "max_tokens": _TOKENS})["choices"][0]["text"])


def _native(model_arn: str, prompt: str) -> str:
    return str(_invoke(model_arn, {"prompt": prompt, "max_gen_len": _TOKENS})["generation"])


def _converse(model_arn: str, prompt: str) -> str:
    answer = client("bedrock-runtime").converse(
        modelId=model_arn,
        messages=[{"role": "user", "content": [{"text": prompt}]}],
        inferenceConfig={"maxTokens": _TOKENS},
    )
    return "".join(block.get("text", "") for block in answer["output"]["message"]["content"])


def _invoke(model_arn: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client("bedrock-runtime").invoke_model(
        modelId=model_arn, body=json.dumps(body), contentType="application/json", accept="application/json"
    )
    document: dict[str, Any] = json.loads(answer["body"].read())
    return document


_ASK: dict[str, Callable[[str, str], str]] = {
    "chat": _chat,
    "completion": _completion,
    "native": _native,
    "converse": _converse,
}
