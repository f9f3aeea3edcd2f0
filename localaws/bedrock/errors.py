"""The errors of both of Bedrock's APIs, as their models name them."""

from __future__ import annotations

import json
from typing import Any, Final

from werkzeug.wrappers import Response

from localaws.service import ServiceError

STATUS: Final = {
    "AccessDeniedException": 403,
    "ConflictException": 400,
    "InternalServerException": 500,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelStreamErrorException": 424,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "TooManyTagsException": 400,
    "ValidationException": 400,
}
"""The HTTP status of each error (botocore's service models)."""


def invalid(message: str) -> ServiceError:
    """Return the error for a request that the API does not take."""
    return ServiceError("ValidationException", message)


def document_of(error: ServiceError) -> dict[str, Any]:
    """Return the members of an error."""
    return {"message": error.message, **error.members}


def response_of(error: ServiceError) -> Response:
    """Return an error over HTTP (the REST-JSON protocol)."""
    response = Response(json.dumps(document_of(error)), STATUS[error.code], content_type="application/json")
    response.headers["x-amzn-ErrorType"] = error.code
    return response
