"""CloudTrail, as far as the CDK CLI asks for it when a deployment failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer CloudTrail's LookupEvents with no events; None for any other request.

    moto has no such operation, and its error costs the CLI more than twenty seconds of retries.
    """
    if not environ.get("HTTP_X_AMZ_TARGET", "").endswith(".LookupEvents"):
        return None
    return Response('{"Events": []}', content_type="application/x-amz-json-1.1")(environ, start_response)
