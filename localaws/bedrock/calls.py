"""What was called on imported models, for tests and demos to look at: ``/_localaws/bedrock/{region}/calls``.

It takes GET and answers how often each operation was called on each model, and how that was answered::

    {"dev-llama-2f6c…": {"converse": {"ok": 3, "ModelNotReadyException": 1}}}

It is no part of AWS, where CloudWatch's metrics tell numbers and CloudTrail tells calls.
"""

from __future__ import annotations

import json
from typing import Final

from werkzeug.wrappers import Request, Response

from localaws.bedrock import store

SUFFIX: Final = "/calls"


def respond(request: Request, region: str) -> Response:
    """Answer a request on the path."""
    if request.method != "GET":
        return Response("GET is allowed", 405, content_type="text/plain")
    here = store.of(region)
    told: dict[str, dict[str, dict[str, int]]] = {}
    with here.lock:
        for (model, operation, outcome), times in here.calls.items():
            told.setdefault(model, {}).setdefault(operation, {})[outcome] = times
    return Response(json.dumps(told), content_type="application/json")
