"""SageMaker's runtime in this process: requests of the invoke shim, answered by stand-in containers without HTTP.

Between the shim and a container is all of botocore but the socket: a method that replaces its HTTP session's gives
each request to the container, and the container's answer, as SageMaker would pass it on, to who has sent it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from localaws import eventstream
from localaws.containers import ContainerSettings, lmi, tgi, vllm
from localaws.containers.serving import Serving
from localaws.containers.tasks import scripts

_RESPOND: Final = {
    "tgi": tgi.respond,
    "lmi": lmi.respond,
    "vllm": vllm.respond,
    **dict.fromkeys(("other", "stability", "tei"), scripts.respond),
}


class Raw:
    """A body as urllib3 would hand it to botocore."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def stream(self, *_amount: object, **_how: object) -> Iterator[bytes]:
        return self._chunks

    def read(self, *_amount: object, **_how: object) -> bytes:
        return b"".join(self._chunks)

    def close(self) -> None:
        pass


class Refusal(NamedTuple):
    """A request that a container refused.

    Attributes:
        status: The container's status; 200 where the error is in the answer.
        request: The request's body.
        answer: The answer's text.
    """

    status: int
    request: bytes
    answer: str


class Runtime:
    """SageMaker's runtime in front of stand-in containers.

    Attributes:
        refusals: The requests that containers refused.
    """

    def __init__(self, containers: Mapping[str, ContainerSettings]) -> None:
        """Answer for `containers`, by their endpoints' names."""
        self._containers = containers
        self.refusals: list[Refusal] = []

    def answer(self, request: Any) -> AWSResponse:
        """Answer a request that is about to be sent."""
        settings = self._containers[unquote(urlsplit(request.url).path.split("/")[2])]
        types = [_text(request.headers.get(name)) for name in ("Content-Type", "X-Amzn-SageMaker-Accept", "Accept")]
        serving = Serving(
            settings=settings,
            content_type=types[0] or "application/json",
            accept=types[1] or types[2] or "application/json",
        )
        response = _RESPOND[settings.family](request.body, serving)
        pieces = [response.body] if isinstance(response.body, str) else list(response.body)
        body = "".join(pieces)
        if response.status >= 400 or '"error"' in body:
            self.refusals.append(Refusal(response.status, request.body, body))
        headers = {"content-type": response.content_type}
        if response.status >= 400:
            document = {"Message": "Received client error", "OriginalStatusCode": response.status}
            content = json.dumps({**document, "OriginalMessage": body}).encode()
            headers = {"content-type": "application/json", "x-amzn-errortype": "ModelError"}
            return AWSResponse(request.url, 424, HTTPHeaders.from_dict(headers), Raw(iter([content])))
        if request.url.endswith("-response-stream"):
            parts = (eventstream.event("PayloadPart", piece.encode(), content_type="x") for piece in pieces if piece)
            headers = {"content-type": eventstream.CONTENT_TYPE, "x-amzn-sagemaker-content-type": response.content_type}
            return AWSResponse(request.url, 200, HTTPHeaders.from_dict(headers), Raw(parts))
        return AWSResponse(request.url, 200, HTTPHeaders.from_dict(headers), Raw(iter([body.encode()])))


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
