"""The errors of both of Bedrock's APIs, as their models name them."""

from __future__ import annotations

import json
from typing import Any, Final

from werkzeug.wrappers import Response

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


class BedrockError(Exception):
    """What a call is answered with when it fails.

    Attributes:
        code: the error's name, a key of `STATUS`.
        message: the text for the caller.
        members: what the error carries beside its message, e.g. ``originalStatusCode``.
    """

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.members = members

    @property
    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"message": self.message, **self.members}

    def response(self) -> Response:
        """The answer over HTTP (the REST-JSON protocol)."""
        response = Response(json.dumps(self.document), STATUS[self.code], content_type="application/json")
        response.headers["x-amzn-ErrorType"] = self.code
        return response


def invalid(message: str) -> BedrockError:
    """A request that the API does not take."""
    return BedrockError("ValidationException", message)
