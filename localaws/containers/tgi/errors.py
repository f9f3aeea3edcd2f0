"""TGI's two kinds of errors: of its web framework, always a status; of the inference, in a stream an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from localaws.containers.messages import ContainerResponse

# TGI's OpenAPI document, responses of `/generate`; the conversion of `InferError` into a response.
_STATUS: Final[Mapping[str, int]] = {
    "validation": 422,
    "template_error": 422,
    "tool_error": 422,
    "suffix not supported": 422,
    "batch size exceeded": 422,
    "generation": 424,
    "overloaded": 429,
}


class UnreadableError(Exception):
    """A request that has not the form of one."""

    def __init__(self, status: int, text: str) -> None:
        """Store the answer: `status` and a plain `text`."""
        super().__init__(text)
        self.status = status

    @property
    def response(self) -> ContainerResponse:
        """The answer."""
        return ContainerResponse(status=self.status, body=str(self), content_type="text/plain; charset=utf-8")


class InferError(Exception):
    """A request that is refused or fails; the text is the message."""

    def __init__(self, error_type: str, message: str) -> None:
        """Store TGI's `error_type` and its `message`."""
        super().__init__(message)
        self.error_type = error_type

    @classmethod
    def invalid(cls, problem: str) -> InferError:
        """Return the error for a parameter or a prompt that is not allowed."""
        return cls("validation", f"Input validation error: {problem}")

    @classmethod
    def failed(cls, problem: str) -> InferError:
        """Return the error for a generation that failed."""
        return cls("generation", f"Request failed during generation: {problem}")

    @classmethod
    def overloaded(cls) -> InferError:
        """Return the error for a request too many."""
        return cls("overloaded", "Model is overloaded")

    @property
    def document(self) -> Mapping[str, str]:
        """The body of the answer, or the data of the event."""
        return {"error": str(self), "error_type": self.error_type}

    @property
    def response(self) -> ContainerResponse:
        """The answer where nothing is streamed."""
        return ContainerResponse.of_json(_STATUS[self.error_type], self.document)
