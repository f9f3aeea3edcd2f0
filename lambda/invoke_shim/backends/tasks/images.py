"""Containers of models that make images of texts.

| container | request | answer |
|---|---|---|
| JumpStart's script (`other`) | `{"prompt", "num_images_per_prompt", ...}` | `{"generated_images": [base64, ...]}` |
| Stability AI's (`stability`) | `{"text_prompts": [{"text"}], ...}` | `{"generated_image": base64}` |

JumpStart's script gives images in base64 where the caller accepts `application/json;jpeg`, else lists of numbers, which
are longer than SageMaker's 6 MB for common sizes.

Sources: AWS's notebooks of JumpStart's text to image and of `model-imagegeneration-*`; Stability AI's REST API, whose
body the second container takes.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from invoke_shim.backends.base import JSON, Payload
from invoke_shim.backends.containers.base import encode
from invoke_shim.backends.streams import not_understood
from invoke_shim.contract import ContainerName
from invoke_shim.rules.base import Check
from invoke_shim.rules.checks import MAX_INT32, integer, positive, text

ImageType = Literal["png", "jpeg", "webp"]

_BEGINNINGS: Mapping[bytes, ImageType] = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}

MOST_STEPS = 500
"""Denoising steps of one image: ten times the notebooks' 50, so that no single request holds a GPU for long."""


class ImageRequest(NamedTuple):
    """A request for images.

    Attributes:
        prompt: The images' description.
        n: The number of images.
        size: Width and height in pixels; None for the model's own.
        extra: The container's own parameters, checked.
    """

    prompt: str
    n: int
    size: tuple[int, int] | None
    extra: Mapping[str, Any]


class ImageContainer(NamedTuple):
    """One kind of container.

    Attributes:
        members: The members of a request's body.
        read: The images in base64 of an answer; raises ApiError if it is not understood.
        parameters: The container's own parameters, with their checks.
        at_once: Whether one request makes several images.
        accept: The type of the answer.
        makes: The type of the images.
    """

    members: Callable[[ImageRequest], Mapping[str, Any]]
    read: Callable[[Any], list[Any]]
    parameters: Mapping[str, Check]
    at_once: bool
    accept: str
    makes: ImageType

    def payloads(self, request: ImageRequest) -> list[Payload]:
        """Encode the requests that make all the images: one, or one an image, each with a seed of its own."""
        if self.at_once:
            return [Payload(encode(self.members(request)), accept=self.accept)]
        seed = request.extra.get("seed")
        return [
            Payload(
                encode({**self.members(request), **({} if seed is None else {"seed": (seed + place) % 2**31})}),
                accept=self.accept,
            )
            for place in range(request.n)
        ]


def type_of(image: Any) -> ImageType:
    """Return the type of an image in base64.

    Raises:
        ApiError: 502, it is no image in base64.
    """
    try:
        beginning = base64.b64decode(image[:64], validate=True) if isinstance(image, str) else b""
    except (binascii.Error, ValueError):
        beginning = b""
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "webp"
    for known, kind in _BEGINNINGS.items():
        if beginning.startswith(known):
            return kind
    raise not_understood()


def _size(request: ImageRequest) -> dict[str, int]:
    return {} if request.size is None else {"width": request.size[0], "height": request.size[1]}


def _jumpstart_members(request: ImageRequest) -> dict[str, Any]:
    return {"prompt": request.prompt, "num_images_per_prompt": request.n, **_size(request), **request.extra}


def _read_jumpstart(answer: Any) -> list[Any]:
    images = answer.get("generated_images") if isinstance(answer, dict) else None
    if not isinstance(images, list):
        raise not_understood()
    return images


def _stability_members(request: ImageRequest) -> dict[str, Any]:
    return {"text_prompts": [{"text": request.prompt}], **_size(request), **request.extra}


def _read_stability(answer: Any) -> list[Any]:
    found = answer.get("generated_image") if isinstance(answer, dict) else None
    return found if isinstance(found, list) else [found]


JUMPSTART = ImageContainer(
    members=_jumpstart_members,
    read=_read_jumpstart,
    parameters={
        "guidance_scale": positive,
        "negative_prompt": text,
        "num_inference_steps": integer(1, MOST_STEPS),
        "seed": integer(0, MAX_INT32),
    },
    at_once=True,
    accept=f"{JSON};jpeg",
    makes="jpeg",
)
STABILITY = ImageContainer(
    members=_stability_members,
    read=_read_stability,
    parameters={"cfg_scale": positive, "seed": integer(0, MAX_INT32), "steps": integer(1, MOST_STEPS)},
    at_once=False,
    accept=JSON,
    makes="png",
)

_CONTAINERS: Mapping[ContainerName, ImageContainer] = {"other": JUMPSTART, "stability": STABILITY}


def container_of(name: ContainerName | None) -> ImageContainer:
    """Return a container by its name in CONTAINER.

    Raises:
        ValueError: It is none of those in `TASK_CONTAINERS`; `Settings` keeps that from happening.
    """
    if name is None or name not in _CONTAINERS:
        raise ValueError(f"no container of images is named {name!r}")
    return _CONTAINERS[name]
