"""The errors that API Gateway itself answers with, and how an API's gateway responses change them.

Source: API Gateway documentation, "Gateway response types" and "Set up gateway responses". The values of the
`x-amzn-ErrorType` header and the messages are those that users see; of `REQUEST_TOO_LARGE`, `AUTHORIZER_FAILURE` and
`ACCESS_DENIED` for an unknown access key they are guesses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from localaws.gateway.deployed import DeployedApi, GatewayResponse

_VARIABLE: Final = re.compile(r"\$context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)")

# Every type and its status by default, with the value of the x-amzn-ErrorType header.
_TYPES: Final[Mapping[str, tuple[int, str]]] = {
    "ACCESS_DENIED": (403, "AccessDeniedException"),
    "API_CONFIGURATION_ERROR": (500, "InternalServerErrorException"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "AuthorizerConfigurationException"),
    "AUTHORIZER_FAILURE": (500, "AuthorizerConfigurationException"),
    "BAD_REQUEST_BODY": (400, "BadRequestException"),
    "BAD_REQUEST_PARAMETERS": (400, "BadRequestException"),
    "EXPIRED_TOKEN": (403, "ExpiredTokenException"),
    "INTEGRATION_FAILURE": (504, "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": (504, "InternalServerErrorException"),
    "INVALID_API_KEY": (403, "ForbiddenException"),
    "INVALID_SIGNATURE": (403, "InvalidSignatureException"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "MissingAuthenticationTokenException"),
    "QUOTA_EXCEEDED": (429, "LimitExceededException"),
    "REQUEST_TOO_LARGE": (413, "RequestTooLargeException"),
    "THROTTLED": (429, "TooManyRequestsException"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "BadRequestException"),
    "UNAUTHORIZED": (401, "UnauthorizedException"),
}


class GatewayError(Exception):
    """A request that API Gateway answers itself.

    Attributes:
        response_type: The type of gateway response, e.g. `INVALID_SIGNATURE`; None where only the default of the
            class of status (`DEFAULT_5XX`) applies.
        status: The HTTP status, before a gateway response changes it.
        message: The text for the caller.
        error_type: The value of the `x-amzn-ErrorType` header.
    """

    def __init__(self, response_type: str | None, message: str, *, status: int = 0, error_type: str = "") -> None:
        super().__init__(message)
        default_status, default_error_type = _TYPES.get(response_type or "", (500, "InternalServerErrorException"))
        self.response_type = response_type
        self.status = status or default_status
        self.message = message
        self.error_type = error_type or default_error_type

    @property
    def details(self) -> Mapping[str, str]:
        """The members of `$context.error`."""
        return {
            "message": self.message,
            "messageString": json.dumps(self.message),
            "responseType": self.response_type or "DEFAULT_5XX",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An error as it goes to the caller."""

    status: int
    headers: Mapping[str, str]
    body: str


def render(error: GatewayError, api: DeployedApi, context: Mapping[str, Any], headers: Mapping[str, str]) -> Rendered:
    """Render an error by the API's gateway responses.

    Args:
        error: The error.
        api: The deployed API.
        context: The request's `$context`, without the error.
        headers: The headers of the request, for parameters that repeat one.
    """
    response = _response_for(error, api)
    variables = {**context, "error": error.details}
    rendered_headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.error_type}
    if response is None:
        # Only where access is denied does the name begin with a capital letter.
        name = "Message" if error.response_type == "ACCESS_DENIED" else "message"
        return Rendered(status=error.status, headers=rendered_headers, body=json.dumps({name: error.message}))

    for parameter, value in response.headers.items():
        kind, _, name = parameter.rpartition(".")
        if kind == "gatewayresponse.header":
            rendered_headers[name] = _parameter_value(value, variables, headers)
    body = json.dumps({"message": error.message})
    if response.templates:
        content_type = (
            "application/json" if "application/json" in response.templates else next(iter(response.templates))
        )
        rendered_headers["Content-Type"] = content_type
        body = substitute(response.templates[content_type], variables, absent="")
    return Rendered(status=response.status or error.status, headers=rendered_headers, body=body)


def substitute(template: str, context: Mapping[str, Any], *, absent: str) -> str:
    """Replace every `$context.<name>` in `template` by its value.

    Args:
        template: The text; nothing else of the Velocity language is known here, as in gateway responses and access
            logs.
        context: The values; a dot in a name steps into a nested mapping.
        absent: Text for a value that does not exist.
    """

    def value_of(match: re.Match[str]) -> str:
        value: Any = context
        for part in match.group(1).split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return absent if value is None or isinstance(value, Mapping) else str(value)

    return _VARIABLE.sub(value_of, template)


def _response_for(error: GatewayError, api: DeployedApi) -> GatewayResponse | None:
    default = "DEFAULT_4XX" if error.status < 500 else "DEFAULT_5XX"
    return api.responses.get(error.response_type or default) or api.responses.get(default)


def _parameter_value(value: str, variables: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Return the value of a response parameter: a text in quotes, a context variable or a header of the request."""
    if value.startswith("'"):
        return value.strip("'")
    if value.startswith("context."):
        return substitute(f"${value}", variables, absent="")
    return headers.get(value.removeprefix("method.request.header."), "")
