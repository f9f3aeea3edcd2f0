"""Errors of an imported model, translated into OpenAI's.

| Bedrock says | the client gets | tried again |
|---|---|---|
| ModelNotReadyException (HTTP 429: the model is being loaded) | 503 and `retry-after` | yes |
| ServiceUnavailableException | 503 and `retry-after` | yes |
| ThrottlingException, ServiceQuotaExceededException | 429 and `retry-after` | |
| ModelErrorException, originalStatusCode 429 | 429 and `retry-after` | |
| ModelErrorException, other originalStatusCode of 4xx | the same status and the message | |
| ModelErrorException, originalStatusCode 503 | 503 and `retry-after` | yes |
| ModelErrorException, anything else | 502 | |
| ModelTimeoutException | 504 | |
| ValidationException | 400 and the message; of a prompt that is too long with the code `context_length_exceeded` | |
| ResourceNotFoundException | 503: the declared version was deleted; a newer one in the parameter is asked instead | |
| AccessDeniedException | likewise, as IAM may say it of a deleted one; or 500, naming the permission | |
| InternalServerException, anything else | 502 | |
| ModelStreamErrorException | as ModelErrorException | |
| the same in a stream (`throttlingException`, ...) | the same; of the model's own errors 502 | |
| no connection | 503 and `retry-after` | yes |
| read timeout | 504 | |
| connection lost in between | 502 | |

What is tried again (`retry.when_ready`) never reached the model. Of an exception in a stream, botocore passes
on the message and no other member.
"""

import re

from botocore.exceptions import ClientError, ParamValidationError

from invoke_shim.backends.containers.base import NOT_READY_SECONDS, container_error
from invoke_shim.backends.containers.lengths import is_too_long
from invoke_shim.backends.retry import NotReadyError
from invoke_shim.backends.service_errors import (
    Failure,
    connection_error,
    denied,
    is_timeout,
    refused,
    server_error,
    throttled,
    timed_out,
)
from invoke_shim.backends.target import TargetGoneError
from invoke_shim.errors import TOO_LONG, ApiError

COLD_SECONDS = 30
"""`retry-after` while an imported model is loaded, which takes tens of seconds to minutes."""

_SERVICE = "Bedrock"
_MODEL = "the imported model"


def translate(error: Failure, *, timeout_seconds: int, stream: bool) -> ApiError:
    """Translate an error of botocore's into the client's.

    Args:
        error: Raised by the call, or while its body or stream was read.
        timeout_seconds: The time that this API waits for an answer in all.
        stream: Whether the answer was to be streamed.
    """
    if isinstance(error, ParamValidationError):
        return refused(str(error), service=_SERVICE, upstream=type(error).__name__)
    if isinstance(error, ClientError):
        return _service_error(error, timeout_seconds=timeout_seconds, stream=stream)
    if is_timeout(error):
        return _timeout(type(error).__name__, timeout_seconds=timeout_seconds, stream=stream)
    return connection_error(error, service=_SERVICE)


def _service_error(error: ClientError, *, timeout_seconds: int, stream: bool) -> ApiError:
    detail = error.response.get("Error", {})
    # In a stream, errors go by their names as members of it.
    code = str(detail.get("Code") or "")
    name, message = code[:1].upper() + code[1:], str(detail.get("Message") or "")
    match name:
        case "ModelNotReadyException":
            text = "the imported model is being loaded, after its import or a pause of some minutes"
            translated: ApiError = NotReadyError(text, seconds=COLD_SECONDS, upstream=code)
        case "ServiceUnavailableException" | "ServiceUnavailable":
            translated = NotReadyError("Bedrock is not available", seconds=NOT_READY_SECONDS, upstream=code)
        case "ThrottlingException" | "ServiceQuotaExceededException" | "TooManyRequestsException":
            translated = throttled(code)
        case "ModelErrorException" | "ModelStreamErrorException":
            translated = _model_error(error, message, code)
        case "ModelTimeoutException":
            translated = _timeout(code, timeout_seconds=timeout_seconds, stream=stream)
        case "ValidationException":
            translated = _coded(refused(_explained(message), service=_SERVICE, upstream=code))
        case "ResourceNotFoundException":
            text = "the imported model does not exist: it was deleted, or its import has not ended"
            translated = TargetGoneError(text, upstream=code)
        case "AccessDeniedException":
            action = "bedrock:InvokeModelWithResponseStream" if stream else "bedrock:InvokeModel"
            denial = denied(message, action=action, target=_MODEL, upstream=code)
            # The function may invoke models with a tag, and a model that is gone has none: IAM answers first.
            translated = TargetGoneError(denial.message, upstream=code, status=denial.status)
        case _:
            translated = server_error("Bedrock failed to answer", code)
    return translated


def _model_error(error: ClientError, message: str, code: str) -> ApiError:
    response = dict(error.response)
    status = response.get("originalStatusCode")
    original = str(response.get("originalMessage") or message)
    status = status if isinstance(status, int) else 0
    upstream = f"{code} {status or ''}".rstrip()
    return _coded(container_error(status, _explained(original), refuses_with_424=False, upstream=upstream))


def _coded(error: ApiError) -> ApiError:
    """Give the refusal of a prompt that is too long OpenAI's code for that, by Bedrock's words or the model's."""
    if error.status == 400 and ("Input is too long" in error.message or is_too_long(error.message)):
        error.code = TOO_LONG
    return error


def _explained(message: str) -> str:
    """Add to a refusal of tools or images which imported models take them, by Bedrock's user guide."""
    for words, models in _TAKEN_BY:
        if re.search(words, message):
            return f"{message.rstrip('. ')}; {models}"
    return message


_TAKEN_BY = (
    (r"support tool use|tool-call-parser", "of imported models, GPT-OSS calls tools, with the body 'chat'"),
    (r"support the image|At most 0 image", "of imported models, those that see take images, with the body 'chat'"),
)
"""Refusals, as patterns that are compiled when one comes, and what to say beside them."""


def _timeout(upstream: str, *, timeout_seconds: int, stream: bool) -> ApiError:
    return timed_out(upstream, waiting=f"this API waits {timeout_seconds} s (INVOKE_TIMEOUT_SECONDS)", stream=stream)
