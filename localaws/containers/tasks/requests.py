"""A request to a script in Multi Model Server, and its refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from localaws.containers.messages import ContainerResponse, as_json

JSON = "application/json"
TEXT = "application/x-text"
LIST = "application/list-text"


class RefusedError(ValueError):
    """A request that a script refuses, with the server's error."""

    @property
    def response(self) -> ContainerResponse:
        """The answer: a `PredictionException` with 400 (sagemaker-huggingface-inference-toolkit, `handler_service`)."""
        document = {"code": 400, "type": "InternalServerException", "message": str(self)}
        return ContainerResponse.of_json(400, document)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """A request: the body's bytes, and the types of body and answer, as SageMaker hands them on."""

    body: bytes
    content_type: str
    accept: str

    @property
    def kind(self) -> str:
        """The content type without its suffixes, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    def suffixes(self, header: str) -> set[str]:
        """Return what stands behind semicolons in a header: `verbose`, `jpeg`."""
        return {suffix.strip().lower() for suffix in header.split(";")[1:]}

    def taken(self, *kinds: str) -> None:
        """Refuse a body of another type, and an answer of a type that is not JSON.

        Raises:
            RefusedError: The script does not read the type, or does not write that of the answer.
        """
        if self.kind not in kinds:
            raise RefusedError(f"Content type {self.content_type} is not supported: {', '.join(kinds)} are")
        if self.accept.partition(";")[0].strip().lower() not in (JSON, "*/*", ""):
            raise RefusedError(f"Accept type {self.accept} is not supported: {JSON} is")

    def text(self) -> str:
        """Return the body as text, which is not empty.

        Raises:
            RefusedError: It is not UTF-8, or empty.
        """
        try:
            text = self.body.decode()
        except UnicodeDecodeError as error:
            raise RefusedError(f"the body is not UTF-8: {error}") from None
        if not text:
            raise RefusedError("the body is empty")
        return text

    def document(self) -> Any:
        """Return the body's JSON.

        Raises:
            RefusedError: It is not JSON.
        """
        try:
            return as_json(self.body)
        except ValueError as error:
            raise RefusedError(f"the body is not JSON: {error}") from None

    def members(self, required: Collection[str], optional: Collection[str]) -> dict[str, Any]:
        """Return the members of the body's object.

        Raises:
            RefusedError: It is no object, or a member is missing or unknown.
        """
        document = self.document()
        if not isinstance(document, dict):
            raise RefusedError("the body is no JSON object")
        missing = [name for name in required if name not in document]
        unknown = [name for name in document if name not in required and name not in optional]
        if missing or unknown:
            raise RefusedError(f"members missing: {missing or 'none'}; members unknown: {unknown or 'none'}")
        return document


def number_of(*parts: str | bytes) -> int:
    """Return a number of 64 bits that is of these parts alone."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return int.from_bytes(digest.digest()[:8], "big")
