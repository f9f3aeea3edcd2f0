"""API Gateway's own responses in OpenAI's error shape, so that OpenAI's clients raise the right error."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aws_cdk import aws_apigateway as apigateway

# $context.error.messageString is a quoted JSON string already; a type of response is plain text.
_OWN_MESSAGE = "$context.error.messageString"
_TYPE = "$context.error.responseType"
# OpenAI's clients try 408, 409, 429 and 5xx again by themselves unless this header says no.
_NO_RETRY = {"x-should-retry": "'false'"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One kind of error.

    Attributes:
        kind: API Gateway's type of response.
        status: The HTTP status; None for API Gateway's own.
        message: OpenAI's `message`; None for API Gateway's own words.
        type: OpenAI's `type`.
        code: OpenAI's `code`; None for API Gateway's type of response.
        headers: Headers beside the request's id, as API Gateway maps them: texts in single quotes.
    """

    kind: apigateway.ResponseType
    status: int | None = None
    message: str | None = None
    type: str = "invalid_request_error"
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


_ALWAYS: dict[str, _Answer] = {
    "ClientError": _Answer(kind=apigateway.ResponseType.DEFAULT_4_XX),
    "ServerError": _Answer(kind=apigateway.ResponseType.DEFAULT_5_XX, type="server_error"),
    "Denied": _Answer(kind=apigateway.ResponseType.ACCESS_DENIED, status=403, code="access_denied"),
    "Throttled": _Answer(
        kind=apigateway.ResponseType.THROTTLED,
        status=429,
        message="too many requests at a time: try again in a second",
        type="rate_limit_error",
        code="rate_limit_exceeded",
        headers={"retry-after": "'1'"},
    ),
    "TooLarge": _Answer(
        kind=apigateway.ResponseType.REQUEST_TOO_LARGE,
        status=413,
        message="the request is too large: at most 6 MB are allowed",
        code="request_too_large",
    ),
    # Lambda refuses the invocation, since as many run as are reserved. API Gateway gives this type to a function that
    # fails, too, so that 429 would say too much; OpenAI's 503 is "overloaded", and clients try it again all the same.
    "Busy": _Answer(
        kind=apigateway.ResponseType.INTEGRATION_FAILURE,
        status=503,
        message="the model has as many requests at a time as it may have, or its function failed: try again",
        type="server_error",
        code="overloaded",
        headers={"retry-after": "'1'"},
    ),
    "TimedOut": _Answer(
        kind=apigateway.ResponseType.INTEGRATION_TIMEOUT,
        status=504,
        message="the model did not answer in time: stream the answer, or ask for fewer tokens",
        type="server_error",
        code="timeout",
        # The model may still be at work on it: a second try would be paid for twice.
        headers=_NO_RETRY,
    ),
}
_WITH_IAM: dict[str, _Answer] = {
    "Unsigned": _Answer(
        kind=apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN,
        status=401,
        message="the request is not signed, or the api has no such path: sign it with AWS Signature Version 4 for "
        "the service execute-api",
        code="invalid_api_key",
    ),
    "BadSignature": _Answer(
        kind=apigateway.ResponseType.INVALID_SIGNATURE, status=401, code="invalid_api_key", headers=_NO_RETRY
    ),
    "Expired": _Answer(kind=apigateway.ResponseType.EXPIRED_TOKEN, status=401, code="invalid_api_key"),
}
_WITH_KEYS: dict[str, _Answer] = {
    "NoKey": _Answer(
        kind=apigateway.ResponseType.UNAUTHORIZED,
        status=401,
        message="no api key, or none that could be one: send it as a header, authorization: Bearer <key>",
        code="invalid_api_key",
        headers={"www-authenticate": "'Bearer'"},
    ),
    "WrongKey": _Answer(
        kind=apigateway.ResponseType.INVALID_API_KEY,
        status=401,
        message="incorrect api key: it was never one of this model's, or it has been revoked",
        code="invalid_api_key",
        headers={"www-authenticate": "'Bearer error=\"invalid_token\"'"},
    ),
    "UsedUp": _Answer(
        kind=apigateway.ResponseType.QUOTA_EXCEEDED,
        status=429,
        message="the api key's quota of requests is used up",
        type="insufficient_quota",
        code="insufficient_quota",
        headers=_NO_RETRY,
    ),
    # With keys API Gateway gives this type only for a path that the API does not have.
    "NoPath": _Answer(
        kind=apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN,
        status=404,
        message="the api has no such path: openai's routes begin with v1/",
        code="not_found",
    ),
    "KeyUnchecked": _Answer(
        kind=apigateway.ResponseType.AUTHORIZER_FAILURE,
        status=500,
        message="the api key could not be checked: try again",
        type="server_error",
        code="authorizer_failure",
        headers={"retry-after": "'1'"},
    ),
    "KeyUncheckable": _Answer(
        kind=apigateway.ResponseType.AUTHORIZER_CONFIGURATION_ERROR,
        status=500,
        message="the api key could not be checked: try again",
        type="server_error",
        code="authorizer_failure",
        headers={"retry-after": "'1'"},
    ),
}
_WITH_WEB_ACL: dict[str, _Answer] = {
    "Filtered": _Answer(
        kind=apigateway.ResponseType.WAF_FILTERED,
        status=403,
        message="a rule of the web acl refused the request",
        code="request_filtered",
    ),
}

# Lambda quotas: 6 MB (6,291,456 bytes) an event. Base 64 takes a third more, and the event some thousands of bytes.
_WITH_FILES: dict[str, _Answer] = {
    "TooLarge": replace(
        _ALWAYS["TooLarge"],
        message="the request is too large: at most 6 MB of JSON are allowed, or 4.5 MB with a file in it; send "
        "a longer recording in parts",
    ),
}


def add_gateway_responses(
    api: apigateway.RestApi, *, keys: bool, web_acl: bool, files: bool, origin_headers: Mapping[str, str]
) -> None:
    """Define an API's responses to requests that never reach the function.

    Args:
        api: The API.
        keys: Callers have keys; they sign their requests otherwise.
        web_acl: A web ACL filters requests.
        files: Requests may be files, which reach the function in base 64.
        origin_headers: Headers that let pages of other sites read the responses, as API Gateway maps them.
    """
    answers = {
        **_ALWAYS,
        **(_WITH_KEYS if keys else _WITH_IAM),
        **(_WITH_WEB_ACL if web_acl else {}),
        **(_WITH_FILES if files else {}),
    }
    for name, answer in answers.items():
        api.add_gateway_response(
            name,
            type=answer.kind,
            status_code=None if answer.status is None else str(answer.status),
            response_headers={"x-request-id": "context.requestId", **origin_headers, **answer.headers},
            templates={"application/json": _body(answer)},
        )


def _body(answer: _Answer) -> str:
    message = _OWN_MESSAGE if answer.message is None else json.dumps(answer.message)
    code = json.dumps(answer.code or _TYPE)
    return f'{{"error": {{"message": {message}, "type": "{answer.type}", "param": null, "code": {code}}}}}'
