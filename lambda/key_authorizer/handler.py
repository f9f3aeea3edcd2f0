"""Turn `Authorization: Bearer <key>` into a policy and the key by which API Gateway looks up the usage plan.

The function decides nothing about the key. With an API whose key source is the authorizer, API Gateway takes the key
from the answer, compares it with the keys of the stage's usage plan at every request, and meters it there: an unknown
or revoked key is refused by API Gateway, also while this function's answer is cached. So the answer depends on the
header and the stage alone, and may be cached for as long as API Gateway caches.

The key goes into `usageIdentifierKey` and nowhere else: not into the log, the principal, the context or the policy.

Source: API Gateway documentation, "Input to a Lambda authorizer", "Output from a Lambda authorizer" and "Choose an
API key source".
"""

from collections.abc import Mapping
from typing import Any

# API Gateway documentation, "Usage plans and API keys": an alphanumeric value of 20 to 128 characters.
_SHORTEST_KEY = 20
_LONGEST_KEY = 128
# The policy's principal, the same for all keys; the access log has the key's id, `$context.identity.apiKeyId`.
_PRINCIPAL = "api-key"


class UnauthorizedError(Exception):
    """The request is answered with 401: API Gateway does so for exactly the message `Unauthorized`."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer a TOKEN authorizer's event.

    Args:
        event: `authorizationToken`, the header's value, and `methodArn`, the called method
            (`arn:...:<api>/<stage>/<verb>/<path>`).
        context: Lambda's context, not used.

    Returns:
        A policy that allows every method of the called stage, so that it holds for all requests while it is cached,
        and the key as `usageIdentifierKey`.

    Raises:
        UnauthorizedError: If the header is no bearer token of a key's form.
    """
    return {
        "principalId": _PRINCIPAL,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": f"{_stage_arn(event['methodArn'])}/*",
                }
            ],
        },
        "usageIdentifierKey": _key(event.get("authorizationToken")),
    }


def _key(header: object) -> str:
    """Return the key of a bearer token; the scheme's case does not matter (RFC 9110, section 11.1)."""
    scheme, _, key = header.strip().partition(" ") if isinstance(header, str) else ("", "", "")
    key = key.strip()
    is_key = key.isascii() and key.isalnum() and _SHORTEST_KEY <= len(key) <= _LONGEST_KEY
    if scheme.lower() != "bearer" or not is_key:
        raise UnauthorizedError
    return key


def _stage_arn(method_arn: str) -> str:
    api, stage, *_ = method_arn.split("/")
    return f"{api}/{stage}"
