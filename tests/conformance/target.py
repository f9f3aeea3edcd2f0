"""The AWS under test: the local one, or a real account. Tests are the same for both."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from tools.conformance import PREFIX, VARIABLE

T = TypeVar("T")

_REMOTE_SECONDS = 180
_LOCAL_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """An API's answer.

    Attributes:
        status: The status.
        headers: The headers, names in lower case.
        body: What came of the body.
        complete: Whether the body ended regularly.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True

    @property
    def document(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One AWS.

    Attributes:
        account: Its account id.
        region: The region of everything that tests make.
        client: Makes a boto3 client of a service.
        url: The address at which the local AWS serves deployed APIs; None for AWS itself.
        credentials: Reads the credentials that sign requests to APIs of the run.
        run: What the names of this run have in common.
    """

    account: str
    region: str
    client: Callable[[str], Any]
    url: str | None
    credentials: Callable[[], Any] = lambda: None
    run: str = field(default_factory=lambda: f"{PREFIX}-{uuid4().hex[:8]}")

    @property
    def is_local(self) -> bool:
        """True for the local AWS."""
        return self.url is not None

    @property
    def tags(self) -> dict[str, str]:
        """The tags of everything that a run makes."""
        return {"jumpstack": "conformance", "run": self.run}

    def name(self) -> str:
        """Return a name that is used once."""
        return f"{self.run}-{uuid4().hex[:6]}"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def send(
        self,
        api_id: str,
        path: str,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        signs: bool = False,
    ) -> Answer:
        """Send a request to a deployed REST API.

        Args:
            api_id: The API.
            path: The path, its stage included.
            method: The verb.
            headers: The headers.
            body: The body.
            signs: Sign it with the run's credentials, for a method that asks for them.
        """
        host = f"{api_id}.execute-api.{self.region}.amazonaws.com"
        headers = {"Host": host, **(headers or {})}
        if signs:
            request = AWSRequest(method=method, url=f"https://{host}{path}", headers=headers, data=body)
            SigV4Auth(self.credentials(), "execute-api", self.region).add_auth(request)
            headers = dict(request.headers.items())
        connection: http.client.HTTPConnection
        if self.url is None:
            connection = http.client.HTTPSConnection(host, timeout=120)
        else:
            address = urlsplit(self.url)
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            known = {name.lower(): value for name, value in response.getheaders()}
            try:
                return Answer(response.status, known, response.read())
            except http.client.IncompleteRead as broken:
                return Answer(response.status, known, broken.partial, complete=False)
        finally:
            connection.close()

    def eventually(self, look: Callable[[], T], until: Callable[[T], bool]) -> T:
        """Look until a condition holds, because AWS's parts learn of changes later; return what was seen last.

        Errors of AWS count as not yet, but for the last look.
        """
        deadline = time.monotonic() + (_LOCAL_SECONDS if self.is_local else _REMOTE_SECONDS)
        while True:
            try:
                seen = look()
                if until(seen) or time.monotonic() > deadline:
                    return seen
            except ClientError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05 if self.is_local else 2)


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """Return the code and message with which AWS refuses a call; empty texts where it does not."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"]), str(error.response["Error"].get("Message", ""))
    return "", ""


def chosen() -> tuple[str, str] | None:
    """Return the account and region that the command chose; None for the local AWS."""
    text = os.environ.get(VARIABLE, "local")
    if text == "local":
        return None
    account, _, region = text.partition("/")
    return account, region
