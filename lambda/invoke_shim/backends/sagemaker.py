"""A SageMaker endpoint as the backend."""

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from invoke_shim.backends.containers import Container, read_reply
from invoke_shim.backends.sagemaker_errors import translate
from invoke_shim.generation import Completion, Generation
from invoke_shim.settings import CONNECT_TIMEOUT_SECONDS, Settings

MAX_IDLE_SECONDS = 20
"""How long an unused connection is trusted.

While Lambda has the function frozen, the other side may close its connection unseen. Without retries the next
request would fail on it, so after a pause a new one is opened.
"""


@dataclass(frozen=True, slots=True)
class NativeReply:
    """A container's answer as it came."""

    body: bytes
    content_type: str


def create_client(settings: Settings) -> Any:
    """The SageMaker runtime client.

    It never retries by itself: a request that timed out or broke off may have been answered, and a generation
    is paid for each time. Clients are told by status and headers when a retry makes sense.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings.read_timeout_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    return boto3.client("sagemaker-runtime", config=config)


class SageMakerEndpoint:
    """Sends prompts to one endpoint.

    Args:
        client: a SageMaker runtime client, see `create_client`.
        container: the kind of container behind the endpoint.
        settings: the function's settings.
    """

    def __init__(self, *, client: Any, container: Container, settings: Settings) -> None:
        self.container = container
        self._client = client
        self._settings = settings
        self._last_used = 0.0

    def complete(self, prompt: str, generation: Generation) -> Completion:
        """Generate a text after a prompt.

        Raises:
            ApiError: the endpoint or its container answered with an error, not in time, or with something
                that is not understood.
        """
        reply = self.invoke(self.container.payload(prompt, generation))
        return read_reply(reply.body, max_tokens=generation.max_tokens)

    def invoke(self, body: bytes) -> NativeReply:
        """Send a payload to the container as it is.

        Raises:
            ApiError: the endpoint or its container answered with an error, or not in time.
        """
        self._drop_old_connections()
        try:
            response = self._client.invoke_endpoint(
                EndpointName=self._settings.endpoint_name,
                Body=body,
                ContentType="application/json",
                Accept="application/json",
            )
            # Closed even when the answer breaks off: the connection would stay open otherwise.
            with closing(response["Body"]) as stream:
                answer: bytes = stream.read()
        except (ClientError, BotoCoreError) as error:
            raise translate(error, container=self.container, settings=self._settings) from error
        return NativeReply(answer, response.get("ContentType") or "application/json")

    def _drop_old_connections(self) -> None:
        # Wall-clock time: a monotonic clock may stand still while the function is frozen.
        now = time.time()
        if now - self._last_used > MAX_IDLE_SECONDS:
            self._client.close()
        self._last_used = now
