"""Example requests: one for each kind of model, in the form of its route."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog.abilities import Abilities

_MODEL = "MODEL"
_JSON = "application/json"
_QUESTION = "Which river runs through Vienna?"
_SENTENCE = "The Danube runs through Vienna, a city in Austria."
_IMAGE = "BASE64"

# Bodies of `/invocations` for AWS's scripts, with their content types: those of AWS's example notebooks
# (aws/amazon-sagemaker-examples, `Amazon_JumpStart_*`) and of the SageMaker SDK's `MIMEType`.
_NATIVE: Mapping[str, tuple[str, Any]] = {
    "image from depth": (_JSON, {"prompt": "a garden", "image": _IMAGE}),
    "inpainting": ("application/json;jpeg", {"prompt": "a white cat", "image": _IMAGE, "mask_image": _IMAGE}),
    "named entities": ("application/x-text", _SENTENCE),
    "object detection": ("application/x-image", "the bytes of a JPEG"),
    "question answering": ("application/list-text", [_QUESTION, _SENTENCE]),
    "sentence pair classification": ("application/list-text", [_QUESTION, _SENTENCE]),
    "summarization": ("application/x-text", _SENTENCE),
    "text classification": ("application/x-text", _SENTENCE),
    "translation": ("application/x-text", _SENTENCE),
    "upscaling": ("application/json;jpeg", {"prompt": "a garden", "image": _IMAGE}),
    "zero-shot classification": (_JSON, {"sequences": _SENTENCE, "candidate_labels": ["geography", "cooking"]}),
}
_BODIES: Mapping[str, Mapping[str, Any]] = {
    "/v1/completions": {"model": _MODEL, "prompt": "The Danube", "max_tokens": 64},
    "/v1/embeddings": {"model": _MODEL, "input": [_SENTENCE, _QUESTION]},
    "/v1/images/generations": {"model": _MODEL, "prompt": "a garden in spring", "response_format": "b64_json"},
    "/v1/rerank": {"model": _MODEL, "query": _QUESTION, "documents": [_SENTENCE, "Bread is baked in an oven."]},
}


def example_request(found: Abilities) -> str | None:
    """Return a request to try a model with, such as `POST /v1/embeddings {...}`.

    Args:
        found: The abilities of the model's API.

    Returns:
        The route, its content type where that is not JSON, and the body; None where none is known.
    """
    if not found.routes:
        return None
    route = found.routes[0]
    if route == "/v1/chat/completions":
        return _said(route, {"model": _MODEL, "messages": [{"role": "user", "content": _content(found)}]})
    if route == "/v1/audio/transcriptions":
        return f"POST {route} multipart/form-data: model={_MODEL}, file=@speech.wav"
    if route in _BODIES:
        return _said(route, _BODIES[route])
    if found.kind.name not in _NATIVE or found.container != "other":
        return None
    content_type, body = _NATIVE[found.kind.name]
    return _said(route, body, content_type)


def _content(found: Abilities) -> str | list[dict[str, Any]]:
    if not found.images:
        return _QUESTION
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_IMAGE}"}}
    return [{"type": "text", "text": "What is this?"}, image]


def _said(route: str, body: Any, content_type: str = _JSON) -> str:
    text = body if isinstance(body, str) else json.dumps(body)
    return f"POST {route} {text}" if content_type == _JSON else f"POST {route} {content_type}: {text}"
