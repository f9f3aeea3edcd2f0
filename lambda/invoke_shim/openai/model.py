"""The one model behind this API: OpenAI's descriptions of it, and the error where a request means another."""

from typing import Any

from invoke_shim.errors import ApiError, show


def model_card(model: str, max_model_len: int | None = None) -> dict[str, Any]:
    """Build OpenAI's Model. `created` is 0: the model's date is not known here.

    Args:
        model: The model's name to clients.
        max_model_len: The most tokens of prompt and answer together, by vLLM's name of it; None where not known.
    """
    card = {"id": model, "object": "model", "created": 0, "owned_by": "aws"}
    return card if max_model_len is None else {**card, "max_model_len": max_model_len}


def model_list(model: str, max_model_len: int | None = None) -> dict[str, Any]:
    """Build OpenAI's list of models: the one behind this API."""
    return {"object": "list", "data": [model_card(model, max_model_len)]}


def health(model: str) -> dict[str, Any]:
    """Build the body of `/health`: this API answers, for this model. The model itself is not invoked."""
    return {"status": "ok", "model": model}


def no_such_model(name: str, model: str) -> ApiError:
    """Return the error for another model's name."""
    return ApiError(
        f"there is no model {show(name)} here, only {show(model)}",
        status=404,
        type="not_found_error",
        param="model",
        code="model_not_found",
    )
