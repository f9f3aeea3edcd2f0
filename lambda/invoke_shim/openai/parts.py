"""Check and read the content of a message: text, or parts of text and images."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show, unicode_problems
from invoke_shim.generation.messages import Image

MAX_IMAGES = 20
"""Images of a request: Converse's limit (API reference, `Message`)."""

_TEXTS: Mapping[str, str] = MappingProxyType({"text": "text", "refusal": "refusal"})
"""The member that holds the text of a part, by the part's type."""

_REPLAYED = ("thinking", "redacted_thinking", "reasoning")
"""Types of an assistant's parts that hold its reasoning, which no chat template here takes back."""


class PartReader:
    """Reads the contents of one chat's messages.

    Args:
        problems: The list that takes all problems.
        images: Whether the model takes images.
    """

    def __init__(self, problems: list[Problem], *, images: bool) -> None:
        self._problems = problems
        self._takes_images = images
        self._images = 0

    def read(self, value: Any, where: str, role: str) -> tuple[str, tuple[str | Image, ...]]:
        """Read a content.

        Args:
            value: The content, of any JSON type.
            where: Its JSON path.
            role: The message's role.

        Returns:
            Its texts, joined by line breaks; and where there is an image, texts and images in their order.
        """
        if isinstance(value, str):
            self._problems += unicode_problems(where, value)
            return value, ()
        if not isinstance(value, list):
            self._add(where, f"is {show(value)}, expected a string or a list of text parts")
            return "", ()
        parts: list[str | Image] = []
        for position, part in enumerate(value):
            if len(self._problems) >= ENOUGH_PROBLEMS:
                break
            read = self._read_part(part, f"{where}[{position}]", role)
            if read is not None:
                parts.append(read)
        texts = "\n".join(part for part in parts if isinstance(part, str))
        self._problems += unicode_problems(where, texts)
        return texts, tuple(parts) if any(isinstance(part, Image) for part in parts) else ()

    def _read_part(self, part: Any, where: str, role: str) -> str | Image | None:
        if isinstance(part, str):
            return part
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "image_url":
            return self._read_image(part, where, role)
        if kind in _REPLAYED and role == "assistant":
            return None
        if not isinstance(kind, str) or kind not in _TEXTS:
            found = show(part) if kind is None else f"of type {show(kind)}"
            self._add(where, f"is {found}, this model takes only parts of type {self._types}")
            return None
        text = part.get(_TEXTS[kind])
        if not isinstance(text, str):
            self._add(f"{where}.{_TEXTS[kind]}", f"is {show(text)}, expected a string")
            return None
        return text

    @property
    def _types(self) -> str:
        return "'text' and 'image_url'" if self._takes_images else "'text'"

    def _read_image(self, part: dict[str, Any], where: str, role: str) -> Image | None:
        if not self._takes_images:
            self._add(
                where,
                "is an image, but this model takes text only: images take a model that sees, in a container that "
                "writes the chat's prompt itself",
            )
            return None
        if role != "user":
            self._add(where, f"is an image in a message of role {show(role)}: only the user's may have one")
            return None
        self._images += 1
        if self._images > MAX_IMAGES:
            self._add(where, f"is image {self._images} of the request, at most {MAX_IMAGES} are taken")
            return None
        # Most requests have none.
        from invoke_shim.openai.image_parts import ImageError, read_image  # noqa: PLC0415 - see above

        url = part.get("image_url")
        if isinstance(url, dict):
            where, url = f"{where}.image_url.url", url.get("url")
        try:
            return read_image(url)
        except ImageError as error:
            self._add(where, str(error))
            return None

    def _add(self, where: str, text: str) -> None:
        self._problems.append(Problem(where, f"{where} {text}"))
