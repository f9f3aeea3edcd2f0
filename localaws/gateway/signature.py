"""The signer of a request to a deployed API, and API Gateway's words for one that is not signed rightly.

Sources: IAM User Guide, "Troubleshoot Signature Version 4 signing". Presigned requests (the signature in the query) are
not built.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from localaws import iam
from localaws.gateway.errors import GatewayError
from localaws.iam.identities import Identity
from localaws.signature import MAX_SKEW, Claim, SignedRequest, calculate, claim_of

_SERVICE: Final = "execute-api"
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


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
    claim = claim_of(headers)
    if claim is None or not claim.timestamp:
        raise GatewayError(
            "INVALID_SIGNATURE",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires "
            f"existence of either a 'X-Amz-Date' or a 'Date' header. Authorization={authorization}",
            error_type="IncompleteSignatureException",
        )
    _check_scope(claim, region)
    _check_time(claim)

    identity = iam.find(claim.key)
    if identity is None or identity.session_token != claim.session_token:
        raise GatewayError(
            "ACCESS_DENIED",
            "The security token included in the request is invalid.",
            error_type="UnrecognizedClientException",
        )
    _check_signature(request, claim, identity)
    return identity


def _check_scope(claim: Claim, region: str) -> None:
    if claim.region != region:
        raise GatewayError(
            "INVALID_SIGNATURE", f"Credential should be scoped to a valid region, not '{claim.region}'. "
        )
    if claim.service != _SERVICE:
        raise GatewayError("INVALID_SIGNATURE", f"Credential should be scoped to correct service: '{_SERVICE}'. ")


def _check_time(claim: Claim) -> None:
    signed_at = claim.signed_at
    if signed_at is None:
        raise GatewayError("INVALID_SIGNATURE", f"Date must be in ISO-8601 'basic format'. Got '{claim.timestamp}'.")
    now = datetime.now(UTC)
    if abs(now - signed_at) > MAX_SKEW:
        limit = (now - MAX_SKEW).strftime("%Y%m%dT%H%M%SZ")
        raise GatewayError("INVALID_SIGNATURE", f"Signature expired: {claim.timestamp} is now earlier than {limit}")


def _check_signature(request: SignedRequest, claim: Claim, identity: Identity) -> None:
    calculation = calculate(request, claim, identity.secret_access_key)
    if not calculation.is_match:
        raise GatewayError(
            "INVALID_SIGNATURE",
            f"{_MISMATCH}\n\nThe Canonical String for this request should have been\n"
            f"'{calculation.canonical_request}'\n\n"
            f"The String-to-Sign should have been\n'{calculation.string_to_sign}'\n",
        )
