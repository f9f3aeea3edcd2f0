"""Client of the SageMaker runtime: botocore's for streams, one signed POST for answers that are not streamed.

Around the signature and the HTTP of InvokeEndpoint, botocore's client does what is the same each time or of no use to
this operation: rules of endpoints, events for ten occasions, a serializer, accounts of retries, a parser. It takes
0.2 ms of CPU, a quarter of all that a request takes. So the POST is put together here, of botocore's own parts: its
signer, its HTTP session and, for errors, its parser. The tests hold it against what the client sends and raises.
"""

import os
import socket
from contextlib import closing
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.parsers import create_parser
from botocore.utils import get_environ_proxies

from invoke_shim.backends import connections
from invoke_shim.backends.base import JSON, NativeReply
from invoke_shim.settings import CONNECT_TIMEOUT_SECONDS

SERVICE = "sagemaker-runtime"

_UNRESERVED = "-._~"
"""Characters of a URL's segment that are not escaped, beside letters and digits (RFC 3986, section 2.3)."""

_IN_A_TRACE = "-=;:+&[]{}\"',"
"""Characters of X-Ray's header that are not escaped, by botocore's `handlers.add_recursion_detection_header`."""


class SageMakerRuntime:
    """A client of the SageMaker runtime, for the region and with the credentials that Lambda's environment names.

    Args:
        read_timeout: Seconds to wait for the next byte.
    """

    def __init__(self, read_timeout: int) -> None:
        # A name and bytes, which the shim knows to be such: botocore's own look at them costs 0.02 ms.
        self._client = connections.create_model_client(SERVICE, read_timeout, checks=False)
        self._service = self._client.meta.service_model
        self._credentials = connections.session().get_credentials()
        self._endpoints = f"{self._client.meta.endpoint_url.rstrip('/')}/endpoints"
        self._http = _create_http_session(self._endpoints, read_timeout)
        # Streams go over the same connections: the client takes what this event's handler returns for the response.
        self._client.meta.events.register(f"before-send.{SERVICE}", self._send)

    def invoke(self, endpoint_name: str, body: bytes, *, content_type: str = JSON, accept: str = JSON) -> NativeReply:
        """Call InvokeEndpoint.

        Args:
            endpoint_name: The endpoint's name.
            body: The request to the container.
            content_type: The type of the body.
            accept: The type of the answer.

        Raises:
            Failure: `service_errors.Failure`, as botocore's client does.
        """
        request = AWSRequest(
            method="POST",
            url=f"{self._endpoints}/{quote(endpoint_name, safe=_UNRESERVED)}/invocations",
            headers=_headers(content_type, accept),
            data=body,
            # The body is read here, so that it can be closed here.
            stream_output=True,
        )
        self._sign(request)
        response = self._http.send(request.prepare())
        # Closed even when the answer breaks off: the connection would stay open otherwise.
        with closing(response.raw) as raw:
            answer: bytes = raw.read()
        if response.status_code >= 300:
            raise self._error(response, answer)
        return NativeReply(answer, response.headers.get("content-type") or JSON)

    def invoke_stream(self, endpoint_name: str, body: bytes) -> Any:
        """Call InvokeEndpointWithResponseStream.

        Args:
            endpoint_name: The endpoint's name.
            body: The request to the container, JSON.

        Returns:
            The response of botocore: `Body`, an event stream that must be closed, and perhaps `ContentType`.

        Raises:
            Failure: `service_errors.Failure`, here and while the stream is read.
        """
        return self._client.invoke_endpoint_with_response_stream(
            EndpointName=endpoint_name, Body=body, ContentType=JSON
        )

    def close(self) -> None:
        """Close all connections that are not in use; the next request opens new ones."""
        self._client.close()
        self._http.close()

    def _send(self, request: Any, **_event: Any) -> AWSResponse:
        return self._http.send(request)

    def _sign(self, request: AWSRequest) -> None:
        if self._credentials is None:
            raise NoCredentialsError
        # Frozen anew each time: where they expire, this renews them.
        credentials = self._credentials.get_frozen_credentials()
        SigV4Auth(credentials, self._service.signing_name, self._client.meta.region_name).add_auth(request)

    def _error(self, response: AWSResponse, body: bytes) -> ClientError:
        """Parse the service's error with the members of its model, such as ModelError's OriginalStatusCode."""
        raw = {"status_code": response.status_code, "headers": response.headers, "body": body}
        parser = create_parser(self._service.resolved_protocol)
        operation = self._service.operation_model("InvokeEndpoint")
        parsed = parser.parse(raw, operation.output_shape)
        # A status of 300 is an error to the client and none to the parser.
        shape = self._service.shape_for_error_code(parsed.get("Error", {}).get("Code"))
        if shape is not None:
            parsed |= parser.parse(raw, shape)
        return ClientError(parsed, operation.name)


def _headers(content_type: str, accept: str) -> dict[str, str]:
    headers = {"Content-Type": content_type, "Accept": accept, "User-Agent": connections.USER_AGENT}
    # The runtime sets it anew for each invocation.
    if trace := os.environ.get("_X_AMZN_TRACE_ID"):
        headers["X-Amzn-Trace-Id"] = quote(trace, safe=_IN_A_TRACE)
    return headers


def _create_http_session(url: str, read_timeout: int) -> URLLib3Session:
    """Create a session as botocore does for a client: with the environment's proxies and certificate authorities."""
    authorities = connections.session().get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    # Of any type, because botocore's stubs know neither paths nor pairs here.
    options: dict[str, Any] = {
        "verify": authorities or True,
        "timeout": (CONNECT_TIMEOUT_SECONDS, read_timeout),
        # Headers and body leave in two packets: the second must not wait for the first to be acknowledged.
        "socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    }
    return URLLib3Session(proxies=get_environ_proxies(url), **options)
