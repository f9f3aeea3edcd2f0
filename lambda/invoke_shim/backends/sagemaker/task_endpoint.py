"""A SageMaker endpoint whose model does another task than generating text, by InvokeEndpoint with any content type."""

from invoke_shim.backends.base import NativeReply, Payload
from invoke_shim.backends.connections import Connections
from invoke_shim.backends.retry import answer_seconds, when_ready
from invoke_shim.backends.sagemaker.errors import CONTAINER_TIMEOUT_SECONDS, Call, translate
from invoke_shim.backends.sagemaker.runtime import SageMakerRuntime
from invoke_shim.backends.service_errors import FAILURES, Failure
from invoke_shim.backends.target import Target, create_target, send_to
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError
from invoke_shim.settings import Settings

MAX_PAYLOAD_BYTES = 6_291_456
"""The longest body of a request and of an answer (botocore:sagemaker-runtime.BodyBlob)."""


def create(settings: Settings) -> "TaskEndpoint":
    """Create the backend that the settings describe.

    Raises:
        ValueError: The settings name neither endpoint nor parameter; `Settings` keeps that from happening.
    """
    target = create_target(settings.endpoint_name, settings.target_parameter, pipeline=settings.pipeline)
    return TaskEndpoint(target=target, settings=settings)


class TaskEndpoint:
    """Sends requests to one endpoint at a time.

    Args:
        target: Holds the endpoint's name.
        settings: The function's settings.
    """

    def __init__(self, *, target: Target, settings: Settings) -> None:
        self._target = target
        self._settings = settings
        self._connections = Connections(SageMakerRuntime, read_timeout=settings.read_timeout_seconds)

    def send(self, payload: Payload, deadline: Deadline) -> NativeReply:
        """Send a request to the container.

        Raises:
            ApiError: 413, the request is too large for SageMaker; the endpoint or its container answered with an error,
                or not in time.
        """
        if len(payload.body) > MAX_PAYLOAD_BYTES:
            raise ApiError(
                f"the request to the model has {len(payload.body)} bytes, SageMaker takes at most {MAX_PAYLOAD_BYTES}",
                status=413,
                type="invalid_request_error",
                code="request_too_large",
            )

        def send(endpoint_name: str) -> NativeReply:
            return self._send(endpoint_name, payload, deadline)

        return when_ready(lambda: send_to(self._target, send), deadline, reserve=answer_seconds(deadline))

    def close(self) -> None:
        """Close all connections that are not in use; the next request opens new ones."""
        self._connections.close()

    def _send(self, endpoint_name: str, payload: Payload, deadline: Deadline) -> NativeReply:
        client = self._connections.client(deadline.remaining())
        try:
            return client.invoke(endpoint_name, payload.body, content_type=payload.content_type, accept=payload.accept)
        except FAILURES as error:
            raise self._translate(error, endpoint_name) from error

    def _translate(self, error: Failure, endpoint_name: str) -> ApiError:
        call = Call(
            endpoint_name=endpoint_name,
            refuses_with_424=self._settings.container == "lmi",
            timeout_seconds=self._settings.invoke_timeout_seconds,
            stream=False,
        )
        translated = translate(error, call)
        # Nothing here is streamed, and no answer has tokens.
        if translated.code == "timeout":
            translated.message = (
                f"the model did not answer in time: its container has {CONTAINER_TIMEOUT_SECONDS} s, and this API "
                f"waits {self._settings.invoke_timeout_seconds} s (INVOKE_TIMEOUT_SECONDS) in all; ask for less at once"
            )
        elif translated.status == 502 and (translated.upstream or "").startswith("ModelError"):
            translated.message = "the model's container failed to answer"
        return translated
