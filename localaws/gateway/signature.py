"""Signature Version 4 of a request to a deployed API, recomputed with botocore and compared.

Sources: IAM User Guide, "Create a signed AWS API request" and "Troubleshoot Signature Version 4 signing". Presigned
requests (the signature in the query) are not built.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localaws import iam
from localaws.gateway.errors import GatewayError
from localaws.iam.identities import Identity

_SERVICE: Final = "execute-api"
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_MAX_SKEW: Final = timedelta(minutes=5)
_UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request as it was sent.

    Attributes:
        method: The verb.
        url: The URL with the host of the Host header and the path and query as sent, nothing decoded.
        headers: The headers; their names in any case.
        body: The body.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def verify(request: SignedRequest, *, region: str) -> Identity:
    """Return who signed `request`.

    Args:
        request: The request.
        region: The region of the API, which the credential's scope must name.

    Raises:
        GatewayError: If it is not signed, not signed rightly, or by nobody who is known.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    authorization = headers.get("authorization")
    if not authorization:
        raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    timestamp = headers.get("x-amz-date", "")
    if match is None or not timestamp:
        raise GatewayError(
            "INVALID_SIGNATURE",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires "
            f"existence of either a 'X-Amz-Date' or a 'Date' header. Authorization={authorization}",
            error_type="IncompleteSignatureException",
        )
    _check_scope(match, region)
    _check_time(timestamp)

    identity = iam.find(match["key"])
    if identity is None or identity.session_token != headers.get("x-amz-security-token"):
        raise GatewayError(
            "ACCESS_DENIED",
            "The security token included in the request is invalid.",
            error_type="UnrecognizedClientException",
        )
    _check_signature(request, headers, match, identity, region)
    return identity


def _check_scope(match: re.Match[str], region: str) -> None:
    if match["region"] != region:
        raise GatewayError(
            "INVALID_SIGNATURE", f"Credential should be scoped to a valid region, not '{match['region']}'. "
        )
    if match["service"] != _SERVICE:
        raise GatewayError("INVALID_SIGNATURE", f"Credential should be scoped to correct service: '{_SERVICE}'. ")


def _check_time(timestamp: str) -> None:
    try:
        signed = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise GatewayError(
            "INVALID_SIGNATURE", f"Date must be in ISO-8601 'basic format'. Got '{timestamp}'."
        ) from error
    now = datetime.now(UTC)
    if abs(now - signed) > _MAX_SKEW:
        limit = (now - _MAX_SKEW).strftime("%Y%m%dT%H%M%SZ")
        raise GatewayError("INVALID_SIGNATURE", f"Signature expired: {timestamp} is now earlier than {limit}")


def _check_signature(
    request: SignedRequest, headers: Mapping[str, str], match: re.Match[str], identity: Identity, region: str
) -> None:
    signed_names = match["headers"].split(";")
    aws_request = AWSRequest(
        method=request.method,
        url=request.url,
        data=request.body,
        headers={name: headers[name] for name in signed_names if name in headers},
    )
    aws_request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(identity.access_key_id, identity.secret_access_key), _SERVICE, region)
    canonical_request = auth.canonical_request(aws_request)
    string_to_sign = auth.string_to_sign(aws_request, canonical_request)
    expected = auth.signature(string_to_sign, aws_request)

    stated_hash = headers.get("x-amz-content-sha256", _UNSIGNED_PAYLOAD)
    is_body_intact = stated_hash in (_UNSIGNED_PAYLOAD, hashlib.sha256(request.body).hexdigest())
    if not (hmac.compare_digest(expected, match["signature"]) and is_body_intact):
        raise GatewayError(
            "INVALID_SIGNATURE",
            f"{_MISMATCH}\n\nThe Canonical String for this request should have been\n'{canonical_request}'\n\n"
            f"The String-to-Sign should have been\n'{string_to_sign}'\n",
        )
