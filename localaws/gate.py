"""The gate of AWS's services: open to programs that hold a credential of this local AWS, and to nobody else.

A browser is on the loopback interface too, and so is every other user of the machine. What is refused is answered with
403 and nothing more, so that it says neither to a page that scans ports nor to anybody else what listens here:

* what a page of a browser sends: any request with an `Origin`, or with a `Sec-Fetch-Site` that is not `none`;
* any `Host` but the loopback address with the port, because a foreign name may be made to resolve to it. With an
  endpoint that is an IP address, AWS's SDKs put no bucket and no other prefix into the host name;
* what is not signed with a credential that was handed out (`settings.Settings.credential`), or by a session or an
  access key that was made here. Signatures are verified, in the header and in presigned URLs. A program that signs
  with anything else gets the words in which the service refuses a key that it does not know, and no others.

Three kinds of paths are not AWS's: those by which tests and demos steer want the secret as a bearer token; the address
that a custom resource answers to is itself the secret (`resources/custom.py`); and anybody may read JumpStart's buckets
without a signature, as in AWS.
"""

from __future__ import annotations

import hmac
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Request, Response

from localaws import iam, jumpstart, loopback, settings
from localaws.resources.custom import RESPONSE_PATH
from localaws.signature import Claim, SignedRequest, calculate, claim_of, presigned_claim_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The paths that change how the stand-ins behave, moto's among them.
_STEERING: Final = re.compile(r"/(?:_localaws|moto-api)(?:/.*)?")
_READS: Final = ("GET", "HEAD")


class Gate:
    """Passes on the requests that may pass, and refuses all others."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (the WSGI protocol)."""
        from_page = loopback.is_of_a_page(environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE"))
        is_here = loopback.is_named(environ.get("HTTP_HOST"), settings.current().port)
        if from_page or not is_here:
            return refusal()(environ, start_response)
        if not _is_admitted(environ):
            claim = claim_of({"authorization": environ.get("HTTP_AUTHORIZATION", "")})
            is_steering = _STEERING.fullmatch(environ.get("PATH_INFO", "")) is not None
            answer = refusal() if claim is None or is_steering else _unknown_key(claim.service)
            return answer(environ, start_response)
        return self._application(environ, start_response)


def refusal() -> Response:
    """Return the answer to a request that is refused."""
    return Response(status=403)


def _unknown_key(service: str) -> Response:
    """Return what a service answers to an access key that it does not know, always with status 403.

    Sources: "Common errors" of the IAM and of the Amazon S3 API reference; JSON services name the error in
    a header or in the body, by their protocol.
    """
    message = "The security token included in the request is invalid."
    if service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        body = f"<Error><Code>InvalidAccessKeyId</Code><Message>{message}</Message></Error>"
        return Response(body, 403, content_type="application/xml")
    if service in iam.QUERY_SERVICES:
        error = f"<Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>{message}</Message>"
        return Response(f"<ErrorResponse><Error>{error}</Error></ErrorResponse>", 403, content_type="text/xml")
    code = "UnrecognizedClientException"
    document = json.dumps({"__type": code, "message": message})
    return Response(document, 403, {"x-amzn-ErrorType": code}, content_type="application/json")


def _is_admitted(environ: WSGIEnvironment) -> bool:
    path = environ.get("PATH_INFO", "")
    if path.startswith(RESPONSE_PATH):
        # Whoever knows an address that is waited for may answer to it.
        return True
    if _STEERING.fullmatch(path):
        return _has_secret(environ.get("HTTP_AUTHORIZATION", ""))
    if "HTTP_AUTHORIZATION" not in environ and "X-Amz-Signature" not in environ.get("QUERY_STRING", ""):
        return _is_public_read(environ)
    return _is_signed(environ)


def _is_public_read(environ: WSGIEnvironment) -> bool:
    """Return whether a request reads a bucket of JumpStart's, with nothing by which another service could take it."""
    has_body = environ.get("CONTENT_LENGTH", "") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
    is_read = environ["REQUEST_METHOD"] in _READS and not has_body and "HTTP_X_AMZ_TARGET" not in environ
    return is_read and jumpstart.is_public(environ.get("PATH_INFO", ""))


def _has_secret(authorization: str) -> bool:
    secret = settings.current().credential.secret_access_key
    return hmac.compare_digest(authorization.encode(), f"Bearer {secret}".encode())


def _is_signed(environ: WSGIEnvironment) -> bool:
    request = Request(environ)
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = f"http://{headers.get('host', '')}{environ.get('RAW_URI', '')}"
    claim = claim_of(headers) or presigned_claim_of(url)
    if claim is None or not claim.holds_at(datetime.now(UTC)):
        return False
    # "Create a signed AWS API request": the host and every header of AWS's own must be signed.
    if not {"host", *(name for name in headers if name.startswith("x-amz-"))} <= set(claim.headers):
        return False
    identity = iam.find(claim.key)
    if identity is None or identity.session_token != claim.session_token:
        return False
    # Only now: nobody unknown makes this process read a body.
    body = request.get_data()
    environ["wsgi.input"] = io.BytesIO(body)
    signed = SignedRequest(method=request.method, url=url, headers=headers, body=body)
    if not calculate(signed, claim, identity.secret_access_key).is_match:
        return False
    _state_caller(environ, headers, claim)
    return True


def _state_caller(environ: WSGIEnvironment, headers: Mapping[str, str], claim: Claim) -> None:
    """Put the caller of a presigned URL where the services look for callers."""
    if "authorization" not in headers:
        environ["HTTP_AUTHORIZATION"] = claim.authorization
