"""The Lambda function's entry point."""

import logging
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from invoke_shim import logs
from invoke_shim.backends.containers import CONTAINERS
from invoke_shim.backends.sagemaker import SageMakerEndpoint, create_client
from invoke_shim.errors import ApiError
from invoke_shim.proxy import Request, Response
from invoke_shim.routes import Api
from invoke_shim.settings import Settings


@cache
def api() -> Api:
    """The API that this function's environment describes, made once.

    Raises:
        SettingsError: the environment is not usable.
    """
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level_number)
    backend = SageMakerEndpoint(
        client=create_client(settings), container=CONTAINERS[settings.container], settings=settings
    )
    return Api(settings=settings, backend=backend)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer an API Gateway REST API proxy event.

    Every request gets an answer and leaves one line in the log.

    Args:
        event: a Lambda proxy event, format 1.0.
        context: Lambda's context object.

    Returns:
        A Lambda proxy response.
    """
    shim = api()
    started = time.monotonic()
    request = Request.from_event(event, fallback_id=str(getattr(context, "aws_request_id", "")))
    outcome: dict[str, Any]
    try:
        response = shim.respond(request)
        outcome = _usage(response)
    # No exception is kept beyond its clause: with its traceback it would keep this frame, and so itself, alive.
    except ApiError as error:
        response = Response.from_error(error)
        outcome = {"error_type": error.type, "error_code": error.code, "upstream": error.upstream}
    except Exception as crash:
        # A bug: the client learns nothing of the inside, the log where it happened.
        outcome = {"crash": type(crash).__name__, "where": logs.where(crash.__traceback__)}
        response = Response.from_error(
            ApiError(f"unexpected error, see the log of request {request.request_id}", status=500, type="server_error")
        )
    _log(request, response, outcome, seconds=time.monotonic() - started)
    return response.to_proxy(request_id=request.request_id)


def _usage(response: Response) -> dict[str, Any]:
    usage = response.body.get("usage", {}) if isinstance(response.body, dict) else {}
    return {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")}


def _log(request: Request, response: Response, outcome: Mapping[str, Any], *, seconds: float) -> None:
    fields = {
        "request_id": request.request_id,
        "method": request.method,
        "path": request.path,
        "status": response.status,
        "duration_ms": round(seconds * 1000),
        **outcome,
    }
    level = logging.ERROR if "crash" in outcome else logging.INFO
    logs.logger.log(level, "request", extra={"fields": fields})


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # In Lambda's init phase: a bad environment fails the deployment's first call with its reason in the log,
    # and no request pays for the client.
    api()
