"""The container of Stability AI, as public notebooks of `model-imagegeneration-stabilityai-*` ask it.

Members that it does not know are of no effect: those notebooks send `num_images_per_prompt`, and get one image.
"""

from __future__ import annotations

import base64
from typing import Any, Final

from localaws.containers.messages import ContainerResponse, is_integer
from localaws.containers.tasks import pictures
from localaws.containers.tasks.requests import JSON, RefusedError, TaskRequest, number_of

_SIDE: Final = 1024
# Stability AI's REST API: sides are multiples of 64.
_STEP: Final = 64


def answer(request: TaskRequest) -> ContainerResponse:
    """Answer one request."""
    request.taken(JSON)
    members = request.document()
    if not isinstance(members, dict) or not _is_prompts(members.get("text_prompts")):
        raise RefusedError("text_prompts must be a list of at least one object with a text")
    prompt = members["text_prompts"][0]["text"]
    width, height = (members.get(name, _SIDE) for name in ("width", "height"))
    for name, side in (("width", width), ("height", height)):
        if not is_integer(side) or side <= 0 or side % _STEP:
            raise RefusedError(f"{name} must be a positive multiple of {_STEP}")
    grey = number_of(prompt, str(members.get("seed"))) % 256
    image = base64.b64encode(pictures.png(width, height, grey)).decode()
    return ContainerResponse.of_json(200, {"generated_image": image, "prompt": prompt})


def _is_prompts(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(prompt, dict) and isinstance(prompt.get("text"), str) for prompt in value)
    )
