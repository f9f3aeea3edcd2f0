"""Calls of a deployed model: with OpenAI's client and a key, or with signed requests."""

import getpass
import os
import sys
from collections.abc import Generator
from urllib.parse import urlsplit

import boto3
import httpx2
import openai
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tools.aws import apis_url, credentials_hint
from tools.deployed import DeclaredStack, output


class CallerError(RuntimeError):
    """The caller has no key, or no credentials."""


KEY_VARIABLE = "JUMPSTACK_API_KEY"
"""The environment variable with a caller's key. Not OPENAI_API_KEY: that may be a key for OpenAI's own API."""

# The API waits at most 15 minutes (catalog/limits/endpoint.py), and says itself when that is over.
_TIMEOUT = httpx2.Timeout(915.0, connect=10.0)


class SignedRequests(httpx2.Auth):
    """Signs each request with AWS Signature Version 4 for API Gateway (`execute-api`)."""

    requires_request_body = True

    def __init__(self, *, credentials: Credentials, region: str) -> None:
        """Store the credentials and the region.

        Args:
            credentials: AWS credentials of a principal that may `execute-api:Invoke`.
            region: The API's region.
        """
        self._signer = SigV4Auth(credentials, "execute-api", region)

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Sign the method, URL, body and content type."""
        signed = AWSRequest(
            method=request.method,
            url=str(request.url),
            data=request.content,
            headers={"content-type": request.headers.get("content-type", "application/json")},
        )
        # OpenAI's client sends its API key as a bearer token; the signature replaces that header.
        request.headers.pop("authorization", None)
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request


class LocalTransport(httpx2.HTTPTransport):
    """Sends requests for AWS's hosts to a local AWS, as `curl --connect-to` does; the Host header stays."""

    def __init__(self, endpoint_url: str) -> None:
        """Store the address of a local AWS's deployed APIs, such as `http://127.0.0.1:4566`."""
        super().__init__()
        self._endpoint = httpx2.URL(endpoint_url)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Connect to the local AWS instead of the URL's host."""
        request.url = request.url.copy_with(
            scheme=self._endpoint.scheme, host=self._endpoint.host, port=self._endpoint.port
        )
        return super().handle_request(request)


def http_client(*, region: str, endpoint_url: str | None = None) -> httpx2.Client:
    """Return an HTTP client that signs its requests with the session's credentials.

    Args:
        region: The API's region.
        endpoint_url: The address of a local AWS's deployed APIs; None for AWS itself.

    Raises:
        CallerError: If the session has no credentials.
    """
    credentials = boto3.session.Session().get_credentials()
    if credentials is None:
        raise CallerError(f"no AWS credentials: {credentials_hint()}")
    return _client(endpoint_url, SignedRequests(credentials=credentials, region=region))


def openai_client(
    invoke_url: str, *, api_key: str | None = None, region: str | None = None, endpoint_url: str | None = None
) -> openai.OpenAI:
    """Return OpenAI's own client for one deployed model.

    Args:
        invoke_url: The stack's output `InvokeUrl`.
        api_key: The caller's key, where the API takes keys; None signs the requests with the session's credentials.
        region: The API's region, for the signature; read from the URL by default, which takes one of API Gateway's.
        endpoint_url: The address of a local AWS's deployed APIs; None for AWS itself.

    Raises:
        ValueError: If requests are to be signed, and the region is neither given nor in the URL.
        CallerError: If requests are to be signed, and the session has no credentials.
    """
    if api_key is not None:
        client = _client(endpoint_url, None)
    else:
        client = http_client(region=region or region_of(invoke_url), endpoint_url=endpoint_url)
    # Signatures authorize the request where there is no key; the client insists on one all the same.
    return openai.OpenAI(base_url=f"{invoke_url}v1", api_key=api_key or "signed", http_client=client, max_retries=2)


def send(stack: DeclaredStack, route: str, body: bytes | None) -> httpx2.Response:
    """Send one request to a deployed stack's API as its callers do.

    Args:
        stack: The stack, deployed.
        route: Path below the stage, such as `v1/models` or `invocations`.
        body: JSON to POST; None sends a GET.

    Returns:
        The response, whatever its status.

    Raises:
        tools.deployed.NotDeployedError: If the stack does not exist.
        CallerError: If there is no key, or there are no credentials.
        httpx2.HTTPError: If the API cannot be reached.
    """
    url = f"{output(stack, 'InvokeUrl')}{route.removeprefix('/')}"
    headers = {"content-type": "application/json"}
    if stack.takes_keys:
        headers["authorization"] = f"Bearer {caller_key(stack.path)}"
        client = _client(apis_url(), None)
    else:
        client = http_client(region=stack.region, endpoint_url=apis_url())
    with client:
        return client.request("GET" if body is None else "POST", url, content=body, headers=headers)


def caller_key(path: str) -> str:
    """Return the key of the person at the keyboard, from the environment or typed in without an echo.

    Args:
        path: The stack that it is for, such as `dev/mistral-7b-instruct`.

    Raises:
        CallerError: If there is none.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key and sys.stdin.isatty():
        key = getpass.getpass(f"key for {path}: ").strip()
    if not key:
        raise CallerError(f"{path} takes keys: set {KEY_VARIABLE}; ./jumpstack keys create {path} makes one")
    return key


def region_of(invoke_url: str) -> str:
    """Return the region in an URL such as `https://abc.execute-api.us-west-2.amazonaws.com/live/`.

    Raises:
        ValueError: If the URL is not one of API Gateway's.
    """
    labels = (urlsplit(invoke_url).hostname or "").split(".")
    if len(labels) < 5 or labels[1] != "execute-api":
        raise ValueError(f"url is {invoke_url!r}: allowed is https://<api>.execute-api.<region>.amazonaws.com/<stage>/")
    return labels[2]


def _client(endpoint_url: str | None, auth: httpx2.Auth | None) -> httpx2.Client:
    transport = LocalTransport(endpoint_url) if endpoint_url else None
    return httpx2.Client(auth=auth, timeout=_TIMEOUT, transport=transport)
