"""Signature Version 4 of a request, recomputed with botocore: in the `Authorization` header or in a presigned URL.

Sources: IAM User Guide, "Create a signed AWS API request" and "Troubleshoot Signature Version 4 signing"; Amazon S3
API reference, "Authenticating requests: using query parameters". Signature Version 2 and 4A are not built.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

MAX_SKEW: Final = timedelta(minutes=5)
"""The age at which a signature in the header expires ("Elements of an AWS API request signature")."""

MAX_LIFETIME: Final = timedelta(days=7)
"""The longest `X-Amz-Expires`, 604,800 s ("Authenticating requests: using query parameters")."""

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SCOPE: Final = r"(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
_AUTHORIZATION: Final = re.compile(
    rf"{_ALGORITHM}\s+Credential={_SCOPE},\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{{64}})"
)
_TIME: Final = "%Y%m%dT%H%M%SZ"
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The signature that a request states, and what it is of.

    Attributes:
        key: The access key.
        date: The day of the scope, eight digits.
        region: The region of the scope.
        service: The service of the scope, by the name for signatures.
        headers: The names of the signed headers, in lower case.
        signature: The signature, 64 hexadecimal digits.
        timestamp: The time of the signature as it was sent; empty where there is none.
        session_token: The token of temporary credentials, if one was sent.
        lifetime: The time from `timestamp` on for which a presigned URL holds; None for a signature in the header.
    """

    key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str
    timestamp: str
    session_token: str | None
    lifetime: timedelta | None = None

    @property
    def authorization(self) -> str:
        """The `Authorization` header that says the same."""
        scope = f"{self.key}/{self.date}/{self.region}/{self.service}/aws4_request"
        return f"{_ALGORITHM} Credential={scope}, SignedHeaders={';'.join(self.headers)}, Signature={self.signature}"

    @property
    def signed_at(self) -> datetime | None:
        """The time of the signature; None where it is not of the documented form."""
        try:
            return datetime.strptime(self.timestamp, _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None

    def holds_at(self, now: datetime) -> bool:
        """Return whether the signature is neither too old at `now` nor of the future, nor of a day of its own."""
        signed_at = self.signed_at
        if signed_at is None or self.timestamp[:8] != self.date:
            return False
        # Of a time in the year 1 or 9999, only the age can be computed.
        return -MAX_SKEW <= now - signed_at <= (MAX_SKEW if self.lifetime is None else self.lifetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculation:
    """The signature that a request should have.

    Attributes:
        canonical_request: The text that the string to sign has the hash of.
        string_to_sign: The text that is signed.
        is_match: Whether the request states this signature, and its body is the one that was signed.
    """

    canonical_request: str
    string_to_sign: str
    is_match: bool


def claim_of(headers: Mapping[str, str]) -> Claim | None:
    """Return what the `Authorization` header states; None where it is no signature.

    Args:
        headers: The request's headers, names in lower case.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", "").strip())
    if match is None:
        return None
    return Claim(
        key=match["key"],
        date=match["date"],
        region=match["region"],
        service=match["service"],
        headers=tuple(match["headers"].split(";")),
        signature=match["signature"],
        timestamp=headers.get("x-amz-date", ""),
        session_token=headers.get("x-amz-security-token"),
    )


def presigned_claim_of(url: str) -> Claim | None:
    """Return what the query of a presigned URL states; None where it is none."""
    try:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    except ValueError:
        # The path begins with something that makes the host no host.
        return None
    scope = re.fullmatch(_SCOPE, query.get("X-Amz-Credential", ""))
    seconds = query.get("X-Amz-Expires", "")
    if scope is None or query.get("X-Amz-Algorithm") != _ALGORITHM or not _SECONDS.fullmatch(seconds):
        return None
    lifetime = timedelta(seconds=int(seconds))
    if lifetime > MAX_LIFETIME:
        return None
    return Claim(
        **scope.groupdict(),
        headers=tuple(query.get("X-Amz-SignedHeaders", "").split(";")),
        signature=query.get("X-Amz-Signature", ""),
        timestamp=query.get("X-Amz-Date", ""),
        session_token=query.get("X-Amz-Security-Token"),
        lifetime=lifetime,
    )


def calculate(request: SignedRequest, claim: Claim, secret_access_key: str) -> Calculation:
    """Compute the signature of a request by the secret of the access key that it states."""
    sent = {name.lower(): value for name, value in request.headers.items()}
    stated_hash = sent.get("x-amz-content-sha256")
    if stated_hash is None and claim.lifetime is not None and claim.service == "s3":
        stated_hash = UNSIGNED_PAYLOAD
    body_hash = hashlib.sha256(request.body).hexdigest()
    signed = AWSRequest(
        method=request.method,
        url=request.url if claim.lifetime is None else _without_signature(request.url),
        headers={name: sent[name] for name in claim.headers if name in sent},
    )
    signed.context["timestamp"] = claim.timestamp
    signer = (_S3Signer if claim.service == "s3" else _Signer)(claim, secret_access_key, stated_hash or body_hash)
    canonical_request = signer.canonical_request(signed)
    string_to_sign = signer.string_to_sign(signed, canonical_request)
    is_signed = hmac.compare_digest(signer.signature(string_to_sign, signed).encode(), claim.signature.encode())
    # Other values stand for a body that is signed in chunks, or not at all.
    is_intact = stated_hash is None or not _SHA256.fullmatch(stated_hash) or stated_hash == body_hash
    return Calculation(
        canonical_request=canonical_request, string_to_sign=string_to_sign, is_match=is_signed and is_intact
    )


def _without_signature(url: str) -> str:
    parts = urlsplit(url)
    query = "&".join(pair for pair in parts.query.split("&") if not pair.startswith("X-Amz-Signature="))
    return urlunsplit(parts._replace(query=query))


class _Signer(SigV4Auth):
    """Signs the headers that it is given and no others, and a body whose hash is known."""

    def __init__(self, claim: Claim, secret_access_key: str, body_hash: str) -> None:
        super().__init__(Credentials(claim.key, secret_access_key), claim.service, claim.region)
        self._body_hash = body_hash

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        """Return all headers: those that were not signed were left out before."""
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name.lower()] = value
        return headers

    def payload(self, request: AWSRequest) -> str:
        """Return the hash of the body."""
        return self._body_hash


class _S3Signer(_Signer):
    """S3's paths are signed as they are sent."""

    def _normalize_url_path(self, path: str) -> str:
        return path
