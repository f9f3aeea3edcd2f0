"""How fast the stand-in Step Functions waits, and the path on which tests and demos change that while it runs.

``/_localaws/stepfunctions`` takes GET, PUT (``{"wait_scale": 0.01}``) and DELETE (back to the default). It is no part
of AWS. The scale stretches the seconds of Wait states and the pauses of retriers, and nothing else: neither time-outs
nor what tasks take. The environment variable ``LOCALAWS_WAIT_SCALE`` sets it from the start.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

from werkzeug.wrappers import Request, Response

PATH: Final = "/_localaws/stepfunctions"


class _State:
    wait_scale: float | None = None


def wait_scale() -> float:
    """Return what the seconds of a wait are multiplied by."""
    if _State.wait_scale is not None:
        return _State.wait_scale
    return float(os.environ.get("LOCALAWS_WAIT_SCALE", "1"))


def scaled(seconds: float) -> float:
    """Return how long a wait of so many seconds takes here."""
    return seconds * wait_scale()


def respond(request: Request) -> Response:
    """Answer a request on `PATH`."""
    match request.method:
        case "GET":
            pass
        case "DELETE":
            _State.wait_scale = None
        case "PUT":
            try:
                _State.wait_scale = _read(request.get_data())
            except ValueError as error:
                return _json({"error": str(error)}, 400)
        case _:
            return _json({"error": f"{request.method} is not allowed: GET, PUT, DELETE"}, 405)
    return _json({"wait_scale": wait_scale()}, 200)


def _read(body: bytes) -> float:
    document = json.loads(body)
    if not isinstance(document, dict) or set(document) != {"wait_scale"}:
        raise ValueError('the body must be {"wait_scale": <number>}')
    scale = document["wait_scale"]
    if isinstance(scale, bool) or not isinstance(scale, int | float) or scale < 0:
        raise ValueError(f"wait_scale must be a number of 0 or more, not {scale!r}")
    return float(scale)


def _json(document: Any, status: int) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")
