"""Targets of the invoke shim: a SageMaker endpoint, or anything else that names the shim's settings."""

from collections.abc import Mapping
from typing import Protocol

from aws_cdk import aws_iam as iam
from constructs.endpoint.sagemaker_endpoint import SageMakerEndpoint
from constructs.served_pointer import ServedPointer

from invoke_shim.contract import CONTAINERS, TASKS


class InvokeTarget(Protocol):
    """The model behind an API, wherever it runs."""

    @property
    def described(self) -> str:
        """Description of the target in a few words, with their article."""
        ...

    @property
    def settings(self) -> Mapping[str, str]:
        """The shim's settings that name the target and its protocol (`invoke_shim.contract`)."""
        ...

    @property
    def invoke_wildcards(self) -> Mapping[str, str]:
        """ARNs with a wildcard in the policy that `grant_invoke` writes, with the reasons."""
        ...

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant finding and invoking the target."""
        ...


class EndpointTarget:
    """A SageMaker endpoint behind the shim, with its container's protocol and limits.

    Usage::

        api = InvokeApi(self, "Api", target=EndpointTarget(endpoint, container="tgi"), ...)
    """

    def __init__(
        self,
        endpoint: SageMakerEndpoint,
        *,
        container: str,
        container_version: str | None = None,
        task: str = "text",
        pointer: ServedPointer | None = None,
        gather_stream: bool = False,
        images: bool = True,
        max_input_tokens: int | None = None,
        max_total_tokens: int | None = None,
    ) -> None:
        """Work out the shim's settings.

        Args:
            endpoint: The endpoint that answers.
            container: The container's protocol: `tgi`, `lmi`, `vllm`, or `other` for one of its own.
            container_version: The version of the container's software, such as `2.4.0`, where known.
            task: The model's task, which decides the routes of its API.
            pointer: Names the endpoint once it serves, where it is created later than the API; until then the API
                answers 503.
            gather_stream: Collect answers that are not streamed from the container's stream.
            images: Whether the model sees: the API refuses images otherwise, whatever the container takes.
            max_input_tokens: The container's limit of prompt tokens, where known.
            max_total_tokens: The container's limit of prompt and generated tokens together, where known.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        problems = []
        if container not in CONTAINERS:
            problems.append(f"container is {container!r}: allowed are {', '.join(CONTAINERS)}")
        if task not in TASKS:
            problems.append(f"task is {task!r}: allowed are {', '.join(TASKS)}")
        if max_input_tokens and max_total_tokens and max_input_tokens >= max_total_tokens:
            problems.append(
                f"max_input_tokens is {max_input_tokens}: allowed is less than max_total_tokens, {max_total_tokens}"
            )
        if problems:
            raise ValueError("\n".join(problems))
        self._endpoint = endpoint
        self._pointer = pointer
        self._settings = {
            "CONTAINER": container,
            "CONTAINER_VERSION": container_version,
            "ENDPOINT_NAME": None if pointer else endpoint.endpoint_name,
            "GATHER_STREAM": "true" if gather_stream else None,
            "IMAGES": None if images else "false",
            "MAX_INPUT_TOKENS": max_input_tokens,
            "MAX_TOTAL_TOKENS": max_total_tokens,
            "TASK": None if task == "text" else task,
            "TARGET_PARAMETER": pointer.name(pointer.target) if pointer else None,
        }

    @property
    def described(self) -> str:
        """Description of the target."""
        return "a SageMaker endpoint"

    @property
    def settings(self) -> Mapping[str, str]:
        """The shim's settings that name the endpoint and its protocol."""
        return {name: str(value) for name, value in self._settings.items() if value is not None}

    @property
    def invoke_wildcards(self) -> Mapping[str, str]:
        """None: an endpoint has a name of its own."""
        return {}

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant invoking the endpoint, and reading its name where a pointer holds it."""
        grant = self._endpoint.grant_invoke(grantee)
        return grant.combine(self._pointer.grant_read_target(grantee)) if self._pointer else grant
