"""vLLM's errors, which have OpenAI's shape with a number for the code."""

from __future__ import annotations

from typing import Any

from localaws.containers.messages import ContainerResponse


class RequestError(Exception):
    """A request that is refused or fails; the text is the message.

    Attributes:
        status: The HTTP status.
        error_type: VLLM's name of the kind of error.
        param: The parameter that is at fault.
    """

    def __init__(
        self, message: str, *, status: int = 400, error_type: str = "BadRequestError", param: str | None = None
    ) -> None:
        """Store the answer."""
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.param = param

    @classmethod
    def failed(cls, problem: str) -> RequestError:
        """Return the error for a generation that failed."""
        return cls(problem, status=500, error_type="InternalServerError")

    @property
    def document(self) -> dict[str, Any]:
        """The body of the answer, or the data of the event."""
        error = {"message": str(self), "type": self.error_type, "param": self.param, "code": self.status}
        return {"error": error}

    @property
    def response(self) -> ContainerResponse:
        """The answer where no stream has begun."""
        return ContainerResponse.of_json(self.status, self.document)
