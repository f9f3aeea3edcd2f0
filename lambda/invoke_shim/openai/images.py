"""`POST /v1/images/generations`: a text in, images out."""

import re
import time
from collections.abc import Mapping
from typing import Any

from invoke_shim.backends.base import TaskBackend
from invoke_shim.backends.containers.base import decode
from invoke_shim.backends.tasks.images import ImageRequest, container_of, type_of
from invoke_shim.deadline import Deadline
from invoke_shim.errors import Problem, refuse
from invoke_shim.openai.tasks import TaskAnswer, model_problems
from invoke_shim.rules.base import Check, check_all
from invoke_shim.rules.checks import anything, integer, text
from invoke_shim.rules.limits import generations_problem
from invoke_shim.rules.openai import MAX_N
from invoke_shim.settings import Settings
from invoke_shim.telemetry.request_log import RequestLog

LARGEST_SIDE = 2048
"""Pixels of a side: more than OpenAI's sizes have, and images that fit SageMaker's 6 MB."""

SIDE_STEP = 8
"""Sides are multiples of it: a latent pixel of Stable Diffusion stands for so many (AWS's notebook, too)."""


def size(value: Any) -> str | None:
    """Check for a size in pixels."""
    found = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", value) if isinstance(value, str) else None
    sides = [int(side) for side in found.groups()] if found else []
    right = value == "auto" or (found and all(0 < side <= LARGEST_SIDE and side % SIDE_STEP == 0 for side in sides))
    return None if right else f"'auto', or WIDTHxHEIGHT in multiples of {SIDE_STEP} up to {LARGEST_SIDE}"


def response_format(value: Any) -> str | None:
    """Check for images in the answer itself: nothing here keeps them for a link."""
    return None if value == "b64_json" else "'b64_json': this API keeps no images, so that there is nothing to link to"


def ordinary(value: Any) -> str | None:
    """Check for a quality that asks for nothing: the containers know none."""
    return None if value in ("auto", "standard", "medium") else "'auto': this model's container knows no qualities"


_CHECKS: Mapping[str, Check] = {
    "model": anything,
    "n": integer(1, MAX_N),
    "prompt": text,
    "quality": ordinary,
    "response_format": response_format,
    "size": size,
    "user": anything,
}

_REASONS: Mapping[str, str] = {
    "stream": "images come whole",
    "partial_images": "images come whole",
    "background": "this model's container makes no transparent images",
    "style": "write the style into the prompt",
}


class Images:
    """Answers requests for images.

    Args:
        settings: The function's settings.
        backend: Sends to the model.
    """

    def __init__(self, settings: Settings, backend: TaskBackend) -> None:
        self._settings = settings
        self._backend = backend
        self._container = container_of(settings.container)
        makes = self._container.makes
        self._checks: Mapping[str, Check] = {
            **_CHECKS,
            **self._container.parameters,
            "output_format": lambda value: None if value == makes else f"{makes!r}, which this model's container makes",
        }

    def answer(self, body: dict[str, Any], deadline: Deadline, log: RequestLog) -> TaskAnswer:
        """Answer one request.

        Raises:
            ApiError: 400, with all that is wrong; 404, another model is meant; what the backend raises.
        """
        given = {
            name: value for name, value in body.items() if value is not None and (name, value) != ("stream", False)
        }
        problems = model_problems(given.get("model"), self._settings)
        right, found = check_all(given, self._checks, reasons=_REASONS)
        problems += found
        if "prompt" not in given:
            problems.append(Problem("prompt", "prompt is missing, expected a non-empty string"))
        n = right.get("n", 1)
        too_many = generations_problem({"n": n}, most=self._settings.max_generations)
        if too_many is not None:
            problems.append(too_many)
        if problems:
            raise refuse(problems)
        log.record_prompt(right["prompt"])
        request = ImageRequest(
            prompt=right["prompt"],
            n=n,
            size=_sides(right.get("size", "auto")),
            extra={name: right[name] for name in self._container.parameters if name in right},
        )
        images: list[str] = []
        for payload in self._container.payloads(request):
            images += self._container.read(decode(self._backend.send(payload, deadline).body))
        kinds = {type_of(image) for image in images}
        answer: dict[str, Any] = {
            "created": int(time.time()),
            "data": [{"b64_json": image} for image in images],
        }
        if len(kinds) == 1:
            answer["output_format"] = min(kinds)
        if request.size is not None:
            answer["size"] = right["size"]
        return TaskAnswer(answer)


def _sides(value: str) -> tuple[int, int] | None:
    if value == "auto":
        return None
    width, height = value.split("x")
    return int(width), int(height)
