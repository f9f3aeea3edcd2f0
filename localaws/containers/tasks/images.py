"""JumpStart's scripts of images.

Sources: AWS's notebooks `sm-jumpstart_stable_diffusion_text_to_image`, `Amazon_JumpStart_Inpainting` and
`Amazon_JumpStart_Upscaling`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from localaws.containers.messages import ContainerResponse, is_integer, is_number
from localaws.containers.tasks import pictures
from localaws.containers.tasks.requests import JSON, TEXT, RefusedError, TaskRequest, number_of

_PARAMETERS = ("guidance_scale", "negative_prompt", "num_images_per_prompt", "num_inference_steps", "seed")
_SIDE = 512


def answer(request: TaskRequest) -> ContainerResponse:
    """Answer one request of text to image: a text, or an object with a `prompt`."""
    request.taken(JSON, TEXT)
    if request.kind == TEXT:
        prompt = request.text()
        image = _images(prompt, {}, request)[0]
        return ContainerResponse.of_json(200, {"generated_image": image, "prompt": prompt})
    members = request.members(("prompt",), ("width", "height", *_PARAMETERS))
    return _answer(members, request)


def answer_painting(request: TaskRequest) -> ContainerResponse:
    """Answer one request that has an image: in base64 where the content type says so, else as lists of numbers."""
    request.taken(JSON)
    members = request.members(("prompt", "image"), ("mask_image", *_PARAMETERS))
    for name in ("image", "mask_image"):
        if name in members:
            _check_image(name, members[name], encoded="jpeg" in request.suffixes(request.content_type))
    return _answer(members, request)


def _answer(members: Mapping[str, Any], request: TaskRequest) -> ContainerResponse:
    prompt = members["prompt"]
    if not isinstance(prompt, str) or not prompt:
        raise RefusedError("prompt must be a non-empty string")
    for name in ("width", "height"):
        if name in members and not (is_integer(members[name]) and members[name] > 0 and members[name] % 8 == 0):
            raise RefusedError(f"{name} must be a positive integer divisible by 8")
    for name in ("num_images_per_prompt", "num_inference_steps"):
        if name in members and not (is_integer(members[name]) and members[name] > 0):
            raise RefusedError(f"{name} must be a positive integer")
    if "seed" in members and not is_integer(members["seed"]):
        raise RefusedError("seed must be an integer")
    if "guidance_scale" in members and not is_number(members["guidance_scale"]):
        raise RefusedError("guidance_scale must be a float")
    if not isinstance(members.get("negative_prompt", ""), str):
        raise RefusedError("negative_prompt must be a string")
    return ContainerResponse.of_json(200, {"generated_images": _images(prompt, members, request), "prompt": prompt})


def _images(prompt: str, members: Mapping[str, Any], request: TaskRequest) -> list[Any]:
    width, height = members.get("width", _SIDE), members.get("height", _SIDE)
    images: list[Any] = []
    for place in range(members.get("num_images_per_prompt", 1)):
        grey = number_of(prompt, str(members.get("seed")), str(place)) % 256
        if "jpeg" in request.suffixes(request.accept):
            images.append(base64.b64encode(pictures.jpeg(width, height, grey)).decode())
        else:
            images.append([[[grey] * 3] * width] * height)
    return images


def _check_image(name: str, value: Any, *, encoded: bool) -> None:
    if not encoded:
        if not isinstance(value, list) or not value:
            raise RefusedError(f"{name} must be a nested list of numbers; with {JSON};jpeg it is base64")
        return
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise RefusedError(f"{name} is not base64") from None
