"""Pictures in TGI's prompts: of models that see, each `![](...)` in the prompt, whether a chat or a client wrote it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from localaws.containers import chats
from localaws.containers.chats import Turn
from localaws.containers.images import ImageError, data_of
from localaws.containers.tgi.errors import InferError

_PICTURE: Final = re.compile(r"!\[\]\(([^)]*)\)")


def with_pictures(prompt: str) -> str:
    """Return a prompt with the tokens of its pictures for their addresses.

    Raises:
        InferError: If one cannot be read.
    """
    return _PICTURE.sub(lambda found: _tokens(found[1]), prompt)


def seen(turn: Turn) -> Turn:
    """Return a message with the pictures in its text as pictures; those that cannot be read are left in it."""
    images = []
    for url in _PICTURE.findall(turn.text):
        try:
            images.append(chats.digest_of(data_of(url)))
        except ImageError:
            return turn
    return replace(turn, text=_PICTURE.sub("", turn.text), images=tuple(images))


def _tokens(url: str) -> str:
    if url.startswith(("http://", "https://")):
        # A container fetches it; the stand-in has no network, like one in a VPC without a way out.
        raise InferError.invalid(f"Could not fetch image: error sending request for url ({url})")
    try:
        data = data_of(url)
    except ImageError as error:
        if "base64" in str(error) and url.startswith("data:"):
            raise InferError.invalid(f"base64 encoding is invalid: {error}") from error
        if not url.startswith("data:"):
            raise InferError.invalid(f"invalid image content: ![]({url})") from error
        raise InferError.invalid("invalid image: The image format could not be determined") from error
    return chats.picture(chats.digest_of(data))
